//! The ciphers of the protocol, each a few lines over what does the work.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, Payload};
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

/// A key of 16 bytes; it has no `Debug`, so that it gets into no log.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key([u8; 16]);

impl Key {
    /// The key that a text of 16 letters is; `None` of any other length.
    pub fn of(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        let mut letters = text.chars();
        for byte in &mut bytes {
            *byte = u8::try_from(letters.next()?).ok()?;
        }
        letters.next().is_none().then_some(Key(bytes))
    }

    /// The one of all broadcasts, which everybody knows.
    pub fn of_broadcasts() -> Self {
        Key(Md5::digest(b"yGAdlopoPVldABfn").into())
    }

    /// AES-128-ECB with PKCS#7.
    pub fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let padding = 16 - plain.len() % 16;
        let mut all = plain.to_vec();
        all.resize(plain.len() + padding, padding as u8);
        let cipher = Aes128::new(&Array(self.0));
        each_block(&mut all, |block| cipher.encrypt_block(block));
        all
    }

    /// What was encrypted; `None` where it was not with this key.
    pub fn decrypt(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let mut all = sealed.to_vec();
        if all.is_empty() || !all.len().is_multiple_of(16) {
            return None;
        }
        let cipher = Aes128::new(&Array(self.0));
        each_block(&mut all, |block| cipher.decrypt_block(block));
        let padding = usize::from(*all.last()?);
        let is_padding = (1..=16).contains(&padding) && all[all.len() - padding..].iter().all(|byte| usize::from(*byte) == padding);
        if !is_padding {
            return None;
        }
        all.truncate(all.len() - padding);
        Some(all)
    }

    /// AES-128-GCM: what is encrypted, then its tag.
    pub fn seal(&self, nonce: [u8; 12], header: &[u8], plain: &[u8]) -> Vec<u8> {
        let cipher = Aes128Gcm::new(&Array(self.0));
        // It fails for texts of gigabytes only.
        cipher.encrypt(&Array(nonce), Payload { msg: plain, aad: header }).unwrap_or_default()
    }

    /// What was sealed; `None` where it was not with this key, or was changed on its way.
    pub fn open(&self, nonce: [u8; 12], header: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        Aes128Gcm::new(&Array(self.0)).decrypt(&Array(nonce), Payload { msg: sealed, aad: header }).ok()
    }

    /// HMAC-SHA256.
    pub fn sign(&self, text: &[u8]) -> [u8; 32] {
        self.signing(text).finalize().into_bytes().into()
    }

    /// Whether this key signed it, told in constant time.
    pub fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        self.signing(text).verify_slice(signature).is_ok()
    }

    fn signing(&self, text: &[u8]) -> Hmac<Sha256> {
        let mut signing = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("any length is a key");
        signing.update(text);
        signing
    }

    /// The key of a session: both nonces, encrypted with this key; as 3.5 does it where `is_sealed`, else as 3.4.
    pub fn of_session(&self, ours: &[u8; 16], theirs: &[u8; 16], is_sealed: bool) -> Self {
        let mut mixed = [0; 16];
        mixed.iter_mut().zip(ours.iter().zip(theirs)).for_each(|(byte, (a, b))| *byte = a ^ b);
        let sealed = if is_sealed {
            let mut nonce = [0; 12];
            nonce.copy_from_slice(&ours[..12]);
            self.seal(nonce, &[], &mixed)
        } else {
            self.encrypt(&mixed)
        };
        mixed.iter_mut().zip(sealed).for_each(|(byte, sealed)| *byte = sealed);
        Key(mixed)
    }
}

fn each_block(bytes: &mut [u8], work: impl Fn(&mut Block)) {
    for sixteen in bytes.chunks_exact_mut(16) {
        let mut block = Array([0; 16]);
        block.copy_from_slice(sixteen);
        work(&mut block);
        sixteen.copy_from_slice(&block);
    }
}

/// CRC-32 as in zip files (polynomial 0xEDB88320), a bit at a time: frames are short.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let one = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()));
    !bytes.iter().fold(u32::MAX, one)
}

/// Bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(bytes)
}
