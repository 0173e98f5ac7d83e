//! What a counter of energy says: its increases, each told apart from what only looks like one, and energy by quarters of an hour.

use serde::{Deserialize, Serialize};

use crate::Series;

pub use quarters::{DISAGREEMENT, Quarter, Quarters, counter_quarters, disagreement, power_quarters};

mod quarters;

/// More than any house draws over a longer time, kW.
pub const MOST_KW: f64 = 100.0;

/// A fall of so much is jitter, kWh, or of this share of the counter if it comes back within [`DIP_MS`].
const DIP_KWH: f64 = 0.1;
const DIP_SHARE: f64 = 0.001;
const DIP_MS: i64 = 86_400_000;
/// A larger fall that comes back within this time was a glitch.
const GLITCH_MS: i64 = 3_600_000;
/// Longest time over which what could be drawn is added up when a jump falls back, h.
const FALL_BACK_H: f64 = 24.0;
/// What may be drawn beside any rate: resolution and lateness, kWh.
const SLACK_KWH: f64 = 1.0;

/// How an increase is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The counter counted it.
    Counted,
    /// The counter began at zero again; this is what it counted since, and what came before the fall in the same span is not known.
    Reset,
    /// The counter went over its last digit.
    RolledOver,
    /// The counter counted it while nobody listened: the energy is known, its time is not.
    AcrossGap,
}

/// What was drawn between two readings of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Increment {
    /// When the earlier one was said, ms since the epoch.
    pub from_ms: i64,
    /// When the later one was said, ms since the epoch.
    pub to_ms: i64,
    /// Energy in between, kWh, never below 0.
    pub kwh: f64,
    /// How it is known.
    pub kind: Kind,
}

/// What a counter did beside counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// It fell a little, or for a short time, and came back: nothing is counted until it passes where it was.
    Dip,
    /// It began at zero again.
    Reset,
    /// It went over its last digit.
    RolledOver,
    /// It fell to a value that is no beginning, as when a meter is replaced: counting begins anew there.
    Replaced,
    /// It rose by more than can be drawn in the time: not counted.
    Jump,
    /// It came back from a jump: what was counted before the jump goes on.
    FellBack,
}

/// What a counter did beside counting, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// When the new value was said, ms since the epoch.
    pub at_ms: i64,
    /// What it did.
    pub kind: NoteKind,
    /// The value before, kWh.
    pub from_kwh: f64,
    /// The new value, kWh.
    pub to_kwh: f64,
}

/// All that a counter says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Its increases in order, also those of 0; where none is, nothing is known.
    pub increments: Vec<Increment>,
    /// What else it did, in order.
    pub notes: Vec<Note>,
    /// Since when it counted nothing after the last increment, ms since the epoch; `None` where it never said anything.
    pub unchanged_from_ms: Option<i64>,
    /// Until when that is known, ms since the epoch: the beginning of a gap; `None` where it still speaks.
    pub unchanged_to_ms: Option<i64>,
}

/// The last reading that counts.
#[derive(Clone, Copy)]
struct Base {
    at_ms: i64,
    kwh: f64,
}

/// The increases of a counter in kWh, in order of time ([`Series::normalise`]). The first value counts nothing. `most_kw` is what can be drawn
/// at most ([`MOST_KW`]); an increase of more than that and 1 kWh is a jump.
///
/// What stays below the highest value because of a dip waits until the counter has passed it. A value close to zero after a fall is a reset if it can
/// have been drawn since the last one; it is a rollover instead if the counter stood closely below 10^3 to 10^7 or 2^32/1000 and what it counted
/// over the edge is usual for it.
pub fn increments(counter: &Series, most_kw: f64) -> Counts {
    let rows: Vec<(i64, f64)> = counter.at_ms.iter().copied().zip(counter.value.iter().copied()).collect();
    let mut reader =
        Reader { most_kw: most_kw.max(0.0), base: None, before_jump: None, gap_ms: None, run: (0, 0.0), counts: Counts::default() };
    for (k, &(at_ms, value)) in rows.iter().enumerate() {
        if !value.is_finite() {
            reader.gap_ms.get_or_insert(at_ms);
        } else {
            reader.hear(at_ms, value.max(0.0), &rows[k + 1..]);
        }
    }
    reader.counts.unchanged_from_ms = reader.base.map(|b| b.at_ms);
    reader.counts.unchanged_to_ms = reader.base.and(reader.gap_ms);
    reader.counts
}

