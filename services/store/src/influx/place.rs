//! Where the readings of a series stand: the measurements, tags and fields that owners of InfluxDB know.

use wattribute_domain::{Quantity, Reading, Role, SeriesId, SeriesInfo};

use super::line::Point;

/// Readings of whole houses.
pub const METER: &str = "smart_meter";
/// Readings of circuits and plugs.
pub const CIRCUIT: &str = "smart_meter_circuit";
/// What states entities are in.
pub const EVENTS: &str = "home_assistant_events";
/// Steps around state changes.
pub const CORRELATION: &str = "event_energy_correlation";
/// All other readings.
pub const READING: &str = "wattribute_reading";
/// Prices, which are kept for ever.
pub const PRICE: &str = "wattribute_price";

/// The field that says that a series is silent from then on.
pub const SILENT: &str = "silent";

/// Measurement and field of a series. Chosen when it is first described, and kept: else its past would stand elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The measurement.
    pub measurement: String,
    /// The field.
    pub field: String,
}

impl Place {
    /// Where a new series goes.
    pub fn of(info: &SeriesInfo) -> Self {
        let (measurement, field) = match (info.quantity, info.role) {
            (Quantity::Level, _) => (EVENTS, "level"),
            (Quantity::PricePerKwh, _) => (PRICE, "price_per_kwh"),
            (Quantity::PowerW, Some(Role::WholeHouse)) => (METER, "total_power_w"),
            (Quantity::PowerW, Some(Role::Circuit | Role::Device) | None) => (CIRCUIT, "power_w"),
            (quantity, _) => (READING, quantity.name()),
        };
        Place { measurement: measurement.to_owned(), field: field.to_owned() }
    }
}

/// The tags of a series.
pub fn tags(place: &Place, id: SeriesId, info: &SeriesInfo) -> Vec<(String, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut all = match place.measurement.as_str() {
        METER => vec![("meter_type", info.source.clone()), ("device", info.device.clone())],
        CIRCUIT => vec![("circuit_name", info.label().to_owned()), ("entity_id", info.entity_id())],
        EVENTS => vec![
            ("entity_id", info.entity_id()),
            ("domain", info.domain().to_owned()),
            ("device_class", text(&info.device_class)),
            ("area", text(&info.area)),
        ],
        _ => vec![("source", info.source.clone()), ("device", info.device.clone())],
    };
    all.push(("series", id.0.to_string()));
    all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// One reading. Of a level, also the words for it, with what it was `before` (when, and what), where that is known.
pub fn point(place: &Place, info: &SeriesInfo, tags: &[(String, String)], reading: Reading, before: Option<(i64, f64)>) -> Point {
    let point = Point::of(&place.measurement).tags(tags).at(reading.at_ms);
    if !reading.value.is_finite() {
        return point.field(SILENT, true);
    }
    let point = point.field(&place.field, reading.value);
    if info.quantity != Quantity::Level {
        return point;
    }
    let before = before.filter(|(at_ms, value)| *at_ms < reading.at_ms && value.is_finite());
    let word = |value: f64| super::learned::state(info, wattribute_domain::Level::of_number(value)?);
    point
        .field_if("state_value", word(reading.value).as_deref())
        .field_if("previous_state", before.and_then(|(_, value)| word(value)).as_deref())
        .field_if("duration_in_state_seconds", before.map(|(at_ms, _)| (reading.at_ms - at_ms) as f64 / 1000.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    fn line(info: &SeriesInfo, value: f64, before: Option<(i64, f64)>) -> String {
        let place = Place::of(info);
        let tags = tags(&place, SeriesId(7), info);
        point(&place, info, &tags, Reading { series: SeriesId(7), at_ms: 5000, value }, before).line().unwrap()
    }

    #[test]
    fn readings_stand_where_owners_of_influxdb_look_for_them() {
        let mut house = SeriesInfo::new("tasmota", "mt681", Quantity::PowerW);
        house.role = Some(Role::WholeHouse);
        assert_eq!(line(&house, 230.5, None), "smart_meter,device=mt681,meter_type=tasmota,series=7 total_power_w=230.5 5000");
        let mut circuit = SeriesInfo::new("home_assistant", "sensor.power_oven", Quantity::PowerW);
        circuit.name = Some("Oven, big".to_owned());
        let expected = "smart_meter_circuit,circuit_name=Oven\\,\\ big,entity_id=sensor.power_oven,series=7 power_w=12 5000";
        assert_eq!(line(&circuit, 12.0, None), expected);
        let volts = SeriesInfo::new("shelly", "plug", Quantity::VoltageV);
        assert_eq!(line(&volts, f64::NAN, None), "wattribute_reading,device=plug,series=7,source=shelly silent=true 5000");
    }

    #[test]
    fn a_state_comes_with_its_words() {
        let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
        lamp.mode("on");
        lamp.area = Some("Hall".to_owned());
        let begin = "home_assistant_events,area=Hall,domain=light,entity_id=light.hall,series=7";
        assert_eq!(line(&lamp, 0.2, None), format!("{begin} level=0.2,state_value=\"on\" 5000"));
        let off = "level=0,state_value=\"off\",previous_state=\"on\",duration_in_state_seconds=4.5";
        assert_eq!(line(&lamp, 0.0, Some((500, 1.0))), format!("{begin} {off} 5000"));
        assert_eq!(line(&lamp, 0.0, Some((500, f64::NAN))), format!("{begin} level=0,state_value=\"off\" 5000"));
    }
}
