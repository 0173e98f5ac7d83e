//! Which metrics there are, and what of the store each is read from.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;
use wattribute_domain::{DeviceProfile, Hold, HouseRecord, ProfileRecord, Quantity, Role, SeriesId, SeriesInfo, entities_of};
use wattribute_store::{Flow, Flows, OURS, Powers, Result, Store, home, house, zone};

use super::names;
use super::slots::By;

/// Where a power or a value is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Voice {
    /// A series, as it was said.
    Said(SeriesId),
    /// What a device draws by what was learned of it, W; by its level series.
    Attributed(SeriesId),
}

/// Where energy is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Drain {
    /// A counter, kWh.
    Counter(SeriesId),
    /// What a power is above 0, W.
    Drawn(Voice),
    /// What a power is below 0, W.
    Given(Voice),
}

/// A metric that is what something says.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// Its path, with the prefix.
    pub path: Arc<str>,
    /// What is added up; mostly one.
    pub voices: Vec<Voice>,
    /// What values are multiplied by.
    pub scale: f64,
    /// How values within a stretch become one.
    pub by: By,
    /// Whether it is 1 for anything but 0.
    pub is_state: bool,
    /// Whether the value is told again where nothing new was said.
    pub holds: bool,
}

impl Gauge {
    /// What voices say, as a number in their unit.
    fn of(path: String, voices: Vec<Voice>, by: By, holds: bool) -> Self {
        Gauge { path: path.into(), voices, scale: 1.0, by, is_state: false, holds }
    }

    /// Whether something is on.
    fn is_on(path: &str, level: SeriesId, holds: bool) -> Self {
        Gauge { is_state: true, ..Gauge::of(format!("{path}.is_on"), vec![Voice::Said(level)], By::Last, holds) }
    }
}

/// Energies by day, week, month and year.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// What its paths begin with.
    pub path: String,
    /// What is added (1) or taken off (-1).
    pub drains: Vec<(f64, Drain)>,
}

/// A device of which was learned what it draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributed {
    /// What was learned.
    pub profile: DeviceProfile,
    /// The modes of its level series.
    pub modes: Vec<String>,
    /// Its own power sensor, where it has one.
    pub metered: Option<SeriesId>,
    /// Before this hour its energy is kept as it was learned, ms since the epoch.
    pub learned_ms: i64,
}

/// All metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The home's time zone.
    pub zone: Tz,
    /// What is said.
    pub gauges: Vec<Gauge>,
    /// What is drawn.
    pub accounts: Vec<Account>,
    /// Devices of which something was learned, by their level series.
    pub attributed: HashMap<SeriesId, Attributed>,
    /// Counters of pulses: the document of each, and its path.
    pub pulses: Vec<(String, Arc<str>)>,
    /// Series whose values hold for a few intervals only.
    pub polled: HashSet<SeriesId>,
    /// Series that we work out ourselves.
    pub ours: HashSet<SeriesId>,
}

/// What a quantity is called; `None`: it is not exported.
fn metric(quantity: Quantity) -> Option<&'static str> {
    Some(match quantity {
        Quantity::PowerW => "power_watts",
        Quantity::PowerPhase1W => "power_phase_1_watts",
        Quantity::PowerPhase2W => "power_phase_2_watts",
        Quantity::PowerPhase3W => "power_phase_3_watts",
        Quantity::EnergyImportKwh => "total_kwh",
        Quantity::EnergyExportKwh => "export_total_kwh",
        Quantity::VoltageV => "voltage_volts",
        Quantity::CurrentA => "current_amps",
        Quantity::FrequencyHz => "frequency_hertz",
        Quantity::PowerFactor => "power_factor",
        Quantity::Level => "is_on",
        Quantity::PricePerKwh => return None,
    })
}

/// A device: its source, its name, its id, and its series.
struct Device<'a> {
    source: String,
    name: String,
    id: String,
    series: Vec<(SeriesId, &'a SeriesInfo)>,
}

