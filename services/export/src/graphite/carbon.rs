//! The connection to Carbon's plaintext port.
//!
//! Carbon says nothing of what it took, and keeps points in memory for a while before it writes them. So what was sent lately stays in the spool, and when
//! the connection broke it is sent again: the same point twice is one point. What was sent on a connection that Carbon ended after us was read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use wattribute_service::{Health, State, tls};
use wattribute_store::spool::{Receipt, Spool};

use super::config::{Address, Config};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long Carbon may take nothing.
const STUCK: Duration = Duration::from_secs(30);
/// The first pause after a failure; each one after is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A connection that lasted so long was one.
const LASTED: Duration = Duration::from_secs(5);
/// How long Carbon may take to end a connection after us.
const FAREWELL: Duration = Duration::from_secs(3);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Carbon, and how it is.
pub struct Carbon {
    address: Address,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    resend: Duration,
    health: Health,
    was_well: Option<bool>,
}

impl Carbon {
    /// Carbon at `address`. The error says what is wrong with the certificate or the name.
    pub fn new(address: Address, config: &Config, health: Health) -> Result<Self, String> {
        let tls = if config.tls {
            let name = ServerName::try_from(address.host.clone());
            let name = name.map_err(|_| format!("`{}` is no name that a certificate can have", address.host))?;
            Some((TlsConnector::from(tls::client_config(config.ca_file.as_deref())?), name))
        } else {
            None
        };
        Ok(Carbon { address, tls, resend: config.resend, health, was_well: None })
    }

    /// Whether it takes a connection now; the error says why not.
    pub async fn is_there(&self) -> Result<(), String> {
        self.connect().await.map(drop)
    }

