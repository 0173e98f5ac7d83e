//! Who says something: numbers, places, tags.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use wattribute_domain::{SeriesId, SeriesInfo};

use super::client::{Client, Deletion, Space};
use super::line::Point;
use super::place::{self, Place};
use super::table::at;
use super::{Influx, locked, write};
use crate::{Result, StoreError, described};

const SERIES: &str = "wattribute_series";
const LOCK: &str = "wattribute_lock";
/// Who holds the lock for longer than this has ended.
const HELD_FOR_MS: i64 = 10_000;

/// A series as it is kept.
#[derive(Clone, Debug)]
pub struct Known {
    /// What is known of it.
    pub info: SeriesInfo,
    /// Where its readings stand.
    pub place: Place,
    /// Whether its tags were ever others: then one instant may stand twice, and what is there is taken away before it is written again.
    pub retagged: bool,
}

impl Known {
    /// Its tags.
    pub fn tags(&self, id: SeriesId) -> Vec<(String, String)> {
        place::tags(&self.place, id, &self.info)
    }

    fn point(&self, id: SeriesId) -> Result<Point> {
        let text =
            serde_json::to_string(&self.info).map_err(|e| StoreError::Refused(format!("{} cannot be written: {e}", self.info.device)))?;
        Ok(Point::of(SERIES)
            .tag("series", id.0)
            .field("info", text.as_str())
            .field("measurement", self.place.measurement.as_str())
            .field("field", self.place.field.as_str())
            .field("retagged", self.retagged)
            .at(0))
    }
}

/// A number that nobody else has.
pub fn nonce() -> u64 {
    RandomState::new().hash_one(0) >> 2
}

async fn all(client: &Client) -> Result<BTreeMap<SeriesId, Known>> {
    let query = format!("SELECT \"info\", \"measurement\", \"field\", \"retagged\" FROM \"{SERIES}\" WHERE time = 0 GROUP BY \"series\"");
    let mut found = BTreeMap::new();
    for table in client.query(Space::Ours, &query).await?.iter().flatten() {
        let (Some(number), Some(row)) = (table.series(), table.rows.last()) else { continue };
        let text = |k: usize| row.get(k).and_then(|cell| cell.text()).unwrap_or_default();
        let info: SeriesInfo = serde_json::from_str(text(1))
            .map_err(|e| StoreError::Corrupt(format!("series {number} in {SERIES} cannot be read ({e}): {}", text(1))))?;
        let place = Place { measurement: text(2).to_owned(), field: text(3).to_owned() };
        let retagged = row.get(4) == Some(&super::table::Cell::Flag(true));
        found.insert(SeriesId(number), Known { info, place, retagged });
    }
    Ok(found)
}

impl Influx {
    /// Reads all series anew: other processes may have described some.
    pub(super) async fn load_series(&self) -> Result<()> {
        let found = all(self.client().await?).await?;
        *locked(&self.known) = found;
        Ok(())
    }

    /// What is known of a series; `None` where it is not described.
    pub(super) async fn known(&self, id: SeriesId) -> Result<Option<Known>> {
        if let Some(known) = locked(&self.known).get(&id) {
            return Ok(Some(known.clone()));
        }
        self.load_series().await?;
        Ok(locked(&self.known).get(&id).cloned())
    }

    pub(super) async fn describe_all(&self, series: Vec<SeriesInfo>) -> Result<Vec<SeriesId>> {
        let client = self.client().await?;
        // One after another in this process; between processes the lock counts, but only new series need it.
        let _turn = self.writing.lock().await;
        let mut known = all(client).await?;
        let is_new = |known: &BTreeMap<SeriesId, Known>, info: &SeriesInfo| number(known, info).is_none();
        let lock = match series.iter().any(|info| is_new(&known, info)) {
            true => {
                let lock = Lock::take(client).await?;
                known = all(client).await?;
                Some(lock)
            }
            false => None,
        };
        let described = describe(&mut known, &series);
        let done = match &described {
            Ok((_, points)) => write::keep(client, Space::Ours, points).await,
            Err(_) => Ok(()),
        };
        if let Some(lock) = lock {
            lock.release(client).await;
        }
        let (ids, _) = described?;
        done?;
        *locked(&self.known) = known;
        Ok(ids)
    }
}

