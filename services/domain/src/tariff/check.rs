//! Whether a tariff can be used, and what is wrong with it.

use super::plan::Plan;
use super::{Contract, Rate, Tariffs};

/// What is wrong with a tariff, where, and what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TariffError {
    /// None of the three ways to say a price, or more than one.
    #[error("contract {contract:?} says {said}; it needs exactly one of price_per_kwh, rates and entity")]
    Import {
        /// Name of the contract.
        contract: String,
        /// Which ones it says.
        said: String,
    },
    /// Something that cannot be, or that does not go with the rest.
    #[error("contract {contract:?}: {key} {wrong}; {right}")]
    Key {
        /// Name of the contract.
        contract: String,
        /// Key, with the rate that it stands in.
        key: String,
        /// What is wrong.
        wrong: String,
        /// What would be right.
        right: String,
    },
    /// Contracts out of order, two from the same day, or a later one without a day.
    #[error(
        "contract {contract:?} applies from {from}, and {before:?} before it from {before_from}; write contracts in the order of their first days, each with another one"
    )]
    Order {
        /// Name of the contract.
        contract: String,
        /// Its first day.
        from: String,
        /// Name of the contract that is written before it.
        before: String,
        /// The first day of that one.
        before_from: String,
    },
    /// A time at which no rate holds.
    #[error(
        "contract {contract:?} has no rate for {weekday} {month_day} at {time}; add a rate that holds then, such as a last one without times, days and season"
    )]
    Hole {
        /// Name of the contract.
        contract: String,
        /// Day of the week.
        weekday: &'static str,
        /// Day of the year, `MM-DD`.
        month_day: String,
        /// Local time, `HH:MM`.
        time: String,
    },
}

pub(super) fn check(tariffs: &Tariffs) -> Result<(), TariffError> {
    for pair in tariffs.contracts.windows(2) {
        if pair[1].from.is_none() || pair[1].from <= pair[0].from {
            let day = |c: &Contract| c.from.map_or_else(|| "always".to_owned(), |d| d.to_string());
            return Err(TariffError::Order {
                contract: pair[1].name.clone(),
                from: day(&pair[1]),
                before: pair[0].name.clone(),
                before_from: day(&pair[0]),
            });
        }
    }
    tariffs.contracts.iter().try_for_each(check_contract)
}

