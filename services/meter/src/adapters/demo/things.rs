//! What is in the home.

use wattribute_domain::{Hold, Quantity, Role, SeriesInfo};

/// Adapter and origin of every series of the demo.
pub(super) const SOURCE: &str = "demo";

/// Something that can be switched, as Home Assistant would know it.
pub(super) struct Thing {
    pub id: &'static str,
    pub name: &'static str,
    pub area: &'static str,
    pub class: Option<&'static str>,
    /// Modes after `off`.
    pub modes: &'static [&'static str],
}

const fn thing(id: &'static str, name: &'static str, area: &'static str) -> Thing {
    Thing { id, name, area, class: None, modes: &["on"] }
}

/// Positions in [`THINGS`], which are also the numbers of their series.
pub(super) mod key {
    pub const KETTLE: u32 = 0;
    pub const HEAT_PUMP: u32 = 1;
    pub const WASHING_MACHINE: u32 = 2;
    pub const DISHWASHER: u32 = 3;
    pub const OVEN: u32 = 4;
    pub const TV: u32 = 5;
    pub const MOVIE_MODE: u32 = 6;
    pub const AMPLIFIER: u32 = 7;
    pub const SUBWOOFER: u32 = 8;
    pub const SHUTTER: u32 = 9;
    pub const GUEST_ROOM: u32 = 10;
    pub const HALL: u32 = 11;
    pub const KITCHEN: u32 = 12;
    pub const LIVING_ROOM: u32 = 13;
    pub const BATHROOM: u32 = 14;
    pub const BEDROOM: u32 = 15;
    pub const CELLAR: u32 = 16;
    pub const GARAGE: u32 = 17;
    pub const STOREROOM: u32 = 18;
    pub const WORKSHOP: u32 = 19;
    pub const TOWEL_HEATER: u32 = 20;
    /// The first of the sensors.
    pub const SENSORS: u32 = 21;
    pub const GRID_POWER: u32 = SENSORS;
    pub const SOLAR_POWER: u32 = SENSORS + 1;
    pub const DISHWASHER_POWER: u32 = SENSORS + 2;
    pub const GRID_ENERGY: u32 = SENSORS + 3;
    pub const GRID_EXPORT: u32 = SENSORS + 4;
    pub const SOLAR_ENERGY: u32 = SENSORS + 5;
}

/// Everything with a switch. The fridge, the freezer, the router and the pump in the cellar have none.
pub(super) const THINGS: &[Thing] = &[
    thing("switch.kettle", "Kettle", "Kitchen"),
    Thing { modes: &["heating"], ..thing("climate.heat_pump", "Heat pump", "Cellar") },
    Thing { class: Some("running"), ..thing("binary_sensor.washing_machine", "Washing machine", "Cellar") },
    thing("switch.dishwasher", "Dishwasher", "Kitchen"),
    Thing { class: Some("power"), ..thing("binary_sensor.oven", "Oven", "Kitchen") },
    Thing { class: Some("tv"), modes: &["playing", "idle"], ..thing("media_player.tv", "TV", "Living room") },
    thing("input_boolean.movie_mode", "Movie mode", "Living room"),
    thing("switch.amplifier", "Amplifier", "Living room"),
    thing("switch.subwoofer", "Subwoofer", "Living room"),
    Thing {
        class: Some("shutter"),
        modes: &["opening", "closing"],
        ..thing("cover.living_room_shutter", "Living room shutter", "Living room")
    },
    thing("switch.guest_room_plug", "Guest room plug", "Guest room"),
    thing("light.hall", "Hall light", "Hall"),
    thing("light.kitchen", "Kitchen light", "Kitchen"),
    thing("light.living_room", "Living room light", "Living room"),
    thing("light.bathroom", "Bathroom light", "Bathroom"),
    thing("light.bedroom", "Bedroom light", "Bedroom"),
    thing("light.cellar", "Cellar light", "Cellar"),
    thing("light.garage", "Garage light", "Garage"),
    thing("light.storeroom", "Storeroom light", "Storeroom"),
    thing("light.workshop", "Workshop light", "Cellar"),
    thing("switch.towel_heater", "Towel heater", "Bathroom"),
];

/// Every series of the home; a series' position is its number.
pub(super) fn series() -> Vec<SeriesInfo> {
    let mut all: Vec<SeriesInfo> = THINGS.iter().map(switched).collect();
    all.push(sensor("sensor.grid_power", "Grid power", Quantity::PowerW, "grid_meter", Some(Role::WholeHouse)));
    all.push(sensor("sensor.solar_power", "Solar power", Quantity::PowerW, "inverter", Some(Role::Solar)));
    all.push(SeriesInfo {
        area: Some("Kitchen".to_owned()),
        ..sensor("sensor.dishwasher_power", "Dishwasher power", Quantity::PowerW, "dishwasher", Some(Role::Device))
    });
    all.push(sensor("sensor.grid_energy", "Grid energy", Quantity::EnergyImportKwh, "grid_meter", None));
    all.push(sensor("sensor.grid_export_energy", "Grid export energy", Quantity::EnergyExportKwh, "grid_meter", None));
    all.push(sensor("sensor.solar_energy", "Solar energy", Quantity::EnergyImportKwh, "inverter", Some(Role::Solar)));
    all
}

fn switched(thing: &Thing) -> SeriesInfo {
    let mut info = SeriesInfo::new(SOURCE, thing.id, Quantity::Level);
    info.name = Some(thing.name.to_owned());
    info.area = Some(thing.area.to_owned());
    info.device_class = thing.class.map(str::to_owned);
    info.device_id = thing.id.split_once('.').filter(|(domain, _)| *domain != "input_boolean").map(|(_, id)| format!("demo_{id}"));
    for mode in thing.modes {
        info.mode(mode);
    }
    info
}

fn sensor(id: &str, name: &str, quantity: Quantity, device: &str, role: Option<Role>) -> SeriesInfo {
    let is_power = quantity == Quantity::PowerW;
    SeriesInfo {
        name: Some(name.to_owned()),
        device_id: Some(format!("demo_{device}")),
        device_class: Some(if is_power { "power" } else { "energy" }.to_owned()),
        state_class: Some(if is_power { "measurement" } else { "total_increasing" }.to_owned()),
        hold: Hold::UntilNext,
        role,
        ..SeriesInfo::new(SOURCE, id, quantity)
    }
}
