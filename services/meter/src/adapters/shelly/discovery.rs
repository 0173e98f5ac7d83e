//! Looking for devices on this network: `_shelly._tcp` of the second generation and later, `_http._tcp` of all.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use mdns_sd::{IfKind, ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::ask::{self, Asking, Manner};
use super::names::Book;
use super::{Config, NAME};
use crate::adapters::{AdapterError, Found, Speaker};

/// What Shellies are called by in mDNS.
const SERVICES: [&str; 2] = ["_shelly._tcp.local.", "_http._tcp.local."];
/// The port of mDNS.
pub(super) const MDNS: u16 = mdns_sd::MDNS_PORT;
/// Begins of ids of Shellies.
const IDS: &str = "shelly";

/// Where a device is, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its id in small letters, such as `shellyplus1pm-aabbccddeeff`.
    pub id: String,
    /// Its address, with the port where that is not 80.
    pub address: String,
}

/// Who announced a service: nothing where that is no Shelly, or where it has no address of the fourth version. Devices by other makers with
/// Shelly inside have ids of their own, and announce Shelly's service.
pub(super) fn place(fullname: &str, addresses: &[std::net::Ipv4Addr], port: u16) -> Option<Place> {
    let id = fullname.split("._").next()?.to_ascii_lowercase();
    let is_one = id.starts_with(IDS) || fullname.ends_with("._shelly._tcp.local.");
    let address = addresses.iter().min().filter(|_| is_one && port > 0)?;
    Some(Place { id, address: if port == 80 { address.to_string() } else { format!("{address}:{port}") } })
}

fn place_of(service: &ResolvedService) -> Option<Place> {
    let addresses: Vec<_> = service.get_addresses_v4().into_iter().collect();
    place(service.get_fullname(), &addresses, service.get_port())
}

/// Hears announcements until it is dropped.
struct Browser {
    daemon: ServiceDaemon,
    places: mpsc::Receiver<Place>,
    _listening: tokio::task::JoinSet<()>,
}

impl Browser {
    fn new(port: u16) -> Result<Self, AdapterError> {
        let failed = |error: mdns_sd::Error| AdapterError::Unreachable(format!("this network cannot be searched (mDNS): {error}"));
        let daemon = ServiceDaemon::new_with_port(port).map_err(failed)?;
        if port != MDNS {
            // A made-up network of one machine.
            daemon.disable_interface(IfKind::All).map_err(failed)?;
            daemon.enable_interface(IfKind::LoopbackV4).map_err(failed)?;
        }
        let (sender, places) = mpsc::channel(64);
        let mut listening = tokio::task::JoinSet::new();
        for service in SERVICES {
            let (events, sender) = (daemon.browse(service).map_err(failed)?, sender.clone());
            listening.spawn(async move {
                while let Ok(event) = events.recv_async().await {
                    if let ServiceEvent::ServiceResolved(service) = event
                        && let Some(place) = place_of(&service)
                        && sender.send(place).await.is_err()
                    {
                        return;
                    }
                }
            });
        }
        Ok(Browser { daemon, places, _listening: listening })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _its_thread_ends_anyway = self.daemon.shutdown();
    }
}

/// Looks for devices until the speaker's fleet ends, and reads each that is not read otherwise.
pub(super) async fn look(speaker: Speaker, port: u16, hosts: Vec<String>, manner: Manner, book: Book) {
    let mut browser = loop {
        match Browser::new(port) {
            Ok(browser) => break browser,
            Err(error) => {
                speaker.trouble(error.to_string()).await;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
    };
    speaker.told(Vec::new(), "").await;
    let mut known: HashMap<String, watch::Sender<String>> = HashMap::new();
    while let Some(Place { id, address }) = browser.places.recv().await {
        if hosts.iter().any(|host| host.trim() == address) {
            continue;
        }
        match known.get(&id) {
            Some(moves) => drop(moves.send_if_modified(|before| std::mem::replace(before, address.clone()) != address)),
            None => {
                let (moves, place) = watch::channel(address);
                let (manner, book) = (manner.clone(), book.clone());
                speaker.also(&id, |speaker| ask::read(speaker, place, manner, book, true)).await;
                known.insert(id, moves);
            }
        }
    }
}

/// The Shellies that answer on this network within `wait`, and those at the `hosts` of the settings.
pub async fn discover(config: &Config, wait: Duration) -> Result<Vec<Found>, AdapterError> {
    discover_at(MDNS, config, wait).await
}

/// [`discover`] where mDNS is spoken at another port.
pub(super) async fn discover_at(port: u16, config: &Config, wait: Duration) -> Result<Vec<Found>, AdapterError> {
    let mut addresses: BTreeMap<String, String> = config.hosts.iter().map(|host| (host.clone(), host.trim().to_owned())).collect();
    let until = Instant::now() + wait;
    let mut browser = Browser::new(port)?;
    while let Ok(Some(place)) = timeout_at(until, browser.places.recv()).await {
        addresses.insert(place.id, place.address);
    }
    drop(browser);
    ask_all(addresses.into_values().collect(), config).await
}

/// Who answers at these addresses; where nobody does nothing is found.
pub(super) async fn ask_all(addresses: Vec<String>, config: &Config) -> Result<Vec<Found>, AdapterError> {
    let mut asking = tokio::task::JoinSet::new();
    for address in addresses {
        let manner = config.manner();
        asking.spawn(async move { found(&address, &manner).await });
    }
    let mut all: Vec<Found> = asking.join_all().await.into_iter().flatten().collect();
    all.sort_by(|a, b| a.identity.cmp(&b.identity));
    all.dedup_by(|a, b| a.identity == b.identity);
    Ok(all)
}

async fn found(address: &str, manner: &Manner) -> Option<Found> {
    let who = Asking::new(address, manner).ok()?.who().await.ok()?;
    let note =
        (who.wants_password && manner.login.password.is_none()).then(|| "It wants a password: set `password` in [shelly].".to_owned());
    Some(Found {
        kind: NAME,
        name: who.name.unwrap_or(who.id),
        model: who.model,
        address: address.to_owned(),
        identity: who.mac,
        config: format!("[shelly]\nhosts = [\"{address}\"]\n"),
        note,
    })
}
