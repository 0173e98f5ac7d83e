//! Taking in a batch: only what is new or different is written.

use std::collections::{BTreeMap, BTreeSet};

use wattribute_domain::{Reading, Series, SeriesId};

use super::client::{Client, Deletion, Space, questions};
use super::figures::{Beside, Figures};
use super::line::Point;
use super::place::{self, Place};
use super::series::Known;
use super::{INSTANTS, Influx, YEARS, heads, log, read};
use crate::held::{BLOCK_MS, block_of};
use crate::rows::{differences, in_order, overlay, without};
use crate::{Batch, Result, StoreError};

/// Readings of one series this far apart are looked up by themselves, ms.
const APART_MS: i64 = 3_600_000;
/// So many statements in one question.
const AT_ONCE: usize = 20;
/// More stretches of one series than this are forgotten as one, and what stays in between is written again.
const MOST_STRETCHES: usize = 64;

/// What the writer remembers.
pub struct Writing {
    /// A number of this process.
    process: u64,
    /// Writes so far.
    count: u64,
    /// Where something may have changed in a write that failed: it is told with the next.
    pending: Vec<(i64, i64)>,
    /// What entities were last, and since when.
    levels: BTreeMap<SeriesId, (i64, f64)>,
    /// What goes beside powers.
    figures: Figures,
    /// When each device said its last payload, ms.
    payloads: BTreeMap<(String, String), i64>,
}

impl Default for Writing {
    fn default() -> Self {
        let (process, figures) = (super::series::nonce(), Figures::default());
        Writing { process, count: 0, pending: Vec::new(), levels: BTreeMap::new(), figures, payloads: BTreeMap::new() }
    }
}

/// Writes points that are our own; one that InfluxDB refuses is an error.
pub async fn keep(client: &Client, space: Space, points: &[Point]) -> Result<()> {
    let wrong = |e: super::line::LineError| StoreError::Refused(e.to_string());
    let lines: Vec<String> = points.iter().map(Point::line).collect::<std::result::Result<_, _>>().map_err(wrong)?;
    let written = client.write(space, &lines).await?;
    if let Some(why) = written.too_old {
        tracing::warn!("{} keeps the bucket {} for too short a time: {why}", client.host(), client.bucket_of(space));
    }
    match written.set_aside.first() {
        None => Ok(()),
        Some((line, why)) => {
            let shown: String = line.chars().take(200).collect();
            Err(StoreError::Refused(format!(
                "{} refuses {} of {} lines; `{shown}`: {why}",
                client.host(),
                written.set_aside.len(),
                lines.len()
            )))
        }
    }
}

/// What a batch does to one series.
#[derive(Default)]
struct Change {
    erased: Vec<(i64, i64)>,
    new: Series,
    /// What was there, as far as it matters.
    before: Series,
}

impl Change {
    /// Stretches `[from, to)` whose rows matter, in order.
    fn stretches(&self) -> Vec<(i64, i64)> {
        let mut all: Vec<(i64, i64)> =
            self.new.at_ms.chunk_by(|a, b| b - a <= APART_MS).filter_map(|s| Some((*s.first()?, s.last()? + 1))).collect();
        all.extend(&self.erased);
        all.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (from, to) in all {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        joined
    }
}

impl Influx {
    pub(super) async fn write_batch(&self, batch: Batch) -> Result<()> {
        let readings = in_order(batch.readings, INSTANTS, YEARS)?;
        let client = self.client().await?;
        let mut changes: BTreeMap<SeriesId, Change> = BTreeMap::new();
        for reading in &readings {
            changes.entry(reading.series).or_default().new.push(reading.at_ms, reading.value);
        }
        for span in &batch.replaced {
            let (from, to) = (read::within(span.from_ms), read::within(span.to_ms));
            let change = changes.entry(span.series).or_default();
            change.erased.extend((from < to).then_some((from, to)));
        }
        let mut known: BTreeMap<SeriesId, Known> = BTreeMap::new();
        for id in changes.keys() {
            let unknown = || StoreError::Refused(format!("series {} is not described: describe it before writing", id.0));
            known.insert(*id, self.known(*id).await?.ok_or_else(unknown)?);
        }

        let mut writing = self.writing.lock().await;
        let first_ms = changes.values().flat_map(|change| change.stretches()).map(|(from, _)| from).min();
        if let Some(first_ms) = first_ms
            && self.may_have_heads(client, block_of(first_ms)).await?
        {
            for (id, change) in &changes {
                open_blocks(client, *id, &known[id], &change.stretches()).await?;
            }
        }
        look_up(client, &known, &mut changes).await?;
        let info = |id| known.get(&id).map(|known: &Known| &known.info);
        let beside = writing.figures.beside(self, info, &readings, chrono::Utc::now()).await;
        put(client, &known, &changes, &beside, &mut writing, batch.derived).await?;

        self.keep_payloads(client, &batch.payloads, &mut writing).await?;
        super::kept::put_documents(client, &batch.documents).await
    }