    /// Brings what waits, and what comes, until it is told to stop.
    pub async fn deliver(mut self, spool: Arc<Spool>, shutdown: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let mut sent = Sent::default();
        while !shutdown.is_cancelled() {
            let since = Instant::now();
            let ended = match self.connect().await {
                Ok(stream) => {
                    self.is_well(&spool);
                    let (read, write) = tokio::io::split(stream);
                    let conversation = Conversation { read, write, spool: &spool, resend: self.resend, sent: &mut sent };
                    conversation.hold(&shutdown).await
                }
                Err(wrong) => Err(wrong),
            };
            match ended {
                Ok(End::ToBegin) => continue,
                Ok(End::ToStop) => return,
                Err(wrong) => self.is_away(&wrong, &spool),
            }
            // All that is not done is sent again.
            sent = Sent::default();
            if since.elapsed() > LASTED {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.cancelled() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, String> {
        let connecting = async {
            let tcp = TcpStream::connect((self.address.host.as_str(), self.address.port)).await?;
            tcp.set_nodelay(true)?;
            let stream: Box<dyn Stream> = match &self.tls {
                Some((connector, name)) => Box::new(connector.connect(name.clone(), tcp).await?),
                None => Box::new(tcp),
            };
            Ok::<_, std::io::Error>(stream)
        };
        match timeout(CONNECT, connecting).await {
            Ok(connected) => connected.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", CONNECT.as_secs())),
        }
    }

    fn is_well(&mut self, spool: &Spool) {
        if self.was_well == Some(false) {
            tracing::info!(waiting = spool.fill().batches, "Carbon is back; what waited is sent");
        }
        self.was_well = Some(true);
        self.health.set(super::DEPENDENCY, State::Ok);
    }

    fn is_away(&mut self, wrong: &str, spool: &Spool) {
        let Address { host, port } = &self.address;
        let fill = spool.fill();
        let dropped = if fill.dropped > 0 { format!(", {} were dropped", fill.dropped) } else { String::new() };
        let text = format!(
            "Carbon at {host}:{port} takes nothing ({wrong}); {} batches wait on disk{dropped}. [graphite] address names its plaintext port",
            fill.batches
        );
        if self.was_well != Some(false) {
            tracing::warn!("{text}");
        }
        self.was_well = Some(false);
        self.health.set(super::DEPENDENCY, State::Degraded(text));
    }
}

/// What was sent and is not done, over connections that Carbon ended because we did.
#[derive(Default)]
struct Sent {
    /// When, and what.
    waiting: VecDeque<(Instant, Receipt)>,
    /// The last.
    last: Option<Receipt>,
}

/// Why a connection was ended, by us.
enum End {
    /// To begin another one: that Carbon ends it in turn is its only way to say that it read all.
    ToBegin,
    /// To stop.
    ToStop,
}

/// One connection.
struct Conversation<'a, S> {
    read: ReadHalf<S>,
    write: WriteHalf<S>,
    spool: &'a Arc<Spool>,
    resend: Duration,
    sent: &'a mut Sent,
}

impl<S: AsyncRead + AsyncWrite> Conversation<'_, S> {
    /// Sends what comes until that is ended; the error says why it broke.
    async fn hold(mut self, shutdown: &CancellationToken) -> Result<End, String> {
        // Carbon has read it, has had it for long, and is there.
        let mut done = None;
        while let Some((_, receipt)) = self.sent.waiting.pop_front_if(|(at, _)| at.elapsed() >= self.resend) {
            done = Some(receipt);
        }
        done_to(self.spool, done).await?;
        loop {
            let last = self.sent.last;
            let next = self.spool.apart(move |spool| last.map_or_else(|| spool.next(), |last| spool.after(last))).await;
            if let Some(parcel) = next.map_err(|error| error.to_string())? {
                self.send(&parcel.bytes).await?;
                self.sent.last = Some(parcel.receipt);
                self.sent.waiting.push_back((Instant::now(), parcel.receipt));
                continue;
            }
            let ends = self.sent.waiting.front().map(|(at, _)| *at + 2 * self.resend);
            let end_is_due = async {
                match ends {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.spool.came() => {}
                ended = end(&mut self.read) => return Err(ended),
                () = end_is_due => {
                    // One that does not end it is believed where the next connection comes about.
                    self.take_leave().await?;
                    return Ok(End::ToBegin);
                }
                () = shutdown.cancelled() => {
                    if self.take_leave().await == Ok(true) {
                        let last = self.sent.waiting.back().map(|(_, receipt)| *receipt);
                        done_to(self.spool, last).await?;
                    }
                    return Ok(End::ToStop);
                }
            }
        }
    }

    async fn send(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            let wrote = tokio::select! {
                wrote = timeout(STUCK, self.write.write(bytes)) => wrote,
                ended = end(&mut self.read) => return Err(ended),
            };
            match wrote {
                Ok(Ok(0)) => return Err("it takes no more".to_owned()),
                Ok(Ok(count)) => bytes = &bytes[count..],
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err(format!("it took nothing for {} s", STUCK.as_secs())),
            }
        }
        self.write.flush().await.map_err(|error| error.to_string())
    }

    /// Says that nothing more comes. Whether Carbon ends the connection in turn, which it does when it has read all.
    async fn take_leave(&mut self) -> Result<bool, String> {
        let leaving = async {
            self.write.shutdown().await.map_err(|error| error.to_string())?;
            let mut rest = [0; 256];
            loop {
                match self.read.read(&mut rest).await {
                    Ok(0) => return Ok(true),
                    Ok(_) => {}
                    // Many end an encrypted connection without a word.
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(true),
                    Err(error) => return Err(error.to_string()),
                }
            }
        };
        timeout(FAREWELL, leaving).await.unwrap_or(Ok(false))
    }
}

async fn done_to(spool: &Arc<Spool>, last: Option<Receipt>) -> Result<(), String> {
    match last {
        Some(last) => spool.apart(move |spool| spool.done_to(last)).await.map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// Waits until Carbon ends the connection: it never says anything.
async fn end<S: AsyncRead + AsyncWrite>(read: &mut ReadHalf<S>) -> String {
    let mut nothing = [0; 256];
    loop {
        match read.read(&mut nothing).await {
            Ok(0) => return "it closed the connection".to_owned(),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
