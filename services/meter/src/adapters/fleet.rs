//! Sources with many devices: each is read by a task of its own, so that one that hangs or makes no sense stops no other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use wattribute_domain::SeriesInfo;

use super::{Adapter, AdapterError, Event, Register, Told, now_ms};

/// What tasks have said that nobody heard yet, at most; past it they wait.
const UNHEARD: usize = 256;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

enum What {
    Told { told: Vec<Told>, text: String, at_ms: i64 },
    Named(String),
    Trouble { why: String, at_ms: i64 },
    Also(Task),
}

struct Said {
    device: Arc<str>,
    what: What,
}

/// By which the task of a device says what it heard; clones speak for the same device.
#[derive(Clone)]
pub struct Speaker {
    device: Arc<str>,
    sender: mpsc::Sender<Said>,
}

impl Speaker {
    /// The device it speaks for, as it was added.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The device answered just now; `text` is its answer word for word, secrets masked.
    pub async fn told(&self, told: Vec<Told>, text: impl Into<String>) {
        self.told_at(told, text, now_ms()).await;
    }

    /// The device said this at `at_ms` (ms since the epoch); `text` is its answer word for word, secrets masked.
    pub async fn told_at(&self, told: Vec<Told>, text: impl Into<String>, at_ms: i64) {
        self.say(What::Told { told, text: text.into(), at_ms }).await;
    }

    /// What people call the device, for what is said of its troubles.
    pub async fn named(&self, name: impl Into<String>) {
        self.say(What::Named(name.into())).await;
    }

    /// The device is away or makes no sense: `why`, and what would help. What it measures is not known from now on.
    pub async fn trouble(&self, why: impl Into<String>) {
        self.say(What::Trouble { why: why.into(), at_ms: now_ms() }).await;
    }

    /// There is one more device, read by the task that `begin` makes; one that is there already is passed over.
    pub async fn also<F>(&self, device: &str, begin: impl FnOnce(Speaker) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let other = Speaker { device: device.into(), sender: self.sender.clone() };
        let task: Task = Box::pin(begin(other.clone()));
        other.say(What::Also(task)).await;
    }

    async fn say(&self, what: What) {
        // Nobody hears any more only when the fleet is gone, and this task with it.
        let _ = self.sender.send(Said { device: self.device.clone(), what }).await;
    }
}

#[derive(Default)]
struct Device {
    name: Option<String>,
    identities: BTreeSet<String>,
    trouble: Option<String>,
}

/// An adapter of many devices.
pub struct Fleet {
    name: &'static str,
    register: Register,
    sender: mpsc::Sender<Said>,
    said: mpsc::Receiver<Said>,
    devices: BTreeMap<Arc<str>, Device>,
    waiting: Vec<(Arc<str>, Task)>,
    tasks: JoinSet<()>,
    running: HashMap<Id, Arc<str>>,
}

