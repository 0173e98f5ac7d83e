//! What Shellies of the first generation say.
//!
//! <https://shelly-api-docs.shelly.cloud/gen1/>: `/status` holds `meters` (power in W, `total` in watt-minutes) and `emeters` (`total` and
//! `total_returned` in Wh); over MQTT each value has a topic of its own, `relay/0/energy` in watt-minutes too.

use serde_json::Value;
use wattribute_domain::{Quantity, Role};

use super::names::Names;
use super::wire::{factor, level, not_negative, sum, text};
use crate::adapters::Told;
use crate::adapters::numbers::number;

/// Watt-minutes of a kWh.
const WATT_MINUTES: f64 = 60_000.0;
const WH: f64 = 1000.0;

/// The meter of three phases of one house, whose `emeters` belong together.
pub(super) fn is_three_phase(model: &str) -> bool {
    model == "SHEM-3" || model.to_ascii_lowercase().starts_with("shellyem3")
}

/// A meter with clamps, by its model or its id.
fn has_clamps(model: &str) -> bool {
    model.starts_with("SHEM") || model.to_ascii_lowercase().starts_with("shellyem")
}

/// Whether what such a device calls power is what its owner typed in: it has no meter. By its model or its id.
pub(super) fn has_no_meter(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    matches!(model.as_str(), "shsw-1" | "shsw-l") || model.starts_with("shelly1-") || model.starts_with("shelly1l-")
}

/// What `/status` says of each meter, by component; nothing of what is not valid now.
pub(super) fn status(said: &Value, model: &str) -> Vec<Told> {
    let list = |key: &str| said.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let voltage = said.get("voltage").and_then(number).filter(|v| *v > 0.0);
    let mut all = Vec::new();
    for (k, meter) in list("meters").iter().enumerate().filter(|_| !has_no_meter(model)) {
        if is_valid(meter) && counts(meter) {
            let told = plug(k).with(Quantity::PowerW, value(meter, "power")).with(Quantity::VoltageV, voltage);
            all.push(told.with(Quantity::EnergyImportKwh, counter(value(meter, "total"), WATT_MINUTES)));
        }
    }
    let emeters = list("emeters");
    let outputs = if list("relays").is_empty() { list("lights") } else { list("relays") };
    for (k, output) in outputs.iter().enumerate() {
        let level = level(output.get("ison"), value(output, "brightness").filter(|_| output.get("gain").is_none()));
        let part = relay(k, !emeters.is_empty());
        match all.iter_mut().find(|known| known.identity == part.identity) {
            Some(known) => known.values.extend(level.map(|level| (Quantity::Level, level))),
            None => all.push(part.with(Quantity::Level, level)),
        }
    }
    if emeters.len() == 3 || (is_three_phase(model) && !emeters.is_empty()) {
        all.push(three_phases(emeters));
    } else {
        all.extend(emeters.iter().enumerate().filter(|(_, emeter)| is_valid(emeter)).map(|(k, emeter)| clamp(k, emeter)));
    }
    all.retain(|told| !told.values.is_empty());
    all
}

/// Whether a device has anything to measure with, of its `/status`.
pub(super) fn can_measure(status: &Value, model: &str) -> bool {
    let list = |key: &str| status.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let has_meter = !has_no_meter(model) && list("meters").iter().any(counts);
    has_meter || ["emeters", "relays", "lights"].iter().any(|key| !list(key).is_empty())
}

/// Without a counter it is no meter: a Shelly 1 says the power that was typed in.
fn counts(meter: &Value) -> bool {
    meter.get("total").is_some() || meter.get("counters").is_some()
}

fn clamp(k: usize, emeter: &Value) -> Told {
    Told { role: Some(Role::Circuit), ..Told::by(format!("emeter:{k}"), "") }
        .with(Quantity::PowerW, value(emeter, "power"))
        .with(Quantity::VoltageV, value(emeter, "voltage"))
        .with(Quantity::CurrentA, value(emeter, "current"))
        .with(Quantity::PowerFactor, factor(value(emeter, "pf")))
        .with(Quantity::EnergyImportKwh, counter(value(emeter, "total"), WH))
        .with(Quantity::EnergyExportKwh, counter(value(emeter, "total_returned"), WH))
}

/// The sum is known only where all three are.
fn three_phases(emeters: &[Value]) -> Told {
    let of = |key: &str| -> [Option<f64>; 3] {
        std::array::from_fn(|k| emeters.get(k).filter(|emeter| is_valid(emeter)).and_then(|emeter| value(emeter, key)))
    };
    let power = of("power");
    phases()
        .with(Quantity::PowerW, sum(power))
        .with(Quantity::PowerPhase1W, power[0])
        .with(Quantity::PowerPhase2W, power[1])
        .with(Quantity::PowerPhase3W, power[2])
        .with(Quantity::EnergyImportKwh, counter(sum(of("total")), WH))
        .with(Quantity::EnergyExportKwh, counter(sum(of("total_returned")), WH))
}

/// The component of a meter of three phases.
pub(super) const PHASES: &str = "emeters";

fn phases() -> Told {
    Told { role: Some(Role::Circuit), ..Told::by(PHASES, "") }
}

/// What switches: beside clamps it switches something else than they measure.
fn relay(k: usize, has_clamps: bool) -> Told {
    if has_clamps { Told { role: Some(Role::Device), ..Told::by(format!("relay:{k}"), "") } } else { plug(k) }
}

