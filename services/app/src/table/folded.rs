//! Devices of which there is nothing to tell, in short.

use wattribute_domain::Verdict;

use super::lines::Line;
use super::page::Page;
use super::words;
use crate::number;

/// Those that cannot be told, by reason, and those that switch nothing.
pub fn section(page: &Page<'_>, untold: &[Line<'_>]) -> Vec<String> {
    let of = |reason: Reason| -> Vec<&Line<'_>> { untold.iter().filter(|line| Reason::of(line) == reason).collect() };
    let (nothing, small, seldom, other) = (of(Reason::Nothing), of(Reason::Small), of(Reason::Seldom), of(Reason::Other));
    let paint = page.style.paint;
    let mut lines = Vec::new();
    let unclear: usize = [&small, &seldom, &other].iter().flat_map(|lines| lines.iter()).map(|line| line.members).sum();
    if unclear > 0 {
        lines.push(format!("{} {}", paint.bold("Cannot tell"), Page::count(unclear)));
        let small = small.iter().map(|l| match l.device.power_high_w {
            Some(high) => format!("{} (under {})", l.name, number::watts(high, None)),
            None => l.name.clone(),
        });
        lines.extend(listed(page, "Too small for this meter", small));
        lines.extend(listed(
            page,
            "Switched too seldom",
            seldom.iter().map(|l| format!("{} ({})", l.name, words::times(l.device.events_total))),
        ));
        lines.extend(listed(page, "Not clear from the readings", other.iter().map(|l| l.name.clone())));
    }
    if !nothing.is_empty() {
        let most = nothing.iter().filter_map(|l| l.device.power_high_w).fold(0.0, f64::max);
        let bound = if most > 0.0 { format!(", at most {} each", number::watts(most, None)) } else { String::new() };
        let count = Page::count(nothing.iter().map(|l| l.members).sum());
        lines.push(format!("{} {count}: the meter does not move with these{bound}", paint.bold("Nothing to see")));
        let names: Vec<&str> = nothing.iter().map(|l| l.name.as_str()).collect();
        lines.extend(page.wrapped("  ", &names.join(", ")).iter().map(|l| paint.dim(l)));
    }
    lines
}

fn listed(page: &Page<'_>, reason: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let names: Vec<String> = lines.collect();
    if names.is_empty() { vec![] } else { page.wrapped("  ", &format!("{reason}: {}", names.join(", "))) }
}

#[derive(PartialEq)]
enum Reason {
    Nothing,
    Small,
    Seldom,
    Other,
}

impl Reason {
    fn of(line: &Line<'_>) -> Self {
        match line.device.verdict {
            Verdict::NoLoad => Reason::Nothing,
            Verdict::TooSmall => Reason::Small,
            Verdict::Grouped if line.device.power_high_w.is_some() => Reason::Small,
            Verdict::NotEnoughEvents => Reason::Seldom,
            Verdict::Learned | Verdict::Varies | Verdict::Measured | Verdict::Stated | Verdict::Grouped => Reason::Other,
        }
    }
}
