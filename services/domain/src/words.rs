//! Words that somebody may have meant, and words within expressions.

/// Letters to change, add or leave out to get from `a` to `b` (Levenshtein 1966).
pub fn letters_apart(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The ids of entities that an expression such as `sensor.import - 0.5 * sensor.export` names: words with a dot that begin with a letter.
pub fn entities_of(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    words.filter(|word| word.contains('.') && word.starts_with(char::is_alphabetic))
}

/// An expression with `tasmota/mt681` written as the id `tasmota.mt681`. A word without a dot is no id, so that nothing can be divided by it.
pub fn with_dots(expression: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let bare = |word: &str| !word.is_empty() && !word.contains('.');
    let (mut out, mut rest) = (String::new(), expression);
    while let Some((before, after)) = rest.split_once('/') {
        let source = before.rsplit(|c: char| !is_word(c)).next().unwrap_or_default();
        let device = after.split(|c: char| !is_word(c)).next().unwrap_or_default();
        let names = bare(source) && source.starts_with(char::is_alphabetic) && bare(device);
        out += before;
        out.push(if names { '.' } else { '/' });
        rest = after;
    }
    out + rest
}

/// The name of a device as it stands in ids and paths: small letters, digits and `_`, such as `desk_lamp` of `Desk-Lamp`; empty where nothing of
/// it can be kept.
pub fn device_name(said: &str) -> String {
    let kept = said.chars().filter_map(|c| match c {
        ' ' | '-' | '_' | '/' | '.' | ':' => Some('_'),
        c => c.is_ascii_alphanumeric().then_some(c.to_ascii_lowercase()),
    });
    let kept: String = kept.collect();
    kept.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// `light` of `light.hall`; all of it where there is no dot.
pub fn domain_of(entity_id: &str) -> &str {
    entity_id.split('.').next().unwrap_or_default()
}

/// `hall` of `light.hall`; all of it where there is no dot.
pub fn object_of(entity_id: &str) -> &str {
    entity_id.split_once('.').map_or(entity_id, |(_, object)| object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_names_entities() {
        let named = |expression| entities_of(expression).collect::<Vec<_>>();
        assert_eq!(named("sensor.import - 0.5*sensor.export_2 + (sensor.pv)"), ["sensor.import", "sensor.export_2", "sensor.pv"]);
        assert_eq!(named("1.5 + 2"), [""; 0]);
        assert_eq!((object_of("light.hall"), object_of("plug")), ("hall", "plug"));
    }

    #[test]
    fn a_source_and_a_device_are_an_id() {
        assert_eq!(with_dots("tasmota/mt681"), "tasmota.mt681");
        assert_eq!(with_dots(" http/p1 - 0.5*http/6f + sensor.a/2 / tasmota/x"), " http.p1 - 0.5*http.6f + sensor.a/2 / tasmota.x");
        assert_eq!(with_dots("(sensor.a + sensor.b)/sensor.c"), "(sensor.a + sensor.b)/sensor.c");
    }

    #[test]
    fn a_devices_name_is_small_letters() {
        assert_eq!(device_name(" Desk - Lamp_(2)"), "desk_lamp_2");
        assert_eq!((device_name("tasmota/6F0690").as_str(), device_name("—").as_str()), ("tasmota_6f0690", ""));
    }

    #[test]
    fn letters_are_counted() {
        assert_eq!(letters_apart("intervall", "interval"), 1);
        assert_eq!(letters_apart("url", "url"), 0);
        assert_eq!(letters_apart("", "abc"), 3);
        assert_eq!(letters_apart("kitten", "sitting"), 3);
    }
}
