//! The answer as people read it in a terminal.
//!
//! From top to bottom: what was read, a table of the devices that were told, those with nothing to tell in short, the house as a
//! whole, and what the meter allows.

mod columns;
mod devices;
mod folded;
mod lines;
mod page;
mod totals;
mod words;

use std::io::IsTerminal;

use wattribute_domain::Answer;

use crate::text::Paint;
use page::Page;

/// How wide the page is, and whether it has colours.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Cells in a line.
    pub width: usize,
    /// Colours, or none.
    pub paint: Paint,
}

impl Style {
    /// As wide as `COLUMNS` says, else as the terminal is, else 80; colours on a terminal, unless `NO_COLOR` is set.
    pub fn of_terminal() -> Self {
        let said = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let columns = said("COLUMNS").and_then(|columns| columns.trim().parse().ok());
        let terminal = std::io::stdout().is_terminal();
        let size = || if terminal { console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)) } else { None };
        let colours = terminal && said("NO_COLOR").is_none() && said("TERM").as_deref() != Some("dumb");
        Style { width: columns.or_else(size).unwrap_or(80).clamp(60, 140), paint: Paint { on: colours } }
    }
}

/// The whole page, with a line end after each line.
pub fn render(answer: &Answer, style: Style) -> String {
    let page = Page::new(answer, style);
    let (told, untold) = lines::lines(answer);
    let sections = [
        page.title(),
        devices::section(&page, &told),
        folded::section(&page, &untold),
        totals::section(&page, &told),
        page.meter(),
        page.notes(),
    ];
    let sections = sections.iter().filter(|lines| !lines.is_empty());
    let texts: Vec<String> = sections.map(|lines| lines.iter().map(|l| format!("{}\n", l.trim_end())).collect()).collect();
    texts.join("\n")
}

#[cfg(test)]
mod tests;
