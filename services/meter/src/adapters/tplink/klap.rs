//! The arithmetic of KLAP, which newer devices speak over HTTP: both sides show that they know the credentials without saying them, and hide what
//! they say with AES-128-CBC under keys made of both sides' random seeds.
//!
//! Facts: <https://gist.github.com/chriswheeldon/3b17d974db3817613c69191c0480fe55> and
//! <https://github.com/python-kasa/python-kasa> (`kasa/transports/klaptransport.py`).

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What one side thinks of at random.
pub(super) type Seed = [u8; 16];

/// How credentials are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// By MD5: devices that speak `IOT`.
    One,
    /// By SHA: devices that speak `SMART`, and newer firmware of others.
    Two,
}

impl Version {
    /// What both sides make of the credentials.
    pub fn of_credentials(self, username: &str, password: &str) -> Vec<u8> {
        let (username, password) = (username.as_bytes(), password.as_bytes());
        match self {
            Version::One => Md5::digest([Md5::digest(username), Md5::digest(password)].concat()).to_vec(),
            Version::Two => sha256(&[&Sha1::digest(username), &Sha1::digest(password)]).to_vec(),
        }
    }

    /// What the device shows of its knowledge in the first handshake.
    pub fn of_device(self, local: &Seed, remote: &Seed, credentials: &[u8]) -> [u8; 32] {
        match self {
            Version::One => sha256(&[local, credentials]),
            Version::Two => sha256(&[local, remote, credentials]),
        }
    }

    /// What we show of ours in the second.
    pub fn of_us(self, local: &Seed, remote: &Seed, credentials: &[u8]) -> [u8; 32] {
        match self {
            Version::One => sha256(&[remote, credentials]),
            Version::Two => sha256(&[remote, local, credentials]),
        }
    }
}

/// The keys of a session.
pub(super) struct Session {
    key: [u8; 16],
    iv: [u8; 12],
    signature: [u8; 28],
    /// Number of the last message.
    number: i32,
}

impl Session {
    /// After both handshakes.
    pub fn new(local: &Seed, remote: &Seed, credentials: &[u8]) -> Self {
        let made = |word: &[u8]| sha256(&[word, local, remote, credentials]);
        let (key, iv, signature) = (made(b"lsk"), made(b"iv"), made(b"ldk"));
        Session { key: part(&key), iv: part(&iv), signature: part(&signature), number: i32::from_be_bytes(part(&iv[28..])) }
    }

    /// Goes on to the next number and hides a message under it: what is sent, and the number.
    pub fn next(&mut self, plain: &[u8]) -> (Vec<u8>, i32) {
        self.number = self.number.wrapping_add(1);
        (self.seal(plain), self.number)
    }

    /// Hides a message under the present number, behind its signature.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let hidden = cbc::Encryptor::<Aes128>::new(&self.key.into(), &self.full_iv().into()).encrypt_padded_vec::<Pkcs7>(plain);
        let signed = sha256(&[&self.signature, &self.number.to_be_bytes(), &hidden]);
        [&signed[..], &hidden].concat()
    }

    /// Shows the other side's message under the present number.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, &'static str> {
        let hidden = sealed.get(32..).ok_or("it is shorter than a signature")?;
        let cipher = cbc::Decryptor::<Aes128>::new(&self.key.into(), &self.full_iv().into());
        cipher.decrypt_padded_vec::<Pkcs7>(hidden).map_err(|_| "it is not hidden by the keys of this session")
    }

    /// Takes the number of a message that the other side sends.
    #[cfg(test)]
    pub fn at(&mut self, number: i32) {
        self.number = number;
    }

    fn full_iv(&self) -> [u8; 16] {
        let mut full = [0; 16];
        full[..12].copy_from_slice(&self.iv);
        full[12..].copy_from_slice(&self.number.to_be_bytes());
        full
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// The first bytes of a hash.
fn part<const N: usize>(hash: &[u8]) -> [u8; N] {
    let mut first = [0; N];
    first.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    first
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use rstest::rstest;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What python-kasa 0.12.0 makes of `anna@example.com` and `hush`, with the seeds 0 to 15 and 16 to 31.
    #[rstest]
    #[case(
        Version::One,
        "f3b6000a26d3c43f0e18bc72d284f785",
        "2446333a2ed897b911ef6e3a748b6beb0049caf93b440fcded16a1e5aa48e98f",
        "3ab1b6f7d77f6a1bc5000a9f5b4895f7b5a640b09d91bf51007e19e3d9f43b9b",
        -548_151_033,
        "958ea61f88152a03c54f8fcfc33c21ebbc8a1d368d973154831d0febc2093e794c8313b711036d9f569b6b5d6a35585b1da09e7c7b9f3c9f6d228bb33cde5e0f"
    )]
    #[case(
        Version::Two,
        "59326316319c45258e3119272f31e08bbe3bd1d27a1a02374ea561f7063c66ff",
        "01b971d6aa6df063271331b6e442b0c9f1781ab8db39c6268998abb640d102e8",
        "728101c4763b6b2aaab9aaccc9e1d19b920b26be4f3d205742b2d5334e7f1a8f",
        -165_974_119,
        "a5527738715448981973ea06fda1ae1faa034dd532ac75c946175d03f009fbc22359ed86092c84bc540f0be77d568b72ea3bdd0df1b903415b34665ddf0b8d87"
    )]
    fn bytes_are_those_of_python_kasa(
        #[case] version: Version,
        #[case] hash: &str,
        #[case] device: &str,
        #[case] us: &str,
        #[case] number: i32,
        #[case] sealed: &str,
    ) {
        let credentials = version.of_credentials("anna@example.com", "hush");
        let (local, remote): (Seed, Seed) = (std::array::from_fn(|k| k as u8), std::array::from_fn(|k| 16 + k as u8));
        assert_eq!(hex(&credentials), hash);
        assert_eq!(hex(&version.of_device(&local, &remote, &credentials)), device);
        assert_eq!(hex(&version.of_us(&local, &remote, &credentials)), us);
        let mut session = Session::new(&local, &remote, &credentials);
        let (sent, at) = session.next(br#"{"method":"get_device_info"}"#);
        assert_eq!((hex(&sent).as_str(), at), (sealed, number));
        assert_eq!(session.open(&sent).unwrap(), br#"{"method":"get_device_info"}"#);
        assert!(session.open(&sent[..40]).is_err() && session.open(&[1; 7]).is_err() && session.open(&[7; 64]).is_err());
    }
}