    /// The last payload of each device, and all of them where they are kept.
    async fn keep_payloads(&self, client: &Client, payloads: &[crate::Payload], writing: &mut Writing) -> Result<()> {
        if payloads.is_empty() {
            return Ok(());
        }
        if writing.payloads.is_empty() {
            let there = super::kept::payloads(client).await?;
            writing.payloads = there.into_iter().map(|p| ((p.source, p.device), p.at_ms)).collect();
        }
        let mut points = Vec::new();
        for payload in payloads {
            let newest = writing.payloads.entry((payload.source.clone(), payload.device.clone())).or_insert(i64::MIN);
            let is_newest = payload.at_ms >= *newest;
            *newest = payload.at_ms.max(*newest);
            points.extend(super::kept::payload_points(payload, is_newest, self.settings.keep_payloads.is_some()));
        }
        keep(client, Space::Ours, &points).await
    }
}

/// Takes away heads of blocks that are about to change; what stands for forgotten readings becomes readings.
async fn open_blocks(client: &Client, id: SeriesId, known: &Known, stretches: &[(i64, i64)]) -> Result<()> {
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else { return Ok(()) };
    let found = heads::heads(client, id, read::within(block_of(first.0)), last.1, "").await?;
    let touches = |head: &&heads::Head| stretches.iter().any(|(from, to)| head.start_ms < *to && *from < head.start_ms + BLOCK_MS);
    let touched: Vec<heads::Head> = found.iter().filter(touches).cloned().collect();
    let forgotten: Vec<heads::Head> = touched.iter().filter(|head| head.is_forgotten).cloned().collect();
    let rows = heads::rows_of(client, id, &forgotten).await?;
    let tags = known.tags(id);
    let point = |(at_ms, value): (&i64, &f64)| {
        place::point(&known.place, &known.info, &tags, Reading { series: id, at_ms: *at_ms, value: *value }, None)
    };
    let points: Vec<Point> = rows.at_ms.iter().zip(&rows.value).map(point).collect();
    keep(client, Space::Main, &points).await?;
    for run in touched.chunk_by(|a, b| a.start_ms + BLOCK_MS == b.start_ms) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            heads::drop_cells(client, id, first.start_ms, last.start_ms + BLOCK_MS, true).await?;
        }
    }
    Ok(())
}

