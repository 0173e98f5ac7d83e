//! What energy costs.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::tariff::Piece;
use wattribute_domain::{Pricing, Tariffs, day_start_ms, local_day};
use wattribute_service::Problem;
use wattribute_service::problem::Body;
use wattribute_store::{TariffsFrom, set_tariffs};

use super::{Api, instant, now};

/// The tariffs, and what they make of today.
#[derive(Debug, Serialize, ToSchema)]
pub struct TariffAnswer {
    /// The contracts, in the order of their first day; empty where nothing is known.
    tariffs: Tariffs,
    /// Where they were said: `config`, `api` or `home_assistant`; null where nothing is known.
    #[schema(value_type = Option<String>, example = "api")]
    from: Option<TariffsFrom>,
    /// Currency of all prices, ISO 4217; null where it is not known.
    currency: Option<String>,
    /// Time zone of all times.
    time_zone: String,
    /// Price of import now; null where it is not known.
    now: Option<PriceNow>,
    /// Prices of import today and tomorrow, local time, each as long as it stands.
    import_prices: Vec<PriceSpan>,
    /// Prices of export today and tomorrow; empty where nothing is paid for it.
    export_prices: Vec<PriceSpan>,
}

/// The price of a kWh.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceNow {
    /// Price of a kWh.
    price_per_kwh: f64,
    /// Band of the tariff.
    band: String,
}

/// The price of a kWh as long as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceSpan {
    /// From when, RFC 3339 UTC.
    from: String,
    /// Until when, RFC 3339 UTC; not included.
    to: String,
    /// Price of a kWh; null where it is not known.
    price_per_kwh: Option<f64>,
    /// Band of the tariff; null where no price is known.
    band: Option<String>,
}

/// The tariffs, and the prices of today and tomorrow.
#[utoipa::path(get, path = "/tariffs", tag = "energy", responses((status = 200, body = TariffAnswer)))]
pub async fn tariffs(State(api): State<Api>) -> Result<Json<TariffAnswer>, Problem> {
    let now_ms = now().timestamp_millis();
    let (home, zone) = api.books.home().await?;
    let kept = wattribute_store::tariffs(&*api.store).await?;
    let pricing = api.books.pricing(zone, now_ms).await?;
    let today = local_day(zone, now_ms);
    let later = today.succ_opt().and_then(|tomorrow| tomorrow.succ_opt()).unwrap_or(today);
    let span = (day_start_ms(zone, today), day_start_ms(zone, later));
    let spans = |of: fn(&Pricing, i64, i64) -> Vec<Piece<'_>>| -> Vec<PriceSpan> {
        let pieces = pricing.as_deref().map(|p| of(p, span.0, span.1)).unwrap_or_default();
        pieces.into_iter().map(price_span).collect()
    };
    let price = pricing.as_deref().and_then(|p| p.import_at(now_ms));
    let export_prices = spans(Pricing::export_pieces);
    let (tariffs, from) = kept.map_or((Tariffs::default(), None), |(tariffs, from)| (tariffs, Some(from)));
    Ok(Json(TariffAnswer {
        tariffs,
        from,
        currency: home.currency,
        time_zone: zone.name().to_owned(),
        now: price.map(|p| PriceNow { price_per_kwh: p.per_kwh, band: p.band.to_owned() }),
        import_prices: spans(Pricing::import_pieces),
        export_prices: if export_prices.iter().any(|p| p.price_per_kwh.is_some()) { export_prices } else { Vec::new() },
    }))
}

fn price_span(piece: Piece<'_>) -> PriceSpan {
    PriceSpan {
        from: instant(piece.from_ms),
        to: instant(piece.to_ms),
        price_per_kwh: piece.price.as_ref().map(|p| p.per_kwh),
        band: piece.price.as_ref().map(|p| p.band.to_owned()),
    }
}

/// Sets the tariffs; a new price is a new contract with the day from which it applies. No contract: those that were set are forgotten.
#[utoipa::path(
    put, path = "/tariffs", tag = "energy", request_body = Tariffs,
    responses(
        (status = 200, body = TariffAnswer),
        (status = 409, description = "The configuration says the tariffs", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Something is wrong in them", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn put_tariffs(State(api): State<Api>, Body(said): Body<Tariffs>) -> Result<Json<TariffAnswer>, Problem> {
    said.check().map_err(|error| Problem::bad_parameter(error.to_string()))?;
    if let Some((_, TariffsFrom::Config)) = wattribute_store::tariffs(&*api.store).await? {
        return Err(Problem::conflict("the tariffs are said in the configuration, [tariff]; change them there, or take them out"));
    }
    set_tariffs(&*api.store, &said, TariffsFrom::Api).await?;
    api.kept.forget();
    tariffs(State(api)).await
}
