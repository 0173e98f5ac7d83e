//! The table of devices of which something is known.

use wattribute_domain::DeviceProfile;

use super::columns::Column;
use super::lines::Line;
use super::page::Page;
use super::words;
use crate::{number, text};

/// Between columns.
const GAP: &str = "  ";
/// Where there is room for this much beside the figures, ids get a column of their own.
const NAME_AND_ID: usize = 40;

/// A row for each device, under a heading.
pub fn section(page: &Page<'_>, told: &[Line<'_>]) -> Vec<String> {
    if told.is_empty() {
        return vec!["No device could be told.".to_owned()];
    }
    let paint = page.style.paint;
    let columns = columns(page, told);
    let verdicts: Vec<&str> = told.iter().map(|line| words::verdict(line.device)).collect();
    let last = verdicts.iter().map(|v| text::width(v)).max().unwrap_or(0).max(8);
    let figures: usize = columns.iter().map(|c| GAP.len() + c.width()).sum::<usize>() + GAP.len() + last;
    let (name, id) = share(page.style.width.saturating_sub(figures), told);

    let mut lines: Vec<String> = (0..2)
        .map(|k| {
            let mut heading = text::left(["", "Device"][k], name);
            if id > 0 {
                heading += &format!("{GAP}{}", text::left(["", "Entity"][k], id));
            }
            columns.iter().for_each(|c| heading += &format!("{GAP}{}", c.heading(k)));
            paint.bold((heading + GAP + ["", "How sure"][k]).trim_end())
        })
        .collect();
    for (row, line) in told.iter().enumerate() {
        let mut shown = text::left(&line.name, name);
        if id > 0 {
            shown += &format!("{GAP}{}", paint.dim(&text::left(&line.id, id)));
        }
        columns.iter().for_each(|c| shown += &format!("{GAP}{}", c.cell(row)));
        lines.push(format!("{shown}{GAP}{}", verdicts[row]));
        let remarks = remarks(line, id == 0);
        if !remarks.is_empty() {
            lines.extend(page.wrapped("  ", &remarks).iter().map(|l| paint.dim(l)));
        }
    }
    lines
}

/// Cells for the name and for the id (0: no room for a column of ids).
fn share(room: usize, told: &[Line<'_>]) -> (usize, usize) {
    let name = told.iter().map(|line| text::width(&line.name)).max().unwrap_or(0).max(6);
    let id = told.iter().map(|line| text::width(&line.id)).max().unwrap_or(0);
    if id == 0 || room < NAME_AND_ID {
        return (name.min(room.max(8)), 0);
    }
    let both = room - GAP.len();
    let id = id.max(6).min(both - name.min(both / 2));
    (name.min(both - id), id)
}

fn columns(page: &Page<'_>, told: &[Line<'_>]) -> Vec<Column> {
    let devices = || told.iter().map(|line| line.device);
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let days = words::days(page.span_days());
    let mut columns = vec![
        Column::with_tails(["", "Power"], devices().map(words::power)),
        Column::new(["Times", "on"], devices().map(|d| number::fixed(f64::from(d.times_on), 0))),
        Column::new(["Hours", "on"], devices().map(|d| number::hours(d.hours_on))),
        Column::new(["kWh in", &days], devices().map(|d| or_dash(words::energy_kwh(d).map(number::three_digits)))),
    ];
    let priced = page.answer.price_per_kwh.is_some();
    if !priced || page.style.width >= 100 {
        let a_year = |d: &DeviceProfile| or_dash(words::energy_kwh(d).and_then(|kwh| page.a_year(kwh)).map(number::three_digits));
        columns.push(Column::new(["kWh", "a year"], devices().map(a_year)));
    }
    if priced {
        let a_year = |d: &DeviceProfile| or_dash(d.cost.and_then(|cost| page.a_year(cost)).map(number::money));
        columns.push(Column::new([&page.currency(), "a year"], devices().map(a_year)));
    }
    columns
}

/// What is said below a row: the id where it has no column, and all that does not fit one.
fn remarks(line: &Line<'_>, with_id: bool) -> String {
    let id = if with_id { line.id.clone() } else { String::new() };
    let absent: Vec<String> = line.absent.iter().map(|id| format!("always with {}", text::clean(id))).collect();
    let remarks = [id, absent.join(" · "), words::levels(line.device), by_the_house(line.device)];
    remarks.into_iter().filter(|remark| !remark.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// What the house's meter makes of a device that has its own, where that is not what the row says.
fn by_the_house(device: &DeviceProfile) -> String {
    match (device.measured_energy_kwh, device.energy_kwh) {
        (Some(own), Some(learned)) if (own - learned).abs() > (0.01 * own.abs()).max(0.005) => {
            format!("the house's meter says {} kWh", number::three_digits(learned))
        }
        _ => String::new(),
    }
}
