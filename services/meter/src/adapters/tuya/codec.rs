//! Messages in frames: what is encrypted, signed and sealed, by version of the protocol.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::crypto::{Key, crc32, random};
use super::frame::{Frame, PLAIN, PLAIN_END, SEALED, SEALED_END, command, number};

/// Version of the protocol that a device speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Version {
    /// Questions and answers are not encrypted.
    #[serde(rename = "3.1")]
    V31,
    /// As 3.3, asked for each value by name.
    #[serde(rename = "3.2")]
    V32,
    /// AES with the device's key.
    #[serde(rename = "3.3")]
    V33,
    /// AES and HMAC with the key of a session.
    #[serde(rename = "3.4")]
    V34,
    /// AES-GCM with the key of a session.
    #[serde(rename = "3.5")]
    V35,
}

impl Version {
    /// As devices and `devices.json` write it.
    pub fn of(text: &str) -> Option<Self> {
        [Self::V31, Self::V32, Self::V33, Self::V34, Self::V35].into_iter().find(|version| version.name() == text.trim())
    }

    /// As devices write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V31 => "3.1",
            Self::V32 => "3.2",
            Self::V33 => "3.3",
            Self::V34 => "3.4",
            Self::V35 => "3.5",
        }
    }

    /// Whether each connection agrees on a key of its own.
    pub fn has_sessions(self) -> bool {
        self >= Self::V34
    }
}

/// What is in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// What it is about.
    pub command: u32,
    /// What a device says of a question: 0 is good. `None` where it says nothing.
    pub code: Option<u32>,
    /// Its payload, decrypted.
    pub payload: Vec<u8>,
}

/// Why a frame cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It was not encrypted or signed with this key.
    Key,
    /// It is of another version of the protocol.
    Version,
    /// It arrived damaged.
    Damaged,
}

/// Puts messages into frames and takes them out.
pub(super) struct Codec {
    /// What is spoken.
    pub version: Version,
    key: Key,
    count: u32,
}

impl Codec {
    /// Speaks a version with the device's key.
    pub fn new(version: Version, key: Key) -> Self {
        Codec { version, key, count: 0 }
    }

    /// Goes on with the key of the session that both nonces make.
    pub fn begin_session(&mut self, ours: &[u8; 16], theirs: &[u8; 16]) {
        self.key = self.key.of_session(ours, theirs, self.version == Version::V35);
    }

    /// The key's signature of a text.
    pub fn sign(&self, text: &[u8]) -> [u8; 32] {
        self.key.sign(text)
    }