impl Plan {
    /// What the store says now.
    pub async fn read(store: &dyn Store, prefix: &str) -> Result<Self> {
        let powers = Powers::read_series(store).await?;
        let home = home(store).await?;
        let flows = Flows::find(store, &home).await?;
        let house_id = powers.house(store).await?;
        let record = house(store).await?;
        let metered = record.as_ref().map(|record| record.metered.clone()).unwrap_or_default();
        let profiles = store.profiles().await?;
        let known = &powers.series;
        let learned: Vec<&ProfileRecord> = profiles.iter().filter(|record| record.counts(&profiles)).collect();

        let mut devices = devices(known);
        let own = devices.len();
        for record in &learned {
            let name = known.iter().find(|(id, _)| *id == record.series).and_then(|(_, info)| info.name.clone());
            let name = name.unwrap_or_else(|| record.profile.name.clone());
            devices.push(Device { source: OURS.to_owned(), name, id: record.profile.entity_id.clone(), series: Vec::new() });
        }
        let plugs = record.map(|record| plugs(&powers, &record, &learned)).unwrap_or_default();
        for (id, info) in &plugs {
            let id = (*id, *info);
            devices.push(Device { source: OURS.to_owned(), name: info.label().to_owned(), id: info.entity_id(), series: vec![id] });
        }
        let named: Vec<_> = devices.iter().map(|d| (d.source.clone(), d.name.clone(), d.id.clone())).collect();
        let paths = names::paths(&named).into_iter().map(|path| format!("{prefix}.{path}"));
        let paths: Vec<String> = paths.collect();

        let mut plan = Plan {
            zone: zone(&home),
            gauges: Vec::new(),
            accounts: Vec::new(),
            attributed: HashMap::new(),
            pulses: Vec::new(),
            polled: known.iter().filter(|(_, info)| info.hold == Hold::Intervals).map(|(id, _)| *id).collect(),
            ours: known.iter().filter(|(_, info)| info.source == OURS).map(|(id, _)| *id).collect(),
        };
        for (device, path) in devices.iter().zip(&paths).take(own) {
            plan.add_device(device, path);
        }
        plan.add_pulses(prefix, &devices[..own], &paths);
        for (record, path) in learned.iter().zip(&paths[own..]) {
            plan.add_attributed(record, path, known, metered.get(&record.series).copied());
        }
        for ((id, info), path) in plugs.iter().zip(&paths[own + learned.len()..]) {
            plan.add_plug((*id, info), path, known);
        }
        plan.add_house(prefix, house_id, &flows, &powers);
        Ok(plan)
    }

    fn holds(&self, id: SeriesId) -> bool {
        !self.polled.contains(&id)
    }

    fn add_device(&mut self, device: &Device, path: &str) {
        for &(id, info) in &device.series {
            let Some(metric) = metric(info.quantity) else { continue };
            let gauge = |by| Gauge::of(format!("{path}.{metric}"), vec![Voice::Said(id)], by, self.holds(id));
            self.gauges.push(match info.quantity {
                Quantity::Level => Gauge::is_on(path, id, self.holds(id)),
                Quantity::EnergyImportKwh | Quantity::EnergyExportKwh => gauge(By::Last),
                _ => gauge(By::Mean),
            });
        }
        let of = |quantity| device.series.iter().find(|(_, info)| info.quantity == quantity).map(|(id, _)| *id);
        let counter = of(Quantity::EnergyImportKwh).map(Drain::Counter);
        let drain = counter.or_else(|| of(Quantity::PowerW).map(|id| Drain::Drawn(Voice::Said(id))));
        self.accounts.extend(drain.map(|drain| Account { path: path.to_owned(), drains: vec![(1.0, drain)] }));
    }

    /// What meters counted, which the source of pulses keeps in a document of each.
    fn add_pulses(&mut self, prefix: &str, devices: &[Device], paths: &[String]) {
        let first = |device: &Device| device.series.first().map(|(_, info)| *info).filter(|info| info.source == "pulse").cloned();
        let counters: Vec<(SeriesInfo, &String)> =
            devices.iter().zip(paths).filter_map(|(device, path)| Some((first(device)?, path))).collect();
        let document = |info: &SeriesInfo| format!("pulse_counter:{}", info.identity);
        for (info, path) in &counters {
            self.pulses.push((document(info), format!("{path}.pulse_count").into()));
        }
        let mut house = counters.iter().filter(|(info, _)| info.role == Some(Role::WholeHouse));
        if let (Some((info, _)), None) = (house.next(), house.next()) {
            self.pulses.push((document(info), format!("{prefix}.meter.pulse_count").into()));
        }
    }

    fn add_attributed(&mut self, record: &ProfileRecord, path: &str, known: &[(SeriesId, SeriesInfo)], metered: Option<SeriesId>) {
        let id = record.series;
        let modes = known.iter().find(|(series, _)| *series == id).map(|(_, info)| info.modes.clone()).unwrap_or_default();
        let learned_ms = record.learned_at_ms.div_euclid(3_600_000) * 3_600_000;
        self.attributed.insert(id, Attributed { profile: record.profile.clone(), modes, metered, learned_ms });
        self.gauges.push(Gauge::of(format!("{path}.power_watts"), vec![Voice::Attributed(id)], By::Mean, true));
        self.gauges.push(Gauge::is_on(path, id, true));
        self.accounts.push(Account { path: path.to_owned(), drains: vec![(1.0, Drain::Drawn(Voice::Attributed(id)))] });
    }

    /// A plug of which nothing was learned, since nothing switches it: what it measures is what it draws.
    fn add_plug(&mut self, (id, info): (SeriesId, &SeriesInfo), path: &str, known: &[(SeriesId, SeriesInfo)]) {
        let of_it = |quantity| {
            let same = |other: &SeriesInfo| other.quantity == quantity && other.source == info.source && other.identity == info.identity;
            known.iter().find(|(_, other)| same(other)).map(|(id, _)| *id)
        };
        self.gauges.push(Gauge::of(format!("{path}.power_watts"), vec![Voice::Said(id)], By::Mean, self.holds(id)));
        if let Some(level) = of_it(Quantity::Level) {
            self.gauges.push(Gauge::is_on(path, level, self.holds(level)));
        }
        let drain = of_it(Quantity::EnergyImportKwh).map_or(Drain::Drawn(Voice::Said(id)), Drain::Counter);
        self.accounts.push(Account { path: path.to_owned(), drains: vec![(1.0, drain)] });
    }

