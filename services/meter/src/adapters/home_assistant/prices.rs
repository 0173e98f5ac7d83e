//! Lists of prices in the attributes of an entity, as the integrations of Nord Pool, Tibber, ENTSO-E, EPEX Spot, Energi Data Service, Octopus
//! Energy and their like write them. docs/DYNAMIC_PRICES.md has the shapes.

use serde_json::Value;

use crate::adapters::history::time;

/// Attributes that hold lists.
const LISTS: [&str; 11] = [
    "raw_today",
    "raw_tomorrow",
    "today",
    "tomorrow",
    "prices_today",
    "prices_tomorrow",
    "prices",
    "price_info",
    "rates",
    "data",
    "forecast",
];

/// Keys under which a row says from when its price is in force.
const STARTS: [&str; 9] = ["start", "startsAt", "starts_at", "start_time", "start_timestamp", "time", "hour", "from", "valid_from"];

/// Keys under which a row says until when.
const ENDS: [&str; 5] = ["end", "end_time", "end_timestamp", "till", "valid_to"];

/// Keys under which a row says its price, and what one of it is in the currency per kWh; `None`: as the entity's unit says.
const VALUES: [(&str, Option<f64>); 11] = [
    ("value", None),
    ("total", None),
    ("value_inc_vat", Some(1.0)),
    ("price_per_kwh", Some(1.0)),
    ("price_ct_per_kwh", Some(0.01)),
    ("price_eur_per_mwh", Some(0.001)),
    ("price_per_mwh", Some(0.001)),
    ("per_kwh", Some(1.0)),
    ("price", None),
    ("rate", None),
    ("marketprice", Some(0.001)),
];

/// No list of prices is longer: two days of 15 min, several times over.
const MOST: usize = 2_000;

/// One price of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Listed {
    /// From when it is in force, ms since the epoch.
    pub from_ms: i64,
    /// Until when, ms since the epoch; `None` where that is not said.
    pub to_ms: Option<i64>,
    /// The price as it is said.
    pub price: f64,
    /// What one of it is in the currency per kWh; `None`: as the entity's unit says.
    pub factor: Option<f64>,
}

/// All prices in lists among the attributes; none where there is no list, or none of a shape that is known.
pub(super) fn listed(attributes: &Value) -> Box<[Listed]> {
    let Some(attributes) = attributes.as_object() else { return Box::default() };
    let lists = LISTS.iter().filter_map(|name| attributes.get(*name)?.as_array());
    lists.flatten().take(MOST).filter_map(row).collect()
}

/// Whether an attribute has the name of a list of prices and is one of objects, though none of a shape that is known.
pub(super) fn has_unknown_list(attributes: &Value) -> bool {
    let is_list =
        |name: &&str| attributes.get(*name).and_then(Value::as_array).is_some_and(|all| all.first().is_some_and(Value::is_object));
    LISTS.iter().any(is_list) && listed(attributes).is_empty()
}

fn row(row: &Value) -> Option<Listed> {
    let row = row.as_object()?;
    let at = |keys: &[&str]| keys.iter().find_map(|key| instant(row.get(*key)?));
    let (price, factor) = VALUES.iter().find_map(|(key, factor)| Some((number(row.get(*key)?)?, *factor)))?;
    let from_ms = at(&STARTS)?;
    Some(Listed { from_ms, to_ms: at(&ENDS).filter(|to_ms| *to_ms > from_ms), price, factor })
}

/// An instant that names its zone: local times say too little twice a year.
fn instant(value: &Value) -> Option<i64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    time::parse(text.as_bytes()).filter(|instant| !instant.naive).map(|instant| instant.at_ms)
}

fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (number.is_finite() && number.abs() < 1e6).then_some(number)
}

/// What people pay with, as units of prices begin: `EUR`, `€`, `ct`, `p`, `öre`; what one of it is in the currency.
pub(super) fn money(word: &str) -> Option<f64> {
    let word = word.trim();
    let is_code = word.len() == 3 && word.bytes().all(|b| b.is_ascii_uppercase());
    match word.to_lowercase().as_str() {
        "ct" | "c" | "cent" | "cents" | "eurocent" | "¢" | "p" | "pence" | "öre" | "øre" | "ore" | "gr" | "hal" | "stotinki" => {
            Some(0.01)
        }
        "€" | "£" | "$" | "¥" | "₹" | "₽" | "₴" | "₺" | "kr" | "kr." | "zł" | "kč" | "ft" | "lei" | "лв" | "r$" | "a$" | "au$" | "nz$" => {
            Some(1.0)
        }
        _ => is_code.then_some(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    /// 2026-11-21T10:00:00Z.
    const TEN_MS: i64 = 1_795_255_200_000;

    #[rstest]
    #[case::nordpool("nordpool")]
    #[case::tibber("tibber")]
    #[case::entsoe("entsoe")]
    #[case::octopus("octopus_energy")]
    #[case::epex("epex_spot")]
    #[case::energi("energi_data_service")]
    #[case::awattar("awattar")]
    fn each_integration_is_understood(#[case] name: &str) {
        let path = format!("{}/src/adapters/home_assistant/fixtures/prices/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let state: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let listed = listed(&state["attributes"]);
        let found: Vec<(i64, f64)> = listed.iter().map(|l| (l.from_ms, l.price * l.factor.unwrap_or(1.0))).collect();
        let wanted = [(TEN_MS - 3_600_000, 0.2105), (TEN_MS, 0.3), (TEN_MS + 3_600_000, -0.0125)];
        assert_eq!(found.len(), 3, "{found:?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.0 == wanted.0 && (found.1 - wanted.1).abs() < 1e-9, "{found:?} is not {wanted:?}");
        }
    }

    #[rstest]
    #[case(json!({"raw_today": [{"start": "2026-11-21T10:00:00", "value": 1.0}]}), "a local time")]
    #[case(json!({"raw_today": [{"start": "soon", "value": 1.0}, {"start": null, "value": 1}, 7, null, [], {}]}), "garbage")]
    #[case(json!({"raw_today": [{"start": "2026-11-21T10:00:00Z", "value": "much"}, {"start": "2026-11-21T10:00:00Z", "value": 1e300}]}), "no price")]
    #[case(json!({"today": [0.1, 0.2], "tomorrow": "0.3", "prices": {"a": 1}}), "no list of objects")]
    #[case(json!({"forecast": [{"datetime": "2026-11-21T10:00:00Z", "temperature": 7}]}), "the weather")]
    #[case(json!([1]), "no attributes")]
    fn what_is_no_list_of_prices_is_passed_over(#[case] attributes: Value, #[case] what: &str) {
        assert_eq!(listed(&attributes).len(), 0, "{what}");
    }

    #[test]
    fn a_list_of_an_unknown_shape_is_noticed() {
        assert!(has_unknown_list(&json!({"prices": [{"when": "2026-11-21T10:00:00Z", "costs": 1}]})));
        assert!(!has_unknown_list(&json!({"today": [0.1, 0.2]})));
    }

    #[test]
    fn a_row_goes_on_where_another_cannot_be_read() {
        let rows =
            json!({"rates": [{"start": "?", "value": 1}, {"start": "2026-11-21 10:00:00+00:00", "end": 1_795_257_000, "value": "0.3"}]});
        assert_eq!(*listed(&rows), [Listed { from_ms: TEN_MS, to_ms: Some(TEN_MS + 1_800_000), price: 0.3, factor: None }]);
    }
}
