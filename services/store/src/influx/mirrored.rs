//! What of a store is also written to an InfluxDB: as lines, and as words on what to forget.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wattribute_domain::{CorrelationRecord, HourEnergy, ProfileRecord, Quantity, Reading, SeriesId, SeriesInfo};

use super::client::{Client, Deletion, Dialect, Space};
use super::figures::Beside;
use super::line::Point;
use super::place::{self, CORRELATION, Place};
use super::{kept, learned, read, write};
use crate::{Result, Span};

/// What a line with something to forget begins with: a comment to InfluxDB.
const FORGET: &str = "#forget ";
/// What a point whose text goes over several lines begins with; it stands there as JSON.
const LONG: &str = "#line ";
const ENERGY: &str = "wattribute_energy";

/// Points of a series to forget in `[from_ms, to_ms)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    measurement: String,
    series: SeriesId,
    from_ms: i64,
    to_ms: i64,
}

/// Lines to write.
#[derive(Clone, Debug, Default)]
pub struct Said {
    lines: Vec<String>,
}

impl Said {
    /// What cannot be a line is left out: it would be refused.
    fn push(&mut self, point: Point) {
        match point.line() {
            Ok(line) => self.lines.push(line),
            Err(error) => tracing::debug!("{error}: it is not written to InfluxDB"),
        }
    }

    /// A reading; of a level with what it was before, which is remembered.
    pub fn reading(&mut self, info: &SeriesInfo, reading: Reading, beside: &Beside, levels: &mut BTreeMap<SeriesId, (i64, f64)>) {
        if !super::INSTANTS.contains(&reading.at_ms) {
            return;
        }
        let place = Place::of(info);
        let before = levels.get(&reading.series).copied();
        let point = place::point(&place, info, &place::tags(&place, reading.series, info), reading, before);
        self.push(write::with_figure(point, beside.get(&(reading.series, reading.at_ms))));
        if info.quantity == Quantity::Level && before.is_none_or(|(at_ms, _)| at_ms <= reading.at_ms) {
            levels.insert(reading.series, (reading.at_ms, reading.value));
        }
    }

    /// What was learned of a device, at the time when it was.
    pub fn profile(&mut self, profile: &ProfileRecord) {
        if let Ok(point) = kept::profile_point(profile) {
            self.push(point.tag("entity_id", &profile.profile.entity_id).at(profile.learned_at_ms));
        }
    }
}

/// What a replaced stretch forgets; nothing of one that is empty.
pub fn span(info: &SeriesInfo, span: Span) -> Option<Forget> {
    let (from_ms, to_ms) = (read::within(span.from_ms), read::within(span.to_ms));
    (from_ms < to_ms).then(|| Forget { measurement: Place::of(info).measurement, series: span.series, from_ms, to_ms })
}

/// What becomes of correlations that were `before` and are now `records`.
pub fn correlations(
    before: &[CorrelationRecord],
    records: &[CorrelationRecord],
    infos: &BTreeMap<SeriesId, SeriesInfo>,
) -> (Vec<Forget>, Said) {
    let new: BTreeMap<(i64, SeriesId), &CorrelationRecord> = records.iter().map(|r| ((r.at_ms, r.series), r)).collect();
    let mut stay = BTreeSet::new();
    let mut forget = Vec::new();
    for old in before {
        match new.get(&(old.at_ms, old.series)) {
            Some(record) if learned::same(old, record) => {
                stay.insert((old.at_ms, old.series));
            }
            Some(record) if learned::covers(record, old) => {}
            _ => forget.push(Forget { measurement: CORRELATION.to_owned(), series: old.series, from_ms: old.at_ms, to_ms: old.at_ms + 1 }),
        }
    }
    let mut said = Said::default();
    for (_, record) in new.iter().filter(|(key, _)| !stay.contains(*key)) {
        said.push(learned::point(record, infos.get(&record.series)));
    }
    (forget, said)
}

/// What becomes of energies that were `before` and are now `hours`.
pub fn energies(before: &[HourEnergy], hours: &[HourEnergy], infos: &BTreeMap<SeriesId, SeriesInfo>) -> (Vec<Forget>, Said) {
    let gone = |old: &&HourEnergy| !hours.iter().any(|hour| (hour.series, hour.hour_ms) == (old.series, old.hour_ms));
    let forget =
        |old: &HourEnergy| Forget { measurement: ENERGY.to_owned(), series: old.series, from_ms: old.hour_ms, to_ms: old.hour_ms + 1 };
    let mut said = Said::default();
    for hour in hours.iter().filter(|hour| !before.contains(hour)) {
        let entity_id = infos.get(&hour.series).map(SeriesInfo::entity_id).unwrap_or_default();
        let point = Point::of(ENERGY).tag("series", hour.series.0).tag("entity_id", entity_id).at(hour.hour_ms);
        said.push(point.field("energy_kwh", hour.energy_kwh).field("estimated", hour.estimated));
    }
    (before.iter().filter(gone).map(forget).collect(), said)
}