impl Influx {
    /// Takes over series of another store with the numbers that they have there; for a bucket that knows none yet.
    pub(crate) async fn take_series(&self, all: Vec<(SeriesId, SeriesInfo)>) -> Result<()> {
        let client = self.client().await?;
        let known: BTreeMap<SeriesId, Known> =
            all.into_iter().map(|(id, info)| (id, Known { place: Place::of(&info), info, retagged: false })).collect();
        let points: Vec<Point> = known.iter().map(|(id, known)| known.point(*id)).collect::<Result<_>>()?;
        write::keep(client, Space::Ours, &points).await?;
        *locked(&self.known) = known;
        Ok(())
    }
}

fn number(known: &BTreeMap<SeriesId, Known>, info: &SeriesInfo) -> Option<SeriesId> {
    described::known(known.iter().map(|(id, known)| (*id, &known.info)), info)
}

/// Numbers of the series, and the points that say what is new.
fn describe(known: &mut BTreeMap<SeriesId, Known>, series: &[SeriesInfo]) -> Result<(Vec<SeriesId>, Vec<Point>)> {
    let (mut ids, mut points) = (Vec::new(), Vec::new());
    for info in series {
        let id = match number(known, info) {
            None => {
                let id = SeriesId(known.last_key_value().map_or(1, |(id, _)| id.0 + 1));
                let new = Known { info: info.clone(), place: Place::of(info), retagged: false };
                points.push(new.point(id)?);
                known.insert(id, new);
                id
            }
            Some(id) => {
                let Some(before) = known.get_mut(&id) else { continue };
                let now = described::with(&before.info, info)?;
                if now != before.info {
                    let tags = before.tags(id);
                    before.info = now;
                    before.retagged |= before.tags(id) != tags;
                    points.push(before.point(id)?);
                }
                id
            }
        };
        ids.push(id);
    }
    Ok((ids, points))
}

/// The right to number series. Who asks first by the server's clock has it, until it is given back or ten seconds are over.
struct Lock {
    holder: String,
}

impl Lock {
    async fn take(client: &Client) -> Result<Lock> {
        let holder = format!("{:016x}", nonce());
        write::keep(client, Space::Ours, &[Point::of(LOCK).tag("holder", &holder).field("held", true)]).await?;
        let lock = Lock { holder };
        for _ in 0..300 {
            // Who asked a moment earlier may not be visible yet.
            tokio::time::sleep(Duration::from_millis(30)).await;
            if lock.is_first(client).await? {
                return Ok(lock);
            }
        }
        lock.release(client).await;
        Err(StoreError::Unavailable(format!("another process numbers series in {}: try again", client.host())))
    }

    async fn is_first(&self, client: &Client) -> Result<bool> {
        let found = client.query(Space::Ours, &format!("SELECT \"held\" FROM \"{LOCK}\" GROUP BY \"holder\"")).await?;
        let mut asked: Vec<(i64, &str)> = Vec::new();
        for table in found.iter().flatten() {
            asked.extend(table.rows.iter().filter_map(|row| Some((at(row)?, table.tag("holder")?))));
        }
        let Some(ours) = asked.iter().find(|(_, holder)| *holder == self.holder).copied() else {
            return Err(StoreError::Unavailable(format!("{} took what was written and does not give it back", client.host())));
        };
        // Of two that asked at once the later may stand longer than its time; the newest says what the present is.
        let present = asked.iter().map(|(at_ms, _)| *at_ms).max().unwrap_or(ours.0);
        Ok(!asked.iter().any(|other| *other < ours && other.0 > present - HELD_FOR_MS))
    }

    /// What is not given back ends by itself.
    async fn release(self, client: &Client) {
        client.delete(Space::Ours, &[Deletion::of(LOCK, "holder", &self.holder)]).await.ok();
    }
}
