//! How Shellies of the second generation and later are logged in to: RFC 7616 with SHA-256, over HTTP by headers, over WebSocket and MQTT by an
//! object in the question. <https://shelly-api-docs.shelly.cloud/gen2/General/Authentication>

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::wire::text;
use crate::adapters::numbers::{json as parsed, number};

/// What is asked for where there is no method and no address.
const NO_ADDRESS: &str = "dummy_method:dummy_uri";

/// What a device asked, and how often it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    nonce: String,
    /// How often this nonce was used, 0 at first.
    count: u32,
}

impl Challenge {
    /// Of the header `WWW-Authenticate`. The error says what it asks that is not known.
    pub fn of_header(header: &str) -> Result<Self, String> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header, ""));
        if !scheme.eq_ignore_ascii_case("digest") {
            return Err(format!("it wants to be logged in to by `{}`, which is not known", scheme.escape_debug()));
        }
        let all = pairs(rest);
        let of = |key: &str| all.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value.clone());
        if let Some(other) = of("algorithm").filter(|algorithm| !algorithm.eq_ignore_ascii_case("SHA-256")) {
            return Err(format!(
                "it wants to be logged in to by `{}`, not by SHA-256: bring its firmware up to date",
                other.escape_debug()
            ));
        }
        let realm = of("realm").ok_or("it names no realm to log in to")?;
        Ok(Challenge { realm, nonce: of("nonce").ok_or("it names no nonce to log in with")?, count: 0 })
    }

    /// Of the words with which a question was refused (401), which are JSON.
    pub fn of_refusal(message: &str) -> Option<Self> {
        let said = parsed(message.as_bytes()).ok()?;
        // A number in most firmware, a text in some.
        let nonce = said.get("nonce")?;
        let nonce = nonce.as_str().map(str::to_owned).or_else(|| number(nonce).map(|nonce| format!("{nonce}")))?;
        let count = said.get("nc").and_then(number).filter(|nc| *nc >= 1.0).map_or(0, |nc| nc as u32 - 1);
        Some(Challenge { realm: text(&said, "/realm")?, nonce, count })
    }

    /// The header `Authorization` of a request for `address`, a path with its query.
    pub fn header(&mut self, user: &str, password: &SecretString, method: &str, address: &str, own_nonce: &str) -> String {
        self.count += 1;
        let (realm, nonce, count) = (&self.realm, &self.nonce, format!("{:08x}", self.count));
        let response = response(user, realm, password, nonce, &count, own_nonce, &format!("{method}:{address}"));
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{address}\", response=\"{response}\", algorithm=SHA-256, \
             qop=auth, nc={count}, cnonce=\"{own_nonce}\""
        )
    }

    /// The object `auth` of a question.
    pub fn object(&mut self, user: &str, password: &SecretString, own_nonce: &str) -> Value {
        self.count += 1;
        let (realm, nonce, count) = (&self.realm, &self.nonce, self.count.to_string());
        let response = response(user, realm, password, nonce, &count, own_nonce, NO_ADDRESS);
        let nonce = nonce.parse::<u64>().map_or_else(|_| json!(nonce), |nonce| json!(nonce));
        json!({"realm": realm, "username": user, "nonce": nonce, "cnonce": own_nonce, "nc": self.count, "response": response, "algorithm": "SHA-256"})
    }
}

/// What proves the password.
pub(super) fn response(user: &str, realm: &str, password: &SecretString, nonce: &str, count: &str, own: &str, asked: &str) -> String {
    let secret = hashed(&format!("{user}:{realm}:{}", password.expose_secret()));
    hashed(&format!("{secret}:{nonce}:{count}:{own}:auth:{}", hashed(asked)))
}

/// Random text, to be used once.
pub(super) fn own_nonce() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness the login is as strong as the device's own nonce.
    let _ = getrandom::fill(&mut bytes);
    hex(&bytes)
}

fn hashed(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `key="value"` and `key=value`, between commas.
fn pairs(mut rest: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        all.push((key.trim_matches([' ', ',']).to_owned(), value.trim().to_owned()));
        rest = left;
    }
    all
}
