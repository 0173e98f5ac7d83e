//! Which entities are wanted.

use std::collections::HashSet;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::{HistoryError, Options};

/// `--include`, `--exclude` and the ids of `--meter`.
pub(super) struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
    keep: HashSet<String>,
}

impl Filter {
    pub(super) fn new(options: &Options) -> Result<Self, HistoryError> {
        Ok(Filter {
            include: if options.include.is_empty() { None } else { Some(set(&options.include)?) },
            exclude: set(&options.exclude)?,
            keep: options.keep.iter().map(|id| id.trim().to_ascii_lowercase()).collect(),
        })
    }

    /// Whether it is to be read as a sensor whatever else is said.
    pub(super) fn keeps(&self, entity_id: &str) -> bool {
        self.keep.contains(entity_id)
    }

    /// Whether it may be read as a sensor.
    pub(super) fn reads(&self, entity_id: &str) -> bool {
        self.keeps(entity_id) || !self.exclude.is_match(entity_id)
    }

    /// Whether it may be answered as an entity that switches a load.
    pub(super) fn answers(&self, entity_id: &str) -> bool {
        !self.exclude.is_match(entity_id) && self.include.as_ref().is_none_or(|include| include.is_match(entity_id))
    }
}

pub(crate) fn set(patterns: &[String]) -> Result<GlobSet, HistoryError> {
    let wrong = |pattern: &str, why: String| HistoryError::Pattern { pattern: pattern.to_owned(), why };
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        let text = pattern.trim().to_ascii_lowercase();
        if text.is_empty() {
            return Err(wrong(pattern, "it is empty".to_owned()));
        }
        let bare_domain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let text = if bare_domain { format!("{text}.*") } else { text };
        builder.add(Glob::new(&text).map_err(|e| wrong(pattern, e.kind().to_string().to_lowercase()))?);
    }
    builder.build().map_err(|e| wrong(&patterns.join(" "), e.kind().to_string().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn filter(include: &[&str], exclude: &[&str], keep: &[&str]) -> Filter {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Filter::new(&Options { include: own(include), exclude: own(exclude), keep: own(keep), ..Options::default() }).unwrap()
    }

    #[rstest]
    #[case::everything_without_patterns(&[], &[], "light.hall", true)]
    #[case::a_bare_domain(&["light"], &[], "light.hall", true)]
    #[case::a_bare_domain_is_not_a_prefix(&["light"], &[], "lightning.hall", false)]
    #[case::a_glob(&["*.kitchen_*"], &[], "switch.kitchen_kettle", true)]
    #[case::an_id_in_capitals(&["Light.Hall"], &[], "light.hall", true)]
    #[case::exclude_goes_before_include(&["light"], &["light.hall"], "light.hall", false)]
    fn include_and_exclude_decide_who_is_answered(
        #[case] include: &[&str],
        #[case] exclude: &[&str],
        #[case] id: &str,
        #[case] answered: bool,
    ) {
        assert_eq!(filter(include, exclude, &[]).answers(id), answered);
    }

    #[test]
    fn the_meter_is_read_even_where_it_is_excluded() {
        let filter = filter(&[], &["sensor"], &["sensor.house_power"]);
        assert!(filter.reads("sensor.house_power"));
        assert!(!filter.reads("sensor.other_power"));
    }

    #[rstest]
    #[case(
        "light.[a",
        "bad pattern `light.[a`: unclosed character class; missing ']'; write an entity such as `light.hall`, a glob such as `light.*` or a domain such as `light`"
    )]
    #[case(" ", "bad pattern ` `: it is empty; write an entity such as `light.hall`, a glob such as `light.*` or a domain such as `light`")]
    fn a_bad_pattern_is_one_clear_line(#[case] pattern: &str, #[case] line: &str) {
        let error = Filter::new(&Options { include: vec![pattern.to_owned()], ..Options::default() }).err().unwrap();
        assert_eq!(error.to_string(), line);
    }
}