impl Fleet {
    /// Of the source `name`, with what the store knows of its series.
    pub fn new(name: &'static str, known: &[SeriesInfo]) -> Self {
        let (sender, said) = mpsc::channel(UNHEARD);
        Fleet {
            name,
            register: Register::new(name, known),
            sender,
            said,
            devices: BTreeMap::new(),
            waiting: Vec::new(),
            tasks: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    /// Adds a device, read by the task that `begin` makes; the task begins at the first [`Adapter::next`] and ends with the fleet.
    pub fn add<F>(&mut self, device: &str, begin: impl FnOnce(Speaker) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let speaker = Speaker { device: device.into(), sender: self.sender.clone() };
        let task: Task = Box::pin(begin(speaker.clone()));
        self.begin(speaker.device, task);
    }

    /// Whether no device was added.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    fn begin(&mut self, device: Arc<str>, task: Task) {
        if !self.devices.contains_key(&device) {
            self.devices.insert(device.clone(), Device::default());
            self.waiting.push((device, task));
        }
    }

    fn hear(&mut self, said: Said, out: &mut Vec<Event>) {
        let device = self.devices.entry(said.device.clone()).or_default();
        match said.what {
            What::Told { told, text, at_ms } => {
                device.trouble = None;
                device.identities.extend(told.iter().map(|told| told.identity.clone()));
                self.register.say_all(&told, &text, at_ms, out);
            }
            What::Named(name) => device.name = Some(name),
            What::Trouble { why, at_ms } => {
                device.trouble = Some(why);
                device.identities.iter().for_each(|identity| self.register.silence(identity, at_ms, out));
            }
            What::Also(task) => {
                let is_read =
                    self.running.values().chain(self.waiting.iter().map(|(waiting, _)| waiting)).any(|known| *known == said.device);
                if !is_read {
                    self.waiting.push((said.device, task));
                }
            }
        }
    }
}

#[async_trait]
impl Adapter for Fleet {
    fn name(&self) -> &str {
        self.name
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        for (device, task) in self.waiting.drain(..) {
            let id = self.tasks.spawn(task).id();
            self.running.insert(id, device);
        }
        let mut out = Vec::new();
        tokio::select! {
            // Never `None`: a sender is ours.
            said = self.said.recv() => {
                if let Some(said) = said {
                    self.hear(said, &mut out);
                }
                while let Ok(said) = self.said.try_recv() {
                    self.hear(said, &mut out);
                }
            }
            Some(ended) = self.tasks.join_next_with_id() => {
                // Its last words come before its end, or they would take the trouble back.
                while let Ok(said) = self.said.try_recv() {
                    self.hear(said, &mut out);
                }
                let id = match &ended {
                    Ok((id, ())) => *id,
                    Err(error) => error.id(),
                };
                if let (Some(device), Err(error)) = (self.running.remove(&id), ended) {
                    let why = format!("what reads it broke, which is a bug, please report it: {error}");
                    self.hear(Said { device, what: What::Trouble { why, at_ms: now_ms() } }, &mut out);
                }
            }
        }
        Ok(out)
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        let count = |name: &str| self.devices.values().filter(|device| device.name.as_deref() == Some(name)).count();
        let of = |(added, device): (&Arc<str>, &Device)| {
            let name = match &device.name {
                Some(name) if count(name) > 1 => format!("{name} ({added})"),
                Some(name) => name.clone(),
                None => added.to_string(),
            };
            device.trouble.clone().map(|why| (name, why))
        };
        self.devices.iter().filter_map(of).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use wattribute_domain::Quantity;

    use super::*;

    fn plug(id: &str, power_w: f64) -> Vec<Told> {
        vec![Told::by(id, id).with(Quantity::PowerW, Some(power_w))]
    }

    async fn values(fleet: &mut Fleet, count: usize) -> Vec<f64> {
        let mut values = Vec::new();
        while values.len() < count {
            for event in fleet.next().await.unwrap() {
                if let Event::Reading { value, .. } = event {
                    values.push(value);
                }
            }
        }
        values
    }

    #[tokio::test]
    async fn a_device_that_hangs_and_one_that_breaks_stop_no_other() {
        let mut fleet = Fleet::new("kasa", &[]);
        fleet.add("hangs", |_| std::future::pending());
        fleet.add("breaks", |speaker| async move {
            speaker.told(plug("b", 5.0), "").await;
            panic!("on purpose");
        });
        let said = values(&mut fleet, 2).await;
        assert!(said[0] == 5.0 && said[1].is_nan(), "what broke is silent after its last word: {said:?}");
        assert!(fleet.troubles()["breaks"].contains("bug"), "{:?}", fleet.troubles());
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        fleet.add("works", |speaker| async move {
            speaker.told(plug("w", 7.0), "").await;
            wait.await.unwrap();
            speaker.named("Washer").await;
            speaker.trouble("nobody answers").await;
            speaker.trouble("nobody answers").await;
            speaker.told(plug("w", 8.0), "").await;
        });
        assert_eq!(values(&mut fleet, 1).await, [7.0]);
        go.send(()).unwrap();
        let said = values(&mut fleet, 2).await;
        assert!(said[0].is_nan() && said[1] == 8.0, "silent once, then back: {said:?}");
        assert_eq!(fleet.troubles().keys().collect::<Vec<_>>(), ["breaks"]);
    }

    #[tokio::test]
    async fn a_device_that_is_found_is_read_once() {
        let mut fleet = Fleet::new("kasa", &[]);
        fleet.add("discovery", |speaker| async move {
            for _ in 0..2 {
                speaker
                    .also("plug", |plug_speaker| async move {
                        plug_speaker.told(plug("p", 1.0), "").await;
                        std::future::pending().await
                    })
                    .await;
            }
            speaker.also("other", |other| async move { other.told(plug("o", 2.0), "").await }).await;
            std::future::pending().await
        });
        let mut said = values(&mut fleet, 2).await;
        said.sort_by(f64::total_cmp);
        assert_eq!(said, [1.0, 2.0]);
    }

    #[tokio::test]
    async fn troubles_of_devices_with_one_name_are_told_apart() {
        let mut fleet = Fleet::new("kasa", &[]);
        for (address, power_w) in [("192.168.1.7", 7.0), ("192.168.1.8", 8.0)] {
            fleet.add(address, move |speaker| async move {
                speaker.named("Plug").await;
                speaker.told(plug(address, power_w), "").await;
                speaker.trouble("nobody answers").await;
                std::future::pending().await
            });
        }
        values(&mut fleet, 4).await;
        assert_eq!(fleet.troubles().keys().collect::<Vec<_>>(), ["Plug (192.168.1.7)", "Plug (192.168.1.8)"]);
    }
}
