//! The house as a whole.

use super::columns::Column;
use super::lines::Line;
use super::page::Page;
use super::words;
use crate::{number, text};

/// A line of the sum.
struct Total {
    label: String,
    kwh: f64,
    share: bool,
}

/// The house, what the devices above make of it, and what is left.
pub fn section(page: &Page<'_>, told: &[Line<'_>]) -> Vec<String> {
    let answer = page.answer;
    let total = |label: &str, kwh, share| Total { label: label.to_owned(), kwh, share };
    let mut totals = vec![total("The house", answer.house_kwh, false)];
    let devices: f64 = told.iter().filter_map(|line| words::energy_kwh(line.device)).sum();
    if !told.is_empty() {
        totals.push(total("The devices above", devices, true));
    }
    totals.push(total("Not explained", answer.unexplained_kwh, true));
    if let Some(power_w) = answer.baseline_w {
        let kwh = page.always(power_w);
        let within = if (0.0..=answer.unexplained_kwh).contains(&kwh) { "  of it always on" } else { "Always on" };
        totals.push(Total { label: format!("{within}, {}", number::watts(power_w, None)), kwh, share: true });
    }
    let sensible = answer.house_kwh > 0.0 && answer.unexplained_kwh >= 0.0;
    let dash = || "–".to_owned();
    let days = words::days(page.span_days());
    let mut columns = vec![
        Column::new(["kWh in", &days], totals.iter().map(|t| number::three_digits(t.kwh))),
        Column::new(["kWh", "a year"], totals.iter().map(|t| page.a_year(t.kwh).map_or_else(dash, number::three_digits))),
    ];
    if let Some(price) = answer.price_per_kwh {
        let cost = |t: &Total| page.a_year(t.kwh * price).filter(|_| t.kwh >= 0.0).map_or_else(dash, number::money);
        columns.push(Column::new([&page.currency(), "a year"], totals.iter().map(cost)));
    }
    if sensible {
        let share = |t: &Total| if t.share { format!("{} %", number::fixed(100.0 * t.kwh / answer.house_kwh, 0)) } else { String::new() };
        columns.push(Column::new(["", ""], totals.iter().map(share)));
    }
    let widest = totals.iter().map(|t| text::width(&t.label)).max().unwrap_or(0).max(24);
    let mut lines: Vec<String> = (0..2)
        .map(|k| {
            let heading = columns.iter().fold(text::left("", widest), |heading, c| heading + "  " + &c.heading(k));
            page.style.paint.bold(heading.trim_end())
        })
        .collect();
    for (row, total) in totals.iter().enumerate() {
        lines.push(columns.iter().fold(text::left(&total.label, widest), |line, c| line + "  " + &c.cell(row)));
    }
    lines
}
