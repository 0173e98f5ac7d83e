//! The proof of a password that Amazon Cognito asks for: Secure Remote Password (RFC 2945, SRP-6a) over the 3072-bit group of RFC 3526, with
//! Cognito's key derivation. The password itself is never sent.
//!
//! Facts from Amazon's own client (`AuthenticationHelper.js` of amazon-cognito-identity-js) and from pycognito's `aws_srp.py`: numbers are hashed
//! as signed big-endian bytes, the key is 16 bytes of an HKDF with the label `Caldera Derived Key`.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use num_bigint::BigUint;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

/// The prime of the group, RFC 3526 section 4.
const PRIME: &str = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510\
15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C\
BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";

/// The numbers that everybody shares.
pub(super) struct Group {
    pub n: BigUint,
    pub g: BigUint,
    pub k: BigUint,
}

/// Cognito's group.
pub(super) static GROUP: LazyLock<Group> = LazyLock::new(|| {
    let n = number(PRIME).unwrap_or_default();
    let g = BigUint::from(2u8);
    let k = hashed(&[&signed(&n), &signed(&g)]);
    Group { n, g, k }
});

/// A number as Cognito writes it: hexadecimal.
pub(super) fn number(hex: &str) -> Option<BigUint> {
    BigUint::parse_bytes(hex.as_bytes(), 16)
}

/// A number as it is hashed: big-endian, with a leading zero byte where it would be taken for negative.
pub(super) fn signed(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    bytes
}

/// The hash of some bytes after another, as a number.
pub(super) fn hashed(parts: &[&[u8]]) -> BigUint {
    BigUint::from_bytes_be(&digest(parts))
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// `x` of the protocol: what is derived from the password. `pool` is the name of the user pool after its region.
pub(super) fn password_number(pool: &str, user: &str, password: &str, salt: &BigUint) -> BigUint {
    let inner = digest(&[pool.as_bytes(), user.as_bytes(), b":", password.as_bytes()]);
    hashed(&[&signed(salt), &inner])
}

/// The key that both sides know at last, from the number `s` that they share and `u`.
pub(super) fn key(s: &BigUint, u: &BigUint) -> [u8; 16] {
    let drawn = mac(&signed(u), &[&signed(s)]);
    let expanded = mac(&drawn, &[b"Caldera Derived Key", &[1]]);
    let mut key = [0; 16];
    key.copy_from_slice(&expanded[..16]);
    key
}

/// What is signed with the key, base64.
pub(super) fn signature(key: &[u8; 16], pool: &str, user: &str, secret_block: &[u8], timestamp: &str) -> String {
    STANDARD.encode(mac(key, &[pool.as_bytes(), user.as_bytes(), secret_block, timestamp.as_bytes()]))
}

/// An instant as Cognito wants it: `Sun Nov 1 08:05:38 UTC 2026`.
pub(super) fn timestamp(at: DateTime<Utc>) -> String {
    at.format("%a %b %-d %H:%M:%S UTC %Y").to_string()
}

/// What Cognito asks of who wants to log in.
pub(super) struct Challenge<'a> {
    /// Who it takes the user for.
    pub user: &'a str,
    /// `SALT`, hexadecimal.
    pub salt: &'a str,
    /// `SRP_B`, hexadecimal.
    pub srp_b: &'a str,
    /// `SECRET_BLOCK`, base64.
    pub secret_block: &'a str,
}

/// Our half of one login.
pub(super) struct Proof {
    secret: BigUint,
    public: BigUint,
}

impl Proof {
    /// A new one, with a number that nobody else knows.
    pub fn new() -> Result<Self, String> {
        let mut bytes = [0; 128];
        getrandom::fill(&mut bytes).map_err(|error| format!("this machine gives no random numbers: {error}"))?;
        Ok(Proof::of(BigUint::from_bytes_be(&bytes)))
    }

    /// With this secret number.
    pub fn of(secret: BigUint) -> Self {
        let public = GROUP.g.modpow(&secret, &GROUP.n);
        Proof { secret, public }
    }

    /// `SRP_A`, hexadecimal.
    pub fn srp_a(&self) -> String {
        self.public.to_str_radix(16)
    }

    /// `PASSWORD_CLAIM_SIGNATURE`: the answer to a challenge, base64. The error says what is wrong with the challenge.
    pub fn answer(&self, pool: &str, password: &SecretString, challenge: &Challenge<'_>, timestamp: &str) -> Result<String, String> {
        let Group { n, g, k } = &*GROUP;
        let zero = BigUint::default();
        let salt = number(challenge.salt).ok_or("its SALT is no number")?;
        let b = number(challenge.srp_b).ok_or("its SRP_B is no number")?;
        let secret_block = STANDARD.decode(challenge.secret_block).map_err(|_| "its SECRET_BLOCK is no base64")?;
        let b_left = &b % n;
        let u = hashed(&[&signed(&self.public), &signed(&b)]);
        // Whoever sends such a number could go on without knowing the password.
        if b_left == zero || u == zero {
            return Err("its SRP_B gives nothing to prove".to_owned());
        }
        let x = password_number(pool, challenge.user, password.expose_secret(), &salt);
        let taken = (k * g.modpow(&x, n)) % n;
        let s = ((b_left + n) - taken).modpow(&(&self.secret + &u * &x), n);
        Ok(signature(&key(&s, &u), pool, challenge.user, &secret_block, timestamp))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// One login as pycognito 2024.5.1 proves it, with what it was given.
    #[derive(Deserialize)]
    struct Case {
        user: String,
        password: String,
        a: String,
        srp_a: String,
        salt: String,
        srp_b: String,
        secret_block: String,
        timestamp: String,
        at_ms: i64,
        signature: String,
    }

    #[test]
    fn a_proof_is_to_the_byte_that_of_pycognito() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/srp_pycognito.json")).unwrap();
        assert!(cases.len() >= 4);
        for case in cases {
            let proof = Proof::of(number(&case.a).unwrap());
            assert_eq!(proof.srp_a(), case.srp_a);
            let stamp = timestamp(DateTime::from_timestamp_millis(case.at_ms).unwrap());
            assert_eq!(stamp, case.timestamp);
            let challenge = Challenge { user: &case.user, salt: &case.salt, srp_b: &case.srp_b, secret_block: &case.secret_block };
            assert_eq!(proof.answer("ghlOXVLi1", &case.password.clone().into(), &challenge, &stamp).unwrap(), case.signature);
            let other = proof.answer("ghlOXVLi1", &"another".into(), &challenge, &stamp).unwrap();
            assert_ne!(other, case.signature);
        }
    }

    #[test]
    fn a_challenge_that_proves_nothing_is_refused() {
        let proof = Proof::new().unwrap();
        let with = |srp_b: &str, salt: &str, secret_block: &str| {
            let challenge = Challenge { user: "a", salt, srp_b, secret_block };
            proof.answer("pool", &"hush".into(), &challenge, "now").map(|_| ()).unwrap_err()
        };
        assert!(with("0", "1", "").contains("nothing to prove"));
        assert!(with(PRIME, "1", "").contains("nothing to prove"));
        assert!(with("x", "1", "").contains("SRP_B") && with("1", "", "").contains("SALT") && with("1", "1", "?").contains("base64"));
    }
}
