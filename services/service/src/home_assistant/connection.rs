use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use super::socket::{self, Deliver, Request};
use super::{Address, Config, HaError};

/// How long a command may take to be answered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Events that wait for a subscriber before the socket is read no further.
const WAITING_EVENTS: usize = 16_384;

/// An open WebSocket connection, authenticated. Clones share it; it closes when the last one goes.
#[derive(Clone)]
pub struct Connection {
    requests: mpsc::Sender<Request>,
    closed: watch::Receiver<Option<HaError>>,
    address: Address,
    version: Arc<str>,
}

impl Connection {
    /// Connects and authenticates.
    pub async fn open(config: &Config) -> Result<Self, HaError> {
        let address = config.address()?;
        let (socket, version) = socket::connect(config, &address).await?;
        let (requests, receiver) = mpsc::channel(64);
        let (closing, closed) = watch::channel(None);
        tokio::spawn(socket::run(socket, receiver, closing, address.clone()));
        let connection = Connection { requests, closed, address, version: version.into() };
        // Older versions do not know it, and then every event has a frame of its own.
        match connection.call(json!({"type": "supported_features", "features": {"coalesce_messages": 1}})).await {
            Ok(_) | Err(HaError::Refused { .. }) => Ok(connection),
            Err(e) => Err(e),
        }
    }

    /// Home Assistant's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it leads.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a command (an object with its `type`; the id is added) and waits for its result. A ping is answered with null.
    pub async fn call(&self, command: Value) -> Result<Value, HaError> {
        self.ask(command, None).await
    }

    /// Sends a command that events answer, such as `subscribe_events`.
    pub async fn subscribe(&self, command: Value) -> Result<Subscription<Value>, HaError> {
        self.subscribe_as(command, Some).await
    }

    /// As [`Connection::subscribe`], with each event made into what is wanted of it as it comes, so that little waits in memory; `None`
    /// passes over it.
    pub async fn subscribe_as<T, F>(&self, command: Value, decode: F) -> Result<Subscription<T>, HaError>
    where
        T: Send + 'static,
        F: Fn(Value) -> Option<T> + Send + 'static,
    {
        let (sender, events) = mpsc::channel::<T>(WAITING_EVENTS);
        let deliver: Deliver = Box::new(move |event| -> BoxFuture<'static, bool> {
            let (decoded, sender) = (decode(event), sender.clone());
            Box::pin(async move {
                match decoded {
                    Some(event) => sender.send(event).await.is_ok(),
                    None => !sender.is_closed(),
                }
            })
        });
        self.ask(command, Some(deliver)).await?;
        Ok(Subscription { events })
    }

    /// Waits until Home Assistant has started: after a restart it answers for some seconds before everything is there.
    pub async fn wait_until_running(&self, patience: Duration) -> Result<Value, HaError> {
        let since = Instant::now();
        loop {
            let config = self.call(json!({"type": "get_config"})).await?;
            let state = config.get("state").and_then(Value::as_str).unwrap_or("RUNNING");
            match state {
                "NOT_RUNNING" | "STARTING" if since.elapsed() < patience => tokio::time::sleep(Duration::from_millis(500)).await,
                "NOT_RUNNING" | "STARTING" | "STOPPING" | "FINAL_WRITE" => {
                    return Err(HaError::Timeout(format!("Home Assistant at {} is {state}: waiting until it runs", self.address)));
                }
                _ => return Ok(config),
            }
        }
    }

    /// Waits until the connection has gone, and says why.
    pub async fn closed(&self) -> HaError {
        let mut closed = self.closed.clone();
        match closed.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_else(|| self.gone()),
            Err(_) => self.gone(),
        }
    }

    async fn ask(&self, command: Value, deliver: Option<Deliver>) -> Result<Value, HaError> {
        let what = command.get("type").and_then(Value::as_str).unwrap_or("a command without type").to_owned();
        let (answer, answered) = oneshot::channel();
        if self.requests.send(Request { command, deliver, answer }).await.is_err() {
            return Err(self.closed().await);
        }
        match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(self.closed().await),
            Err(_) => Err(HaError::Timeout(format!(
                "Home Assistant at {} did not answer {what} within {} s",
                self.address,
                ANSWER_TIMEOUT.as_secs()
            ))),
        }
    }

    fn gone(&self) -> HaError {
        HaError::Unreachable(format!("the connection to Home Assistant at {} is closed", self.address))
    }
}

/// Events of one subscription, in order. While its reader is behind, the socket waits; nothing is dropped.
pub struct Subscription<T> {
    events: mpsc::Receiver<T>,
}

impl<T> Subscription<T> {
    /// Waits for the next event; `None` when the connection has gone.
    pub async fn next(&mut self) -> Option<T> {
        self.events.recv().await
    }

    /// The next event, if one is there already.
    pub fn next_now(&mut self) -> Option<T> {
        self.events.try_recv().ok()
    }
}
