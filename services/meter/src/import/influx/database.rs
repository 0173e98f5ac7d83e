//! A bucket (2.x) or database (1.x), read only.

use std::time::Duration;

use reqwest::Method;
use wattribute_store::influx::{Account, Cell, Client, Dialect, Space, Table, quoted};
use wattribute_store::{Result, StoreError};

use super::Influx;
use crate::adapters::history::time::USABLE_MS;

/// Rows that are asked for at once: of states with their attributes some 5 MB.
const PAGE: usize = 10_000;
/// How long a page may take: years are looked through on small machines.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The tag that points of ours carry.
const OURS: &str = "series";

pub struct Database {
    client: Client,
    bucket: String,
    measurements: Vec<String>,
}

impl Database {
    /// Who is asked, and the buckets that are named; where none is, all that are there.
    pub async fn list(from: &Influx) -> Result<(String, Vec<String>)> {
        let client = Client::connect(&from.url, &from.account).await?;
        let mut all = from.buckets.clone();
        if all.is_empty() {
            all = if client.dialect == Dialect::Two {
                buckets(&client).await?
            } else {
                names(client.query(Space::Main, "SHOW DATABASES").await?)
            };
            // The server's own, and ours for what we keep beside.
            all.retain(|name| !name.starts_with('_') && !name.contains("/wattribute"));
        }
        Ok((client.host(), all))
    }

    /// Opens one of them.
    pub async fn open(from: &Influx, bucket: &str) -> Result<Self> {
        let client = Client::connect(&from.url, &Account { bucket: bucket.to_owned(), timeout: TIMEOUT, ..from.account.clone() }).await?;
        let found = client.query(Space::Main, "SHOW MEASUREMENTS").await.map_err(|error| match error {
            StoreError::Unavailable(why) if why.contains("not found") => StoreError::Refused(format!(
                "{} finds no bucket or database `{bucket}`. InfluxDB 2 before 2.3 finds a bucket that is there only by a mapping: \
                 `influx v1 dbrp create --db '{bucket}' --rp autogen --default --bucket-id …`",
                client.host()
            )),
            other => other,
        })?;
        Ok(Database { client, bucket: bucket.to_owned(), measurements: names(found) })
    }

    /// What messages call it.
    pub fn name(&self) -> String {
        format!("{} of {}", self.bucket, self.client.host())
    }

    /// Its measurements.
    pub fn measurements(&self) -> &[String] {
        &self.measurements
    }

    /// Whether there is such a measurement.
    pub fn has(&self, measurement: &str) -> bool {
        self.measurements.iter().any(|known| known == measurement)
    }

    /// The newest row of each series of a measurement, as told apart by these tags, with all its fields and other tags.
    pub async fn newest(&self, measurement: &str, tags: &[&str]) -> Result<Vec<Table>> {
        let tags = tags.iter().map(|tag| name(tag)).collect::<Vec<_>>().join(", ");
        let query = format!("SELECT * FROM {} GROUP BY {tags} ORDER BY time DESC LIMIT 1", name(measurement));
        Ok(self.client.query(Space::Main, &query).await?.into_iter().flatten().collect())
    }

    /// Values of a tag.
    pub async fn values(&self, measurement: &str, tag: &str) -> Result<Vec<String>> {
        let found = self.client.query(Space::Main, &format!("SHOW TAG VALUES FROM {} WITH KEY = {}", name(measurement), name(tag))).await?;
        let rows = found.into_iter().flatten().flat_map(|table| table.rows);
        let mut values: Vec<String> =
            rows.filter_map(|row| row.get(1)?.text().map(str::to_owned)).filter(|value| !value.is_empty()).collect();
        values.sort();
        values.dedup();
        Ok(values)
    }

