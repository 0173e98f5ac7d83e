//! Devices that connect to us: the outbound WebSocket of the second generation and later.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::Login;
use super::digest::{Challenge, own_nonce};
use super::heard::{Heard, Word};
use super::names::{Names, Way};
use super::rpc::{self, Frame};
use super::wire::{self, Who};
use crate::adapters::Speaker;
use crate::adapters::numbers::json;
use crate::adapters::web::Ticks;

/// Devices that may be connected at once.
const MOST: usize = 256;
/// How long a greeting may take.
const GREETING: Duration = Duration::from_secs(10);
/// Longest frame that is read, bytes.
const LONGEST: usize = 256 << 10;
/// How often in a row a device may refuse us before the password counts as wrong: it asks for it, and a nonce may have ended.
const REFUSALS: u32 = 2;
/// What we call ourselves in questions.
const US: &str = "wattribute";

/// Listens until the speaker's fleet ends.
pub(super) async fn listen(speaker: Speaker, address: SocketAddr, heard: Heard) {
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => {
                let why =
                    format!("[shelly] listen: {address} cannot be listened on: {error}; name an address of this machine and a free port");
                speaker.trouble(why).await;
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        }
    };
    speaker.told(Vec::new(), "").await;
    let (places, numbers) = (Arc::new(Semaphore::new(MOST)), Arc::new(AtomicU64::new(0)));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((socket, from)) = accepted else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        // One more than there is room for is sent away.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (speaker, heard, number) = (speaker.clone(), heard.clone(), numbers.fetch_add(1, Ordering::Relaxed));
        connections.spawn(async move {
            if let Some(connection) = greet(socket).await {
                Connection::new(connection, speaker, heard, number).run().await;
            } else {
                tracing::debug!("{from} connected to [shelly] listen and did not speak WebSocket");
            }
            drop(place);
        });
    }
}

async fn greet(socket: TcpStream) -> Option<WebSocketStream<TcpStream>> {
    let limits = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
    #[allow(clippy::result_large_err, reason = "the shape is tungstenite's")]
    let answer = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let asked = request.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
        if asked.is_some_and(|asked| asked.split(',').any(|protocol| protocol.trim() == "json-rpc")) {
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("json-rpc"));
        }
        Ok(response)
    };
    timeout(GREETING, tokio_tungstenite::accept_hdr_async_with_config(socket, answer, Some(limits))).await.ok()?.ok()
}

/// What a question was for.
#[derive(Clone, Copy)]
enum Asked {
    Who = 1,
    Names = 2,
    Status = 3,
}

impl Asked {
    const ALL: [Asked; 3] = [Asked::Who, Asked::Names, Asked::Status];

    fn method(self) -> &'static str {
        match self {
            Asked::Who => "Shelly.GetDeviceInfo",
            Asked::Names => "Shelly.GetConfig",
            Asked::Status => "Shelly.GetStatus",
        }
    }
}

/// One connection.
struct Connection {
    socket: WebSocketStream<TcpStream>,
    speaker: Speaker,
    heard: Heard,
    /// Its number: of two of one device the later counts.
    number: u64,
    mac: Option<String>,
    challenge: Option<Challenge>,
    /// How often it refused an answer since it last gave one.
    refusals: u32,
    turn: Duration,
    ticks: Ticks,
}

impl Connection {
    fn new(socket: WebSocketStream<TcpStream>, speaker: Speaker, heard: Heard, number: u64) -> Self {
        let turn = heard.manner.every;
        Connection { socket, speaker, heard, number, mac: None, challenge: None, refusals: 0, turn, ticks: Ticks::every(turn) }
    }

    async fn run(mut self) {
        let patience = self.heard.patience();
        let mut heard_at = Instant::now();
        let why = loop {
            let frame = tokio::select! {
                frame = self.socket.next() => frame,
                () = self.ticks.next() => {
                    if heard_at.elapsed() > patience {
                        break format!("it is connected, but has said nothing for {} s: see its Wi-Fi", patience.as_secs());
                    }
                    let is_closed = self.refusals > 0 && self.challenge.is_none();
                    let asked = if self.mac.is_none() || is_closed { Asked::Who } else { Asked::Status };
                    if self.ask(asked).await.is_err() {
                        break gone();
                    }
                    continue;
                }
            };
            heard_at = Instant::now();
            let text = match frame {
                Some(Ok(Message::Text(text))) => text.to_string(),
                Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => break gone(),
            };
            if self.hear(&text).await.is_err() {
                break gone();
            }
        };
        let Some(mac) = self.mac.take().filter(|mac| self.heard.book.is_connection(mac, self.number)) else { return };
        self.heard.say(&self.speaker, &mac, Word::Gone(Way::Connects, why)).await;
    }

