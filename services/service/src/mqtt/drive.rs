use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use rumqttc::{ConnectReturnCode, ConnectionError, EventLoop, Incoming, Outgoing, QoS};
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
pub(super) async fn drive(mut connection: EventLoop, client: Client, said: mpsc::Sender<Event>, broker: String) {
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
                    if said.send(Event::Disconnected(reason(&error, &broker))).await.is_err() {
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

/// What is wrong and what would help, in one line.
fn reason(error: &ConnectionError, broker: &str) -> String {
    match error {
        ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized) => {
            format!("{broker} refuses the user or the password: check mqtt.username and mqtt.password")
        }
        ConnectionError::Io(e) => format!("{broker} cannot be reached: {e}; check mqtt.url and that the broker runs"),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => format!("{broker} does not answer in time"),
        ConnectionError::MqttState(_) => format!("the connection to {broker} broke"),
        other => format!("{broker}: {other}"),
    }
}
