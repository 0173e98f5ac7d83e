//! What is kept beside readings: documents, payloads, profiles, energies.

use std::collections::{BTreeMap, BTreeSet};

use wattribute_domain::{HourEnergy, ProfileRecord, SeriesId};

use super::client::{Client, Deletion, Space, number};
use super::line::Point;
use super::table::{Cell, Table, at};
use super::{read, write};
use crate::{Payload, Result, StoreError};

const DOCUMENT: &str = "wattribute_document";
const PAYLOAD: &str = "wattribute_payload";
/// The last payload of each device.
const LAST_PAYLOAD: &str = "wattribute_last_payload";
const PROFILE: &str = "wattribute_profile";
const ENERGY: &str = "wattribute_energy";

/// A text field holds so much, in bytes; more of a text is spread over several.
const PART: usize = 60_000;

/// A text as a tag: plain words stay as they are, of others a number makes up for what a tag cannot hold.
fn tag(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/@ ".contains(c);
    if !text.is_empty() && text.len() <= 200 && text.chars().all(is_plain) && text.trim() == text {
        return text.to_owned();
    }
    // FNV-1a, which stays the same from version to version.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let plain: String = text.chars().filter(|c| is_plain(*c)).take(100).collect();
    format!("{}~{hash:016x}", plain.trim())
}

/// A text in as many fields as it needs.
fn with_text(point: Point, text: &str) -> Point {
    let (mut rest, mut point, mut parts) = (text, point, 0);
    while parts == 0 || !rest.is_empty() {
        let mut end = rest.len().min(PART);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        point = point.field(&format!("text{parts}"), &rest[..end]);
        (rest, parts) = (&rest[end..], parts + 1);
    }
    point.field("parts", parts)
}

/// The text of a row.
fn text(table: &Table, row: &[Cell]) -> String {
    let parts = table.column("parts").and_then(|k| row.get(k)?.whole()).unwrap_or(0);
    let part = |k| table.column(&format!("text{k}")).and_then(|k| row.get(k)?.text()).unwrap_or_default();
    (0..parts).map(part).collect()
}

fn field<'a>(table: &Table, row: &'a [Cell], name: &str) -> Option<&'a Cell> {
    row.get(table.column(name)?)
}

fn words(table: &Table, row: &[Cell], name: &str) -> String {
    field(table, row, name).and_then(Cell::text).unwrap_or_default().to_owned()
}

async fn select(client: &Client, query: &str) -> Result<Vec<Table>> {
    Ok(client.query(Space::Ours, query).await?.into_iter().flatten().collect())
}

fn each_row(tables: &[Table]) -> impl Iterator<Item = (&Table, &[Cell])> {
    tables.iter().flat_map(|table| table.rows.iter().map(move |row| (table, row.as_slice())))
}

pub async fn document(client: &Client, key: &str) -> Result<Option<String>> {
    let query = format!("SELECT * FROM \"{DOCUMENT}\" WHERE \"key\" = {} AND time = 0", super::quoted(&tag(key)));
    let found = select(client, &query).await?;
    Ok(each_row(&found).next().map(|(table, row)| text(table, row)))
}

pub async fn documents(client: &Client, prefix: &str) -> Result<Vec<(String, String)>> {
    let found = select(client, &format!("SELECT * FROM \"{DOCUMENT}\" WHERE time = 0")).await?;
    let all: BTreeMap<String, String> = each_row(&found).map(|(table, row)| (words(table, row, "name"), text(table, row))).collect();
    Ok(all.into_iter().filter(|(key, _)| key.starts_with(prefix)).collect())
}

pub async fn put_documents(client: &Client, documents: &[(String, String)]) -> Result<()> {
    // Of two of one key the later counts.
    let last: BTreeMap<&str, &str> = documents.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let point = |(key, text): (&str, &str)| with_text(Point::of(DOCUMENT).tag("key", tag(key)).field("name", key).at(0), text);
    write::keep(client, Space::Ours, &last.into_iter().map(point).collect::<Vec<_>>()).await
}

pub async fn forget_documents(client: &Client, keys: &[String]) -> Result<()> {
    let all: Vec<Deletion> = keys.iter().map(|key| Deletion::of(DOCUMENT, "key", tag(key))).collect();
    client.delete(Space::Ours, &all).await
}

