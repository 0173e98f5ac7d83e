//! The connection to Sense's realtime feed.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use wattribute_service::tls;

use super::wire::{self, Frame};
use crate::adapters::AdapterError;

/// The largest message that is read, bytes.
const LARGEST: usize = 4 << 20;

/// Why nothing was heard.
pub(super) enum Failed {
    /// The token lets nobody in.
    Refused,
    /// Anything else.
    Otherwise(AdapterError),
}

impl From<AdapterError> for Failed {
    fn from(error: AdapterError) -> Self {
        Failed::Otherwise(error)
    }
}

/// One connection.
pub(super) struct Feed {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    host: String,
    is_online: bool,
    within: Duration,
}

impl Feed {
    /// Connects to the feed of a monitor. The address holds the token, and is never shown.
    pub async fn connect(base: &str, monitor: &str, token: &SecretString, within: Duration) -> Result<Self, Failed> {
        let wrong = |why: &str| AdapterError::Unsupported(format!("[sense] the address of the feed {why}"));
        let mut url = Url::parse(base).map_err(|_| wrong("is none"))?;
        url.set_path(&format!("monitors/{monitor}/realtimefeed"));
        url.query_pairs_mut().append_pair("access_token", token.expose_secret());
        let host = url.host_str().ok_or_else(|| wrong("has no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| wrong("has no port"))?;
        let late = |_| AdapterError::Timeout(format!("{host} did not answer in time"));
        let away = |error: std::io::Error| AdapterError::Unreachable(format!("{host} cannot be reached: {error}"));
        let stream = timeout(within, TcpStream::connect((host.as_str(), port))).await.map_err(late)?.map_err(away)?;
        let connector = match url.scheme() {
            "wss" => Connector::Rustls(tls::client_config(None).map_err(AdapterError::Unsupported)?),
            _ => Connector::Plain,
        };
        let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let handshake = client_async_tls_with_config(url.as_str(), stream, Some(limits), Some(connector));
        let (socket, _) = timeout(within, handshake).await.map_err(late)?.map_err(|error| no_handshake(&host, &error))?;
        Ok(Feed { socket, host, is_online: true, within })
    }

    /// The next that is measured, with its text.
    pub async fn next(&mut self) -> Result<(serde_json::Value, String), Failed> {
        let until = Instant::now() + self.within;
        loop {
            let Ok(heard) = timeout_at(until, self.socket.next()).await else { return Err(self.nothing().into()) };
            let text = match heard {
                Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
                Some(Ok(Message::Close(_))) | None if !self.is_online => return Err(self.nothing().into()),
                Some(Ok(Message::Close(_))) | None => return Err(self.ended("without a reason").into()),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(self.ended(&said_of(&error)).into()),
            };
            let nonsense = |why: String| AdapterError::Protocol(format!("what {} says makes no sense: {why}", self.host));
            match wire::frame(&text).map_err(nonsense)? {
                Frame::Hello { is_online } => self.is_online = is_online,
                Frame::Update(payload) => return Ok((payload, text)),
                Frame::Refused => return Err(Failed::Refused),
                Frame::Error(why) => return Err(AdapterError::Unreachable(format!("{} says: {}", self.host, why.escape_debug())).into()),
                Frame::Other => {}
            }
        }
    }

    /// Says good-bye, so that Sense does not count the connection any more.
    pub async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.socket.close(None)).await;
    }

    fn nothing(&self) -> AdapterError {
        if self.is_online { AdapterError::Timeout(format!("{} says nothing of the monitor", self.host)) } else { not_heard() }
    }

    fn ended(&self, why: &str) -> AdapterError {
        AdapterError::Unreachable(format!("{} ended the connection: {why}", self.host))
    }
}

/// The monitor is away.
pub(super) fn not_heard() -> AdapterError {
    AdapterError::Unreachable("Sense does not hear its monitor: see that it has power and Wi-Fi".to_owned())
}

fn no_handshake(host: &str, error: &tungstenite::Error) -> Failed {
    match error {
        tungstenite::Error::Http(answer) if matches!(answer.status().as_u16(), 401 | 403) => Failed::Refused,
        tungstenite::Error::Http(answer) if answer.status().as_u16() == 429 => {
            AdapterError::Unreachable(format!("{host} asks to be asked less often: raise `every` in [sense]")).into()
        }
        tungstenite::Error::Http(answer) => AdapterError::Unreachable(format!("{host} answers {}", answer.status())).into(),
        other => AdapterError::Unreachable(format!("{host} gives no connection: {}", said_of(other))).into(),
    }
}

/// What is wrong with a connection; other errors may repeat the address.
fn said_of(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => error.to_string(),
        tungstenite::Error::Tls(error) => error.to_string(),
        tungstenite::Error::Protocol(error) => error.to_string(),
        tungstenite::Error::Capacity(error) => error.to_string(),
        _ => "it is closed".to_owned(),
    }
}