/// Reads what is there where something may change.
async fn look_up(client: &Client, known: &BTreeMap<SeriesId, Known>, changes: &mut BTreeMap<SeriesId, Change>) -> Result<()> {
    // What many series said at one time is asked for with one question for each place.
    let mut together: BTreeMap<Place, (i64, i64, Vec<SeriesId>)> = BTreeMap::new();
    let mut single: Vec<(SeriesId, String)> = Vec::new();
    for (id, change) in changes.iter() {
        let place = &known[id].place;
        let stretches = change.stretches();
        match stretches.as_slice() {
            [(from, to)] if to - from <= APART_MS => {
                let group = together.entry(place.clone()).or_insert((*from, *to, Vec::new()));
                if group.1.max(*to) - group.0.min(*from) <= APART_MS && group.2.len() < 100 {
                    (group.0, group.1) = (group.0.min(*from), group.1.max(*to));
                    group.2.push(*id);
                    continue;
                }
                single.push((*id, read::select_range(place, *id, *from, *to)));
            }
            all => single.extend(all.iter().map(|(from, to)| (*id, read::select_range(place, *id, *from, *to)))),
        }
    }
    let several: Vec<String> = together
        .iter()
        .map(|(place, (from, to, ids))| {
            let any: Vec<String> = ids.iter().map(|id| format!("\"series\" = '{}'", id.0)).collect();
            format!("{} ({}) AND time >= {from}ms AND time < {to}ms GROUP BY \"series\"", read::select(place), any.join(" OR "))
        })
        .collect();
    for question in questions(several.iter().map(String::as_str)) {
        for table in client.query(Space::Main, &question).await?.into_iter().flatten() {
            let Some(id) = table.series().map(SeriesId) else { continue };
            if let Some(change) = changes.get_mut(&id) {
                change.before = read::rows(&[vec![table]]);
            }
        }
    }
    for some in single.chunks(AT_ONCE) {
        let statements: Vec<&str> = some.iter().map(|(_, statement)| statement.as_str()).collect();
        let found = client.query(Space::Main, &statements.join(";")).await?;
        for ((id, _), tables) in some.iter().zip(found) {
            if let Some(change) = changes.get_mut(id) {
                let rows = read::rows(&[tables]);
                change.before.at_ms.extend(rows.at_ms);
                change.before.value.extend(rows.value);
            }
        }
    }
    Ok(())
}

/// Forgets what goes, then writes what is new, with the word of where that is.
async fn put(
    client: &Client,
    known: &BTreeMap<SeriesId, Known>,
    changes: &BTreeMap<SeriesId, Change>,
    beside: &Beside,
    writing: &mut Writing,
    derived: bool,
) -> Result<()> {
    let (mut deletions, mut points, mut changed) = (Vec::new(), Vec::new(), std::mem::take(&mut writing.pending));
    let mut levels = Vec::new();
    for (id, change) in changes {
        let known = &known[id];
        let after = overlay(without(change.before.clone(), &change.erased), &change.new);
        let mut different: BTreeSet<i64> = differences(&change.before, &after).into_iter().collect();
        if different.is_empty() {
            continue;
        }
        changed.extend(different.iter().map(|at| (*at, *at)));
        let (runs, again) = stretches_to_forget(change, &after, &different, known.retagged);
        different.extend(again);
        deletions.extend(runs.into_iter().map(|(from, to)| Deletion::of(&known.place.measurement, "series", id.0).within(from, to)));

        let tags = known.tags(*id);
        let mut before = writing.levels.get(id).copied();
        for (&at_ms, &value) in after.at_ms.iter().zip(&after.value) {
            if different.contains(&at_ms) {
                let point = place::point(&known.place, &known.info, &tags, Reading { series: *id, at_ms, value }, before);
                points.push(with_figure(point, beside.get(&(*id, at_ms))));
            }
            before = read::later(Some((at_ms, value)), before);
        }
        levels.extend(before.map(|before| (*id, before)));
    }
    writing.count += 1;
    let measurement = if derived { log::DERIVED } else { log::ARRIVAL };
    points.extend(log::point(measurement, writing.process, writing.count, changed.clone()));
    let done = async {
        client.delete(Space::Main, &deletions).await?;
        keep(client, Space::Main, &points).await
    };
    match done.await {
        Ok(()) => {
            writing.levels.extend(levels);
            Ok(())
        }
        Err(error) => {
            // Some of it may be there; whoever writes it again finds nothing different.
            writing.pending = crate::rows::join(changed);
            Err(error)
        }
    }
}

