//! One connection to a device: it is opened, agrees on a key where its version does, and carries messages.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::codec::{Codec, Message, Unreadable, Version};
use super::crypto::{Key, random};
use super::frame::{Frame, command};

/// What is said of a key that does not fit.
pub(super) const WRONG_KEY: &str =
    "the local key is wrong: it changes when the device is paired again; run tinytuya's wizard again and take over the new key";

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// For a connection.
    pub connect: Duration,
    /// For an answer.
    pub answer: Duration,
    /// After which silence of ours the connection is kept alive by a heartbeat.
    pub heartbeat: Duration,
    /// What a device is given to measure before it is asked what it measured.
    pub settle: Duration,
    /// For the first broadcast of a device.
    pub broadcast: Duration,
    /// How long a device is left alone that our key does not open.
    pub left_alone: Duration,
    /// The first wait before it is tried again; later ones are longer.
    pub again: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            heartbeat: Duration::from_secs(9),
            settle: Duration::from_millis(700),
            broadcast: Duration::from_secs(30),
            left_alone: Duration::from_secs(600),
            again: Duration::from_secs(1),
        }
    }
}

/// Why a device is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is not there, or does not answer.
    Away(String),
    /// It took the connection and said nothing that we could read: it may speak another version, or the key may be wrong.
    Mute(String),
    /// It does not take our key.
    Key,
}

/// A connection to a device.
pub(super) struct Link {
    stream: TcpStream,
    codec: Codec,
    unread: Vec<u8>,
    address: String,
    answer: Duration,
}

impl Link {
    /// Connects, and agrees on the key of the session where the version does.
    pub async fn open(address: &str, version: Version, key: &Key, times: &Times) -> Result<Self, Trouble> {
        let away = |why: String| Trouble::Away(format!("{address} {why}; see that it has power and that this is its address"));
        let stream = match timeout(times.connect, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(away(format!("cannot be reached: {error}"))),
            Err(_) => return Err(away("does not answer".to_owned())),
        };
        // Without it messages go a little later.
        let _ = stream.set_nodelay(true);
        let codec = Codec::new(version, key.clone());
        let mut link = Link { stream, codec, unread: Vec::new(), address: address.to_owned(), answer: times.answer };
        if version.has_sessions() {
            link.agree().await?;
        }
        Ok(link)
    }

    async fn agree(&mut self) -> Result<(), Trouble> {
        let ours: [u8; 16] = random().map_err(Trouble::Away)?;
        self.send(command::SESS_KEY_NEG_START, &ours).await?;
        let answer = loop {
            let message = match timeout(self.answer, self.receive()).await {
                Ok(message) => message?,
                Err(_) => return Err(self.mute("does not answer when a session is begun")),
            };
            if message.command == command::SESS_KEY_NEG_RESP {
                break message.payload;
            }
        };
        let (Some(theirs), Some(signature)) = (answer.first_chunk::<16>(), answer.get(16..48)) else {
            return Err(self.mute("answers the beginning of a session with too little"));
        };
        if !self.codec.has_signed(&ours, signature) {
            return Err(Trouble::Key);
        }
        let signature = self.codec.sign(theirs);
        self.send(command::SESS_KEY_NEG_FINISH, &signature).await?;
        self.codec.begin_session(&ours, theirs);
        Ok(())
    }

    /// Sends a message.
    pub async fn send(&mut self, about: u32, payload: &[u8]) -> Result<(), Trouble> {
        let bytes = self.codec.seal(about, None, payload).map_err(Trouble::Away)?;
        match timeout(self.answer, self.stream.write_all(&bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.mute(&format!("ended the connection: {error}"))),
            Err(_) => Err(self.mute("takes no more messages")),
        }
    }

    /// The next message of the device. Cancel-safe.
    pub async fn receive(&mut self) -> Result<Message, Trouble> {
        loop {
            if let Some(frame) = Frame::take(&mut self.unread).map_err(|why| self.mute(&format!("makes no sense: {why}")))? {
                return self.codec.open(&frame).map_err(|why| match why {
                    Unreadable::Key => Trouble::Key,
                    Unreadable::Version => self.mute(&format!("does not speak {}", self.codec.version.name())),
                    Unreadable::Damaged => self.mute("makes no sense: the check of a frame does not fit"),
                });
            }
            match self.stream.read_buf(&mut self.unread).await {
                Ok(0) => return Err(self.mute("ended the connection")),
                Ok(_) => {}
                Err(error) => return Err(self.mute(&format!("ended the connection: {error}"))),
            }
        }
    }

    /// A trouble of this connection.
    pub fn mute(&self, why: &str) -> Trouble {
        Trouble::Mute(format!("{} {why}", self.address))
    }
}
