//! Keeps devices read: a task for each, and one that looks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use wattribute_domain::SeriesInfo;

use super::discovery::{self, Answered};
use super::find::is_of;
use super::link::{Link, Manner};
use super::place::Place;
use super::read::{Known, Reading, read};
use super::{Config, Trouble, http};
use crate::adapters::AdapterError;
use crate::adapters::fleet::{Fleet, Speaker};

/// How long a device that does not let us in is left alone: some let nobody in for a while after several attempts.
const LEFT_ALONE: Duration = Duration::from_secs(600);
/// The longest time between two attempts at a device that is away.
const RARELY: Duration = Duration::from_secs(60);
/// The least time between two searches.
const SOON: Duration = Duration::from_secs(20);
/// How often another device may answer at its address before it takes its place.
const STRANGERS: u32 = 4;
/// How long answers to a question to all are waited for.
const HEARD: Duration = Duration::from_secs(3);
/// The task that looks for devices, by its name among them.
const SEARCH: &str = "discovery";

/// An adapter of the devices of `[kasa]` or `[tapo]`, which is `name`.
pub(in crate::adapters) fn fleet(name: &'static str, config: &Config, known: &[SeriesInfo]) -> Result<Fleet, AdapterError> {
    let (hosts, networks) = config.places(name).map_err(AdapterError::Unsupported)?;
    let client = http::client().map_err(|why| AdapterError::Unsupported(format!("[{name}] {why}")))?;
    let manner = Manner { client, credentials: config.credentials(), timeout: config.timeout.max(Duration::from_millis(10)) };
    let remembered = known.iter().filter(|info| info.source == name).filter_map(|info| info.identity.split('/').next()).map(str::to_owned);
    let shared = Arc::new(Shared {
        name,
        config: config.clone(),
        manner,
        networks,
        remembered: remembered.collect(),
        kept: Mutex::default(),
        never_heard: Mutex::default(),
        missed: Notify::new(),
    });
    let mut fleet = Fleet::new(name, known);
    for host in hosts {
        let shared = shared.clone();
        fleet.add(&host.to_string(), |speaker| keep(shared, speaker, host.clone(), None));
    }
    if !shared.networks.is_empty() {
        fleet.add(SEARCH, |speaker| look(shared, speaker));
    }
    Ok(fleet)
}

/// What all tasks of a source know.
struct Shared {
    name: &'static str,
    config: Config,
    manner: Manner,
    networks: Vec<Place>,
    /// Devices that the store has series of, by identity.
    remembered: BTreeSet<String>,
    /// Tasks whose devices have not answered yet: of a device that has another address since the last start its MAC is not known.
    never_heard: Mutex<BTreeSet<String>>,
    /// Devices that are kept, by identity.
    kept: Mutex<BTreeMap<String, Kept>>,
    /// Somebody misses a device.
    missed: Notify,
}

/// A device that is kept.
#[derive(Default)]
struct Kept {
    /// The task that reads it.
    by: String,
    /// Whether it is away.
    is_missed: bool,
    /// Where it was seen last, where that is news.
    seen: Option<Answered>,
    /// It was seen.
    found: Arc<Notify>,
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a task reads a device; `false` where another does already.
    fn claim(&self, identity: &str, task: &str) -> bool {
        let mut kept = self.kept();
        let known = kept.entry(identity.to_owned()).or_insert_with(|| Kept { by: task.to_owned(), ..Kept::default() });
        if known.by != task {
            return false;
        }
        (known.is_missed, known.seen) = (false, None);
        self.never_heard().remove(task);
        true
    }

    /// Notes that a device is read no more.
    fn release(&self, identity: &str) {
        self.kept().remove(identity);
    }

    /// Notes that a device is away.
    fn miss(&self, identity: &str) -> Option<Arc<Notify>> {
        let mut kept = self.kept();
        let known = kept.get_mut(identity)?;
        known.is_missed = true;
        self.missed.notify_one();
        Some(known.found.clone())
    }

    /// Where a device that is away was seen since.
    fn seen(&self, identity: &str) -> Option<Answered> {
        self.kept().get_mut(identity)?.seen.take()
    }

    fn misses_any(&self) -> bool {
        self.kept().values().any(|kept| kept.is_missed) || self.misses_one_of_before()
    }

    /// Whether a device that was read before the last start may be elsewhere now.
    fn misses_one_of_before(&self) -> bool {
        let is_unread = |identity: &String| !self.kept().contains_key(identity);
        !self.never_heard().is_empty() && self.remembered.iter().any(is_unread)
    }

