//! The past that other programs kept in an InfluxDB (1.x, 2.x): Home Assistant's own integration, and HomeIQ.
//!
//! Nothing is written there, and points of our own (they carry the tag `series`) are passed over, so that a bucket that was taken over can be read
//! into itself.

mod database;
mod home_assistant;
mod homeiq;

use std::collections::BTreeSet;

use wattribute_store::influx::Account;
use wattribute_store::{Store, StoreError};

use self::database::Database;
use super::{Summary, import};
use crate::adapters::history::{HistoryError, Rows};

/// What is to be read, and where it is.
#[derive(Clone, Debug)]
pub struct Influx {
    /// Its address, such as `http://influxdb:8086`.
    pub url: String,
    /// How it lets us in; its bucket is not looked at.
    pub account: Account,
    /// Buckets (2.x) or databases (1.x); none: all that there are.
    pub buckets: Vec<String>,
    /// The entity of Home Assistant whose power HomeIQ wrote as that of the house; `None`: the one that HomeIQ looks for, where it is known.
    pub meter: Option<String>,
}

/// Why nothing, or not all, was imported.
#[derive(Debug, thiserror::Error)]
pub enum InfluxImportError {
    /// InfluxDB, or the store that it goes to.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// There is nothing that we know.
    #[error(
        "{host} has nothing of Home Assistant or HomeIQ in {looked}: name the bucket or database with --bucket; the token must be allowed to read \
         it"
    )]
    Nothing {
        /// Where it was looked for.
        host: String,
        /// In what.
        looked: String,
    },
}

type Result<T> = std::result::Result<T, InfluxImportError>;

/// Writes what is there into the store. The same again changes nothing.
pub async fn import_influx(from: &Influx, store: &dyn Store) -> Result<Summary> {
    let mut summary = Summary::default();
    let (host, buckets) = Database::list(from).await?;
    let mut databases = Vec::new();
    for bucket in &buckets {
        match Database::open(from, bucket).await {
            Ok(database) => databases.push(database),
            // Of those that nobody named, some may be none of ours to read.
            Err(error) if from.buckets.is_empty() => summary.note(format!("{bucket} was left out: {error}")),
            Err(error) => return Err(error.into()),
        }
    }
    // HomeIQ's readings are those of sensors: where what the sensors said is there, it is better.
    let mut states = BTreeSet::new();
    for database in &databases {
        for entity in homeiq::entities(database).await? {
            let written = homeiq::events(database, &entity, store).await?;
            if written.readings > 0 {
                states.insert(entity);
            }
            summary.add(written);
        }
        for entity in home_assistant::entities(database).await? {
            let written = home_assistant::states(database, &entity, store).await?;
            if written.readings > 0 {
                states.insert(entity.entity_id.clone());
            }
            summary.add(written);
        }
    }
    let mut is_known = !states.is_empty();
    for database in &databases {
        if let Some(written) = homeiq::meter(database, from.meter.as_deref(), &states, store).await? {
            is_known = true;
            summary.add(written);
        }
    }
    if !is_known {
        let mut looked = if buckets.is_empty() { "any bucket".to_owned() } else { buckets.join(", ") };
        if !from.buckets.is_empty()
            && let Ok((_, there)) = Database::list(&Influx { buckets: Vec::new(), ..from.clone() }).await
        {
            looked += &if there.is_empty() { " (there is none)".to_owned() } else { format!(" (there is {})", there.join(", ")) };
        }
        return Err(InfluxImportError::Nothing { host, looked });
    }
    Ok(summary)
}

/// What one entity said.
struct Said {
    at_ms: i64,
    state: String,
    /// JSON.
    attributes: Option<String>,
}

/// Writes what an entity of Home Assistant said, a page of rows.
async fn write(entity_id: &str, name: &str, said: impl Iterator<Item = Said>, store: &dyn Store) -> Result<Summary> {
    let mut rows = Rows::of(name)?;
    for said in said {
        rows.say(entity_id, &said.state, said.attributes.as_deref(), said.at_ms);
    }
    Ok(import(rows.finish(), store, crate::adapters::home_assistant::NAME, &mut |_| {}).await?)
}

/// Counts the pages of one series as one.
fn one_series(total: &mut Summary, page: Summary) {
    let series = total.series.max(page.series);
    total.add(page);
    total.series = series;
}
