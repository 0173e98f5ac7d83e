//! What devices broadcast: who they are, where, and what they speak.
//!
//! 3.1 in plain JSON on UDP 6666; later ones encrypted with a key that everybody knows on 6667, in frames of either kind or in none; newer ones of 3.5
//! only when they are asked on 7000, where they answer (tinytuya's `PROTOCOL.md` and `scanner.py`).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::NAME;
use super::codec::{Version, coded, sealed, unsealed};
use super::crypto::{Key, random};
use super::frame::{Frame, command};
use crate::adapters::AdapterError;
use crate::adapters::discover::Found;
use crate::adapters::fleet::Speaker;

/// How long after the first time devices are asked again to say who they are; each later wait is twice as long, up to [`ASK_AT_LEAST`].
const ASK_AGAIN: Duration = Duration::from_secs(5);
const ASK_AT_LEAST: Duration = Duration::from_secs(300);
/// How often it is tried again to listen.
const LISTEN_AGAIN: Duration = Duration::from_secs(60);

/// Where broadcasts are heard, and where devices answer.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// UDP, in plain text.
    pub plain: u16,
    /// UDP, encrypted.
    pub encrypted: u16,
    /// UDP, on which devices answer apps.
    pub app: u16,
    /// Where they are asked.
    pub ask: SocketAddr,
    /// TCP of the devices.
    pub device: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Ports { plain: 6666, encrypted: 6667, app: 7000, ask: SocketAddr::from((Ipv4Addr::BROADCAST, 7000)), device: 6668 }
    }
}

/// What one device broadcasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beacon {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub ip: IpAddr,
    /// What it speaks; `None` where it says something unknown.
    pub version: Option<Version>,
    /// Its product.
    pub product: String,
}

/// The broadcast in a packet that came from `from`; `None` where it is of no device.
pub(super) fn beacon(packet: &[u8], from: IpAddr) -> Option<Beacon> {
    let key = Key::of_broadcasts();
    let mut bytes = packet.to_vec();
    let is_framed = packet.starts_with(&super::frame::PLAIN) || packet.starts_with(&super::frame::SEALED);
    let frame = if is_framed { Frame::take(&mut bytes).ok().flatten() } else { None };
    let plain = match &frame {
        Some(frame) if frame.is_sealed => coded(&unsealed(&key, frame)?, true).1.to_vec(),
        Some(frame) => {
            let body = frame.body();
            let payload = coded(body.get(..body.len().checked_sub(4)?)?, true).1;
            if payload.starts_with(b"{") { payload.to_vec() } else { key.decrypt(payload)? }
        }
        None if packet.starts_with(b"{") => packet.to_vec(),
        None => key.decrypt(packet)?,
    };
    let text = std::str::from_utf8(&plain).ok()?.trim_end_matches('\0');
    let said: Value = serde_json::from_str(text).ok()?;
    let word = |key: &str| said.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    Some(Beacon {
        id: word("gwId").or_else(|| word("devId"))?.to_owned(),
        ip: word("ip").and_then(|ip| ip.parse().ok()).unwrap_or(from),
        version: word("version").and_then(Version::of),
        product: word("productKey").unwrap_or_default().to_owned(),
    })
}

/// Who was heard last where.
pub(super) struct Heard(watch::Sender<BTreeMap<String, Beacon>>);

impl Default for Heard {
    fn default() -> Self {
        Heard(watch::channel(BTreeMap::new()).0)
    }
}

impl Heard {
    fn hear(&self, beacon: Beacon) {
        self.0.send_if_modified(|all| all.insert(beacon.id.clone(), beacon.clone()).as_ref() != Some(&beacon));
    }

    /// What a device broadcast last.
    pub fn of(&self, id: &str) -> Option<Beacon> {
        self.0.borrow().get(id).cloned()
    }

    /// Waits until a device is heard, or heard elsewhere than before.
    pub async fn other_than(&self, id: &str, before: Option<&Beacon>) -> Beacon {
        let mut all = self.0.subscribe();
        let found = all.wait_for(|all| all.get(id).is_some_and(|now| Some(now) != before)).await;
        match found.ok().and_then(|all| all.get(id).cloned()) {
            Some(beacon) => beacon,
            None => std::future::pending().await,
        }
    }
}

/// Sockets on which devices are heard.
struct Ears {
    all: Vec<UdpSocket>,
    deaf: Vec<String>,
    ask: SocketAddr,
}

