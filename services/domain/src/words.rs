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
    fn letters_are_counted() {
        assert_eq!(letters_apart("intervall", "interval"), 1);
        assert_eq!(letters_apart("url", "url"), 0);
        assert_eq!(letters_apart("", "abc"), 3);
        assert_eq!(letters_apart("kitten", "sitting"), 3);
    }
}