struct Reader {
    most_kw: f64,
    base: Option<Base>,
    /// Where the counter stood before a jump, with what was counted since.
    before_jump: Option<Base>,
    /// When it fell silent after the last reading that counts.
    gap_ms: Option<i64>,
    /// When the present run of counting began, and what it counted, kWh.
    run: (i64, f64),
    counts: Counts,
}

impl Reader {
    fn hear(&mut self, at_ms: i64, kwh: f64, later: &[(i64, f64)]) {
        let Some(base) = self.base else {
            return self.begin(at_ms, kwh);
        };
        if at_ms < base.at_ms {
            return;
        }
        if let Some(before) = self.before_jump.filter(|b| kwh < base.kwh && self.falls_back_to(b, base.kwh, at_ms, kwh)) {
            self.note(at_ms, NoteKind::FellBack, base.kwh, kwh);
            self.before_jump = None;
            self.base = Some(before);
            return if kwh >= before.kwh {
                self.count(before, at_ms, kwh, kwh - before.kwh, Kind::Counted)
            } else {
                self.hear(at_ms, kwh, later)
            };
        }
        if kwh >= base.kwh {
            if kwh - base.kwh <= self.drawable(base.at_ms, at_ms) + SLACK_KWH {
                return self.count(base, at_ms, kwh, kwh - base.kwh, Kind::Counted);
            }
            self.note(at_ms, NoteKind::Jump, base.kwh, kwh);
            let before = self.before_jump.unwrap_or(base);
            self.begin(at_ms, kwh);
            self.before_jump = Some(before);
            return;
        }
        if self.is_dip(base, at_ms, kwh, later) {
            return self.note(at_ms, NoteKind::Dip, base.kwh, kwh);
        }
        if let Some(increase) = self.over_the_edge(base, at_ms, kwh) {
            self.note(at_ms, NoteKind::RolledOver, base.kwh, kwh);
            return self.count(base, at_ms, kwh, increase, Kind::RolledOver);
        }
        self.before_jump = None;
        if kwh < base.kwh / 2.0 && self.is_usual(base, at_ms, kwh, 100.0) {
            self.note(at_ms, NoteKind::Reset, base.kwh, kwh);
            return self.count(base, at_ms, kwh, kwh, Kind::Reset);
        }
        self.note(at_ms, NoteKind::Replaced, base.kwh, kwh);
        self.begin(at_ms, kwh);
    }

    /// Begins to count from a value whose past is not known.
    fn begin(&mut self, at_ms: i64, kwh: f64) {
        self.base = Some(Base { at_ms, kwh });
        self.run = (at_ms, 0.0);
        self.gap_ms = None;
    }

    fn count(&mut self, base: Base, at_ms: i64, now_kwh: f64, kwh: f64, kind: Kind) {
        let (mut from_ms, mut kind) = (base.at_ms, kind);
        if let Some(gap_ms) = self.gap_ms.take() {
            // Until it fell silent it said that nothing was added.
            let gap_ms = gap_ms.clamp(from_ms, at_ms);
            self.counts.increments.push(Increment { from_ms, to_ms: gap_ms, kwh: 0.0, kind: Kind::Counted });
            from_ms = gap_ms;
            kind = if kind == Kind::Counted { Kind::AcrossGap } else { kind };
        }
        self.counts.increments.push(Increment { from_ms, to_ms: at_ms, kwh, kind });
        self.base = Some(Base { at_ms, kwh: now_kwh });
        self.before_jump = self.before_jump.map(|b| Base { at_ms, kwh: b.kwh + kwh });
        self.run.1 += kwh;
    }

