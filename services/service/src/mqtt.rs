//! The connection to the MQTT broker: one TCP connection, with TLS or without, that mends itself.
//!
//! [`connect`] gives a [`Client`] to speak through and [`Events`] to hear with. Subscriptions are renewed after every reconnect; what was
//! published while the broker was away is refused, so that whoever publishes says it anew on [`Event::Connected`].

mod address;
mod config;
mod drive;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::{AsyncClient, MqttOptions, QoS, TlsConfiguration, Transport};
use secrecy::ExposeSecret;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::tls;

pub use address::Address;
pub use config::Config;

/// Messages that wait to be sent, at most.
const WAITING: usize = 2_000;
/// Events that wait to be heard, at most; past them the broker waits.
const UNHEARD: usize = 256;
/// How long the broker may take to acknowledge a message.
const ACKNOWLEDGED: Duration = Duration::from_secs(10);
/// Longest message that is read, bytes.
const LONGEST: usize = 1 << 20;

/// What went wrong, by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The settings are wrong; the text says which and what would be right.
    #[error("{0}")]
    Config(String),
    /// The broker is away. Say it again when it is back.
    #[error("the MQTT broker is away")]
    Away,
    /// More waits to be sent than is allowed. Say it again later.
    #[error("too much waits to be sent to the MQTT broker")]
    Busy,
}

/// What the broker says of us, retained, when we vanish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWill {
    /// Where.
    pub topic: String,
    /// What.
    pub text: String,
}

/// What happened on the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The broker let us in; subscriptions are renewed.
    Connected,
    /// The broker is away, and why; told once for each time it goes. It is tried again by itself.
    Disconnected(String),
    /// Somebody published.
    Message(Message),
}

/// What somebody published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Whether it was kept by the broker from before we subscribed.
    pub retained: bool,
}

/// What is shared by the client and the task that drives the connection.
#[derive(Debug, Default)]
struct Shared {
    connected: AtomicBool,
    filters: Mutex<Vec<String>>,
    /// Messages that were handed to the present connection.
    handed: Mutex<u64>,
    taken: watch::Sender<Taken>,
}

/// What the broker has acknowledged; brokers do so in order.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    /// On which connection: what an earlier one left open is lost.
    connection: u64,
    messages: u64,
}

/// To speak to the broker; clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    inner: AsyncClient,
    shared: Arc<Shared>,
}

impl Client {
    /// Hands a message to the connection, which delivers it at least once; `retained`: the broker keeps it for later subscribers. Never
    /// waits.
    pub fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, retained: bool) -> Result<(), MqttError> {
        self.hand_over(topic, payload, retained).map(drop)
    }

    /// Like [`Client::publish`], and waits until the broker has acknowledged it. [`MqttError::Away`]: it may or may not have arrived.
    pub async fn deliver(&self, topic: &str, payload: impl Into<Vec<u8>>, retained: bool) -> Result<(), MqttError> {
        let mut taken = self.shared.taken.subscribe();
        let (connection, number) = self.hand_over(topic, payload, retained)?;
        let acknowledged = taken.wait_for(|taken| taken.connection != connection || taken.messages >= number);
        match timeout(ACKNOWLEDGED, acknowledged).await {
            Ok(Ok(taken)) if taken.connection == connection => Ok(()),
            _ => Err(MqttError::Away),
        }
    }

    /// On which connection it goes out, and as which message.
    fn hand_over(&self, topic: &str, payload: impl Into<Vec<u8>>, retained: bool) -> Result<(u64, u64), MqttError> {
        // Counted in the order in which they go out.
        let mut handed = self.shared.handed.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_connected() {
            return Err(MqttError::Away);
        }
        self.inner.try_publish(topic, QoS::AtLeastOnce, retained, payload).map_err(|_| MqttError::Busy)?;
        *handed += 1;
        Ok((self.shared.taken.borrow().connection, *handed))
    }

    /// The connection is gone, and what it had not acknowledged with it.
    fn lost(&self) {
        let mut handed = self.shared.handed.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.connected.store(false, Ordering::Release);
        *handed = 0;
        self.shared.taken.send_modify(|taken| *taken = Taken { connection: taken.connection + 1, messages: 0 });
    }

    /// Asks for what is published under `filter` (`+` and `#` as in MQTT), now and after each reconnect.
    pub fn subscribe(&self, filter: &str) -> Result<(), MqttError> {
        let mut filters = self.shared.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if filters.iter().any(|f| f == filter) {
            return Ok(());
        }
        filters.push(filter.to_owned());
        if self.is_connected() {
            self.inner.try_subscribe(filter, QoS::AtLeastOnce).map_err(|_| MqttError::Busy)?;
        }
        Ok(())
    }

    /// Whether the broker has let us in.
    pub fn is_connected(&self) -> bool {
        self.shared.connected.load(Ordering::Acquire)
    }

    /// Says goodbye after what waits was sent: the last will is not spoken. The connection ends for good.
    pub async fn disconnect(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.inner.disconnect()).await;
    }
}

/// To hear from the broker. Dropping it ends the connection without a goodbye.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
}

impl Events {
    /// Waits for what happens next; `None` after [`Client::disconnect`]. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

/// Opens the connection of `config` in the background. `client_id` is to be unique on the broker: of two with one id, each throws the
/// other out.
pub fn connect(config: &Config, client_id: &str, last_will: Option<LastWill>) -> Result<(Client, Events), MqttError> {
    let Some(address) = &config.url else {
        return Err(MqttError::Config(format!("{}.url is not set; give it as mqtt://host:1883", config.section)));
    };
    let mut options = MqttOptions::new(client_id, &address.host, address.port);
    options.set_keep_alive(Duration::from_secs(20)).set_max_packet_size(LONGEST, LONGEST).set_clean_session(true);
    if let Some((username, password)) = config.credentials()? {
        options.set_credentials(username, password.expose_secret());
    }
    match (&config.ca_file, address.is_tls) {
        (ca_file, true) => {
            let trusted = tls::client_config(ca_file.as_deref()).map_err(|why| MqttError::Config(format!("{}.{why}", config.section)))?;
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(trusted)));
        }
        (Some(_), false) => {
            let why = format!("{0}.ca_file is for TLS, which {0}.url does not ask for; give that as mqtts://host:8883", config.section);
            return Err(MqttError::Config(why));
        }
        (None, false) => {}
    }
    if let Some(will) = last_will {
        options.set_last_will(rumqttc::LastWill::new(will.topic, will.text, QoS::AtLeastOnce, true));
    }
    let (inner, mut connection) = AsyncClient::new(options, WAITING);
    let mut network = connection.network_options();
    network.set_connection_timeout(5);
    connection.set_network_options(network);
    let shared = Arc::new(Shared::default());
    let (said, events) = mpsc::channel(UNHEARD);
    let client = Client { inner, shared };
    tokio::spawn(drive::drive(connection, client.clone(), said, drive::Whose { broker: address.to_string(), section: config.section }));
    Ok((client, Events { events }))
}