/// The points of a payload: as the last of its device, and among all that are kept.
pub fn payload_points(payload: &Payload, is_newest: bool, all_are_kept: bool) -> Vec<Point> {
    let of = |measurement: &str, at_ms| {
        let tagged = Point::of(measurement).tag("source", tag(&payload.source)).tag("device", tag(&payload.device)).at(at_ms);
        let named = tagged.field("source_name", payload.source.as_str()).field("device_name", payload.device.as_str());
        with_text(named.field("at_ms", payload.at_ms), &payload.text)
    };
    let mut points = Vec::new();
    points.extend(is_newest.then(|| of(LAST_PAYLOAD, 0)));
    points.extend(all_are_kept.then(|| of(PAYLOAD, payload.at_ms)));
    points
}

pub async fn payloads(client: &Client) -> Result<Vec<Payload>> {
    let found = select(client, &format!("SELECT * FROM \"{LAST_PAYLOAD}\" WHERE time = 0")).await?;
    let payload = |(table, row): (&Table, &[Cell])| Payload {
        source: words(table, row, "source_name"),
        device: words(table, row, "device_name"),
        at_ms: field(table, row, "at_ms").and_then(Cell::whole).unwrap_or_default(),
        text: text(table, row),
    };
    let mut all: Vec<Payload> = each_row(&found).map(payload).collect();
    all.sort_by(|a, b| (&a.source, &a.device).cmp(&(&b.source, &b.device)));
    Ok(all)
}

/// Forgets payloads of before `before_ms`; the last of each device stays.
pub async fn forget_payloads(client: &Client, before_ms: i64) -> Result<()> {
    let all = Deletion { measurement: PAYLOAD.to_owned(), tags: Vec::new(), from_ms: None, to_ms: Some(read::within(before_ms)) };
    client.delete(Space::Ours, &[all]).await
}

pub async fn profiles(client: &Client) -> Result<Vec<ProfileRecord>> {
    let found = select(client, &format!("SELECT * FROM \"{PROFILE}\" WHERE time = 0")).await?;
    let record = |(table, row): (&Table, &[Cell])| -> Result<ProfileRecord> {
        serde_json::from_str(&text(table, row)).map_err(|e| StoreError::Corrupt(format!("a point of {PROFILE} cannot be read: {e}")))
    };
    let mut all: Vec<ProfileRecord> = each_row(&found).map(record).collect::<Result<_>>()?;
    all.sort_by_key(|profile| profile.series);
    Ok(all)
}

/// The point of a profile, with the record for us and the figures for others.
pub fn profile_point(profile: &ProfileRecord) -> Result<Point> {
    let text = serde_json::to_string(profile)
        .map_err(|e| StoreError::Refused(format!("the profile of series {} cannot be written: {e}", profile.series.0)))?;
    let point = Point::of(PROFILE).tag("series", profile.series.0).field("entity_id", profile.profile.entity_id.as_str());
    Ok(with_text(point.field_if("power_w", profile.profile.power_w).field("learned_at_ms", profile.learned_at_ms), &text))
}

pub async fn replace_profiles(client: &Client, profiles: &[ProfileRecord]) -> Result<()> {
    let before = self::profiles(client).await.unwrap_or_default();
    let stay: BTreeSet<SeriesId> = profiles.iter().map(|profile| profile.series).collect();
    let new: Vec<Point> =
        profiles.iter().filter(|profile| !before.contains(profile)).map(|p| Ok(profile_point(p)?.at(0))).collect::<Result<_>>()?;
    // A field that a new record lacks would stay of the old one.
    let anew = profiles.iter().filter(|p| p.profile.power_w.is_none() && !before.contains(p)).map(|p| p.series);
    let goes: BTreeSet<SeriesId> = before.iter().map(|p| p.series).filter(|id| !stay.contains(id)).chain(anew).collect();
    let goes: Vec<Deletion> = goes.into_iter().map(|id| Deletion::of(PROFILE, "series", id.0)).collect();
    client.delete(Space::Ours, &goes).await?;
    write::keep(client, Space::Ours, &new).await
}

