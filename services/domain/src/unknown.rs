//! Loads that no entity explains, as they are kept and named.

use serde::{Deserialize, Serialize};

/// Key of the document that holds [`UnknownLoads`].
pub const UNKNOWN_LOADS: &str = "unknown_loads";

/// Key of the document that holds what the owner calls them: names by id.
pub const UNKNOWN_NAMES: &str = "unknown_names";

/// Loads that were seen once and are not seen now are remembered up to so many, the latest first.
const MOST_EARLIER: usize = 50;

/// A load is the one known before where its power differs by less than this share and its running time by less than that factor.
const SAME_POWER: f64 = 0.15;
const SAME_DURATION: f64 = 1.7;

/// All loads that no entity explains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnknownLoads {
    /// When they were looked for, ms since the epoch.
    pub computed_at_ms: i64,
    /// First instant looked at, ms since the epoch.
    pub from_ms: i64,
    /// End of what was looked at (not included), ms since the epoch.
    pub to_ms: i64,
    /// The loads, those that use most first.
    pub loads: Vec<UnknownLoad>,
    /// Loads that were found earlier and are not found now: when they return they have their id, and so their name, again.
    #[serde(default)]
    pub earlier: Vec<EarlierLoad>,
    /// The next new load is `u` and this number.
    #[serde(default)]
    pub next_number: u32,
}

/// Recurring steps of the same size and duration in the house's power that no entity explains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnknownLoad {
    /// Names it, the same whenever it is found again: `u1`, `u2`, …
    pub id: String,
    /// Power while it runs, W.
    pub power_w: f64,
    /// Lower end of the 90 % interval of `power_w`, W.
    pub power_low_w: f64,
    /// Upper end of the 90 % interval of `power_w`, W.
    pub power_high_w: f64,
    /// How long it usually runs at a time, s: the median.
    pub duration_s: f64,
    /// A tenth of its runs are shorter, s.
    pub duration_low_s: f64,
    /// A tenth of its runs are longer, s.
    pub duration_high_s: f64,
    /// How often it ran, those runs counted in that were hidden behind other things or by gaps; an estimate.
    pub runs: u32,
    /// How many of these runs were seen.
    pub runs_seen: u32,
    /// Runs per day of 24 h.
    pub runs_per_day: f64,
    /// Energy of all its runs, kWh.
    pub energy_kwh: f64,
    /// Energy per day of 24 h, kWh.
    pub energy_kwh_per_day: f64,
    /// Runs seen that began in each hour of the local day, 24 numbers.
    pub hours_of_day: Vec<u32>,
    /// Strength of evidence, 0 to 1: the share of its runs that would not have come about by chance.
    pub strength: f64,
    /// When it was last seen to begin, ms since the epoch.
    pub last_run_ms: i64,
    /// The latest runs that were seen, in order of time.
    pub recent_runs: Vec<UnknownRun>,
}

/// One run of a load that no entity explains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnknownRun {
    /// When it began, ms since the epoch.
    pub from_ms: i64,
    /// When it ended, ms since the epoch.
    pub to_ms: i64,
    /// What it drew, W.
    pub power_w: f64,
}

impl UnknownRun {
    /// What it used, kWh.
    pub fn energy_kwh(&self) -> f64 {
        self.power_w * (self.to_ms - self.from_ms) as f64 / 3.6e9
    }
}

/// By what a load is known again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EarlierLoad {
    /// Its id.
    pub id: String,
    /// Its power, W.
    pub power_w: f64,
    /// How long it usually ran, s.
    pub duration_s: f64,
}

impl UnknownLoad {
    /// In a few words: `about 2.2 kW, 6 times a day, 3 minutes`.
    pub fn summary(&self) -> String {
        format!("about {}, {}, {}", power_in_words(self.power_w), times_in_words(self.runs_per_day), duration_in_words(self.duration_s))
    }
}

