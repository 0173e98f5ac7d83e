//! The one task that owns the socket.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::wire::{Incoming, parse};
use super::{Address, Config, HaError};
use crate::tls;

/// How long connecting and authenticating may take, each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often Home Assistant is asked whether it is still there; it must have said anything by the next time.
const PING_EVERY: Duration = Duration::from_secs(25);
/// The largest message read: states of thousands of entities, a stretch of history.
const LARGEST_MESSAGE: usize = 256 << 20;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Hands an event to its subscriber; false when there is none any more.
pub(super) type Deliver = Box<dyn FnMut(Value) -> BoxFuture<'static, bool> + Send>;

/// What a handle asks of the task.
pub(super) struct Request {
    pub command: Value,
    /// Set where events follow.
    pub deliver: Option<Deliver>,
    pub answer: oneshot::Sender<Result<Value, HaError>>,
}

/// Connects and authenticates; also gives Home Assistant's version.
pub(super) async fn connect(config: &Config, address: &Address) -> Result<(Socket, String), HaError> {
    let token = config.token()?;
    let tls = tls::client_config(config.ca_file.as_deref()).map_err(HaError::Setup)?;
    let late = |_| HaError::Timeout(format!("Home Assistant at {address} did not answer within {} s", CONNECT_TIMEOUT.as_secs()));
    let away = |e: std::io::Error| HaError::Unreachable(format!("Home Assistant at {address} cannot be reached: {e}"));

    let (host, port) = address.host();
    let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), port))).await.map_err(late)?.map_err(away)?;
    stream.set_nodelay(true).map_err(away)?;
    let limits = WebSocketConfig::default().max_message_size(Some(LARGEST_MESSAGE)).max_frame_size(Some(LARGEST_MESSAGE));
    let handshake = client_async_tls_with_config(address.websocket(), stream, Some(limits), Some(Connector::Rustls(tls)));
    let (mut socket, _) = timeout(CONNECT_TIMEOUT, handshake).await.map_err(late)?.map_err(|e| no_handshake(address, e))?;

    let version = timeout(CONNECT_TIMEOUT, authenticate(&mut socket, address, token.expose_secret())).await.map_err(late)??;
    Ok((socket, version))
}

async fn authenticate(socket: &mut Socket, address: &Address, token: &str) -> Result<String, HaError> {
    let strange = || HaError::Protocol(format!("what answers at {address} is not Home Assistant: is the URL right?"));
    loop {
        let frame = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_))) | None => return Err(gone(address, "it closed the connection before letting us in")),
            Some(Ok(_)) => continue,
            Some(Err(e)) => return Err(gone(address, &e.to_string())),
        };
        let message = parse(&frame).ok().and_then(|messages| messages.into_iter().next()).ok_or_else(strange)?;
        match message.kind.as_str() {
            "auth_required" => {
                let auth = Message::text(json!({"type": "auth", "access_token": token}).to_string());
                socket.send(auth).await.map_err(|e| gone(address, &e.to_string()))?;
            }
            "auth_ok" => return Ok(message.ha_version.unwrap_or_default()),
            "auth_invalid" => return Err(HaError::Unauthorized { url: address.to_string() }),
            _ => return Err(strange()),
        }
    }
}

/// Serves requests and hands out events until the connection goes or nobody holds it any more.
pub(super) async fn run(socket: Socket, requests: mpsc::Receiver<Request>, closing: watch::Sender<Option<HaError>>, address: Address) {
    let mut task = Task { socket, address, next_id: 1, waiting: HashMap::new(), subscribers: HashMap::new(), garbage: 0 };
    let why = task.serve(requests).await;
    closing.send_replace(Some(why));
    // Whoever waits for an answer or an event learns of the end after the reason has been set.
    drop(task);
}

struct Task {
    socket: Socket,
    address: Address,
    next_id: u64,
    waiting: HashMap<u64, (String, oneshot::Sender<Result<Value, HaError>>)>,
    subscribers: HashMap<u64, Deliver>,
    garbage: u64,
}

