//! Which devices are asked, and when: those that say little by themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use super::wire;

/// Devices that can be asked, by topic.
#[derive(Default)]
pub(super) struct Questions {
    every_ms: i64,
    devices: BTreeMap<String, Device>,
}

struct Device {
    question: String,
    answer: String,
    /// Whether it has said anything of power or energy.
    measures: bool,
    was_asked: bool,
    /// When it spoke or was asked last, ms since the epoch.
    at_ms: i64,
}

impl Questions {
    /// Each device that was not heard for so long is asked; zero: none is.
    pub fn every(every: Duration) -> Self {
        Questions { every_ms: i64::try_from(every.as_millis()).unwrap_or(i64::MAX), devices: BTreeMap::new() }
    }

    /// Notes that a device spoke, and whether it measures anything, as far as that shows. Gives the topic on which it will answer where it is new.
    pub fn heard(&mut self, device: &str, topic: &str, measures: bool, at_ms: i64) -> Option<String> {
        if self.every_ms == 0 {
            return None;
        }
        if let Some(known) = self.devices.get_mut(device) {
            known.measures |= measures;
            known.at_ms = at_ms;
            return None;
        }
        let (question, answer) = wire::question(topic)?;
        // One of which nothing is known yet is asked at once.
        let at_ms = if measures { at_ms } else { i64::MIN };
        self.devices.insert(device.to_owned(), Device { question, answer: answer.clone(), measures, was_asked: false, at_ms });
        Some(answer)
    }

    /// Topics on which answers come.
    pub fn answers(&self) -> impl Iterator<Item = &str> {
        self.devices.values().map(|device| device.answer.as_str())
    }

    /// Topics to ask on now. What measures nothing is asked once; what is away is not asked.
    pub fn due(&mut self, is_away: impl Fn(&str) -> bool, now_ms: i64) -> Vec<String> {
        let mut due = Vec::new();
        for (name, device) in &mut self.devices {
            let is_time = now_ms.saturating_sub(device.at_ms) >= self.every_ms;
            if is_time && (device.measures || !device.was_asked) && !is_away(name) {
                (device.was_asked, device.at_ms) = (true, now_ms);
                due.push(device.question.clone());
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_little_is_asked_and_who_measures_nothing_only_once() {
        let mut questions = Questions::every(Duration::from_secs(10));
        assert_eq!(questions.heard("desk", "tele/desk/LWT", false, 0).as_deref(), Some("stat/desk/STATUS10"));
        assert_eq!(questions.heard("meter", "meter/tele/SENSOR", true, 0).as_deref(), Some("meter/stat/STATUS10"));
        assert_eq!(questions.heard("odd", "somewhere/SENSOR", true, 0), None, "where to ask does not show");
        assert_eq!(questions.due(|_| false, 1_000), ["cmnd/desk/STATUS"]);
        assert_eq!(questions.due(|_| false, 10_000), ["meter/cmnd/STATUS"], "the desk measures nothing");
        questions.heard("desk", "stat/desk/STATUS10", true, 11_000);
        assert_eq!(questions.due(|_| false, 20_000), ["meter/cmnd/STATUS"]);
        assert_eq!(questions.due(|name| name == "meter", 30_000), ["cmnd/desk/STATUS"]);
        questions.heard("desk", "tele/desk/SENSOR", true, 39_000);
        assert!(questions.due(|name| name == "meter", 40_000).is_empty(), "it speaks by itself");
    }

    #[test]
    fn zero_asks_nobody() {
        let mut questions = Questions::every(Duration::ZERO);
        assert_eq!(questions.heard("desk", "tele/desk/SENSOR", true, 0), None);
        assert!(questions.due(|_| false, 1_000_000).is_empty());
    }
}
