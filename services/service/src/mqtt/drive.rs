use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use rumqttc::{ConnectReturnCode, ConnectionError, EventLoop, Incoming, Outgoing, QoS, TlsError};
use rustls::CertificateError;
use tokio::sync::mpsc;

use super::{Client, Event, Message};

fn waits() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(30))
        .with_jitter()
        .without_max_times()
        .build()
}

/// Keeps the connection until it is said goodbye to or nobody hears any more.
pub(super) async fn drive(mut connection: EventLoop, client: Client, said: mpsc::Sender<Event>, whose: Whose) {
    let mut wait = waits();
    let mut told = false;
    let mut leaving = false;
    loop {
        let polled = tokio::select! {
            polled = connection.poll() => polled,
            () = said.closed() => break,
        };
        let event = match polled {
            Ok(rumqttc::Event::Incoming(Incoming::ConnAck(_))) => {
                wait = waits();
                told = false;
                subscribe(&client);
                Some(Event::Connected)
            }
            Ok(rumqttc::Event::Incoming(Incoming::Publish(p))) => {
                Some(Event::Message(Message { topic: p.topic, payload: p.payload.to_vec(), retained: p.retain }))
            }
            Ok(rumqttc::Event::Outgoing(Outgoing::Disconnect)) => {
                leaving = true;
                None
            }
            Ok(_) => None,
            Err(_) if leaving => break,
            Err(error) => {
                client.shared.connected.store(false, Ordering::Release);
                if !told {
                    told = true;
                    if said.send(Event::Disconnected(whose.reason(&error))).await.is_err() {
                        break;
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(wait.next().unwrap_or(Duration::from_secs(30))) => {}
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
    client.shared.connected.store(false, Ordering::Release);
}

fn subscribe(client: &Client) {
    // Under the lock, so that a filter that is added now is asked for here or there, never nowhere.
    let filters = client.shared.filters.lock().unwrap_or_else(PoisonError::into_inner);
    client.shared.connected.store(true, Ordering::Release);
    for filter in filters.iter() {
        let _ = client.inner.try_subscribe(filter, QoS::AtLeastOnce);
    }
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
            ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized) => {
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
