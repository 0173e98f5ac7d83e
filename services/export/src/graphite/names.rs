//! How sources and devices are called in Graphite.

use std::collections::HashMap;

/// Longest part of a path, characters: it is the name of a file.
const LONGEST: usize = 100;

/// A device by the rule of old: lower case; blanks and `-` become `_`; letters, digits and `_` stay; runs of `_` become one, and none is at the ends.
/// Letters of other scripts are written in Latin ones.
pub fn normal(name: &str) -> String {
    let mut normal = String::new();
    for c in any_ascii::any_ascii(name).chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => normal.push(c),
            '_' | '-' | ' ' | '\t' | '\n' | '\r' if !normal.is_empty() && !normal.ends_with('_') => normal.push('_'),
            _ => {}
        }
    }
    normal.truncate(LONGEST);
    normal.truncate(normal.trim_end_matches('_').len());
    normal
}

/// A part of a path that the owner wrote: what Graphite has a meaning for is left out.
pub fn safe(part: &str) -> String {
    part.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect()
}

/// An id such as `light.kitchen` or `a4:cf:12` in the same letters, its parts kept apart.
fn normal_id(id: &str) -> String {
    normal(&id.replace(|c: char| c.is_ascii_punctuation(), "_"))
}

/// A path for each, `<source>.<device>`, of source, name and id. Those whose names come out the same have their id behind it.
pub fn paths(devices: &[(String, String, String)]) -> Vec<String> {
    let or = |first: String, second: &str| if first.is_empty() { second.to_owned() } else { first };
    let plain: Vec<(String, String)> =
        devices.iter().map(|(source, name, id)| (or(normal(source), "other"), or(or(normal(name), &normal_id(id)), "device"))).collect();
    let mut often: HashMap<&(String, String), u32> = HashMap::new();
    for one in &plain {
        *often.entry(one).or_default() += 1;
    }
    let mut taken: HashMap<String, u32> = HashMap::new();
    let path = |(one, (_, _, id)): (&(String, String), &(String, String, String))| {
        let (source, name) = one;
        let path = match normal_id(id) {
            id if often[one] > 1 && !id.is_empty() => format!("{source}.{name}_{id}"),
            _ => format!("{source}.{name}"),
        };
        let count = taken.entry(path.clone()).or_default();
        *count += 1;
        // Only where even the ids say the same.
        if *count > 1 { format!("{path}_{count}") } else { path }
    };
    plain.iter().zip(devices).map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Living Room - Lamp", "living_room_lamp")]
    #[case("__TV (big)__", "tv_big")]
    #[case("Küche", "kuche")]
    #[case("Łazienka", "lazienka")]
    #[case("Котёл", "kotel")]
    #[case("冰箱", "bingxiang")]
    #[case("a\tb", "a_b")]
    #[case("1. Stock", "1_stock")]
    #[case("a.b", "ab")]
    #[case("!?", "")]
    fn names_are_those_of_old(#[case] name: &str, #[case] normal_name: &str) {
        assert_eq!(normal(name), normal_name);
    }

    #[test]
    fn devices_of_one_name_have_their_ids_behind_it() {
        let device = |source: &str, name: &str, id: &str| (source.to_owned(), name.to_owned(), id.to_owned());
        let found = paths(&[
            device("kasa", "Küche", "AA:BB"),
            device("kasa", "kuche", "AA:CC"),
            device("tuya", "Kuche", "x1"),
            device("kasa", "", "AA:DD"),
            device("home_assistant", "Lamp", "light.lamp"),
            device("kasa", "TV", "same"),
            device("kasa", "tv", "same"),
        ]);
        let wanted =
            ["kasa.kuche_aa_bb", "kasa.kuche_aa_cc", "tuya.kuche", "kasa.aa_dd", "home_assistant.lamp", "kasa.tv_same", "kasa.tv_same_2"];
        assert_eq!(found, wanted);
    }
}
