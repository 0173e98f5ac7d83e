//! The oldest of TP-Link's protocols: JSON, each byte XORed with the one before it, over TCP 9999 behind its length, over UDP bare.
//!
//! It hides nothing: who is on the network reads and switches such a device. Facts:
//! <https://www.softscheck.com/en/reverse-engineering-tp-link-hs110/>.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Trouble;
use crate::adapters::numbers::json;

/// Where such a device listens, TCP and UDP.
pub(super) const PORT: u16 = 9999;
/// What the first byte is XORed with.
const FIRST: u8 = 171;
/// The longest answer that is read, bytes.
const LONGEST: u32 = 1 << 20;

/// Hides a text.
pub(super) fn hide(plain: &[u8]) -> Vec<u8> {
    let mut key = FIRST;
    let next = |byte: &u8| {
        key ^= byte;
        key
    };
    plain.iter().map(next).collect()
}

/// Shows what [`hide`] hid.
pub(super) fn show(hidden: &[u8]) -> Vec<u8> {
    let keys = std::iter::once(&FIRST).chain(hidden);
    keys.zip(hidden).map(|(key, byte)| key ^ byte).collect()
}

/// A hidden text behind its length, as it stands on TCP.
pub(super) fn framed(plain: &[u8]) -> Vec<u8> {
    let length = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &hide(plain)].concat()
}

/// A connection to such a device. It is opened when something is asked, and again where the device has closed it since.
pub(super) struct Xor {
    address: String,
    stream: Option<TcpStream>,
}

impl Xor {
    pub fn to(address: String) -> Self {
        Xor { address, stream: None }
    }

    /// What it answers. Some firmware closes the connection after each answer, which is no trouble.
    pub async fn ask(&mut self, request: &Value) -> Result<Value, Trouble> {
        let was_open = self.stream.is_some();
        match self.once(request).await {
            Err(Trouble::Away(_)) if was_open => self.once(request).await,
            said => said,
        }
    }

    async fn once(&mut self, request: &Value) -> Result<Value, Trouble> {
        let address = self.address.clone();
        let away =
            |error: std::io::Error| Trouble::Away(format!("{address} cannot be reached: {error}; see that it has power and this address"));
        let ended = |error: std::io::Error| Trouble::Away(format!("{address} ended its answer early: {error}"));
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(&self.address).await.map_err(away)?,
        };
        stream.write_all(&framed(request.to_string().as_bytes())).await.map_err(ended)?;
        let length = stream.read_u32().await.map_err(ended)?;
        if length > LONGEST {
            return Err(Trouble::Nonsense(format!(
                "{address} announces an answer of {length} bytes, which no plug has: it speaks something else"
            )));
        }
        let mut answer = vec![0; length as usize];
        stream.read_exact(&mut answer).await.map_err(ended)?;
        let said = json(&show(&answer)).map_err(|why| Trouble::Nonsense(format!("the answer of {address} makes no sense: {why}")))?;
        self.stream = Some(stream);
        Ok(said)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    /// Bytes that python-kasa 0.12.0 makes: `XorEncryption.encrypt('{"system":{"get_sysinfo":{}}}')`.
    const RECORDED: [u8; 33] = [
        0, 0, 0, 29, 0xd0, 0xf2, 0x81, 0xf8, 0x8b, 0xff, 0x9a, 0xf7, 0xd5, 0xef, 0x94, 0xb6, 0xd1, 0xb4, 0xc0, 0x9f, 0xec, 0x95, 0xe6,
        0x8f, 0xe1, 0x87, 0xe8, 0xca, 0xf0, 0x8b, 0xf6, 0x8b, 0xf6,
    ];

    #[test]
    fn bytes_are_those_of_python_kasa() {
        let plain = br#"{"system":{"get_sysinfo":{}}}"#;
        assert_eq!(framed(plain), RECORDED);
        assert_eq!(show(&RECORDED[4..]), plain);
        assert!(show(&[]).is_empty() && hide(&[]).is_empty());
    }
}
