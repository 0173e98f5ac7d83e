//! What an entity is, as its attributes tell.

use wattribute_domain::{Attributes, Entity, may_switch_a_load, units};

use super::filter::Filter;
use super::slot::{Kind, Slot};

/// Whether a unit is one of power or energy.
pub(super) fn measures(unit: &str) -> bool {
    units::watts_per(unit).is_some() || units::kwh_per(unit).is_some()
}

/// Makes of an undecided entity what its attributes say it is.
pub(super) fn decide(slot: &mut Slot, attributes: &Attributes, filter: &Filter, from_ms: Option<i64>) {
    let unit = attributes.unit_of_measurement.as_str();
    let device_class = attributes.device_class.as_str();
    match &mut slot.kind {
        Kind::Undecided(sensor) => {
            if unit.is_some_and(measures) || matches!(device_class, Some("power" | "energy")) {
                slot.kind = Kind::Sensor(std::mem::take(sensor));
            } else if may_switch_a_load(&slot.id, device_class) {
                become_entity(slot, filter, from_ms);
            } else if unit.is_some() || device_class.is_some() {
                slot.kind = Kind::Ignored;
            }
        }
        Kind::Unheard if device_class.is_some() => {
            if may_switch_a_load(&slot.id, device_class) {
                become_entity(slot, filter, from_ms);
            } else {
                slot.kind = Kind::Ignored;
            }
        }
        _ => {}
    }
}

fn become_entity(slot: &mut Slot, filter: &Filter, from_ms: Option<i64>) {
    if filter.answers(&slot.id) {
        slot.kind = Kind::Entity(Entity::new(&*slot.id));
        if let Some(from_ms) = from_ms {
            slot.reserve(from_ms);
        }
    } else {
        slot.kind = Kind::Ignored;
    }
}

/// Takes over the names and classes that attributes tell; the latest name counts.
pub(super) fn describe(slot: &mut Slot, attributes: &Attributes) {
    let name = attributes.friendly_name.as_str();
    match &mut slot.kind {
        Kind::Sensor(sensor) | Kind::Undecided(sensor) => {
            if let Some(name) = name.filter(|name| sensor.name.as_deref() != Some(name)) {
                sensor.name = Some(name.to_owned());
            }
            let own = |class: &mut Option<String>, said: Option<&str>| {
                if class.is_none() {
                    *class = said.map(str::to_owned);
                }
            };
            own(&mut sensor.unit, attributes.unit_of_measurement.as_str());
            own(&mut sensor.device_class, attributes.device_class.as_str());
            own(&mut sensor.state_class, attributes.state_class.as_str());
        }
        Kind::Entity(entity) => {
            if let Some(name) = name.filter(|name| entity.name.as_deref() != Some(name)) {
                entity.name = Some(name.to_owned());
            }
        }
        Kind::Unheard | Kind::Ignored => {}
    }
}