pub async fn energy(client: &Client, series: Option<SeriesId>, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
    let (from_ms, to_ms) = (read::within(from_ms), read::within(to_ms));
    let of = series.map(|id| format!(" AND \"series\" = '{}'", id.0)).unwrap_or_default();
    let query = format!(
        "SELECT \"energy_kwh\", \"estimated\" FROM \"{ENERGY}\" WHERE time >= {from_ms}ms AND time < {to_ms}ms{of} GROUP BY \"series\""
    );
    let mut hours = Vec::new();
    for table in select(client, &query).await? {
        let Some(series) = table.series().map(SeriesId) else { continue };
        let hour = |row: &Vec<Cell>| {
            let estimated = row.get(2) == Some(&Cell::Flag(true));
            Some(HourEnergy { series, hour_ms: at(row)?, energy_kwh: number(row.get(1)), estimated })
        };
        hours.extend(table.rows.iter().filter_map(hour));
    }
    hours.sort_by_key(|hour| (hour.hour_ms, hour.series));
    Ok(hours)
}

pub async fn replace_energy(client: &Client, from_ms: i64, to_ms: i64, hours: &[HourEnergy]) -> Result<()> {
    crate::keep::energy_fits(from_ms, to_ms, hours)?;
    let before = energy(client, None, from_ms, to_ms).await?;
    let new: BTreeMap<(SeriesId, i64), HourEnergy> = hours.iter().map(|hour| ((hour.series, hour.hour_ms), *hour)).collect();
    let mut goes: Vec<(SeriesId, i64)> =
        before.iter().map(|hour| (hour.series, hour.hour_ms)).filter(|key| !new.contains_key(key)).collect();
    goes.sort_unstable();
    let hour_after = |a: &(SeriesId, i64), b: &(SeriesId, i64)| a.0 == b.0 && b.1 - a.1 == 3_600_000;
    let deletion =
        |run: &[(SeriesId, i64)]| Some(Deletion::of(ENERGY, "series", run.first()?.0.0).within(run.first()?.1, run.last()?.1 + 1));
    let deletions: Vec<Deletion> = goes.chunk_by(hour_after).filter_map(deletion).collect();
    client.delete(Space::Ours, &deletions).await?;
    let there: BTreeMap<(SeriesId, i64), &HourEnergy> = before.iter().map(|hour| ((hour.series, hour.hour_ms), hour)).collect();
    let point = |hour: &HourEnergy| {
        let point = Point::of(ENERGY).tag("series", hour.series.0).at(hour.hour_ms);
        point.field("energy_kwh", hour.energy_kwh).field("estimated", hour.estimated)
    };
    let points: Vec<Point> = new.values().filter(|hour| there.get(&(hour.series, hour.hour_ms)) != Some(hour)).map(point).collect();
    write::keep(client, Space::Ours, &points).await
}

pub async fn total_energy(client: &Client, to_ms: i64) -> Result<Vec<(SeriesId, f64)>> {
    let to_ms = read::within(to_ms);
    let query = format!("SELECT sum(\"energy_kwh\") FROM \"{ENERGY}\" WHERE time < {to_ms}ms GROUP BY \"series\"");
    let total = |table: &Table| Some((SeriesId(table.series()?), table.rows.first()?.get(1)?.number()?));
    let mut all: Vec<(SeriesId, f64)> = select(client, &query).await?.iter().filter_map(total).collect();
    all.sort_by_key(|(series, _)| *series);
    Ok(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    #[test]
    fn keys_become_tags_that_stay_apart() {
        assert_eq!(tag("standing:tasmota/mt681"), "standing:tasmota/mt681");
        let odd = ["", "a'b", "a\"b", "a\\", "a\nb", " a", "a ", "ä", "a'b "].map(tag);
        assert_eq!(odd.iter().collect::<BTreeSet<_>>().len(), odd.len());
        assert!(odd.iter().all(|tag| tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '~')), "{odd:?}");
        assert!(tag(&"x".repeat(1000)).len() < 130);
    }

    #[test]
    fn a_long_text_is_spread_over_fields() {
        let long = "ä".repeat(70_000);
        let line = with_text(Point::of("m"), &long).line().unwrap();
        assert!(line.contains("text0=\"") && line.contains("text2=\"") && line.ends_with(",parts=3i"));
        assert_eq!(with_text(Point::of("m"), "").line().unwrap(), "m text0=\"\",parts=1i");
    }
}
