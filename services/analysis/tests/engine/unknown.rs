//! What no entity explains is found, and what one does is not.

use proptest::prelude::*;
use wattribute_analysis::{UnknownSearch, unknown_loads};
use wattribute_domain::UnknownLoad;

use crate::cases;
use crate::home::{Load, Plan, settings};

/// What is found in a home beside its entities, which were learned first.
fn found(plan: &Plan) -> Vec<UnknownLoad> {
    let mut home = plan.build();
    let (power, entities) = (home.meter().clone(), home.history.entities.clone());
    let profiles = home.analyze().answer.devices;
    let time_zone = settings().time_zone;
    unknown_loads(&UnknownSearch { power: &power, metered: &[], entities: &entities, profiles: &profiles, time_zone }).loads
}

proptest! {
    #![proptest_config(cases(8))]

    /// The fridge is the only thing in these homes that has no entity.
    #[test]
    fn only_the_fridge_is_unknown(seed in any::<u64>(), noise_w in 0.5f64..8.0) {
        let loads = found(&Plan { noise_w, ..Plan::new(seed) });
        let large: Vec<&UnknownLoad> = loads.iter().filter(|l| l.power_w >= 30.0).collect();
        prop_assert_eq!(large.len(), 1, "{:#?}", large.iter().map(|l| l.summary()).collect::<Vec<_>>());
        prop_assert!((large[0].power_w / 90.0 - 1.0).abs() < 0.05, "{}", large[0].summary());
    }

    #[test]
    fn a_machine_that_works_by_itself_is_not_unknown(seed in any::<u64>()) {
        let washer = Load { cycle_s: Some((240.0, 200.0)), ..Load::washer() };
        let heating = Load::steady("climate.heating", 900.0, (7000.0, 9000.0), (15_000.0, 25_000.0));
        let heating = Load { cycle_s: Some((700.0, 500.0)), ..heating };
        let loads = found(&Plan { days: 10.0, ..Plan::with(seed, vec![Load::kettle(), Load::lamp(), washer, heating]) });
        let others: Vec<String> = loads.iter().filter(|l| (l.power_w / 90.0 - 1.0).abs() > 0.05).map(UnknownLoad::summary).collect();
        prop_assert!(others.is_empty(), "{others:?}");
    }
}
