#![doc = include_str!("README.md")]

mod calibrate;
mod counter;
mod door;
mod power;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::mpsc;
use wattribute_domain::{Quantity, Role, SeriesInfo, device_name};
use wattribute_service::mqtt::{self, Message};
use wattribute_store::Store;

use self::calibrate::{calibration, counter};
use self::counter::{Counter, Outcome, Rate};
use self::door::{Doorplate, Post};
use self::wire::Said;
use super::broker::{Broker, Heard, wrong_filter};
use super::web::Ticks;
use super::{Adapter, AdapterError, Event, Listening, Register, Told, now_ms};

pub use self::calibrate::{Calibrated, Calibration, Hint, calibrate};
pub use self::counter::How;
pub use self::door::{Door, PulseReading, Taken, routes};

/// The adapter's name, and the source of its series.
pub const NAME: &str = "pulse";

/// Pulses of one kWh where nobody said.
const USUAL: f64 = 1000.0;
/// How often it is looked whether the owner calibrated, and whether a meter fell silent.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One `[[pulse]]`: a device that counts the pulses of a meter.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it is called.
    pub name: String,
    /// Its own token, which lets it push and nothing else; it is never shown.
    pub token: Option<SecretString>,
    /// File that holds the token, instead of `token`.
    pub token_file: Option<PathBuf>,
    /// Topic on which it publishes the same as it would push.
    pub topic: Option<String>,
    /// Pulses of one kWh, as they stand on the meter; 1000 unless said.
    pub pulses_per_kwh: Option<f64>,
    /// What the meter showed when the counter stood at zero, kWh.
    pub meter_reading_kwh: Option<f64>,
    /// What it is in the home.
    pub role: Option<Role>,
    /// A meter that said nothing for so long is away.
    #[serde(with = "humantime_serde")]
    pub silent_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name: "meter".to_owned(),
            token: None,
            token_file: None,
            topic: None,
            pulses_per_kwh: None,
            meter_reading_kwh: None,
            role: Some(Role::WholeHouse),
            silent_after: Duration::from_secs(300),
        }
    }
}

impl Config {
    /// Its token, from wherever it stands, where all of it is right. The error says what would be.
    pub(super) fn check(&self, broker: &mqtt::Config) -> Result<Option<SecretString>, AdapterError> {
        let wrong = |why: String| Err(AdapterError::Unsupported(format!("[[pulse]] {}: {why}", self.name)));
        if device_name(&self.name).is_empty() {
            return wrong("name: it must hold a letter or a digit".to_owned());
        }
        if self.pulses_per_kwh.is_some_and(|pulses| !calibrate::is_rate(pulses)) {
            return wrong("pulses_per_kwh: it stands on the meter, such as 1000 imp/kWh".to_owned());
        }
        if self.meter_reading_kwh.is_some_and(|kwh| !(0.0..=1e9).contains(&kwh)) {
            return wrong("meter_reading_kwh: this is no reading of a meter in kWh".to_owned());
        }
        if let Some(topic) = &self.topic {
            if topic.contains(['+', '#']) || wrong_filter(topic).is_some() {
                return wrong(format!("topic: `{topic}` is no single topic, such as home/pulse"));
            }
            if broker.url.is_none() {
                return wrong("topic: no broker is set up: set `url` in [mqtt], such as mqtt://192.168.1.2:1883".to_owned());
            }
        }
        let token = match (&self.token, &self.token_file) {
            (Some(_), Some(_)) => return wrong("both `token` and `token_file` are given; one is enough".to_owned()),
            (Some(token), None) => Some(token.clone()),
            (None, Some(file)) => match std::fs::read_to_string(file) {
                Ok(text) => Some(SecretString::from(text.trim().to_owned())),
                Err(error) => return wrong(format!("token_file: {}: {error}", file.display())),
            },
            (None, None) => None,
        };
        match token {
            Some(token) if token.expose_secret().trim().is_empty() => wrong("token: it is empty".to_owned()),
            token => Ok(token),
        }
    }
}

/// Takes what pulse meters push and publish.
pub struct Pulse {
    meters: Vec<Meter>,
    register: Register,
    door: Door,
    /// Kept so that the door's end of the line never closes.
    _sender: mpsc::Sender<Post>,
    posts: mpsc::Receiver<Post>,
    broker: Option<Broker>,
    /// Why the broker is away.
    broker_away: Option<String>,
    ticks: Ticks,
    is_told: bool,
}

struct Meter {
    config: Config,
    /// Its name, as in ids.
    name: String,
    counter: Counter,
    calibration: Option<Calibration>,
    /// What it showed last, by the store, kWh.
    known_kwh: Option<f64>,
    /// When it was heard last, or began to be listened for, ms since the epoch.
    heard_ms: i64,
    trouble: Option<String>,
}