    /// Whether the key signed a text.
    pub fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        self.key.has_signed(text, signature)
    }

    /// A message in a frame; `code` is what only devices say.
    pub fn seal(&mut self, command: u32, code: Option<u32>, payload: &[u8]) -> Result<Vec<u8>, String> {
        self.count = self.count.wrapping_add(1);
        if self.version == Version::V35 {
            return Ok(sealed(&self.key, random()?, self.count, command, code, &self.headed(command, payload)));
        }
        let payload = match self.version {
            _ if payload.is_empty() => Vec::new(),
            Version::V31 => payload.to_vec(),
            Version::V34 => self.key.encrypt(&self.headed(command, payload)),
            _ => self.headed(command, &self.key.encrypt(payload)),
        };
        let check = if self.version == Version::V34 { 32 } else { 4 };
        let code: Vec<u8> = code.iter().flat_map(|code| code.to_be_bytes()).collect();
        let length = (code.len() + payload.len() + check + 4) as u32;
        let mut out = PLAIN.to_vec();
        [self.count, command, length].iter().for_each(|number| out.extend(number.to_be_bytes()));
        out.extend(code);
        out.extend(payload);
        match self.version {
            Version::V34 => out.extend(self.key.sign(&out)),
            _ => out.extend(crc32(&out).to_be_bytes()),
        }
        out.extend(PLAIN_END);
        Ok(out)
    }

    /// The payload after the version and twelve zeros, which most commands want.
    fn headed(&self, about: u32, payload: &[u8]) -> Vec<u8> {
        let is_bare = matches!(
            about,
            command::DP_QUERY
                | command::DP_QUERY_NEW
                | command::UPDATEDPS
                | command::HEART_BEAT
                | command::SESS_KEY_NEG_START
                | command::SESS_KEY_NEG_RESP
                | command::SESS_KEY_NEG_FINISH
                | command::LAN_EXT_STREAM
        );
        let mut out = Vec::new();
        if !is_bare {
            out.extend(self.version.name().as_bytes());
            out.extend([0; 12]);
        }
        out.extend(payload);
        out
    }

    /// The message in a frame that a device sent.
    pub fn open(&self, frame: &Frame) -> Result<Message, Unreadable> {
        self.read(frame, true)
    }

    /// The message in a frame, of a device (which may begin with a code) or of one that asks it.
    pub fn read(&self, frame: &Frame, is_of_device: bool) -> Result<Message, Unreadable> {
        let about = frame.command;
        if frame.is_sealed != (self.version == Version::V35) {
            return Err(Unreadable::Version);
        }
        if frame.is_sealed {
            let plain = unsealed(&self.key, frame).ok_or(Unreadable::Key)?;
            let (code, payload) = coded(&plain, is_of_device);
            return Ok(Message { command: about, code, payload: unheaded(about, payload).to_vec() });
        }
        let check = if self.version == Version::V34 { 32 } else { 4 };
        let body = frame.body();
        let (payload, said) = body.split_at(body.len().saturating_sub(check));
        let signed = &frame.bytes[..frame.header() + payload.len()];
        if self.version == Version::V34 {
            if !self.key.has_signed(signed, said) {
                // One of 3.3 has a CRC there.
                let others = frame.bytes.len().checked_sub(8).and_then(|at| frame.bytes.split_at_checked(at));
                let is_other = others.is_some_and(|(text, end)| end.starts_with(&crc32(text).to_be_bytes()));
                return Err(if is_other { Unreadable::Version } else { Unreadable::Key });
            }
        } else if crc32(signed).to_be_bytes() != said {
            return Err(Unreadable::Damaged);
        }
        let (code, payload) = coded(payload, is_of_device);
        let payload = match self.version {
            _ if payload.is_empty() => Vec::new(),
            Version::V34 => unheaded(about, &self.key.decrypt(payload).ok_or(Unreadable::Key)?).to_vec(),
            Version::V31 => self.plain_or_signed(payload)?,
            _ => self.headed_or_plain(payload)?,
        };
        Ok(Message { command: about, code, payload })
    }

    /// 3.1: plain, or `3.1`, 16 letters of an MD5, and base64.
    fn plain_or_signed(&self, payload: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let Some(rest) = payload.strip_prefix(b"3.1") else { return Ok(payload.to_vec()) };
        let sealed = rest.get(16..).and_then(|text| BASE64_STANDARD.decode(text).ok()).ok_or(Unreadable::Damaged)?;
        self.key.decrypt(&sealed).ok_or(Unreadable::Key)
    }

    /// 3.3: encrypted, after the version where there is one; an error may come as plain text.
    fn headed_or_plain(&self, payload: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let sealed = if is_headed(payload) { &payload[15..] } else { payload };
        match self.key.decrypt(sealed) {
            Some(plain) => Ok(plain),
            None if sealed.iter().all(|byte| (0x20..0x7f).contains(byte)) => Ok(sealed.to_vec()),
            None => Err(Unreadable::Key),
        }
    }
}

/// A frame of 3.5, which is also how devices that speak it broadcast.
pub(super) fn sealed(key: &Key, nonce: [u8; 12], count: u32, command: u32, code: Option<u32>, payload: &[u8]) -> Vec<u8> {
    let plain: Vec<u8> = code.iter().flat_map(|code| code.to_be_bytes()).chain(payload.iter().copied()).collect();
    let mut out = SEALED.to_vec();
    out.extend([0, 0]);
    [count, command, (12 + plain.len() + 16) as u32].iter().for_each(|number| out.extend(number.to_be_bytes()));
    let sealed = key.seal(nonce, &out[4..], &plain);
    out.extend(nonce);
    out.extend(sealed);
    out.extend(SEALED_END);
    out
}

/// What a frame of 3.5 holds; `None` where it was not sealed with this key.
pub(super) fn unsealed(key: &Key, frame: &Frame) -> Option<Vec<u8>> {
    let (nonce, sealed) = frame.body().split_first_chunk::<12>()?;
    key.open(*nonce, frame.bytes.get(4..frame.header())?, sealed)
}

/// The code that a device's payload may begin with, which is a small number, and what follows it.
pub(super) fn coded(payload: &[u8], is_of_device: bool) -> (Option<u32>, &[u8]) {
    match number(payload, 0) {
        Some(code) if is_of_device && code < 0x100 => (Some(code), &payload[4..]),
        _ => (None, payload),
    }
}

/// Whether it begins with a version, and with what a version stands before: twelve bytes of numbers.
fn is_headed(payload: &[u8]) -> bool {
    payload.len() >= 15 && payload.starts_with(b"3.") && payload[2].is_ascii_digit()
}

fn unheaded(about: u32, payload: &[u8]) -> &[u8] {
    let negotiates = (command::SESS_KEY_NEG_START..=command::SESS_KEY_NEG_FINISH).contains(&about);
    if !negotiates && is_headed(payload) { &payload[15..] } else { payload }
}