    fn never_heard(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.never_heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads one device for ever: at `place`, and wherever else it is found later.
async fn keep(shared: Arc<Shared>, speaker: Speaker, mut place: Place, mut hint: Option<Answered>) {
    let task = speaker.device().to_owned();
    let every = shared.config.every.max(Duration::from_millis(100));
    let (mut link, mut known, mut identity): (Option<Link>, Known, Option<String>) = (None, Known::default(), None);
    let (mut name, mut failures, mut strangers, mut next) = (String::new(), 0_u32, 0, Instant::now());
    loop {
        sleep_until(next).await;
        let before = link.as_ref().map(Link::known);
        let mut said = attempt(&shared.manner, &place, &mut link, &mut known, hint.take()).await;
        // One answer that is lost on the air is no absence.
        if failures == 0 && identity.is_some() && matches!(said, Err(Trouble::Away(_) | Trouble::Slow(_))) {
            link = None;
            said = attempt(&shared.manner, &place, &mut link, &mut known, before).await;
        }
        let trouble = match said {
            // Somebody else has its address now. It is looked for; where it stays away, the owner has replaced it.
            Ok(reading) if identity.as_ref().is_some_and(|identity| *identity != reading.device.identity) && strangers < STRANGERS => {
                strangers += 1;
                Trouble::Away(format!(
                    "{place} is another device now, {} ({}); it is looked for",
                    reading.device.name, reading.device.identity
                ))
            }
            Ok(reading) => {
                if let Some(before) = identity.take_if(|identity| *identity != reading.device.identity) {
                    shared.release(&before);
                }
                if !shared.claim(&reading.device.identity, &task) {
                    tracing::info!("{}: {place} is a device that is read already, {}", shared.name, reading.device.name);
                    return;
                }
                strangers = 0;
                if reading.device.name != name {
                    name.clone_from(&reading.device.name);
                    speaker.named(name.clone()).await;
                }
                identity = Some(reading.device.identity);
                failures = 0;
                speaker.told(reading.device.told, reading.text).await;
                next = (next + every).max(Instant::now());
                continue;
            }
            Err(trouble) => trouble,
        };
        link = None;
        failures = failures.saturating_add(1);
        speaker.trouble(trouble.why()).await;
        let wait = match trouble {
            Trouble::Refused(_) => LEFT_ALONE,
            _ => (every * 2_u32.saturating_pow(failures.min(6) - 1)).min(RARELY.max(every)),
        };
        // One that refuses us is not missed.
        let missed = identity.as_deref().filter(|_| !matches!(trouble, Trouble::Refused(_)));
        match (missed.and_then(|identity| shared.miss(identity)), &identity) {
            (Some(found), Some(identity)) => {
                tokio::select! {
                    () = sleep(wait) => {}
                    () = found.notified() => {}
                }
                if let Some(answered) = shared.seen(identity) {
                    place = answered.place.clone();
                    hint = Some(answered);
                }
            }
            _ => {
                if identity.is_none() && !matches!(trouble, Trouble::Refused(_)) && shared.never_heard().insert(task.clone()) {
                    shared.missed.notify_one();
                }
                sleep(wait).await;
            }
        }
        next = Instant::now();
    }
}

/// Reads a device once, on a connection that is opened where there is none.
async fn attempt(
    manner: &Manner,
    place: &Place,
    link: &mut Option<Link>,
    known: &mut Known,
    hint: Option<Answered>,
) -> Result<Reading, Trouble> {
    let link = match link {
        Some(link) => link,
        None => {
            *known = Known::default();
            link.insert(Link::open(manner, place, hint.as_ref()).await?)
        }
    };
    read(link, known).await
}

/// Looks for devices now and then, and soon when one is missed: for new ones where that is wanted, and for those that are elsewhere now.
async fn look(shared: Arc<Shared>, speaker: Speaker) {
    let hosts: BTreeSet<String> = shared.config.hosts.iter().filter_map(|host| Some(Place::parse(host).ok()?.to_string())).collect();
    let every = shared.config.rediscover.max(Duration::from_millis(100));
    loop {
        let begin = Instant::now();
        if shared.config.discover || shared.misses_any() {
            match discovery::search(&shared.networks, HEARD.min(every)).await {
                Ok(found) => {
                    for one in found {
                        meet(&shared, &speaker, &hosts, one).await;
                    }
                    speaker.told(Vec::new(), "").await;
                }
                Err(error) => speaker.trouble(format!("devices cannot be looked for: {error}; see `networks` in [{}]", shared.name)).await,
            }
        }
        let soonest = begin + SOON.min(every);
        tokio::select! {
            () = sleep_until(begin + if shared.misses_any() { RARELY.min(every) } else { every }) => {}
            () = shared.missed.notified() => sleep_until(soonest).await,
        }
    }
}

/// A device was seen: one that is missed is elsewhere now, a new one is read.
async fn meet(shared: &Arc<Shared>, speaker: &Speaker, hosts: &BTreeSet<String>, one: Answered) {
    let is_known = match shared.kept().get_mut(&one.identity) {
        Some(kept) if kept.is_missed => {
            kept.seen = Some(one.clone());
            kept.found.notify_one();
            true
        }
        known => known.is_some(),
    };
    let is_wanted = shared.config.discover && is_of(shared.name, &one);
    let was_read_before = shared.remembered.contains(&one.identity) && shared.misses_one_of_before();
    if is_known || hosts.contains(&one.place.to_string()) || !(is_wanted || was_read_before) {
        return;
    }
    let (shared, place) = (shared.clone(), one.place.clone());
    let identity = one.identity.clone();
    speaker.also(&identity, |found| keep(shared, found, place, Some(one))).await;
}