impl Pulse {
    /// An adapter that goes on with what the store has; of meters that are described wrongly the second part says what would be right. `door`
    /// is where they push.
    pub async fn new(
        configs: &[Config],
        door: &Door,
        broker: &mqtt::Config,
        store: &dyn Store,
    ) -> wattribute_store::Result<(Self, Vec<AdapterError>)> {
        let (mut meters, mut plates, mut tokens, mut wrong) = (Vec::<Meter>::new(), Vec::new(), Vec::new(), Vec::new());
        let series = store.series().await?;
        let latest = store.latest().await?;
        for config in configs {
            let name = device_name(&config.name);
            let token = match config.check(broker) {
                Ok(_) if meters.iter().any(|meter| meter.name == name) => {
                    wrong.push(AdapterError::Unsupported(format!("[[pulse]] {}: another has the same name", config.name)));
                    continue;
                }
                Ok(token) => token,
                Err(error) => {
                    wrong.push(error);
                    continue;
                }
            };
            let is_its = |info: &SeriesInfo| info.source == NAME && info.identity == name && info.quantity == Quantity::EnergyImportKwh;
            let id = series.iter().find(|(_, info)| is_its(info)).map(|(id, _)| *id);
            let known_kwh = latest.iter().find(|row| Some(row.series) == id).map(|row| row.value).filter(|kwh| kwh.is_finite());
            plates.push(Doorplate::new(&name, token.as_ref()));
            tokens.extend(token);
            meters.push(Meter {
                counter: counter(store, &name).await?.unwrap_or_default(),
                calibration: None,
                known_kwh,
                heard_ms: now_ms(),
                trouble: None,
                config: config.clone(),
                name,
            });
            if let Some(meter) = meters.last_mut() {
                let made = calibration(store, &meter.name).await?;
                meter.calibrate(made);
            }
        }
        let (sender, posts) = door.listen(plates, &tokens.iter().collect::<Vec<_>>());
        let topics: Vec<String> = meters.iter().filter_map(|meter| meter.config.topic.clone()).collect();
        let known: Vec<SeriesInfo> = series.into_iter().map(|(_, info)| info).collect();
        let pulse = Pulse {
            register: Register::new(NAME, &known),
            door: door.clone(),
            _sender: sender,
            posts,
            broker: (!topics.is_empty()).then(|| Broker::new(broker, NAME, topics)),
            broker_away: None,
            ticks: Ticks::every(LOOK_EVERY),
            is_told: false,
            meters,
        };
        Ok((pulse, wrong))
    }

    /// Whether there is no meter to listen for.
    pub fn is_empty(&self) -> bool {
        self.meters.is_empty()
    }

    /// What came over HTTP.
    fn take(&mut self, post: Post) -> Vec<Event> {
        let mut out = Vec::new();
        let Some(meter) = self.meters.iter_mut().find(|meter| meter.name == post.meter) else { return out };
        if let Some(taken) = meter.hear(post.said, &post.text, post.now_ms, &mut self.register, &mut out) {
            out.push(Event::Kept(post.kept));
            // Who asked may have gone.
            let _gone = post.answer.send(taken);
        }
        out
    }

    /// What came over MQTT.
    fn hear(&mut self, message: &Message, now_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        // What the broker kept was said at some time before.
        if message.retained {
            return out;
        }
        let said = wire::read(&message.payload, now_ms);
        let device = said.as_ref().ok().and_then(|said| said.device.as_deref()).map(device_name);
        let on_it = |meter: &&mut Meter| meter.config.topic.as_deref() == Some(&message.topic);
        let mut listeners: Vec<&mut Meter> = self.meters.iter_mut().filter(on_it).collect();
        let at = listeners.iter().position(|meter| Some(&meter.name) == device.as_ref()).unwrap_or(0);
        if let Some(meter) = listeners.get_mut(at) {
            meter.hear(said, &wire::masked(&message.payload), now_ms, &mut self.register, &mut out);
        }
        out
    }

    /// Looks for calibrations, and for who fell silent; `None` where nothing is new.
    async fn look(&mut self) -> Option<Vec<Event>> {
        let (mut out, mut is_new) = (Vec::new(), false);
        if let Some(store) = self.door.store() {
            for meter in &mut self.meters {
                // A store that cannot be read now is told by who writes to it.
                let Ok(made) = calibration(&*store, &meter.name).await else { break };
                if meter.calibrate(made) {
                    let (key, text) = calibrate::document(&meter.name, &meter.counter);
                    out.push(Event::Document { key, text });
                }
            }
        }
        let now_ms = now_ms();
        for meter in &mut self.meters {
            is_new |= meter.look(now_ms, &mut self.register, &mut out);
        }
        (is_new || !out.is_empty()).then_some(out)
    }
}

