//! The arithmetic of `securePassthrough`, which Tapo devices spoke before KLAP: the device makes keys of AES-128-CBC and sends them hidden by an RSA
//! key that we gave it; then it is told the user's name, hashed, and the password.
//!
//! Facts: <https://github.com/petretiandrea/plugp100> and <https://github.com/python-kasa/python-kasa> (`kasa/transports/aestransport.py`).

use std::sync::OnceLock;

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::EncodePublicKey;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

/// What devices take.
const BITS: usize = 1024;

/// Our key, made once in the life of this process. It is used for nothing but the handshakes with devices on the owner's own network.
#[derive(Clone)]
pub(super) struct Key(&'static RsaPrivateKey);

impl Key {
    /// Makes it where that has not happened yet, which takes a moment.
    pub fn make() -> Result<Self, String> {
        static KEY: OnceLock<Result<RsaPrivateKey, String>> = OnceLock::new();
        let made = KEY.get_or_init(|| RsaPrivateKey::new(&mut Random, BITS).map_err(|error| format!("no RSA key can be made: {error}")));
        made.as_ref().map(Key).map_err(Clone::clone)
    }

    /// The public half, as devices want it.
    pub fn public(&self) -> Result<String, String> {
        let der = self.0.to_public_key().to_public_key_der().map_err(|error| format!("the RSA key cannot be written: {error}"))?;
        Ok(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_bytes())))
    }

    /// The keys that a device sent.
    pub fn open(&self, sent: &str) -> Result<Session, &'static str> {
        let hidden = STANDARD.decode(sent.trim()).map_err(|_| "its key is no base64")?;
        // Blinded: how long it takes says nothing of the key.
        let plain = self.0.decrypt_blinded(&mut Random, Pkcs1v15Encrypt, &hidden).map_err(|_| "its key is not hidden by ours")?;
        Session::of(&plain).ok_or("its key has another length than 32 bytes")
    }
}

/// The keys of a session.
pub(super) struct Session {
    key: [u8; 16],
    iv: [u8; 16],
}

impl Session {
    /// Key and start, one after the other.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (key, iv) = bytes.split_at_checked(16)?;
        Some(Session { key: key.try_into().ok()?, iv: iv.try_into().ok()? })
    }

    /// Hides a message.
    pub fn seal(&self, plain: &[u8]) -> String {
        let cipher = cbc::Encryptor::<Aes128>::new(&self.key.into(), &self.iv.into());
        STANDARD.encode(cipher.encrypt_padded_vec::<Pkcs7>(plain))
    }

    /// Shows a message.
    pub fn open(&self, sealed: &str) -> Result<Vec<u8>, &'static str> {
        let hidden = STANDARD.decode(sealed.trim()).map_err(|_| "it is no base64")?;
        let cipher = cbc::Decryptor::<Aes128>::new(&self.key.into(), &self.iv.into());
        cipher.decrypt_padded_vec::<Pkcs7>(&hidden).map_err(|_| "it is not hidden by the keys of this session")
    }
}

/// What `login_device` takes: at `login` 2 the hash of the password, before that the password itself, which goes hidden by the session.
pub(super) fn login(login: u8, username: &str, password: &str) -> Value {
    let hashed = |text: &str| STANDARD.encode(Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let username = hashed(username);
    if login >= 2 {
        json!({"username": username, "password2": hashed(password)})
    } else {
        json!({"username": username, "password": STANDARD.encode(password)})
    }
}

/// The system's random numbers.
pub(super) struct Random;

impl rsa::rand_core::RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        getrandom::fill(dest).expect("a system that runs has random numbers");
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Random {}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    /// What python-kasa 0.12.0 makes of the same.
    #[test]
    fn bytes_are_those_of_python_kasa() {
        let bytes: Vec<u8> = (0..32).collect();
        let session = Session::of(&bytes).unwrap();
        let sealed = session.seal(br#"{"method":"get_device_info"}"#);
        assert_eq!(sealed, "AoTU/alSJog6QIUAiFg+poqOeIoym5tr6MEsEcHy66o=");
        assert_eq!(session.open(&sealed).unwrap(), br#"{"method":"get_device_info"}"#);
        assert!(session.open("AoTU").is_err() && session.open("%").is_err() && Session::of(&bytes[1..]).is_none());
        let username = "NDY4NjQzMTNmYTZkNTRjYTc1ZDIwZjQ3OGM4MGVkZmE3NWQ5MmExNg==";
        let hashed = "MWYyMWUzMGJmZGE4ZTc4MGMxNzJiOWY3NWI3ZWJiZmMxOGU2Yzg3OQ==";
        assert_eq!(login(2, "anna@example.com", "hush"), json!({"username": username, "password2": hashed}));
        assert_eq!(login(1, "anna@example.com", "hush"), json!({"username": username, "password": "aHVzaA=="}));
    }

    #[test]
    fn a_key_that_a_device_sends_is_opened_and_garbage_is_not() {
        let key = Key::make().unwrap();
        let sent = key.0.to_public_key().encrypt(&mut Random, Pkcs1v15Encrypt, &[7; 32]).unwrap();
        assert_eq!(key.open(&STANDARD.encode(sent)).map(|session| session.key).ok(), Some([7; 16]));
        assert!(key.open("AAAA").is_err() && key.open("?").is_err());
        // Devices say 500 to a body of another length than 314 bytes, which comes of a key of 1024 bits in one line.
        let body = json!({"method": "handshake", "params": {"key": key.public().unwrap()}}).to_string();
        assert_eq!(body.len(), 314, "{body}");
    }
}
