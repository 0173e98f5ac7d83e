//! When an entity was on, and at which level.

use std::collections::BTreeMap;

use wattribute_domain::{Level, Series};

const HOUR_MS: i64 = 3_600_000;

/// A time that an entity was on.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// When it was switched on, ms since the epoch.
    pub from_ms: i64,
    /// When it was switched off, ms since the epoch; `None` while it is on.
    pub to_ms: Option<i64>,
    /// The levels it was at: from, to, ms since the epoch, and level. Times at which it did not say are left out.
    pub pieces: Vec<(i64, i64, Level)>,
}

impl Run {
    /// Time it was known to be on, ms.
    pub fn on_ms(&self) -> i64 {
        self.pieces.iter().map(|(from, to, _)| to - from).sum()
    }

    /// Time it was known to be on in each hour, ms, by the start of the hour.
    pub fn by_hour(&self) -> BTreeMap<i64, i64> {
        let mut hours = BTreeMap::new();
        for &(from_ms, to_ms, _) in &self.pieces {
            let mut at_ms = from_ms;
            while at_ms < to_ms {
                let hour_ms = at_ms.div_euclid(HOUR_MS) * HOUR_MS;
                let next_ms = (hour_ms + HOUR_MS).min(to_ms);
                *hours.entry(hour_ms).or_default() += next_ms - at_ms;
                at_ms = next_ms;
            }
        }
        hours
    }
}

/// The times that an entity was on within `[from_ms, to_ms)`, by what its level series said; the first is cut at `from_ms`. What lies in the
/// future of `to_ms` is not known, so the last one may be open. A silence does not end a run that goes on after it.
pub fn runs(levels: &Series, from_ms: i64, to_ms: i64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open: Option<Run> = None;
    let mut silent_ms: Option<i64> = None;
    for (k, (&at_ms, &value)) in levels.at_ms.iter().zip(&levels.value).enumerate() {
        let begin_ms = at_ms.max(from_ms);
        let end_ms = levels.at_ms.get(k + 1).copied().unwrap_or(to_ms).min(to_ms);
        if begin_ms >= to_ms || end_ms < from_ms {
            continue;
        }
        match Level::of_number(value) {
            None => silent_ms = silent_ms.or(Some(begin_ms)),
            Some(level) if level.is_off() => {
                if let Some(run) = open.take() {
                    runs.push(Run { to_ms: Some(silent_ms.unwrap_or(begin_ms)), ..run });
                }
                silent_ms = None;
            }
            Some(level) => {
                silent_ms = None;
                let run = open.get_or_insert_with(|| Run { from_ms: begin_ms, to_ms: None, pieces: Vec::new() });
                if end_ms > begin_ms {
                    run.pieces.push((begin_ms, end_ms, level));
                }
            }
        }
    }
    runs.extend(open);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(rows: &[(i64, f64)]) -> Series {
        Series { at_ms: rows.iter().map(|r| r.0).collect(), value: rows.iter().map(|r| r.1).collect() }
    }

    #[test]
    fn a_run_lasts_from_on_to_off() {
        let levels = said(&[(0, 0.0), (100, 1.0), (150, 0.5), (200, 0.0), (300, 1.0)]);
        let found = runs(&levels, 0, 400);
        assert_eq!(found.iter().map(|r| (r.from_ms, r.to_ms, r.on_ms())).collect::<Vec<_>>(), [(100, Some(200), 100), (300, None, 100)]);
        assert_eq!(found[0].pieces.len(), 2);
    }

    #[test]
    fn a_run_is_cut_where_the_span_begins() {
        let found = runs(&said(&[(0, 1.0), (500, 0.0)]), 200, 1000);
        assert_eq!((found[0].from_ms, found[0].to_ms), (200, Some(500)));
        assert!(runs(&said(&[(0, 1.0), (100, 0.0)]), 200, 1000).is_empty());
    }

    #[test]
    fn silence_is_not_on_and_ends_nothing_that_goes_on() {
        let found = runs(&said(&[(0, 1.0), (100, f64::NAN), (200, 1.0), (300, 0.0)]), 0, 1000);
        assert_eq!((found.len(), found[0].to_ms, found[0].on_ms()), (1, Some(300), 200));
        let found = runs(&said(&[(0, 1.0), (100, f64::NAN), (200, 0.0)]), 0, 1000);
        assert_eq!(found[0].to_ms, Some(100), "when it went off is not known: it was heard on until then");
    }

    #[test]
    fn hours_share_a_run() {
        let run = &runs(&said(&[(HOUR_MS / 2, 1.0), (2 * HOUR_MS, 0.0)]), 0, 3 * HOUR_MS)[0];
        assert_eq!(run.by_hour().into_iter().collect::<Vec<_>>(), [(0, HOUR_MS / 2), (HOUR_MS, HOUR_MS)]);
    }
}
