//! What the home draws, as gauges of `/metrics`, for those who keep it in Prometheus.

use std::collections::BTreeMap;

use wattribute_service::Problem;
use wattribute_store::Powers;

use super::devices::Tell;
use super::{Api, now};

/// Power of the whole house, W.
const HOUSE: &str = "wattribute_house_power_watts";
/// Energy of the house since midnight, local time, kWh.
const TODAY: &str = "wattribute_house_energy_today_kwh";
/// Power of a circuit or a plug with a meter of its own, W.
const CIRCUIT: &str = "wattribute_circuit_power_watts";
/// Power of a device, measured or as it was learned, W.
const DEVICE: &str = "wattribute_device_power_watts";

/// A gauge: its metric, the id of what it is of (none of the house), and what that is called.
type Gauge = (&'static str, Option<(String, String)>);

/// The gauges of the home. One that was told and of which nothing is known any more is NaN.
#[derive(Default)]
pub struct Gauges {
    told: BTreeMap<Gauge, f64>,
}

impl Gauges {
    /// Says what each gauge is.
    pub fn describe() {
        metrics::describe_gauge!(HOUSE, "Power of the whole house, in watts; NaN in a gap.");
        metrics::describe_gauge!(TODAY, "Energy of the house since midnight, local time, in kilowatt hours.");
        metrics::describe_gauge!(CIRCUIT, "Power of a circuit or a plug with a meter of its own, in watts; NaN while it is silent.");
        metrics::describe_gauge!(DEVICE, "Power of a device, measured or as it was learned, in watts; NaN where that cannot be told.");
    }

    /// Reads what is so now, and sets every gauge.
    pub async fn set(&mut self, api: &Api) -> Result<(), Problem> {
        self.take(read(api).await?);
        for ((metric, of), value) in &self.told {
            match of {
                None => metrics::gauge!(*metric).set(*value),
                Some((id, name)) => metrics::gauge!(*metric, "entity_id" => id.clone(), "name" => name.clone()).set(*value),
            }
        }
        Ok(())
    }

    /// Takes in what is so now; what it does not say any more stays, as NaN, since a gauge cannot be taken back.
    fn take(&mut self, now: BTreeMap<Gauge, f64>) {
        for value in self.told.values_mut() {
            *value = f64::NAN;
        }
        self.told.extend(now);
    }
}

/// What is so now.
pub(super) async fn read(api: &Api) -> Result<BTreeMap<Gauge, f64>, Problem> {
    let now = now();
    let store = &*api.store;
    let powers = Powers::read(store, now.timestamp_millis()).await?;
    let mut all = BTreeMap::new();
    if let Some(house) = powers.house(store).await? {
        let today_kwh = wattribute_store::today_kwh(store, house, now).await?;
        all.insert((HOUSE, None), powers.now(house).map_or(f64::NAN, |(_, power_w)| power_w));
        all.insert((TODAY, None), today_kwh.unwrap_or(f64::NAN));
    }
    for (id, info) in powers.circuits() {
        let of = (info.entity_id(), info.label().to_owned());
        all.insert((CIRCUIT, Some(of)), powers.now(*id).map_or(f64::NAN, |(_, power_w)| power_w));
    }
    let tell = Tell::read(api).await?;
    let profiles = store.profiles().await?;
    // Of a group one stands for all.
    for record in profiles.iter().filter(|record| record.counts(&profiles)) {
        let device = tell.device(record);
        all.insert((DEVICE, Some((device.entity_id, device.name))), device.power_now_w.unwrap_or(f64::NAN));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kettle() -> Gauge {
        (DEVICE, Some(("switch.kettle".to_owned(), "Kettle".to_owned())))
    }

    #[test]
    fn a_device_that_is_gone_is_not_known_any_more() {
        let mut gauges = Gauges::default();
        gauges.take(BTreeMap::from([((HOUSE, None), 500.0), (kettle(), 2000.0)]));
        gauges.take(BTreeMap::from([((HOUSE, None), 480.0)]));
        assert_eq!(gauges.told[&(HOUSE, None)], 480.0);
        assert!(gauges.told[&kettle()].is_nan());
    }
}