fn check_contract(contract: &Contract) -> Result<(), TariffError> {
    let wrong = |key: &str, wrong: String, right: &str| {
        Err(TariffError::Key { contract: contract.name.clone(), key: key.to_owned(), wrong, right: right.to_owned() })
    };
    if contract.name.trim().is_empty() {
        return wrong("name", "is empty".to_owned(), "give it the name on your bill");
    }
    let ways =
        [("price_per_kwh", contract.price_per_kwh.is_some()), ("rates", !contract.rates.is_empty()), ("entity", contract.entity.is_some())];
    let said: Vec<&str> = ways.iter().filter(|w| w.1).map(|w| w.0).collect();
    if said.len() != 1 {
        let said = if said.is_empty() { "no price of import".to_owned() } else { said.join(" and ") };
        return Err(TariffError::Import { contract: contract.name.clone(), said });
    }
    for (key, entity) in [("entity", &contract.entity), ("export_entity", &contract.export_entity)] {
        let Some(entity) = entity else { continue };
        if !entity
            .split_once('.')
            .is_some_and(|(domain, name)| !domain.is_empty() && !name.is_empty() && !entity.contains(char::is_whitespace))
        {
            return wrong(key, format!("is {entity:?}"), "write the id of an entity, such as \"sensor.electricity_price\"");
        }
    }
    for (key, price) in [("price_per_kwh", contract.price_per_kwh), ("standing_charge_per_day", Some(contract.standing_charge_per_day))] {
        if price.is_some_and(|p| !p.is_finite() || p < 0.0) {
            return wrong(key, format!("is {}", price.unwrap_or_default()), "a price is a number such as 0.30, not below zero");
        }
    }
    let free = [
        ("export_price_per_kwh", contract.export_price_per_kwh),
        ("surcharge_per_kwh", contract.surcharge_per_kwh),
        ("export_surcharge_per_kwh", contract.export_surcharge_per_kwh),
    ];
    for (key, price) in free {
        if price.is_some_and(|p| !p.is_finite()) {
            return wrong(key, "is not a number".to_owned(), "a price is a number such as 0.08");
        }
    }
    for (key, factor) in [("factor", contract.factor), ("export_factor", contract.export_factor)] {
        if factor.is_some_and(|f| !f.is_finite() || f <= 0.0) {
            return wrong(key, format!("is {}", factor.unwrap_or_default()), "a factor is a number above zero, such as 1.19 or 0.01");
        }
    }
    if contract.entity.is_none() && (contract.factor.is_some() || contract.surcharge_per_kwh.is_some()) {
        return wrong(
            "factor or surcharge_per_kwh",
            "stands without entity".to_owned(),
            "it changes what an entity says; leave it out here",
        );
    }
    if contract.export_entity.is_none() && (contract.export_factor.is_some() || contract.export_surcharge_per_kwh.is_some()) {
        return wrong(
            "export_factor or export_surcharge_per_kwh",
            "stands without export_entity".to_owned(),
            "it changes what an entity says; leave it out here",
        );
    }
    if contract.export_price_per_kwh.is_some() && contract.export_entity.is_some() {
        return wrong("export_price_per_kwh", "stands beside export_entity".to_owned(), "say one of them");
    }
    if ![15, 30, 60].contains(&contract.settlement_minutes) {
        return wrong("settlement_minutes", format!("is {}", contract.settlement_minutes), "it may be 15, 30 or 60");
    }
    contract.rates.iter().enumerate().try_for_each(|(k, rate)| check_rate(contract, k, rate))?;
    let hole = if contract.rates.is_empty() { None } else { Plan::new(&contract.rates).hole() };
    match hole {
        Some((weekday, month_day, time)) => Err(TariffError::Hole {
            contract: contract.name.clone(),
            weekday: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"][weekday],
            month_day: month_day.to_string(),
            time: time.to_string(),
        }),
        None => Ok(()),
    }
}

fn check_rate(contract: &Contract, number: usize, rate: &Rate) -> Result<(), TariffError> {
    let wrong = |key: &str, wrong: String, right: &str| {
        let key = format!("{key} of rate {} ({:?})", number + 1, rate.name);
        Err(TariffError::Key { contract: contract.name.clone(), key, wrong, right: right.to_owned() })
    };
    if rate.name.trim().is_empty() {
        return wrong("name", "is empty".to_owned(), "name the band, such as \"peak\"");
    }
    if !rate.price_per_kwh.is_finite() || rate.price_per_kwh < 0.0 {
        return wrong("price_per_kwh", format!("is {}", rate.price_per_kwh), "a price is a number such as 0.30, not below zero");
    }
    for (key, time) in [("from", rate.from), ("to", rate.to)] {
        if let Some(time) = time.filter(|t| t.minutes % 15 != 0) {
            return wrong(key, format!("is {time}"), "rates begin and end on the quarter hour, such as 06:00 or 06:15");
        }
    }
    match (rate.from, rate.to) {
        (Some(from), Some(to)) if from == to => {
            return wrong("from", format!("is {from} and to is {to}"), "leave both out for the whole day");
        }
        (Some(from), Some(_)) if from.minutes == 1440 => {
            return wrong("from", "is 24:00".to_owned(), "write the beginning of the day as 00:00");
        }
        (Some(from), None) => return wrong("from", format!("is {from} and to is missing"), "say both, or none for the whole day"),
        (None, Some(to)) => return wrong("to", format!("is {to} and from is missing"), "say both, or none for the whole day"),
        _ => {}
    }
    match (rate.first_day, rate.last_day) {
        (Some(day), None) => wrong("first_day", format!("is {day} and last_day is missing"), "say both, or none for the whole year"),
        (None, Some(day)) => wrong("last_day", format!("is {day} and first_day is missing"), "say both, or none for the whole year"),
        _ => Ok(()),
    }
}
