//! What an emulated device answers over HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::DecodePublicKey;
use rsa::{Pkcs1v15Encrypt, RsaPublicKey};
use serde_json::{Value, json};

use super::{Protocol, State, answer};
use crate::adapters::tplink::aes::{self, Random};
use crate::adapters::tplink::klap::{self, Seed, Version};

#[derive(Default)]
pub struct Asked {
    pub path: String,
    pub parameter: Option<String>,
    pub cookie: Option<String>,
    pub body: Vec<u8>,
}

pub struct Reply {
    pub status: u16,
    pub cookie: Option<String>,
    pub body: Vec<u8>,
}

fn ok(body: impl Into<Vec<u8>>) -> Reply {
    Reply { status: 200, cookie: None, body: body.into() }
}

fn status(status: u16) -> Reply {
    Reply { status, cookie: None, body: Vec::new() }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

pub fn respond(state: &mut State, asked: &Asked) -> Reply {
    match (state.protocol, asked.path.as_str()) {
        (Protocol::Tpap, "/app") => ok(r#"{"error_code":1003}"#),
        (Protocol::Tpap, _) => status(403),
        (Protocol::Klap(version), "/app/handshake1") => first(state, version, asked),
        (Protocol::Klap(_), "/app/handshake2") => second(state, asked),
        (Protocol::Klap(_), "/app/request") => hidden(state, asked).unwrap_or(status(403)),
        (Protocol::Klap(_), _) => ok(r#"{"error_code":1003}"#),
        (Protocol::Aes, "/app") => ok(plain(state, asked).unwrap_or(json!({"error_code": 9999})).to_string()).with(state),
        _ => status(404),
    }
}

impl Reply {
    /// With the cookie of a session that was just opened.
    fn with(mut self, state: &mut State) -> Self {
        if let Some(session) = state.aes.remove("") {
            let cookie = STANDARD.encode(random::<9>()).replace(['+', '/', '='], "A");
            state.aes.insert(cookie.clone(), session);
            self.cookie = Some(cookie);
        }
        self
    }
}

fn first(state: &mut State, version: Version, asked: &Asked) -> Reply {
    let Ok(local) = Seed::try_from(asked.body.as_slice()) else { return status(400) };
    state.handshakes += 1;
    let remote: Seed = random();
    let hash = version.of_credentials(&state.user.0, &state.user.1);
    let cookie = STANDARD.encode(random::<9>()).replace(['+', '/', '='], "A");
    // Until the second handshake, what is expected of it stands beside the session.
    let expected = version.of_us(&local, &remote, &hash);
    state.klap.insert(format!("{cookie} {}", STANDARD.encode(expected)), klap::Session::new(&local, &remote, &hash));
    let body = [&remote[..], &version.of_device(&local, &remote, &hash)].concat();
    Reply { status: 200, cookie: Some(cookie), body }
}

fn second(state: &mut State, asked: &Asked) -> Reply {
    let cookie = asked.cookie.clone().unwrap_or_default();
    match state.klap.remove(&format!("{cookie} {}", STANDARD.encode(&asked.body))) {
        Some(session) => {
            state.klap.insert(cookie, session);
            ok("")
        }
        None => status(403),
    }
}

fn hidden(state: &mut State, asked: &Asked) -> Option<Reply> {
    let cookie = asked.cookie.as_ref()?;
    let mut session = state.klap.remove(cookie)?;
    session.at(asked.parameter.as_ref()?.parse().ok()?);
    let request = session.open(&asked.body).ok().filter(|plain| session.seal(plain) == asked.body)?;
    let said = answer(state, &serde_json::from_slice(&request).ok()?).to_string();
    let sealed = session.seal(said.as_bytes());
    state.klap.insert(cookie.clone(), session);
    Some(ok(sealed))
}

fn plain(state: &mut State, asked: &Asked) -> Option<Value> {
    let outer: Value = serde_json::from_slice(&asked.body).ok()?;
    if outer["method"] == "handshake" {
        state.handshakes += 1;
        let pem: String = outer["params"]["key"].as_str()?.lines().filter(|line| !line.starts_with('-')).collect();
        let key = RsaPublicKey::from_public_key_der(&STANDARD.decode(pem).ok()?).ok()?;
        let bytes: [u8; 32] = random();
        state.aes.insert(String::new(), (aes::Session::of(&bytes)?, None));
        let sent = key.encrypt(&mut Random, Pkcs1v15Encrypt, &bytes).ok()?;
        return Some(json!({"error_code": 0, "result": {"key": STANDARD.encode(sent)}}));
    }
    let cookie = asked.cookie.clone()?;
    let (session, token) = state.aes.remove(&cookie)?;
    let request = session.open(outer["params"]["request"].as_str()?).ok()?;
    let request: Value = serde_json::from_slice(&request).ok()?;
    let (said, token) = if request["method"] == "login_device" {
        let is_right = request["params"] == aes::login(2, &state.user.0, &state.user.1);
        let new = is_right.then(|| STANDARD.encode(random::<12>()).replace(['+', '/'], "B"));
        (new.as_ref().map_or(json!({"error_code": -1501}), |new| json!({"error_code": 0, "result": {"token": new}})), new)
    } else {
        // Without the token it is as if there were no session.
        token.as_ref().filter(|token| asked.parameter.as_ref() == Some(token))?;
        (answer(state, &request), token)
    };
    let sealed = session.seal(said.to_string().as_bytes());
    state.aes.insert(cookie, (session, token));
    Some(json!({"error_code": 0, "result": {"response": sealed}}))
}