impl Task {
    async fn serve(&mut self, mut requests: mpsc::Receiver<Request>) -> HaError {
        let mut heard = Instant::now();
        let mut pings = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.send(request).await,
                    None => {
                        let _ = timeout(Duration::from_secs(1), self.socket.close(None)).await;
                        return gone(&self.address, "it is no longer needed");
                    }
                },
                frame = self.socket.next() => {
                    let read = match frame {
                        Some(Ok(Message::Text(text))) => self.read(&text).await,
                        Some(Ok(Message::Close(_))) | None => Err(gone(&self.address, "Home Assistant closed it")),
                        Some(Ok(_)) => Ok(()),
                        Some(Err(e)) => Err(gone(&self.address, &e.to_string())),
                    };
                    heard = Instant::now();
                    read
                },
                _ = pings.tick() => {
                    if heard.elapsed() > PING_EVERY * 2 {
                        Err(HaError::Timeout(format!("Home Assistant at {} has not answered for {} s", self.address, heard.elapsed().as_secs())))
                    } else {
                        let id = self.id();
                        self.write(json!({"id": id, "type": "ping"})).await
                    }
                },
            };
            if let Err(why) = done {
                return why;
            }
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    async fn send(&mut self, request: Request) -> Result<(), HaError> {
        let Request { mut command, deliver, answer } = request;
        let id = self.id();
        let what = command.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        command["id"] = id.into();
        if let Some(deliver) = deliver {
            self.subscribers.insert(id, deliver);
        }
        self.waiting.retain(|_, (_, answer)| !answer.is_closed());
        self.waiting.insert(id, (what, answer));
        self.write(command).await
    }

    async fn write(&mut self, message: Value) -> Result<(), HaError> {
        let sent = timeout(CONNECT_TIMEOUT, self.socket.send(Message::text(message.to_string()))).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(gone(&self.address, &e.to_string())),
            Err(_) => Err(HaError::Timeout(format!("Home Assistant at {} takes nothing any more", self.address))),
        }
    }

    async fn read(&mut self, frame: &str) -> Result<(), HaError> {
        let messages = match parse(frame) {
            Ok(messages) => messages,
            Err(e) => {
                // One bad frame stops nothing else.
                self.garbage += 1;
                metrics::counter!("wattribute_bad_payloads_total", "adapter" => "home_assistant").increment(1);
                if self.garbage == 1 {
                    tracing::warn!("Home Assistant sent a frame that is not JSON, passed over: {e}");
                }
                return Ok(());
            }
        };
        for message in messages {
            self.take(message).await?;
        }
        Ok(())
    }

    async fn take(&mut self, message: Incoming) -> Result<(), HaError> {
        let Some(id) = message.id.or_else(|| (message.kind == "event").then(|| self.only_subscriber()).flatten()) else {
            return Ok(());
        };
        match message.kind.as_str() {
            "event" => {
                let Some(deliver) = self.subscribers.get_mut(&id) else { return Ok(()) };
                if !deliver(message.event).await {
                    self.subscribers.remove(&id);
                    let own = self.id();
                    return self.write(json!({"id": own, "type": "unsubscribe_events", "subscription": id})).await;
                }
            }
            "result" | "pong" => {
                let Some((what, answer)) = self.waiting.remove(&id) else { return Ok(()) };
                let result = if message.success || message.kind == "pong" {
                    Ok(message.result)
                } else {
                    self.subscribers.remove(&id);
                    let refusal = message.error.unwrap_or_default();
                    let code = refusal.code.as_str().map_or_else(|| refusal.code.to_string(), str::to_owned);
                    Err(HaError::Refused { what, code, message: refusal.message })
                };
                // Whoever asked may have given up.
                let _ = answer.send(result);
            }
            _ => {}
        }
        Ok(())
    }

    /// Some versions leave out the id of the first events of a subscription.
    fn only_subscriber(&self) -> Option<u64> {
        (self.subscribers.len() == 1).then(|| self.subscribers.keys().next().copied()).flatten()
    }
}

fn gone(address: &Address, why: &str) -> HaError {
    HaError::Unreachable(format!("the connection to Home Assistant at {address} is closed: {why}"))
}

fn no_handshake(address: &Address, error: tungstenite::Error) -> HaError {
    match error {
        tungstenite::Error::Http(response) if response.status().as_u16() == 401 => HaError::Unauthorized { url: address.to_string() },
        tungstenite::Error::Http(response) if response.status().as_u16() == 403 => HaError::Unreachable(format!(
            "Home Assistant at {address} lets this machine in no more (403): look into ip_bans.yaml in its configuration folder"
        )),
        tungstenite::Error::Http(response) if response.status().is_server_error() => {
            HaError::Unreachable(format!("what answers at {address} says {}: is Home Assistant running behind it?", response.status()))
        }
        tungstenite::Error::Http(response) => HaError::Protocol(format!(
            "what answers at {address} is not Home Assistant (its WebSocket says {}): is the URL right?",
            response.status()
        )),
        tungstenite::Error::Tls(e) => HaError::tls(&address.to_string(), &e),
        tungstenite::Error::Io(e) if e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => HaError::tls(&address.to_string(), &e),
        tungstenite::Error::Io(e) => HaError::Unreachable(format!("Home Assistant at {address} cannot be reached: {e}")),
        e => HaError::Protocol(format!("what answers at {address} is not Home Assistant ({e}): is the URL right?")),
    }
}
