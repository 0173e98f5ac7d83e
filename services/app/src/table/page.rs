//! What every section of the page needs to know, and the sections that are plain sentences.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use wattribute_domain::Answer;

use super::{Style, words};
use crate::{number, text};

/// An answer and how it is shown.
pub struct Page<'a> {
    /// What is shown.
    pub answer: &'a Answer,
    /// How.
    pub style: Style,
    /// First and last instant, if they can be read.
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl<'a> Page<'a> {
    /// A page for `answer`.
    pub fn new(answer: &'a Answer, style: Style) -> Self {
        let at = |said: &str| DateTime::parse_from_rfc3339(said).ok().map(|at| at.to_utc());
        Page { answer, style, span: at(&answer.from).zip(at(&answer.to)) }
    }

    /// Days from the first to the last instant.
    pub fn span_days(&self) -> f64 {
        self.span.map_or(0.0, |(from, to)| (to - from).as_seconds_f64() / 86_400.0)
    }

    /// Days of which there are readings.
    fn days_covered(&self) -> f64 {
        self.span_days() - self.answer.gap_hours.max(0.0) / 24.0
    }

    /// What `value` over the days covered makes in a year.
    pub fn a_year(&self, value: f64) -> Option<f64> {
        let days = self.days_covered();
        (days > 0.0).then(|| value / days * 365.25)
    }

    /// Energy in kWh over the days covered of a load that never rests.
    pub fn always(&self, power_w: f64) -> f64 {
        power_w * self.days_covered().max(0.0) * 24.0 / 1000.0
    }

    /// The currency, or `cost` where it was not said.
    pub fn currency(&self) -> String {
        self.answer.currency.as_deref().map_or("cost".to_owned(), text::clean)
    }

    /// What was read.
    pub fn title(&self) -> Vec<String> {
        let paint = self.style.paint;
        let mut lines = vec![paint.bold("What your devices draw")];
        if let Some((from, to)) = self.span {
            let zone: Tz = self.answer.time_zone.parse().unwrap_or(Tz::UTC);
            let wall = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
            let mut read = format!("{} to {} ({zone}), {}", wall(from), wall(to), words::days(self.span_days()));
            if self.answer.gap_hours > (self.span_days() * 0.24).min(24.0) {
                read += &format!(", {} of them without readings", words::days(self.answer.gap_hours / 24.0));
            }
            lines.extend(self.wrapped("", &read).iter().map(|l| paint.dim(l)));
        }
        lines
    }

    /// Which meter was taken and what it allows.
    pub fn meter(&self) -> Vec<String> {
        let meter = &self.answer.meter;
        let mut lines =
            vec![format!("{} {}", self.style.paint.bold("Your meter:"), text::cut(&text::clean(&meter.entity_id), self.style.width - 12))];
        let why = text::clean(&meter.why);
        if !why.is_empty() {
            lines.extend(self.wrapped("  ", &words::sentence(&why)));
        }
        lines.extend(self.wrapped("  ", &words::sampling(meter)));
        if !meter.candidates.is_empty() {
            let others: Vec<String> = meter.candidates.iter().take(3).map(|c| text::clean(c)).collect();
            lines.extend(self.wrapped("  ", &format!("It could also be {}: choose with --meter.", others.join(" or "))));
        }
        lines
    }

    /// What the reader should know, and what to do next.
    pub fn notes(&self) -> Vec<String> {
        let days = self.span_days();
        let mut notes: Vec<String> = Vec::new();
        if self.answer.unexplained_kwh < -0.05 * self.answer.house_kwh.abs() {
            notes.push(
                "Less than nothing is left unexplained: probably solar panels or a battery feed this meter. Add their power sensors, so that the \
                 house's own use is seen: --meter \"sensor.grid + sensor.solar\"."
                    .to_owned(),
            );
        }
        if days < 2.0 {
            notes.push(format!("Only {} were read: a year's figures are rough.", words::days(days)));
        } else if days < 350.0 {
            notes.push(format!("A year's figures suppose that the whole year is like these {}.", words::days(days)));
        }
        match self.answer.price_per_kwh {
            Some(price) => notes.push(format!(
                "Costs are at {} {} a kWh.",
                words::price(price),
                self.answer.currency.as_deref().map_or("".to_owned(), text::clean)
            )),
            None => notes.push("To see what it costs, add a price: --price 0.30 --currency EUR".to_owned()),
        }
        notes.extend(self.answer.notes.iter().map(|n| words::sentence(&text::clean(n))).filter(|n| !n.is_empty()));
        notes.iter().flat_map(|n| self.bullet(&n.replace("  ", " "))).collect()
    }

    /// `text` in lines that all begin with `indent`.
    pub fn wrapped(&self, indent: &str, text: &str) -> Vec<String> {
        text::wrap(text, self.style.width - text::width(indent)).into_iter().map(|line| format!("{indent}{line}")).collect()
    }

    fn bullet(&self, text: &str) -> Vec<String> {
        let lines = text::wrap(text, self.style.width - 2).into_iter().enumerate();
        lines.map(|(k, line)| format!("{} {line}", if k == 0 { "·" } else { " " })).collect()
    }

    /// How many of something, for a heading: `(4)`.
    pub fn count(n: usize) -> String {
        format!("({})", number::fixed(n as f64, 0))
    }
}