fn plug(k: usize) -> Told {
    Told { role: Some(Role::Device), ..Told::by(format!("meter:{k}"), "") }
}

fn is_valid(meter: &Value) -> bool {
    meter.get("is_valid").and_then(Value::as_bool).unwrap_or(true)
}

fn value(of: &Value, key: &str) -> Option<f64> {
    of.get(key).and_then(number)
}

fn counter(said: Option<f64>, per_kwh: f64) -> Option<f64> {
    not_negative(said).map(|said| said / per_kwh)
}

/// What `/settings` calls the device and its channels.
pub(super) fn names(settings: &Value) -> Names {
    let mut names = Names { id: text(settings, "/device/hostname"), device: text(settings, "/name"), ..Names::default() };
    let has_clamps = settings.get("emeters").is_some();
    for (list, component) in [("relays", if has_clamps { "relay" } else { "meter" }), ("lights", "meter"), ("emeters", "emeter")] {
        let all = settings.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (k, channel) in all.iter().enumerate() {
            if let Some(name) = text(channel, "/name") {
                names.parts.entry(format!("{component}:{k}")).or_insert(name);
            }
        }
    }
    names
}

/// One value that a device published.
#[derive(Debug, PartialEq)]
pub(super) enum Published {
    /// Of a meter by itself.
    Part(Told),
    /// Of one phase of three, 0 to 2: power in W, or a counter in kWh.
    Phase(Quantity, usize, f64),
}

/// What the topic `path` below `shellies/ID/` says, such as `relay/0/power`; nothing of what is not read.
pub(super) fn published(path: &str, payload: &[u8], model: &str) -> Option<Published> {
    let levels: Vec<&str> = path.split('/').collect();
    let text = std::str::from_utf8(payload).ok()?.trim();
    if let ["relay", k] = levels[..]
        && let Ok(k) = k.parse::<usize>()
    {
        let level = match text {
            "on" | "overpower" => Some(f64::from(u8::from(text == "on"))),
            "off" => Some(0.0),
            _ => None,
        };
        let part = relay(k.min(64), has_clamps(model)).with(Quantity::Level, level);
        return level.map(|_| Published::Part(part));
    }
    let said = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    // A Shelly 2 has one meter for both relays.
    let (kind, k, what) = match levels[..] {
        [kind @ "relay", what @ ("power" | "energy")] => (kind, 0, what),
        [kind, k, what] => (kind, k.parse::<usize>().ok().filter(|k| *k < 64)?, what),
        _ => return None,
    };
    if kind != "emeter" {
        let is_known = matches!(kind, "relay" | "light" | "roller" | "white" | "color") && !has_no_meter(model);
        let (quantity, value) = match what {
            "power" => (Quantity::PowerW, Some(said)),
            "energy" => (Quantity::EnergyImportKwh, counter(Some(said), WATT_MINUTES)),
            _ => return None,
        };
        return is_known.then(|| Published::Part(plug(k).with(quantity, value)));
    }
    let (quantity, value) = match what {
        "power" => (Quantity::PowerW, said),
        "voltage" => (Quantity::VoltageV, said),
        "current" => (Quantity::CurrentA, said),
        "pf" => (Quantity::PowerFactor, factor(Some(said))?),
        // `energy` and `returned_energy` are of the last minute only.
        "total" => (Quantity::EnergyImportKwh, counter(Some(said), WH)?),
        "total_returned" => (Quantity::EnergyExportKwh, counter(Some(said), WH)?),
        _ => return None,
    };
    if !is_three_phase(model) {
        return Some(Published::Part(
            Told { role: Some(Role::Circuit), ..Told::by(format!("emeter:{k}"), "") }.with(quantity, Some(value)),
        ));
    }
    let is_summed = matches!(quantity, Quantity::PowerW | Quantity::EnergyImportKwh | Quantity::EnergyExportKwh);
    (is_summed && k < 3).then_some(Published::Phase(quantity, k, value))
}

/// What each phase said last, and when, ms since the epoch.
type Round = [Option<(f64, i64)>; 3];

/// Values of three phases that are published one after the other.
#[derive(Default)]
pub(super) struct Rounds(Vec<(Quantity, Round)>);

/// Phases that were published within so long belong together, ms.
const ROUND_MS: i64 = 2_000;

impl Rounds {
    /// What one phase said at `at_ms`, with the sum where it is the last of three that were said together.
    pub fn say(&mut self, quantity: Quantity, phase: usize, value: f64, at_ms: i64) -> Told {
        let known = self.0.iter().position(|(known, _)| *known == quantity);
        let known = known.unwrap_or_else(|| {
            self.0.push((quantity, [None; 3]));
            self.0.len() - 1
        });
        let round = &mut self.0[known].1;
        round[phase] = Some((value, at_ms));
        let together = round.map(|said| said.filter(|(_, said_ms)| at_ms - said_ms <= ROUND_MS).map(|(value, _)| value));
        let whole = sum(together);
        if whole.is_some() {
            *round = [None; 3];
        }
        let told = phases().with(quantity, whole);
        if quantity != Quantity::PowerW {
            return told;
        }
        let of_phase = [Quantity::PowerPhase1W, Quantity::PowerPhase2W, Quantity::PowerPhase3W][phase];
        told.with(of_phase, Some(value))
    }
}