    /// The greatest value of a field that is not `but`, in points that are not ours.
    pub async fn greatest(&self, measurement: &str, field: &str, but: f64) -> Result<Option<f64>> {
        let (from, field) = (name(measurement), name(field));
        let query = format!("SELECT MAX({field}) FROM {from} WHERE {} = '' AND {field} != {but}", name(OURS));
        let found = self.client.query(Space::Main, &query).await?;
        Ok(found.iter().flatten().flat_map(|table| &table.rows).find_map(|row| row.get(1)?.number()))
    }

    /// Rows of a measurement with these columns, where these tags have these values; those that are ours are left out.
    pub fn rows(&self, measurement: &str, columns: &[impl AsRef<str>], tags: &[(&str, &str)]) -> Pages<'_> {
        let columns = columns.iter().map(|column| name(column.as_ref())).collect::<Vec<_>>().join(", ");
        let mut condition: Vec<String> = tags.iter().map(|(tag, value)| format!("{} = {}", name(tag), quoted(value))).collect();
        condition.push(format!("{} = ''", name(OURS)));
        let query = format!("SELECT {columns} FROM {} WHERE {}", name(measurement), condition.join(" AND "));
        Pages { database: self, query, next_ms: Some(USABLE_MS.start) }
    }
}

/// Rows in the order of time, a page at once.
pub struct Pages<'a> {
    database: &'a Database,
    query: String,
    /// From when on, ms; `None`: there are no more.
    next_ms: Option<i64>,
}

impl Pages<'_> {
    /// The next page; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Table>> {
        let Some(from_ms) = self.next_ms.take() else { return Ok(None) };
        let query = format!("{} AND time >= {from_ms}ms ORDER BY time LIMIT {PAGE}", self.query);
        let found = self.database.client.query(Space::Main, &query).await?;
        let Some(mut table) = found.into_iter().flatten().next() else { return Ok(None) };
        let at = |row: &Vec<Cell>| row.first().and_then(Cell::whole);
        if table.rows.len() >= PAGE
            && let (Some(first_ms), Some(last_ms)) = (table.rows.first().and_then(at), table.rows.last().and_then(at))
        {
            // Instants are finer than the ms that they are asked in: those of the last ms may go on in the next page.
            if first_ms < last_ms {
                table.rows.retain(|row| at(row) != Some(last_ms));
                self.next_ms = Some(last_ms);
            } else {
                self.next_ms = Some(last_ms + 1);
            }
        }
        Ok(Some(table))
    }
}

/// Of a table, the value in a column of that name.
pub fn cell<'a>(table: &Table, row: &'a [Cell], column: &str) -> Option<&'a Cell> {
    row.get(table.column(column)?)
}

/// A text in a column; none that is empty.
pub fn text<'a>(table: &Table, row: &'a [Cell], column: &str) -> Option<&'a str> {
    cell(table, row, column)?.text().filter(|text| !text.is_empty())
}

/// A row's instant, ms since the epoch.
pub fn at_ms(row: &[Cell]) -> Option<i64> {
    row.first()?.whole()
}

/// A name as InfluxQL writes it.
fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn names(found: Vec<Vec<Table>>) -> Vec<String> {
    let rows = found.into_iter().flatten().flat_map(|table| table.rows);
    rows.filter_map(|row| row.first()?.text().map(str::to_owned)).collect()
}

/// The buckets of 2.x, as far as the token may see them.
async fn buckets(client: &Client) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let offset = all.len().to_string();
        let parameters = [("org", client.org()), ("limit", "100"), ("offset", offset.as_str())];
        let said = client.send(Method::GET, "api/v2/buckets", &parameters, None).await?;
        if !said.status.is_success() {
            return Err(client.tell(&said, "is asked for its buckets"));
        }
        let said: serde_json::Value = serde_json::from_str(&said.body).unwrap_or_default();
        let page: Vec<String> =
            said["buckets"].as_array().into_iter().flatten().filter_map(|bucket| bucket["name"].as_str().map(str::to_owned)).collect();
        let is_last = page.len() < 100;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}
