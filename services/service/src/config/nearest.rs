//! What somebody meant who wrote something else.

/// `did you mean …?` where something known is near, else what there is.
pub fn hint<'a>(said: &str, known: impl Iterator<Item = &'a str> + Clone, show: impl Fn(&str) -> String) -> String {
    let near = known.clone().map(|name| (wattribute_domain::letters_apart(said, name), name)).min();
    match near {
        Some((apart, name)) if apart <= 1 + said.chars().count() / 4 => format!("did you mean {}?", show(name)),
        Some(_) => format!("there are {}", known.map(show).collect::<Vec<_>>().join(", ")),
        None => "there are none here".to_owned(),
    }
}