    /// The whole house: its meter, or the sum of its devices.
    fn add_house(&mut self, prefix: &str, house: Option<SeriesId>, flows: &Flows, powers: &Powers) {
        let path = format!("{prefix}.aggregate");
        let Some(house) = house else {
            let parts: Vec<_> = powers.circuits().map(|(id, info)| (*id, info.role == Some(Role::Circuit))).collect();
            // What stands on a circuit is counted as a device already.
            let only_circuits = parts.iter().all(|(_, is_circuit)| *is_circuit);
            let parts: Vec<Voice> = parts.iter().filter(|(_, c)| only_circuits || !c).map(|(id, _)| Voice::Said(*id)).collect();
            if !parts.is_empty() {
                let drains = parts.iter().map(|voice| (1.0, Drain::Drawn(*voice))).collect();
                self.gauges.push(Gauge::of(format!("{path}.power_watts"), parts, By::Mean, true));
                self.accounts.push(Account { path, drains });
            }
            return;
        };
        let (voice, holds) = (vec![Voice::Said(house)], self.holds(house));
        self.gauges.push(Gauge::of(format!("{path}.power_watts"), voice.clone(), By::Mean, holds));
        self.gauges.push(Gauge { scale: 0.001, ..Gauge::of(format!("{prefix}.meter.power_kw"), voice, By::Mean, holds) });
        if let [Flow::Counter(id)] = flows.import[..] {
            self.gauges.push(Gauge::of(format!("{prefix}.meter.total_kwh"), vec![Voice::Said(id)], By::Last, self.holds(id)));
        }
        let signed = |sign: f64, flows: &[Flow]| flows.iter().map(|flow| (sign, drain(*flow))).collect::<Vec<_>>();
        let drains = if flows.adds_up() {
            [signed(1.0, &flows.import), signed(1.0, &flows.solar), signed(-1.0, &flows.export)].concat()
        } else {
            signed(1.0, &flows.house)
        };
        self.accounts.push(Account { path, drains });
    }
}

/// Plugs with a meter that stand for a device by themselves: neither the house or what may be it, nor the meter of a device that was learned.
fn plugs<'a>(powers: &'a Powers, house: &HouseRecord, learned: &[&ProfileRecord]) -> Vec<(SeriesId, &'a SeriesInfo)> {
    let is_counted = |level: &SeriesId| learned.iter().any(|record| record.series == *level);
    let counted: Vec<SeriesId> = house.metered.iter().filter(|(level, _)| is_counted(level)).map(|(_, sensor)| *sensor).collect();
    let of_house = |info: &SeriesInfo| {
        [&house.label].into_iter().chain(&house.candidates).any(|label| entities_of(label).any(|id| id == info.entity_id()))
    };
    let stands = |(id, info): &&(SeriesId, SeriesInfo)| {
        info.role != Some(Role::Circuit) && !house.inputs.contains(id) && !counted.contains(id) && !of_house(info)
    };
    powers.circuits().filter(stands).map(|(id, info)| (*id, info)).collect()
}

fn drain(flow: Flow) -> Drain {
    match flow {
        Flow::Counter(id) => Drain::Counter(id),
        Flow::Drawn(id) => Drain::Drawn(Voice::Said(id)),
        Flow::Given(id) => Drain::Given(Voice::Said(id)),
    }
}

/// The devices that speak for themselves: entities one by one, else all that a device of a source says.
fn devices(series: &[(SeriesId, SeriesInfo)]) -> Vec<Device<'_>> {
    let mut found: BTreeMap<(&str, &str), Device> = BTreeMap::new();
    for (id, info) in series {
        let is_entity = matches!(info.source.as_str(), "home_assistant" | "demo");
        // What Home Assistant switches is told where something was learned of it.
        if info.source == OURS || metric(info.quantity).is_none() || (is_entity && info.quantity == Quantity::Level) {
            continue;
        }
        let device = found.entry((&info.source, &info.device)).or_insert_with(|| Device {
            source: info.source.clone(),
            name: String::new(),
            id: if is_entity { info.device.clone() } else { info.identity.clone() },
            series: Vec::new(),
        });
        if device.name.is_empty() {
            device.name = info.name.clone().unwrap_or_default();
        }
        if info.role == Some(Role::Circuit) {
            "circuit".clone_into(&mut device.source);
        }
        device.series.push((*id, info));
    }
    found
        .into_values()
        .map(|mut device| {
            if names::normal(&device.name).is_empty() {
                device.name =
                    device.series.first().map(|(_, info)| wattribute_domain::object_of(&info.device).to_owned()).unwrap_or_default();
            }
            device
        })
        .collect()
}
