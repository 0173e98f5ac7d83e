//! `wattribute analyze`: from arguments to an answer.

use std::io::{self, IsTerminal, Write};

use anyhow::bail;
use wattribute_analysis::{Settings, analyze};
use wattribute_domain::{Answer, BadRows};
use wattribute_meter::adapters::history;

use crate::arguments::Analyze;
use crate::correlations::Target;
use crate::progress::{Reading, Working};
use crate::{instant, number, table, text};

/// Reads, learns, and says what was learned.
pub fn run(arguments: &Analyze) -> anyhow::Result<()> {
    let target = arguments.correlations.as_deref().map(|path| Target::new(path, &arguments.files)).transpose()?;
    let roughly = options(arguments);
    check_order(roughly.from_ms, roughly.to_ms)?;
    let terminal = io::stderr().is_terminal();

    let mut reading = Reading::begin(terminal);
    let read = history::read(&arguments.files, &roughly, &mut |progress| reading.show(&progress));
    reading.end();
    let history = read?;
    warn(&history.bad);

    let notes = history.notes.clone();
    let preferred = history.energy_preferences.as_ref().and_then(|p| p.price_per_kwh).filter(|price| price.is_finite() && *price >= 0.0);
    let settings = settings(arguments, &history, preferred)?;
    let working = Working::begin("Learning what each device draws", terminal);
    let learned = analyze(history, &settings);
    drop(working);
    let mut analysis = learned?;

    let from_preferences = "The price is the one that Home Assistant's Energy dashboard was told.".to_owned();
    let priced = (arguments.price.is_none() && preferred.is_some()).then_some(from_preferences);
    add_notes(&mut analysis.answer, notes.into_iter().chain(priced));
    if let Some(target) = target {
        target.write(&analysis)?;
    }
    say(&analysis.answer, arguments.json)
}

/// What to read: a little more than asked for where the time zone of a date is known only from the file.
fn options(arguments: &Analyze) -> history::Options {
    let (from, to) = match arguments.timezone {
        Some(zone) => (arguments.from.map(|m| m.in_zone(zone)), arguments.to.map(|m| m.in_zone(zone))),
        None => (arguments.from.map(|m| m.anywhere().0), arguments.to.map(|m| m.anywhere().1)),
    };
    history::Options {
        include: arguments.include.clone(),
        exclude: arguments.exclude.clone(),
        from_ms: from,
        to_ms: to,
        keep: arguments.meter_entities(),
    }
}

fn settings(arguments: &Analyze, history: &wattribute_domain::History, preferred: Option<f64>) -> anyhow::Result<Settings> {
    let time_zone = instant::time_zone(arguments.timezone, history.time_zone.as_deref());
    let from_ms = arguments.from.map(|moment| moment.in_zone(time_zone));
    let to_ms = arguments.to.map(|moment| moment.in_zone(time_zone));
    check_order(from_ms, to_ms)?;
    Ok(Settings {
        meter: arguments.meter.clone(),
        meter_unit: arguments.meter_unit.clone(),
        price_per_kwh: arguments.price.or(preferred),
        currency: arguments.currency.clone().or_else(|| history.currency.clone()),
        time_zone,
        from_ms,
        to_ms,
        owner: wattribute_domain::OwnerWords::new(),
    })
}

fn check_order(from_ms: Option<i64>, to_ms: Option<i64>) -> anyhow::Result<()> {
    if from_ms.zip(to_ms).is_some_and(|(from, to)| to <= from) {
        bail!("--to must be later than --from; a date is its midnight, so a single day ends at the next one");
    }
    Ok(())
}

/// One line for rows that were left out, one for rows that were put in order.
fn warn(bad: &BadRows) {
    let first = bad.first.as_deref().map(|first| format!(": {}", text::one_line(first))).unwrap_or_default();
    match bad.left_out() {
        0 => {}
        1 => eprintln!("wattribute: 1 row was left out{first}"),
        many => eprintln!("wattribute: {} rows were left out{first}", number::fixed(many as f64, 0)),
    }
    if bad.out_of_order > 0 {
        eprintln!("wattribute: some rows came out of order and were put in order");
    }
}

fn add_notes(answer: &mut Answer, notes: impl Iterator<Item = String>) {
    for note in notes {
        if !answer.notes.contains(&note) {
            answer.notes.push(note);
        }
    }
}

fn say(answer: &Answer, json: bool) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        serde_json::to_writer_pretty(&mut out, answer)?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(table::render(answer, table::Style::of_terminal()).as_bytes())?;
    }
    Ok(out.flush()?)
}
