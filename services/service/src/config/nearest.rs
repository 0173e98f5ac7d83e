//! What somebody meant who wrote something else.

/// `did you mean …?` where something known is near, else what there is.
pub fn hint<'a>(said: &str, known: impl Iterator<Item = &'a str> + Clone, show: impl Fn(&str) -> String) -> String {
    let near = known.clone().map(|name| (distance(said, name), name)).min();
    match near {
        Some((apart, name)) if apart <= 1 + said.chars().count() / 4 => format!("did you mean {}?", show(name)),
        Some(_) => format!("there are {}", known.map(show).collect::<Vec<_>>().join(", ")),
        None => "there are none here".to_owned(),
    }
}

/// Letters to add, drop or change to come from one to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_apart() {
        assert_eq!(distance("intervall", "interval"), 1);
        assert_eq!(distance("url", "url"), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