impl Ears {
    async fn open(ports: Ports) -> Self {
        let mut ears = Ears { all: Vec::new(), deaf: Vec::new(), ask: ports.ask };
        for port in [ports.plain, ports.encrypted, ports.app] {
            match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).await {
                Ok(socket) => ears.all.push(socket),
                Err(error) => ears.deaf.push(format!("UDP {port} cannot be listened to: {error}")),
            }
        }
        ears
    }

    /// Why not all can be heard, and what would help.
    fn trouble(&self) -> Option<String> {
        let remedy = "another program that reads Tuya devices may run here: stop it, or give each device its `host`";
        (!self.deaf.is_empty()).then(|| format!("{}; {remedy}", self.deaf.join(", ")))
    }

    /// The next that is heard. Cancel-safe.
    async fn next(&self) -> Beacon {
        loop {
            let mut packet = [0; 2048];
            let mut waiting: Vec<_> = self.all.iter().map(|socket| Box::pin(socket.readable())).collect();
            if waiting.is_empty() {
                return std::future::pending().await;
            }
            let (_, ready, _) = futures_util::future::select_all(waiting.drain(..)).await;
            if let Some((length, from)) = self.all.get(ready).and_then(|socket| socket.try_recv_from(&mut packet).ok())
                && let Some(beacon) = beacon(&packet[..length], from.ip())
            {
                return beacon;
            }
        }
    }

    /// Asks devices to say who they are, as an app does; those that broadcast by themselves need not hear it.
    async fn ask(&self) {
        let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await else { return };
        // Where we are on the way to them; nothing is sent for that.
        let to = if self.ask.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) { SocketAddr::from(([192, 168, 255, 254], 7000)) } else { self.ask };
        let ours = match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await {
            Ok(probe) => probe.connect(to).await.ok().and_then(|()| probe.local_addr().ok()),
            Err(_) => None,
        };
        let (Some(ours), Ok(nonce)) = (ours, random()) else { return };
        let packet = question(ours.ip(), nonce);
        if socket.set_broadcast(true).is_ok() {
            // A network that takes no broadcasts has devices that are found by `host` only.
            let _ = socket.send_to(&packet, self.ask).await;
        }
    }
}

/// What asks devices to say who they are to `ours`.
pub(super) fn question(ours: IpAddr, nonce: [u8; 12]) -> Vec<u8> {
    let text = format!(r#"{{"from":"app","ip":"{ours}"}}"#);
    sealed(&Key::of_broadcasts(), nonce, 0, command::REQ_DEVINFO, None, text.as_bytes())
}

/// Listens for ever, and tells where it cannot.
pub(super) async fn listen(ports: Ports, heard: &Heard, speaker: Speaker) {
    loop {
        let ears = Ears::open(ports).await;
        match ears.trouble() {
            Some(why) => speaker.trouble(why).await,
            None => speaker.told(Vec::new(), "").await,
        }
        let end = Instant::now() + if ears.deaf.is_empty() { Duration::from_secs(86_400) } else { LISTEN_AGAIN };
        let (mut ask_at, mut ask_again) = (Instant::now(), ASK_AGAIN);
        while Instant::now() < end {
            tokio::select! {
                beacon = ears.next() => heard.hear(beacon),
                () = sleep_until(ask_at) => {
                    ears.ask().await;
                    ask_at += ask_again;
                    ask_again = (ask_again * 2).min(ASK_AT_LEAST);
                }
                () = sleep_until(end) => {}
            }
        }
    }
}

/// The devices that are heard within `wait`: most broadcast every few seconds.
pub async fn discover(ports: Ports, wait: Duration) -> Result<Vec<Found>, AdapterError> {
    let ears = Ears::open(ports).await;
    if ears.all.is_empty() {
        return Err(AdapterError::Unreachable(ears.trouble().unwrap_or_default()));
    }
    let (mut all, end) = (BTreeMap::new(), Instant::now() + wait);
    let mut ask_at = Instant::now();
    while Instant::now() < end {
        tokio::select! {
            heard = timeout_at(end, ears.next()) => if let Ok(beacon) = heard {
                all.insert(beacon.id.clone(), beacon);
            },
            () = sleep_until(ask_at) => {
                ears.ask().await;
                ask_at += Duration::from_secs(3);
            }
        }
    }
    Ok(all.into_values().map(found).collect())
}

fn found(beacon: Beacon) -> Found {
    let Beacon { id, ip, version, product } = beacon;
    let version = version.map(|version| format!("version = \"{}\"\n", version.name())).unwrap_or_default();
    // What a device says of itself must not end a text in the file.
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    Found {
        kind: NAME,
        name: String::new(),
        model: product,
        address: ip.to_string(),
        config: format!("[[tuya_device]]\nid = \"{}\"\nlocal_key = \"\"  # 16 letters\nhost = \"{ip}\"\n{version}", plain(&id)),
        note: Some(
            "its key is needed: `python -m tinytuya wizard` writes it into devices.json, which [tuya] devices_file can name".to_owned(),
        ),
        identity: id,
    }
}