/// As texts of so many lines at most; what is to be forgotten stands before what is written.
pub fn parcels(forget: Vec<Forget>, said: Said, lines: usize) -> Vec<String> {
    let json = |begin: &str, json: serde_json::Result<String>| format!("{begin}{}", json.unwrap_or_default());
    let forget = forget.iter().map(|forget| json(FORGET, serde_json::to_string(forget)));
    let said = said.lines.into_iter().map(|line| if line.contains('\n') { json(LONG, serde_json::to_string(&line)) } else { line });
    let all: Vec<String> = forget.chain(said).collect();
    all.chunks(lines).map(|some| some.join("\n")).collect()
}

/// What a text of [`parcels`] says.
fn read_parcel(parcel: &str) -> std::result::Result<(Vec<Forget>, Vec<String>), String> {
    let (mut forget, mut points) = (Vec::new(), Vec::new());
    let wrong = |error: serde_json::Error| format!("a line cannot be read: {error}");
    for line in parcel.lines().filter(|line| !line.is_empty()) {
        if let Some(json) = line.strip_prefix(FORGET) {
            forget.push(serde_json::from_str(json).map_err(wrong)?);
        } else if let Some(json) = line.strip_prefix(LONG) {
            points.push(serde_json::from_str(json).map_err(wrong)?);
        } else {
            points.push(line.to_owned());
        }
    }
    Ok((forget, points))
}

/// Whether no reading of ours is there.
pub async fn holds_none(client: &Client) -> Result<bool> {
    let names = [place::METER, place::CIRCUIT, place::EVENTS, place::READING, place::PRICE].map(|name| format!("\"{name}\""));
    let question = format!("SELECT * FROM {} WHERE \"series\" != '' LIMIT 1", names.join(", "));
    let found = client.query_if_there(Space::Main, &question).await?;
    Ok(found.is_none_or(|found| found.iter().flatten().all(|table| table.rows.is_empty())))
}

/// Brings a text of [`parcels`]. What InfluxDB refuses for good is told; the rest is there.
pub async fn deliver(client: &Client, parcel: &str) -> Result<Option<String>> {
    let (forget, points) = match read_parcel(parcel) {
        Ok(read) => read,
        Err(why) => return Ok(Some(why)),
    };
    let deletion = |one: Forget| Deletion::of(&one.measurement, "series", one.series.0).within(one.from_ms, one.to_ms);
    let forget: Vec<Deletion> = forget.into_iter().map(deletion).collect();
    // 3 Core cannot forget single points; there a retracted correlation stays.
    if client.dialect != Dialect::Three {
        client.delete(Space::Main, &forget).await?;
    }
    let written = client.write(Space::Main, &points).await?;
    if let Some(why) = written.too_old {
        tracing::debug!("{} left out what is older than it keeps: {why}", client.host());
    }
    let bad = written.set_aside;
    Ok(bad.first().map(|(line, why)| format!("{} of {} lines are refused; `{line}`: {why}", bad.len(), points.len())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_read_as_it_was_written() {
        let forget = Forget { measurement: "m".to_owned(), series: SeriesId(3), from_ms: 5, to_ms: 9 };
        let mut said = Said::default();
        said.push(Point::of("m").tag("a\"b", "c=\"d").field("t", "two\nlines \"quoted\" \\").field("n", 1.0).at(1));
        said.push(Point::of("m").field("n", 2.0).at(2));
        said.push(Point::of("m").field("n", f64::NAN).at(3));
        let written = said.lines.clone();
        let parcels = parcels(vec![forget.clone()], said, 2);
        assert_eq!(parcels.len(), 2);
        assert_eq!(read_parcel(&parcels.join("\n")), Ok((vec![forget], written)));
        assert_eq!(read_parcel(""), Ok((vec![], vec![])));
        assert!(read_parcel("#forget {}").is_err());
    }

    #[test]
    fn an_energy_that_is_taken_back_is_forgotten() {
        let hour = |h: i64, energy_kwh| HourEnergy { series: SeriesId(1), hour_ms: h * 3_600_000, energy_kwh, estimated: false };
        let (forget, said) = energies(&[hour(0, 1.0), hour(1, 2.0)], &[hour(1, 2.0), hour(2, 3.0)], &BTreeMap::new());
        assert_eq!((forget.len(), forget[0].from_ms), (1, 0));
        assert_eq!(said.lines, ["wattribute_energy,series=1 energy_kwh=3,estimated=false 7200000"]);
    }
}