    /// Takes a frame; an error says that the connection is over.
    async fn hear(&mut self, text: &str) -> Result<(), ()> {
        let frame = match json(text.as_bytes()).and_then(rpc::frame) {
            Ok(frame) => frame,
            Err(why) => {
                metrics::counter!("wattribute_bad_payloads_total", "adapter" => super::NAME).increment(1);
                tracing::debug!("a frame of a Shelly makes no sense: {why}");
                return Ok(());
            }
        };
        match frame {
            Frame::Notify { from, status } => {
                self.meet(&from, None).await?;
                self.say(status).await;
            }
            Frame::Other { from } => self.meet(&from, None).await?,
            Frame::Answer { from, id, result: Ok(result) } => match id {
                1 => {
                    let who = wire::who(&result).ok();
                    self.meet(&from, who.as_ref().map(|who| (who.mac.clone(), who.id.clone()))).await?;
                    if let (Some(mac), Some(Who { name: Some(name), .. })) = (&self.mac, who)
                        && !self.heard.book.is_named(mac)
                    {
                        self.heard.book.named(mac, Names { device: Some(name), ..Names::default() });
                    }
                }
                2 => {
                    self.refusals = 0;
                    self.meet(&from, None).await?;
                    if let Some(mac) = &self.mac {
                        self.heard.book.named(mac, rpc::names(&result));
                    }
                }
                _ => {
                    self.refusals = 0;
                    self.meet(&from, None).await?;
                    self.say(result).await;
                }
            },
            Frame::Answer { id, result: Err((401, message)), .. } => {
                self.refusals += 1;
                // A nonce lasts for a while only: what is refused is answered anew, but a wrong password is not tried for ever.
                let may = self.heard.manner.login.password.is_some() && self.refusals <= REFUSALS;
                self.challenge = Challenge::of_refusal(&message).filter(|_| may);
                match Asked::ALL.into_iter().find(|asked| *asked as u64 == id) {
                    Some(asked) if self.challenge.is_some() => self.ask(asked).await?,
                    // That alone it says to everybody. What changes it says by itself.
                    _ => self.ask(Asked::Who).await?,
                }
            }
            Frame::Answer { .. } => {}
        }
        Ok(())
    }

    /// Notes who it is, the first time.
    async fn meet(&mut self, from: &str, who: Option<(String, String)>) -> Result<(), ()> {
        let said = who.or_else(|| Some((wire::mac_of_id(from)?, from.to_owned())));
        let Some((mac, id)) = said.filter(|_| self.mac.is_none()) else { return Ok(()) };
        self.heard.book.met(&mac, &id);
        self.heard.book.connected(&mac, self.number);
        let is_named = self.heard.book.is_named(&mac);
        self.mac = Some(mac);
        if !is_named {
            self.ask(Asked::Names).await?;
        }
        self.ask(Asked::Status).await
    }

    async fn say(&mut self, status: Value) {
        let Some(mac) = self.mac.clone().filter(|mac| self.heard.book.is_connection(mac, self.number)) else { return };
        let wanted = self.heard.manner.turn(&rpc::status(&status, &Value::Null));
        if wanted < self.turn {
            (self.turn, self.ticks) = (wanted, Ticks::every(wanted));
            self.ticks.next().await;
        }
        self.heard.say(&self.speaker, &mac, Word::Status(Way::Connects, status)).await;
    }

    async fn ask(&mut self, asked: Asked) -> Result<(), ()> {
        let password = self.heard.manner.login.password.as_ref();
        let auth =
            self.challenge.as_mut().zip(password).map(|(challenge, password)| challenge.object(Login::RPC_USER, password, &own_nonce()));
        let text = rpc::question(asked as u64, US, asked.method(), auth);
        timeout(GREETING, self.socket.send(Message::text(text))).await.map_err(drop)?.map_err(drop)
    }
}

fn gone() -> String {
    "it has closed its connection: see that it has power and Wi-Fi, and that its outbound WebSocket names this address".to_owned()
}
