//! Everything as a file: CSV and Parquet, written while it is sent.

mod csv_file;
mod parquet_file;
mod rows;
mod table;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use futures_util::{StreamExt as _, stream};
use utoipa::IntoParams;
use wattribute_service::Problem;
use wattribute_store::StoreError;

use super::asked::Asked;
use super::{Api, now};
use csv_file::CsvFile;
use parquet_file::ParquetFile;
use rows::Rows;
use table::Table;

/// What an export takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes what `Asked` reads: some may be said several times")]
struct ExportQuery {
    /// `readings`, where it is not said, `correlations` or `energy`.
    #[param(example = "readings")]
    what: Option<String>,
    /// Numbers of series, separated by commas or said several times.
    #[param(example = "1")]
    series: Option<String>,
    /// Series of this device.
    device: Option<String>,
    /// Series of this quantity, such as `power_w`.
    quantity: Option<String>,
    /// Series of this adapter.
    source: Option<String>,
    /// Series of this role, such as `whole_house`.
    role: Option<String>,
    /// Start, RFC 3339 or ms since the epoch; 24 h before `to` where it is not said.
    from: Option<String>,
    /// End (not included), RFC 3339 or ms since the epoch; now where it is not said.
    to: Option<String>,
    /// Of readings: means over stretches of this length, such as `1m` or `1h`.
    #[param(example = "10m")]
    interval: Option<String>,
}

/// What was said or learned, as CSV (RFC 4180): a row each, written while it is sent.
///
/// `what=readings` (as they were said, or means of `interval`), `correlations` or `energy` (kWh of each device and of the house, by hours). Without
/// `series`, `device`, `quantity`, `source` or `role`: all of them. Columns carry their unit in the name or in column `unit`; instants are RFC 3339
/// UTC; an empty field is a silence. Text that a spreadsheet would take for a formula begins with `'`.
#[utoipa::path(
    get, path = "/export.csv", operation_id = "export_csv", tag = "export",
    params(ExportQuery),
    responses(
        (status = 200, description = "The file", body = String, content_type = "text/csv"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn csv(State(api): State<Api>, asked: Asked) -> Result<Response, Problem> {
    let rows = Rows::asked(&api, &asked).await?;
    let file = CsvFile::default();
    send(rows, file, "csv", "text/csv; charset=utf-8").await
}

/// What was said or learned, as Parquet: the columns of the CSV, numbers as doubles, instants as UTC timestamps in ms, null where nothing is
/// known; written row group by row group while it is sent.
#[utoipa::path(
    get, path = "/export.parquet", operation_id = "export_parquet", tag = "export",
    params(ExportQuery),
    responses(
        (status = 200, description = "The file", body = FileBytes, content_type = "application/vnd.apache.parquet"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn parquet(State(api): State<Api>, asked: Asked) -> Result<Response, Problem> {
    let rows = Rows::asked(&api, &asked).await?;
    let file = ParquetFile::begin(rows.columns()).map_err(|error| Problem::internal(&error))?;
    send(rows, file, "parquet", "application/vnd.apache.parquet").await
}

/// The bytes of a file.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "it describes an answer that is streamed")]
pub struct FileBytes(Vec<u8>);

/// A file that is written from its beginning to its end.
trait Written: Send + Sized + 'static {
    /// The bytes that come with a table, if any yet.
    fn write(&mut self, table: &Table) -> anyhow::Result<Vec<u8>>;

    /// The bytes at the end.
    fn end(self) -> anyhow::Result<Vec<u8>>;
}

/// How far a file is.
enum Sending<F> {
    Rows(Rows, F),
    Done,
}

/// Sends a file while it is written. What goes wrong before its first byte is an answer; later the connection is cut, so that nobody takes a
/// part for the whole.
async fn send<F: Written>(rows: Rows, file: F, ending: &str, content_type: &'static str) -> Result<Response, Problem> {
    let (from_ms, to_ms) = rows.span_ms();
    let day = |ms: i64| DateTime::from_timestamp_millis(ms).unwrap_or_else(now).format("%Y%m%dT%H%M%SZ").to_string();
    let name = format!("wattribute-{}-{}-{}.{ending}", rows.what().name(), day(from_ms), day(to_ms));
    let (first, rest) = part(Sending::Rows(rows, file)).await.map_err(|error| match error.downcast::<StoreError>() {
        Ok(store) => Problem::from(store),
        Err(error) => Problem::internal(&error),
    })?;
    let parts = stream::unfold((Some(first), rest), |(ready, rest)| async move {
        if let Some(bytes) = ready {
            return Some((Ok(bytes), (None, rest)));
        }
        if matches!(rest, Sending::Done) {
            return None;
        }
        match part(rest).await {
            Ok((bytes, rest)) => Some((Ok(bytes), (None, rest))),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "an export was broken off");
                Some((Err(std::io::Error::other("the export was broken off")), (None, Sending::Done)))
            }
        }
    });
    // Compression asks once more after the end.
    let parts = parts.fuse();
    let headers =
        [(header::CONTENT_TYPE, content_type.to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// The next bytes of a file.
async fn part<F: Written>(sending: Sending<F>) -> anyhow::Result<(Bytes, Sending<F>)> {
    let Sending::Rows(mut rows, mut file) = sending else { return Ok((Bytes::new(), Sending::Done)) };
    loop {
        let Some(table) = rows.next().await? else {
            let end = tokio::task::spawn_blocking(move || file.end()).await??;
            return Ok((end.into(), Sending::Done));
        };
        // Compressing holds up nobody else.
        let (bytes, written) = tokio::task::spawn_blocking(move || file.write(&table).map(|bytes| (bytes, file))).await??;
        file = written;
        if !bytes.is_empty() {
            return Ok((bytes.into(), Sending::Rows(rows, file)));
        }
    }
}