impl Meter {
    fn rate(&self) -> Rate {
        let calibrated = self.calibration.as_ref().and_then(|made| made.pulses_per_kwh);
        let Config { pulses_per_kwh, meter_reading_kwh, .. } = &self.config;
        Rate {
            pulses_per_kwh: calibrated.or(*pulses_per_kwh).unwrap_or(USUAL),
            base_kwh: *meter_reading_kwh,
            counts_pulses: self.calibration.is_some() || pulses_per_kwh.is_some() || meter_reading_kwh.is_some(),
        }
    }

    /// Takes up a calibration; whether it is a new one.
    fn calibrate(&mut self, made: Option<Calibration>) -> bool {
        if made.is_none() || self.calibration == made {
            return false;
        }
        self.calibration = made;
        let rate = self.rate();
        match &self.calibration {
            Some(made) if self.counter.calibrated_at_ms != Some(made.at_ms) => {
                self.counter.calibrate(made.at_ms, made.meter_reading_kwh, made.pulses, rate);
                true
            }
            _ => false,
        }
    }

    fn hear(
        &mut self,
        said: Result<Said, String>,
        text: &str,
        now_ms: i64,
        register: &mut Register,
        out: &mut Vec<Event>,
    ) -> Option<Taken> {
        let said = match said {
            Ok(said) => said,
            Err(why) => {
                metrics::counter!("wattribute_bad_payloads_total", "adapter" => NAME).increment(1);
                self.trouble = Some(format!("what it says makes no sense: {why}"));
                return None;
            }
        };
        (self.trouble, self.heard_ms) = (None, now_ms);
        let (at_ms, rate) = (said.at_ms.unwrap_or(now_ms), self.rate());
        let Outcome { how, energy_kwh, power_w, pulses } = self.counter.hear(&said, at_ms, rate, self.known_kwh);
        let told = Told { role: self.config.role, ..Told::by(&self.name, &self.config.name) };
        let told = told.with(Quantity::PowerW, power_w).with(Quantity::EnergyImportKwh, energy_kwh);
        register.say_all(&[told], text, at_ms, out);
        let (key, text) = calibrate::document(&self.name, &self.counter);
        out.push(Event::Document { key, text });
        Some(Taken {
            meter: format!("{NAME}/{}", self.name),
            at_ms,
            counter: how,
            pulses_counted: pulses,
            pulses_per_kwh: rate.pulses_per_kwh,
            energy_import_kwh: energy_kwh,
            power_w,
            note: said.note,
        })
    }

    /// Notes where it fell silent; whether that is news.
    fn look(&mut self, now_ms: i64, register: &mut Register, out: &mut Vec<Event>) -> bool {
        let quiet = Duration::from_millis(u64::try_from(now_ms - self.heard_ms).unwrap_or(0));
        if quiet < self.config.silent_after {
            return false;
        }
        register.silence(&self.name, now_ms, out);
        let after = humantime_serde::re::humantime::format_duration(self.config.silent_after);
        let how = match &self.config.topic {
            Some(topic) => format!("publishes on {topic}"),
            None => format!("pushes to /push/pulse/{} of this service with its token", self.name),
        };
        let why = format!("it has said nothing for {after}: see that it has power and Wi-Fi, and {how}");
        let is_new = self.trouble.as_ref() != Some(&why);
        self.trouble = Some(why);
        is_new
    }
}

#[async_trait]
impl Adapter for Pulse {
    fn name(&self) -> &str {
        NAME
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        // It listens from here on, whoever speaks first.
        if !std::mem::replace(&mut self.is_told, true) {
            return Ok(Vec::new());
        }
        loop {
            let Pulse { broker, posts, ticks, .. } = self;
            let heard = async {
                match broker {
                    Some(broker) => broker.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(post) = posts.recv() => return Ok(self.take(post)),
                heard = heard => {
                    self.broker_away = heard.as_ref().err().map(ToString::to_string);
                    return Ok(match heard {
                        Ok(Heard::Message(message)) => self.hear(&message, now_ms()),
                        // HTTP goes on without the broker.
                        Ok(Heard::Connected) | Err(_) => Vec::new(),
                    });
                }
                () = ticks.next() => {
                    if let Some(events) = self.look().await {
                        return Ok(events);
                    }
                }
            }
        }
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        let trouble = |meter: &Meter| {
            let away = self.broker_away.clone().filter(|_| meter.config.topic.is_some());
            Some((meter.name.clone(), meter.trouble.clone().or(away)?))
        };
        self.meters.iter().filter_map(trouble).collect()
    }

    fn listens(&self) -> Option<Listening> {
        self.broker.as_ref().map(Broker::listening)
    }
}
