//! Which rate holds at which local time, worked out once.

use std::collections::HashMap;

use super::{MonthDay, Rate, TimeOfDay};

const QUARTERS: usize = 96;
/// Days of each month in a leap year.
const LENGTHS: [u16; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The rate of a quarter of an hour, and the quarter of the day at which another one begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slot {
    pub rate: Option<u16>,
    pub until: u8,
}

/// The rates of every quarter of every day of the week on every day of a leap year. Few days differ, so few are kept.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// By day of the leap year and day of the week: which of `kinds`.
    days: Vec<[u16; 7]>,
    kinds: Vec<[Slot; QUARTERS]>,
}

impl Plan {
    pub(super) fn new(rates: &[Rate]) -> Self {
        let mut known: HashMap<Vec<u16>, u16> = HashMap::new();
        let mut kinds = Vec::new();
        let days = month_days()
            .map(|day| {
                std::array::from_fn(|weekday| {
                    let holding: Vec<u16> = (0..rates.len() as u16).filter(|&k| holds_on(&rates[usize::from(k)], day, weekday)).collect();
                    *known.entry(holding).or_insert_with_key(|holding| {
                        kinds.push(slots(rates, holding));
                        (kinds.len() - 1) as u16
                    })
                })
            })
            .collect();
        Plan { days, kinds }
    }

    /// The rate on a day at a quarter of the local clock, 0 to 95.
    pub(super) fn at(&self, day: MonthDay, weekday: usize, quarter: usize) -> Slot {
        let before: u16 = LENGTHS[..usize::from(day.month - 1)].iter().sum();
        self.kinds[usize::from(self.days[usize::from(before + day.day - 1)][weekday])][quarter]
    }

    /// The first day of the week, day of the year and time at which no rate holds.
    pub(super) fn hole(&self) -> Option<(usize, MonthDay, TimeOfDay)> {
        let empty: Vec<Option<usize>> = self.kinds.iter().map(|kind| kind.iter().position(|slot| slot.rate.is_none())).collect();
        month_days().zip(&self.days).find_map(|(day, kinds)| {
            kinds.iter().enumerate().find_map(|(weekday, &kind)| {
                let quarter = empty[usize::from(kind)]?;
                Some((weekday, day, TimeOfDay { minutes: quarter as u16 * 15 }))
            })
        })
    }
}

fn month_days() -> impl Iterator<Item = MonthDay> {
    (1..=12).zip(LENGTHS).flat_map(|(month, days)| (1..=days).map(move |day| MonthDay { month, day }))
}

fn holds_on(rate: &Rate, day: MonthDay, weekday: usize) -> bool {
    let in_season = match (rate.first_day, rate.last_day) {
        (Some(first), Some(last)) if first <= last => first <= day && day <= last,
        (Some(first), Some(last)) => day >= first || day <= last,
        _ => true,
    };
    in_season && (rate.days.is_empty() || rate.days.iter().any(|d| d.is(weekday)))
}

fn slots(rates: &[Rate], holding: &[u16]) -> [Slot; QUARTERS] {
    let rate_at = |quarter: usize| holding.iter().copied().find(|&k| holds_at(&rates[usize::from(k)], quarter as u16 * 15));
    let mut slots: [Slot; QUARTERS] = std::array::from_fn(|quarter| Slot { rate: rate_at(quarter), until: QUARTERS as u8 });
    for quarter in (0..QUARTERS - 1).rev() {
        let next = slots[quarter + 1];
        slots[quarter].until = if next.rate == slots[quarter].rate { next.until } else { quarter as u8 + 1 };
    }
    slots
}

fn holds_at(rate: &Rate, minutes: u16) -> bool {
    match (rate.from, rate.to) {
        (Some(from), Some(to)) if from < to => (from.minutes..to.minutes).contains(&minutes),
        (Some(from), Some(to)) => minutes >= from.minutes || minutes < to.minutes,
        _ => true,
    }
}
