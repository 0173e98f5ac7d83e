use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use rumqttc::{ConnectReturnCode, ConnectionError, EventLoop, Incoming, Outgoing, QoS, TlsError};
use rustls::CertificateError;
use tokio::sync::mpsc;

use super::{Client, Event, Message};

/// The longest wait before a broker that is away is tried again.
const AWAY: Duration = Duration::from_secs(30);
/// The same of one that refuses the password: some lock out who tries too often.
const REFUSED: Duration = Duration::from_secs(300);

fn waits(longest: Duration) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(longest)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Keeps the connection until it is said goodbye to or nobody hears any more.
pub(super) async fn drive(mut connection: EventLoop, client: Client, said: mpsc::Sender<Event>, whose: Whose) {
    let (mut away, mut refused) = (waits(AWAY), waits(REFUSED));
    let mut told = false;
    let mut leaving = false;
    loop {
        let polled = tokio::select! {
            polled = connection.poll() => polled,
            () = said.closed() => break,
        };
        let event = match polled {
            Ok(rumqttc::Event::Incoming(Incoming::ConnAck(_))) => {
                (away, refused) = (waits(AWAY), waits(REFUSED));
                told = false;
                subscribe(&client);
                Some(Event::Connected)
            }
            Ok(rumqttc::Event::Incoming(Incoming::Publish(p))) => {
                Some(Event::Message(Message { topic: p.topic, payload: p.payload.to_vec(), retained: p.retain }))
            }
            Ok(rumqttc::Event::Incoming(Incoming::PubAck(_))) => {
                client.shared.taken.send_modify(|taken| taken.messages += 1);
                None
            }
            Ok(rumqttc::Event::Outgoing(Outgoing::Disconnect)) => {
                leaving = true;
                None
            }
            Ok(_) => None,
            Err(_) if leaving => break,
            Err(error) => {
                client.lost();
                if !told {
                    told = true;
                    if said.send(Event::Disconnected(whose.reason(&error))).await.is_err() {
                        break;
                    }
                }
                let wait = if is_refused(&error) { refused.next().unwrap_or(REFUSED) } else { away.next().unwrap_or(AWAY) };
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = said.closed() => break,
                }
                None
            }
        };
        if let Some(event) = event
            && said.send(event).await.is_err()
        {
            break;
        }
    }
    client.lost();
}

fn subscribe(client: &Client) {
    // Under the lock, so that a filter that is added now is asked for here or there, never nowhere.
    let filters = client.shared.filters.lock().unwrap_or_else(PoisonError::into_inner);
    client.shared.connected.store(true, Ordering::Release);
    for filter in filters.iter() {
        let _ = client.inner.try_subscribe(filter, QoS::AtLeastOnce);
    }
}

fn is_refused(error: &ConnectionError) -> bool {
    use ConnectReturnCode::{BadUserNamePassword, NotAuthorized};
    matches!(error, ConnectionError::ConnectionRefused(BadUserNamePassword | NotAuthorized))
}

/// Whose connection it is, for what is said of it.
pub(super) struct Whose {
    /// Where the broker is.
    pub broker: String,
    /// The section of the configuration that says so.
    pub section: &'static str,
}

impl Whose {
    /// What is wrong and what would help, in one line.
    fn reason(&self, error: &ConnectionError) -> String {
        let Whose { broker, section } = self;
        match error {
            error if is_refused(error) => {
                format!("{broker} refuses the user or the password: check {section}.username and {section}.password")
            }
            ConnectionError::Io(e) => format!("{broker} cannot be reached: {e}; check {section}.url and that the broker runs"),
            ConnectionError::Tls(error) => self.tls(error),
            ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => format!("{broker} does not answer in time"),
            ConnectionError::MqttState(_) => format!("the connection to {broker} broke"),
            other => format!("{broker}: {other}"),
        }
    }

    /// The same of TLS.
    fn tls(&self, error: &TlsError) -> String {
        let Whose { broker, section } = self;
        let inner = match error {
            TlsError::Io(e) => e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()),
            TlsError::TLS(e) => Some(e),
            _ => None,
        };
        let remedy = match inner {
            Some(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => format!("give the name that stands in its certificate in {section}.url"),
            Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                format!("where its certificate is of your own CA, name that CA's file as {section}.ca_file")
            }
            Some(rustls::Error::InvalidCertificate(_)) => "see the broker's certificate, and the clocks of both".to_owned(),
            Some(rustls::Error::InvalidMessage(_)) => {
                format!("it may speak no TLS on this port: give {section}.url as mqtt://, or the port for TLS, often 8883")
            }
            _ => format!("check the port in {section}.url, and that the broker speaks TLS 1.2 or 1.3 there"),
        };
        format!("no trusted connection to {broker}: {error}; {remedy}")
    }
}
