//! Who speaks by the clock, and has fallen silent.

use std::collections::BTreeMap;

/// One that was heard so often has a rhythm, if it has one.
const LEAST: u32 = 10;
/// It is missed after so many of the longest of its pauses …
const PAUSES: i64 = 5;
/// … and no sooner than this, ms.
const AT_LEAST_MS: i64 = 180_000;
/// One with a pause of so many of its usual ones speaks when it wants to, such as when something changes.
const UNEVEN: f64 = 4.0;
/// A long pause counts half as much a day later, ms.
const HALF_MS: f64 = 86_400_000.0;

/// When each was heard. All instants are ms since the epoch.
#[derive(Default)]
pub(super) struct Rhythms(BTreeMap<String, Rhythm>);

struct Rhythm {
    device: String,
    last_ms: i64,
    count: u32,
    /// Of the pauses, the newer the more, ms.
    mean_ms: f64,
    /// As of now, ms.
    longest_ms: f64,
}

impl Rhythms {
    /// One spoke, by its identity; `device` is what it is called.
    pub fn heard(&mut self, identity: &str, device: &str, at_ms: i64) {
        let fresh = || Rhythm { device: device.to_owned(), last_ms: at_ms, count: 0, mean_ms: 0.0, longest_ms: 0.0 };
        let known = self.0.entry(identity.to_owned()).or_insert_with(fresh);
        let pause_ms = (at_ms - known.last_ms).max(0) as f64;
        if pause_ms > 0.0 {
            known.count = known.count.saturating_add(1);
            known.mean_ms += (pause_ms - known.mean_ms) / f64::from(known.count.min(50));
            known.longest_ms = (known.longest_ms * 0.5_f64.powf(pause_ms / HALF_MS)).max(pause_ms);
            known.last_ms = at_ms;
        }
        device.clone_into(&mut known.device);
    }

    /// Nobody could be heard until `at_ms`, so nobody's silence until then counts.
    pub fn begin_again(&mut self, at_ms: i64) {
        self.0.values_mut().for_each(|known| known.last_ms = known.last_ms.max(at_ms));
    }

    /// Those that are missed at `now_ms`: their identity, what they are called, and what is to be said of it.
    pub fn missed(&self, now_ms: i64) -> impl Iterator<Item = (&str, &str, String)> {
        let is_even = |known: &Rhythm| known.count >= LEAST && known.longest_ms <= UNEVEN * known.mean_ms;
        self.0.iter().filter(move |(_, known)| is_even(known)).filter_map(move |(identity, known)| {
            let after_ms = (PAUSES * known.longest_ms as i64).max(AT_LEAST_MS);
            let why = || format!("it has said nothing for {} min: see that it has power and Wi-Fi", after_ms / 60_000);
            (now_ms - known.last_ms > after_ms).then(|| (identity.as_str(), known.device.as_str(), why()))
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DAY: i64 = 86_400_000;

    /// One that spoke after each of these pauses, s, and how long after its last word it is missed, s.
    #[rstest]
    #[case::by_the_clock(&[2; 20], Some(180))]
    #[case::slowly(&[300; 12], Some(1500))]
    #[case::a_little_uneven(&[10, 12, 9, 11, 10, 10, 20, 10, 10, 10, 10], Some(180))]
    #[case::when_something_changes(&[5, 5, 5, 5, 5, 5, 900, 5, 5, 5, 5, 5], None)]
    #[case::seldom_until_now(&[2; 5], None)]
    fn who_speaks_by_the_clock_is_missed(#[case] pauses_s: &[i64], #[case] missed_after_s: Option<i64>) {
        let (mut rhythms, mut at_ms) = (Rhythms::default(), 1_000);
        rhythms.heard("a", "mt681", at_ms);
        for pause_s in pauses_s {
            at_ms += pause_s * 1000;
            rhythms.heard("a", "mt681", at_ms);
        }
        let is_missed = |s: i64| rhythms.missed(at_ms + s * 1000).next().is_some();
        match missed_after_s {
            Some(s) => assert!(!is_missed(s) && is_missed(s + 1)),
            None => assert!(!is_missed(DAY / 1000)),
        }
    }

    #[test]
    fn one_that_was_away_is_missed_again_some_days_later_and_none_for_the_time_it_could_not_be_heard() {
        let (mut rhythms, mut at_ms) = (Rhythms::default(), 0);
        let speak = |rhythms: &mut Rhythms, at_ms: &mut i64, for_ms: i64| {
            let until_ms = *at_ms + for_ms;
            while *at_ms < until_ms {
                *at_ms += 10_000;
                rhythms.heard("a", "meter", *at_ms);
            }
        };
        speak(&mut rhythms, &mut at_ms, DAY);
        assert_eq!(rhythms.missed(at_ms + 200_000).map(|(identity, device, _)| (identity, device)).collect::<Vec<_>>(), [("a", "meter")]);
        at_ms += 3_600_000;
        rhythms.begin_again(at_ms);
        assert_eq!(rhythms.missed(at_ms + 100_000).count(), 0);
        at_ms += 3_600_000;
        speak(&mut rhythms, &mut at_ms, 10 * DAY);
        assert_eq!(rhythms.missed(at_ms + 200_000).count(), 1);
    }
}