/// A reading with what goes beside it.
pub fn with_figure(point: Point, beside: Option<&(&'static str, f64)>) -> Point {
    match beside {
        Some((field, number)) => point.field(field, *number),
        None => point,
    }
}

/// Stretches to forget before writing: what is erased, and what cannot be overwritten in place, such as a value by silence. And instants between
/// them that have to be written again.
fn stretches_to_forget(change: &Change, after: &Series, different: &BTreeSet<i64>, retagged: bool) -> (Vec<(i64, i64)>, Vec<i64>) {
    let goes = |at_ms: i64, value: f64| {
        if !different.contains(&at_ms) {
            return false;
        }
        match after.at_ms.binary_search(&at_ms) {
            Err(_) => true,
            Ok(k) => retagged || value.is_finite() != after.value[k].is_finite(),
        }
    };
    let mut runs: Vec<(i64, i64)> = Vec::new();
    let mut is_open = false;
    for (&at_ms, &value) in change.before.at_ms.iter().zip(&change.before.value) {
        let goes = goes(at_ms, value);
        match runs.last_mut() {
            Some(run) if goes && is_open => run.1 = at_ms + 1,
            _ if goes => runs.push((at_ms, at_ms + 1)),
            _ => {}
        }
        is_open = goes;
    }
    match (runs.first(), runs.last()) {
        (Some(first), Some(last)) if runs.len() > MOST_STRETCHES => {
            let (from, to) = (first.0, last.1);
            // Only what was looked up is known, so that only within looked-up stretches may be forgotten.
            let mut whole = Vec::new();
            for (a, b) in change.stretches() {
                let (a, b) = (a.max(from), b.min(to));
                whole.extend((a < b).then_some((a, b)));
            }
            let again = after.at_ms.iter().copied().filter(|at| whole.iter().any(|(a, b)| a <= at && at < b)).collect();
            (whole, again)
        }
        _ => (runs, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(said: &[(i64, f64)]) -> Series {
        Series { at_ms: said.iter().map(|s| s.0).collect(), value: said.iter().map(|s| s.1).collect() }
    }

    fn forgets(change: &Change, retagged: bool) -> (Vec<(i64, i64)>, Vec<i64>) {
        let after = overlay(without(change.before.clone(), &change.erased), &change.new);
        let different = differences(&change.before, &after).into_iter().collect();
        stretches_to_forget(change, &after, &different, retagged)
    }

    #[test]
    fn only_what_cannot_be_overwritten_is_forgotten_before() {
        let before = rows(&[(10, 1.0), (20, 2.0), (30, f64::NAN), (40, 4.0)]);
        let new = rows(&[(10, 1.0), (20, 2.5), (30, 3.0), (40, f64::NAN), (50, 5.0)]);
        let change = Change { erased: vec![], new, before };
        assert_eq!(forgets(&change, false).0, [(30, 41)]);
        assert_eq!(forgets(&change, true).0, [(20, 41)]);
        let erased = Change { erased: vec![(15, 35)], new: rows(&[(20, 2.0)]), before: change.before };
        assert_eq!(forgets(&erased, false).0, [(30, 31)]);
    }

    #[test]
    fn many_stretches_are_forgotten_as_one_and_the_rest_is_written_again() {
        let before: Vec<(i64, f64)> = (0..400).map(|k| (k * 10, k as f64)).collect();
        let new: Vec<(i64, f64)> = before.iter().copied().filter(|(at, _)| at % 20 == 0).collect();
        let change = Change { erased: vec![(0, 4000)], new: rows(&new), before: rows(&before) };
        let (runs, again) = forgets(&change, false);
        assert_eq!((runs, again.len()), (vec![(10, 3991)], 199));
    }

    #[test]
    fn far_readings_are_looked_up_by_themselves() {
        let change = Change { erased: vec![(5, 8)], new: rows(&[(0, 1.0), (7, 1.0), (9_000_000, 1.0)]), before: Series::default() };
        assert_eq!(change.stretches(), [(0, 8), (9_000_000, 9_000_001)]);
    }
}
