//! Random secrets, and what is kept of them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 of a secret: what is kept and compared instead of it. The secrets that we make are 32 random bytes, which nobody finds by trying;
/// a slow hash, as for passwords, would only make each request slow.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a text.
    pub fn of(text: &str) -> Self {
        Fingerprint(Sha256::digest(text.as_bytes()).into())
    }

    /// That of a secret and another fingerprint together: it tells nothing of either.
    pub fn bound(secret: &str, to: &Fingerprint) -> Self {
        Fingerprint(Sha256::new().chain_update(Sha256::digest(secret.as_bytes())).chain_update(to.0).finalize().into())
    }

    /// Whether both are the same, in a time that does not tell how much of them is.
    pub fn is(&self, other: &Fingerprint) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Enough of it to tell one from another.
    pub fn short(&self) -> String {
        self.to_string()[..16].to_owned()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "not 64 hexadecimal digits";
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong);
        }
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| wrong)?;
        }
        Ok(Fingerprint(bytes))
    }
}

/// What the tokens that we make begin with, so that one that leaked is known for what it is.
const PREFIX: &str = "wtt_";
/// Letters of 32 bytes in base64 without its padding.
const LETTERS: usize = 43;

/// A new token.
pub fn token() -> Result<SecretString, getrandom::Error> {
    Ok(SecretString::from(format!("{PREFIX}{}", random()?.expose_secret())))
}

/// Whether a text looks like a token that we made, which nobody finds by trying.
pub fn is_token(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|rest| rest.len() == LETTERS && rest.bytes().all(|b| URL_SAFE.contains(&b)))
}

/// 32 random bytes as text.
pub fn random() -> Result<SecretString, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(SecretString::from(base64(&bytes, URL_SAFE)))
}

/// What a Content-Security-Policy calls a style or script that stands in the page itself.
pub fn source_of(text: &str) -> String {
    format!("'sha256-{}='", base64(&Fingerprint::of(text).0, STANDARD))
}

const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 without padding.
fn base64(bytes: &[u8], letters: &[u8; 64]) -> String {
    let letter = |bits: u32| char::from(letters[(bits & 63) as usize]);
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        text.extend((0..=three.len()).map(|i| letter(bits >> (18 - 6 * i))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", "")]
    #[case("f", "Zg")]
    #[case("fo", "Zm8")]
    #[case("foo", "Zm9v")]
    #[case("foobar", "Zm9vYmFy")]
    #[case("\u{ff}\u{ff}", "w7_Dvw")]
    fn base64_is_as_others_write_it(#[case] text: &str, #[case] written: &str) {
        assert_eq!(base64(text.as_bytes(), URL_SAFE), written);
    }

    #[test]
    fn the_name_of_a_style_is_what_browsers_compute() {
        // SHA-256 of nothing, as every list of test vectors has it.
        assert_eq!(source_of(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }

    #[test]
    fn a_token_is_known_by_its_looks_and_never_the_same() {
        let (one, two) = (token().unwrap(), token().unwrap());
        assert!(is_token(one.expose_secret()) && one.expose_secret() != two.expose_secret());
        assert!(!is_token("wtt_short") && !is_token("hush") && !is_token(&format!("wtt_{}", "!".repeat(LETTERS))));
    }

    #[test]
    fn a_fingerprint_is_read_as_it_was_written() {
        let fingerprint = Fingerprint::of("hush");
        let text = serde_json::to_string(&fingerprint).unwrap();
        assert!(fingerprint.is(&serde_json::from_str(&text).unwrap()) && !text.contains("hush"));
        assert!(!fingerprint.is(&Fingerprint::of("hum")));
        for wrong in ["\"\"", "\"zz\"", &format!("\"{}\"", "é".repeat(32))] {
            assert!(serde_json::from_str::<Fingerprint>(wrong).is_err(), "{wrong}");
        }
    }
}
