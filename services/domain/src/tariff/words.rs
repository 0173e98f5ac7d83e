//! Times, dates and days as they are written in a tariff.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A local time of the day, written `HH:MM`; `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// Since midnight by the local clock, minutes, 0 to 1440.
    pub minutes: u16,
}

impl TimeOfDay {
    /// What `HH:MM` says.
    pub fn of_text(text: &str) -> Option<Self> {
        let (hour, minute) = two_numbers(text, ':')?;
        let in_range = (hour < 24 && minute < 60) || (hour == 24 && minute == 0);
        in_range.then_some(TimeOfDay { minutes: hour * 60 + minute })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

/// A day of any year, written `MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthDay {
    /// 1 to 12.
    pub month: u16,
    /// 1 to 31, as long as the month has (29 in February).
    pub day: u16,
}

impl MonthDay {
    /// What `MM-DD` says.
    pub fn of_text(text: &str) -> Option<Self> {
        let (month, day) = two_numbers(text, '-')?;
        let longest = *[31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].get(usize::from(month).checked_sub(1)?)?;
        (1..=longest).contains(&day).then_some(MonthDay { month, day })
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    #[serde(alias = "monday")]
    Mon,
    /// Tuesday.
    #[serde(alias = "tuesday")]
    Tue,
    /// Wednesday.
    #[serde(alias = "wednesday")]
    Wed,
    /// Thursday.
    #[serde(alias = "thursday")]
    Thu,
    /// Friday.
    #[serde(alias = "friday")]
    Fri,
    /// Saturday.
    #[serde(alias = "saturday")]
    Sat,
    /// Sunday.
    #[serde(alias = "sunday")]
    Sun,
    /// Monday to Friday.
    Weekdays,
    /// Saturday and Sunday.
    Weekend,
}

impl Day {
    /// Whether it is that day of the week, Monday being 0.
    pub(super) fn is(self, weekday: usize) -> bool {
        match self {
            Day::Weekdays => weekday < 5,
            Day::Weekend => weekday >= 5,
            single => single as usize == weekday,
        }
    }
}

fn two_numbers(text: &str, between: char) -> Option<(u16, u16)> {
    let (first, second) = text.split_once(between)?;
    let number = |t: &str| (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse().ok()).flatten();
    Some((number(first)?, number(second)?))
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TimeOfDay::of_text(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no time of the day: write it as \"HH:MM\", such as \"06:00\"")))
    }
}

impl Serialize for MonthDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        MonthDay::of_text(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no day of the year: write it as \"MM-DD\", such as \"10-01\"")))
    }
}

/// A date or nothing, written `YYYY-MM-DD`.
pub(super) mod date {
    use chrono::NaiveDate;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(date: &Option<NaiveDate>, serializer: S) -> Result<S::Ok, S::Error> {
        date.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let date = (text.len() == 10).then(|| NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()).flatten();
        date.map(Some).ok_or_else(|| D::Error::custom(format!("{text:?} is no date: write it as \"YYYY-MM-DD\", such as \"2026-03-16\"")))
    }
}
