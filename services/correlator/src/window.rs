//! The last minutes of every series that matters, in memory.

use std::collections::HashMap;

use wattribute_domain::{Reading, Series, SeriesId};

/// Rows of some series from an instant on, each beginning with what held then.
#[derive(Clone, Debug, Default)]
pub struct Window {
    rows: HashMap<SeriesId, Series>,
    /// From when on series were taken to be silent, ms, though they did not say so.
    silent_ms: HashMap<SeriesId, i64>,
}

impl Window {
    /// Begins to keep a series.
    pub fn keep(&mut self, id: SeriesId, rows: Series) {
        self.rows.insert(id, rows);
    }

    /// What a series said.
    pub fn rows(&self, id: SeriesId) -> Series {
        self.rows.get(&id).cloned().unwrap_or_default()
    }

    /// Takes a series to be silent from an instant on, until it speaks again.
    pub fn fall_silent(&mut self, id: SeriesId, at_ms: i64) {
        if let Some(rows) = self.rows.get_mut(&id) {
            rows.push(at_ms, f64::NAN);
            self.silent_ms.insert(id, at_ms);
        }
    }

    /// The last row of a series.
    pub fn last(&self, id: SeriesId) -> Option<(i64, f64)> {
        let rows = self.rows.get(&id)?;
        rows.at_ms.last().copied().zip(rows.value.last().copied())
    }

    /// Takes what all series are known to have said in `[from_ms, to_ms]` for what was known of it so far; whether that differs.
    pub fn replace(&mut self, from_ms: i64, to_ms: i64, readings: &[Reading]) -> bool {
        let mut changed = false;
        let mut fresh: HashMap<SeriesId, Vec<(i64, f64)>> = HashMap::new();
        for r in readings.iter().filter(|r| self.rows.contains_key(&r.series)) {
            fresh.entry(r.series).or_default().push((r.at_ms, r.value));
        }
        for (id, rows) in &mut self.rows {
            let first = rows.at_ms.partition_point(|&t| t < from_ms);
            let last = rows.at_ms.partition_point(|&t| t <= to_ms);
            let new = fresh.remove(id).unwrap_or_default();
            let old = rows.at_ms[first..last].iter().zip(&rows.value[first..last]);
            let same =
                last - first == new.len() && old.zip(&new).all(|((at, v), n)| *at == n.0 && (*v == n.1 || (v.is_nan() && n.1.is_nan())));
            if !same {
                changed = true;
                rows.at_ms.splice(first..last, new.iter().map(|r| r.0));
                rows.value.splice(first..last, new.iter().map(|r| r.1));
                // It came late, and spoke at that time.
                let spoke = self.silent_ms.get(id).copied().filter(|silent_ms| new.first().is_some_and(|row| row.0 <= *silent_ms));
                if let Some(k) = spoke.and_then(|silent_ms| rows.at_ms.binary_search(&silent_ms).ok()).filter(|k| rows.value[*k].is_nan()) {
                    rows.at_ms.remove(k);
                    rows.value.remove(k);
                    self.silent_ms.remove(id);
                }
            }
        }
        changed
    }

    /// Forgets what no longer holds at `from_ms`.
    pub fn trim(&mut self, from_ms: i64) {
        for rows in self.rows.values_mut() {
            let first = rows.at_ms.partition_point(|&t| t <= from_ms).saturating_sub(1);
            rows.at_ms.drain(..first);
            rows.value.drain(..first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_better_replaces_what_was_known() {
        let id = SeriesId(1);
        let mut window = Window::default();
        window.keep(id, Series { at_ms: vec![0, 10, 20, 30], value: vec![0.0, 1.0, 2.0, 3.0] });
        let reading = |at_ms, value| Reading { series: id, at_ms, value };
        assert!(!window.replace(10, 20, &[reading(10, 1.0), reading(20, 2.0)]), "the same again");
        assert!(window.replace(10, 20, &[reading(15, 9.0), Reading { series: SeriesId(2), at_ms: 15, value: 7.0 }]));
        assert_eq!(window.rows(id).at_ms, [0, 15, 30]);
        window.replace(31, 40, &[reading(40, 4.0)]);
        assert_eq!(window.last(id), Some((40, 4.0)));
        window.trim(30);
        assert_eq!(window.rows(id).value, [3.0, 4.0]);
        window.trim(35);
        assert_eq!(window.rows(id).at_ms, [30, 40], "what holds at the start stays");
        assert!(window.rows(SeriesId(2)).is_empty());
    }

    #[test]
    fn who_was_taken_to_be_silent_and_spoke_late_was_not() {
        let id = SeriesId(1);
        let mut window = Window::default();
        window.keep(id, Series { at_ms: vec![0, 10], value: vec![1.0, 2.0] });
        window.fall_silent(id, 40);
        window.replace(60, 60, &[Reading { series: id, at_ms: 60, value: 3.0 }]);
        assert_eq!(window.rows(id).at_ms, [0, 10, 40, 60], "it speaks again, and was silent");
        window.replace(20, 20, &[Reading { series: id, at_ms: 20, value: 2.5 }]);
        assert_eq!(window.rows(id).at_ms, [0, 10, 20, 60]);
    }
}
