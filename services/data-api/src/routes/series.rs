//! The series there are.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::{Hold, Level, Quantity, Role, SeriesId, SeriesInfo};
use wattribute_service::Problem;
use wattribute_store::{Powers, Store};

use super::asked::Asked;
use super::{Api, instant, now};

/// All series asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesList {
    /// One each, by number.
    series: Vec<SeriesRow>,
    /// What is true of all.
    meta: SeriesMeta,
}

/// What is true of all series of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesMeta {
    /// How many are listed.
    count: usize,
    /// When this was looked up, RFC 3339 UTC.
    at: String,
    /// Whether this home is made up.
    is_demo: bool,
}

/// One quantity of one device.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesRow {
    /// Its number, by which other routes take it.
    #[schema(example = 1)]
    id: u32,
    /// Adapter it comes from; `wattribute` is what was computed.
    #[schema(example = "home_assistant")]
    source: String,
    /// The id that people know: an entity id, a device's name.
    #[schema(example = "sensor.house_power")]
    device: String,
    /// Friendly name; null where there is none.
    name: Option<String>,
    /// What it tells, with its unit.
    #[schema(value_type = String, example = "power_w")]
    quantity: Quantity,
    /// Its unit; null for a level and for a power factor.
    #[schema(example = "W")]
    unit: Option<String>,
    /// What it is in the home; `copy` where another source says the same of the same device, and counts; `guess` where its source does not
    /// measure it but works it out; null where not known.
    #[schema(value_type = Option<String>, example = "whole_house")]
    role: Option<Role>,
    /// Area it is in.
    area: Option<String>,
    /// How long a value holds: `until_next`, or for three of its usual `intervals`.
    #[schema(value_type = String, example = "until_next")]
    hold: Hold,
    /// When it said something last, RFC 3339 UTC; null where it never did.
    last_at: Option<String>,
    /// What it said last, in its unit; of a level 0 is off, and 0.2 a fifth of its first mode; null where it fell silent.
    last_value: Option<f64>,
    /// Of a level, the mode it said last, such as `on`.
    last_state: Option<String>,
    /// Whether nothing is known of it now.
    is_silent: bool,
}

/// The series there are: each quantity of each device, with what it said last.
#[utoipa::path(
    get, path = "/series", tag = "readings",
    params(
        ("quantity" = Option<String>, Query, description = "Only of this quantity, such as `power_w` or `level`", example = "power_w"),
        ("source" = Option<String>, Query, description = "Only of this adapter, such as `home_assistant`"),
        ("role" = Option<String>, Query, description = "Only `whole_house`, `circuit`, `device`, `solar`, `battery` or `gas`"),
        ("device" = Option<String>, Query, description = "Only of this device, such as `sensor.house_power`"),
    ),
    responses(
        (status = 200, body = SeriesList),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn series(State(api): State<Api>, asked: Asked) -> Result<Json<SeriesList>, Problem> {
    let now = now();
    let powers = Powers::read(&*api.store, now.timestamp_millis()).await?;
    let chosen = asked.series(&powers.series)?.unwrap_or_else(|| powers.series.clone());
    let units = Units::read(&*api.store).await?;
    let latest: HashMap<SeriesId, (i64, f64)> = api.store.latest().await?.into_iter().map(|r| (r.series, (r.at_ms, r.value))).collect();
    let row = |(id, info): (SeriesId, SeriesInfo)| {
        let last = latest.get(&id).copied();
        let state = last.and_then(|(_, value)| mode(&info, value));
        SeriesRow {
            id: id.0,
            unit: units.of(info.quantity),
            quantity: info.quantity,
            role: info.role,
            hold: info.hold,
            last_at: last.map(|(at_ms, _)| instant(at_ms)),
            last_value: last.map(|(_, value)| value).filter(|value| value.is_finite()),
            last_state: state.map(str::to_owned),
            is_silent: powers.now(id).is_none(),
            source: info.source,
            device: info.device,
            name: info.name,
            area: info.area,
        }
    };
    let series: Vec<SeriesRow> = chosen.into_iter().map(row).collect();
    let meta = SeriesMeta { count: series.len(), at: instant(now.timestamp_millis()), is_demo: api.is_demo };
    Ok(Json(SeriesList { series, meta }))
}

/// The mode that a number of a level series says.
pub(super) fn mode(info: &SeriesInfo, value: f64) -> Option<&str> {
    let level = Level::of_number(value).filter(|_| info.quantity == Quantity::Level)?;
    info.modes.get(usize::from(level.mode)).map(String::as_str)
}

/// The units of this home.
pub(super) struct Units {
    price: String,
}

impl Units {
    pub(super) async fn read(store: &dyn Store) -> Result<Self, Problem> {
        let currency = wattribute_store::home(store).await?.currency;
        Ok(Units { price: format!("{}/kWh", currency.as_deref().unwrap_or("currency")) })
    }

    /// The unit of a quantity; `None` for what has none.
    pub(super) fn of(&self, quantity: Quantity) -> Option<String> {
        let unit = match quantity {
            Quantity::PowerW | Quantity::PowerPhase1W | Quantity::PowerPhase2W | Quantity::PowerPhase3W => "W",
            Quantity::EnergyImportKwh | Quantity::EnergyExportKwh => "kWh",
            Quantity::VoltageV => "V",
            Quantity::CurrentA => "A",
            Quantity::FrequencyHz => "Hz",
            Quantity::PricePerKwh => self.price.as_str(),
            Quantity::PowerFactor | Quantity::Level => return None,
        };
        Some(unit.to_owned())
    }
}