    fn note(&mut self, at_ms: i64, kind: NoteKind, from_kwh: f64, to_kwh: f64) {
        self.counts.notes.push(Note { at_ms, kind, from_kwh, to_kwh });
    }

    /// What can be drawn in a time at most, kWh.
    fn drawable(&self, from_ms: i64, to_ms: i64) -> f64 {
        self.most_kw * hours(from_ms, to_ms)
    }

    /// Whether an increase since the last reading can be, and is no more than `times` what this counter counted on average.
    fn is_usual(&self, base: Base, at_ms: i64, kwh: f64, times: f64) -> bool {
        let run_h = hours(self.run.0, base.at_ms);
        let usual = if self.run.1 > 0.0 && run_h > 0.0 { times * self.run.1 / run_h * hours(base.at_ms, at_ms) } else { f64::INFINITY };
        kwh <= self.drawable(base.at_ms, at_ms).min(usual) + SLACK_KWH
    }

    /// Whether a fall from `high_kwh` takes back most of a jump, to where the counter would be without it.
    fn falls_back_to(&self, before: &Base, high_kwh: f64, at_ms: i64, kwh: f64) -> bool {
        if 2.0 * (high_kwh - kwh) < high_kwh - before.kwh {
            return false;
        }
        let drawable = self.most_kw * hours(before.at_ms, at_ms).min(FALL_BACK_H);
        (before.kwh - dip(before.kwh)..=before.kwh + drawable + SLACK_KWH).contains(&kwh)
    }

    fn is_dip(&self, base: Base, at_ms: i64, kwh: f64, later: &[(i64, f64)]) -> bool {
        let within = |span_ms: i64| later.iter().take_while(move |row| row.0 - at_ms <= span_ms);
        let fall = base.kwh - kwh;
        if kwh >= base.kwh / 2.0 {
            // Rounding must not make 0.1 more than 0.1.
            if fall <= DIP_KWH * 1.000_001 {
                return true;
            }
            let comes_back = |span_ms| within(span_ms).any(|row| row.1 >= base.kwh - DIP_KWH);
            let open = later.last().is_none_or(|row| row.0 - at_ms <= DIP_MS);
            return comes_back(GLITCH_MS) || (fall <= dip(base.kwh) && (open || comes_back(DIP_MS)));
        }
        // Back where it was, faster than anything can be drawn from here.
        let mut low = Base { at_ms, kwh };
        for &(later_ms, later_kwh) in within(GLITCH_MS).filter(|row| row.1.is_finite()) {
            let to_here = base.kwh + self.drawable(base.at_ms, later_ms) + SLACK_KWH;
            if later_kwh >= base.kwh - DIP_KWH && later_kwh <= to_here && later_kwh - low.kwh > self.drawable(low.at_ms, later_ms) + DIP_KWH
            {
                return true;
            }
            low = Base { at_ms: later_ms, kwh: later_kwh };
        }
        false
    }

    /// What was counted over the last digit, kWh, if that is what happened.
    fn over_the_edge(&self, base: Base, at_ms: i64, kwh: f64) -> Option<f64> {
        let edges = (3..=7).map(|n| 10f64.powi(n)).chain([2f64.powi(32) / 1000.0]);
        edges
            .filter(|edge| base.kwh <= *edge && base.kwh >= 0.99 * edge && kwh <= 0.01 * edge)
            .map(|edge| edge - base.kwh + kwh)
            .find(|&increase| self.is_usual(base, at_ms, increase, 10.0))
    }
}

/// The largest fall that may be jitter, kWh.
fn dip(kwh: f64) -> f64 {
    (DIP_SHARE * kwh).max(DIP_KWH)
}

fn hours(from_ms: i64, to_ms: i64) -> f64 {
    to_ms.saturating_sub(from_ms).max(0) as f64 / 3.6e6
}

#[cfg(test)]
mod tests;