impl UnknownLoads {
    /// Gives the loads of this look the ids that `before` had for them, and new ids to those that are new.
    pub fn continue_from(&mut self, before: &UnknownLoads) {
        let signature = |load: &UnknownLoad| EarlierLoad { id: load.id.clone(), power_w: load.power_w, duration_s: load.duration_s };
        let mut known: Vec<EarlierLoad> = before.loads.iter().map(signature).collect();
        known.extend(before.earlier.iter().cloned());
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for (k, load) in self.loads.iter().enumerate() {
            let apart = known.iter().enumerate().filter_map(|(j, old)| Some((apart(load, old)?, k, j)));
            pairs.extend(apart);
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut taken = vec![false; known.len()];
        let mut has_id = vec![false; self.loads.len()];
        for (_, k, j) in pairs {
            if !has_id[k] && !taken[j] {
                (has_id[k], taken[j]) = (true, true);
                self.loads[k].id.clone_from(&known[j].id);
            }
        }
        let used = known.iter().filter_map(|old| old.id.strip_prefix('u')?.parse::<u32>().ok()).max().unwrap_or(0);
        self.next_number = before.next_number.max(used.saturating_add(1));
        for (load, _) in self.loads.iter_mut().zip(has_id).filter(|(_, has_id)| !has_id) {
            load.id = format!("u{}", self.next_number);
            self.next_number = self.next_number.saturating_add(1);
        }
        self.earlier = known.into_iter().zip(taken).filter(|(_, taken)| !taken).map(|(old, _)| old).take(MOST_EARLIER).collect();
    }
}

/// How far a load is from one known before; `None` where it is another.
fn apart(load: &UnknownLoad, old: &EarlierLoad) -> Option<f64> {
    let power = (load.power_w / old.power_w).ln().abs() / SAME_POWER;
    let duration = (load.duration_s / old.duration_s).ln().abs() / SAME_DURATION.ln();
    (power < 1.0 && duration < 1.0).then_some(power + duration)
}

/// `740 W`, `2.2 kW`.
fn power_in_words(power_w: f64) -> String {
    if power_w < 995.0 { format!("{:.0} W", two_digits(power_w)) } else { format!("{:.1} kW", power_w / 1000.0) }
}

/// Two digits that count.
fn two_digits(number: f64) -> f64 {
    let unit = 10f64.powf((number.max(1.0).log10().floor() - 1.0).max(0.0));
    (number / unit).round() * unit
}

/// `6 times a day`, `every second day`.
fn times_in_words(per_day: f64) -> String {
    match per_day {
        n if n >= 1.5 => format!("{:.0} times a day", two_digits(n)),
        n if n >= 0.75 => "once a day".to_owned(),
        n if n >= 1.5 / 7.0 => format!("{:.0} times a week", 7.0 * n),
        n if n >= 0.75 / 7.0 => "once a week".to_owned(),
        n => format!("every {:.0} days", 1.0 / n.max(1e-3)),
    }
}

/// `40 seconds`, `3 minutes`, `2.5 hours`.
fn duration_in_words(s: f64) -> String {
    match s {
        s if s < 1.5 => "1 second".to_owned(),
        s if s < 90.0 => format!("{:.0} seconds", two_digits(s)),
        s if s < 5400.0 => format!("{:.0} minutes", (s / 60.0).round()),
        s if s < 36_000.0 => format!("{:.1} hours", s / 3600.0),
        s => format!("{:.0} hours", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn load(power_w: f64, runs_per_day: f64, duration_s: f64) -> UnknownLoad {
        UnknownLoad { power_w, runs_per_day, duration_s, ..UnknownLoad::default() }
    }

    #[rstest]
    #[case(2213.0, 6.2, 181.0, "about 2.2 kW, 6 times a day, 3 minutes")]
    #[case(84.7, 30.6, 960.0, "about 85 W, 31 times a day, 16 minutes")]
    #[case(743.0, 1.0, 64.0, "about 740 W, once a day, 64 seconds")]
    #[case(61.0, 0.4, 9000.0, "about 61 W, 3 times a week, 2.5 hours")]
    #[case(3500.0, 0.03, 40_000.0, "about 3.5 kW, every 33 days, 11 hours")]
    fn a_load_is_told_in_a_few_words(#[case] w: f64, #[case] per_day: f64, #[case] s: f64, #[case] words: &str) {
        assert_eq!(load(w, per_day, s).summary(), words);
    }

    fn looked(loads: &[(f64, f64)]) -> UnknownLoads {
        UnknownLoads { loads: loads.iter().map(|&(w, s)| load(w, 5.0, s)).collect(), ..UnknownLoads::default() }
    }

    fn ids(loads: &UnknownLoads) -> Vec<&str> {
        loads.loads.iter().map(|l| l.id.as_str()).collect()
    }

    #[test]
    fn a_load_keeps_its_id_also_when_it_was_away() {
        let mut first = looked(&[(85.0, 960.0), (740.0, 65.0)]);
        first.continue_from(&UnknownLoads::default());
        assert_eq!(ids(&first), ["u1", "u2"]);
        // Another order, other figures, and one of the same power that runs much longer.
        let mut second = looked(&[(720.0, 600.0), (731.0, 70.0)]);
        second.continue_from(&first);
        assert_eq!(ids(&second), ["u3", "u2"]);
        let mut third = looked(&[(88.0, 1000.0), (2000.0, 65.0)]);
        third.continue_from(&second);
        assert_eq!(ids(&third), ["u1", "u4"]);
        assert_eq!(third.earlier.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["u3", "u2"]);
    }

    #[test]
    fn two_loads_never_share_an_id() {
        let mut first = looked(&[(100.0, 600.0)]);
        first.continue_from(&UnknownLoads::default());
        let mut second = looked(&[(108.0, 600.0), (101.0, 610.0)]);
        second.continue_from(&first);
        assert_eq!(ids(&second), ["u2", "u1"], "the nearer one is the one known before");
    }
}
