//! What the owner says that series are, over what their adapters take them for.

use std::collections::BTreeMap;

use wattribute_domain::{Quantity, Role, SeriesInfo, with_dots};

/// The section `[roles]`: roles by device, such as `tasmota/mt681` or `sensor.solar_power`.
#[derive(Clone, Debug, Default)]
pub struct Roles(BTreeMap<String, Role>);

impl Roles {
    /// The roles of these devices.
    pub fn of(said: BTreeMap<String, Role>) -> Self {
        Roles(said.into_iter().map(|(device, role)| (with_dots(device.trim()).to_ascii_lowercase(), role)).collect())
    }

    /// Puts what the owner says over what a series was taken for.
    pub(crate) fn put_over(&self, info: &mut SeriesInfo) {
        let may_have_one = !matches!(info.quantity, Quantity::Level | Quantity::PricePerKwh);
        if let Some(role) = self.0.get(&info.known_as()).or_else(|| self.0.get(&info.entity_id())).filter(|_| may_have_one) {
            info.role = Some(*role);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_says_what_a_series_is() {
        let roles = Roles::of(BTreeMap::from([
            ("Tasmota/MT681".to_owned(), Role::Circuit),
            ("sensor.pv".to_owned(), Role::Solar),
            ("mqtt/heater_energy_import_kwh".to_owned(), Role::Device),
        ]));
        let role = |source: &str, device: &str, quantity| {
            let mut info = SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new(source, device, quantity) };
            roles.put_over(&mut info);
            info.role
        };
        assert_eq!(role("tasmota", "mt681", Quantity::EnergyExportKwh), Some(Role::Circuit));
        assert_eq!(role("home_assistant", "sensor.pv", Quantity::PowerW), Some(Role::Solar));
        assert_eq!(role("home_assistant", "sensor.pv", Quantity::PricePerKwh), Some(Role::WholeHouse));
        assert_eq!(role("mqtt", "heater", Quantity::EnergyImportKwh), Some(Role::Device));
        assert_eq!(role("mqtt", "heater", Quantity::PowerW), Some(Role::WholeHouse));
    }
}
