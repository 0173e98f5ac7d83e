//! The home: what is known of it, what is its meter and what could be, and what the owner sets of it.

mod expression;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::ToSchema;
use wattribute_domain::{HouseRecord, Night, Quantity, Role, SeriesId, entities_of};
use wattribute_service::problem::Body;
use wattribute_service::{Problem, State as How};
use wattribute_store::{HomeChoice, OURS, Powers, SaidIn, configured_meter, home_choice, house, set_home_choice};

use super::owner::{Object, said};
use super::{Api, instant, now, told};

/// What the owner sets is read, changed and written by one request at a time.
static WRITING: Mutex<()> = Mutex::const_new(());
/// Meters that are proposed, at most.
const MOST: usize = 12;
/// Phantom load that can be said to be too much, W.
const THRESHOLD_W: std::ops::RangeInclusive<f64> = 1.0..=100_000.0;

/// The home.
#[derive(Debug, Serialize, ToSchema)]
pub struct HomeAnswer {
    /// Its name in Home Assistant; null where it is not known.
    name: Option<String>,
    /// Whether it is made up.
    is_demo: bool,
    /// Time zone of nights, days and tariffs.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// Currency of costs, ISO 4217; null where it is not known.
    currency: Option<String>,
    /// The hours in which nothing is in use.
    night: NightHours,
    /// Phantom load that is too much, W.
    phantom_threshold_w: f64,
    /// Where that was said: `config` or `api`; null: it is the usual one.
    #[schema(value_type = Option<String>, example = "api")]
    phantom_threshold_from: Option<SaidIn>,
    /// Its meter.
    meter: HomeMeter,
    /// Version of this program.
    version: String,
    /// How long it has been running, s.
    uptime_s: u64,
    /// When devices were learned last, RFC 3339 UTC; null where none were yet.
    learned_at: Option<String>,
}

/// Hours of the local clock.
#[derive(Debug, Serialize, ToSchema)]
pub struct NightHours {
    /// When they begin.
    #[schema(example = "02:00")]
    from: String,
    /// When they end.
    #[schema(example = "05:00")]
    to: String,
}

impl From<Night> for NightHours {
    fn from(night: Night) -> Self {
        let text = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
        NightHours { from: text(night.from), to: text(night.to) }
    }
}

/// The meter of the home.
#[derive(Debug, Serialize, ToSchema)]
pub struct HomeMeter {
    /// What the owner says it is, an entity or an expression over entities; null: it is found by itself.
    #[schema(example = "sensor.import - sensor.export")]
    said: Option<String>,
    /// Where that was said: `config` or `api`; null where it was not.
    #[schema(value_type = Option<String>, example = "api")]
    from: Option<SaidIn>,
    /// What is learned from now; null where nothing is yet. What was said a moment ago is in force after some seconds to a minute.
    in_force: Option<String>,
    /// Why this one, or what is missing where there is none; null where that is not known.
    why: Option<String>,
    /// Usual time between its readings, s; null where nothing was learned yet.
    interval_s: Option<f64>,
    /// How long after a switch is heard of its step is half there, s (negative: the meter shows it first); null where too few steps could be lined up.
    lag_s: Option<f64>,
    /// What else could be it, the likeliest first.
    candidates: Vec<MeterCandidate>,
}

/// What could be the meter of the home.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeterCandidate {
    /// What to say for it: an entity, or an expression over entities.
    #[schema(example = "sensor.house_power")]
    meter: String,
    /// Friendly name; of an expression, the names of its parts.
    name: String,
    /// What it says now, W; null where it is silent.
    power_w: Option<f64>,
    /// Why it could be.
    reason: String,
}

/// What is to change of the home, as RFC 7396 has it: what is not there stays as it is, null takes it back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HomePatch {
    /// Its meter, an entity or an expression over entities of power or energy; null: it is found by itself.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 1000, example = "sensor.import - sensor.export")]
    meter: Option<Option<String>>,
    /// Phantom load that is too much, W; null: the usual one.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<f64>, minimum = 1, maximum = 100000, example = 150)]
    phantom_threshold_w: Option<Option<f64>>,
}

/// What is known of the home, what is its meter and what could be.
#[utoipa::path(
    get, path = "/home", tag = "energy",
    responses(
        (status = 200, body = HomeAnswer),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn home(State(api): State<Api>) -> Result<Json<HomeAnswer>, Problem> {
    let (home, zone) = api.books.home().await?;
    let chosen = home_choice(&*api.store).await?;
    let (threshold_w, threshold_from) = chosen.phantom_threshold_w(api.settings.phantom_threshold_w);
    let learned_ms = api.store.profiles().await?.iter().map(|record| record.learned_at_ms).max();
    Ok(Json(HomeAnswer {
        name: home.name,
        is_demo: api.is_demo,
        time_zone: zone.name().to_owned(),
        currency: home.currency,
        night: home.night.into(),
        phantom_threshold_w: threshold_w,
        phantom_threshold_from: threshold_from,
        meter: meter(&api, chosen).await?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: api.begun.elapsed().as_secs(),
        learned_at: learned_ms.map(instant),
    }))
}

async fn meter(api: &Api, chosen: HomeChoice) -> Result<HomeMeter, Problem> {
    let house = house(&*api.store).await?;
    let powers = Powers::read(&*api.store, now().timestamp_millis()).await?;
    let (said, from) = match configured_meter(&*api.store).await? {
        Some(meter) => (Some(meter), Some(SaidIn::Config)),
        None => (chosen.meter.clone(), chosen.meter.map(|_| SaidIn::Api)),
    };
    let missing = || match api.health.dependencies().remove("whole_house_meter") {
        Some(How::Degraded(why) | How::Down(why)) => Some(why),
        _ => None,
    };
    Ok(HomeMeter {
        said,
        from,
        why: house.as_ref().map_or_else(missing, |house| Some(house.why.clone())),
        interval_s: house.as_ref().and_then(|house| told(house.interval_s)),
        lag_s: house.as_ref().and_then(|house| house.lag_s),
        candidates: candidates(&powers, house.as_ref()),
        in_force: house.map(|house| house.label),
    })
}

/// What learning was in doubt about, then what is said to be the whole house's, then other sensors of power, those that draw most first.
fn candidates(powers: &Powers, house: Option<&HouseRecord>) -> Vec<MeterCandidate> {
    let sensors = || powers.series.iter().filter(|(_, info)| info.quantity == Quantity::PowerW && info.source != OURS);
    let find = |id: &str| sensors().find(|(_, info)| info.entity_id() == id);
    let power_w = |id: SeriesId| powers.now(id).map(|(_, power_w)| power_w);
    let mut found: Vec<MeterCandidate> = Vec::new();
    for meter in house.iter().flat_map(|house| &house.candidates) {
        // A sum of phases, or one sensor.
        let parts: Vec<_> = entities_of(meter).filter_map(find).collect();
        let sum_w = parts.iter().map(|(id, _)| power_w(*id)).sum::<Option<f64>>();
        found.push(MeterCandidate {
            meter: meter.clone(),
            name: parts.iter().map(|(_, info)| info.label()).collect::<Vec<_>>().join(" + "),
            power_w: sum_w.filter(|_| !parts.is_empty()).and_then(told),
            reason: "it behaves like the whole house, too".to_owned(),
        });
    }
    let mut others: Vec<_> = sensors()
        .filter(|(_, info)| !matches!(info.role, Some(Role::Solar | Role::Battery | Role::Gas | Role::Copy | Role::Guess)))
        .collect();
    others.sort_by(|(a, one), (b, other)| {
        let rank = |role| role != Some(Role::WholeHouse);
        let drawn_w = |id| power_w(id).unwrap_or(f64::NEG_INFINITY);
        rank(one.role).cmp(&rank(other.role)).then_with(|| drawn_w(*b).total_cmp(&drawn_w(*a))).then_with(|| one.device.cmp(&other.device))
    });
    for (id, info) in others {
        let meter = info.entity_id();
        if found.iter().any(|known| known.meter == meter) {
            continue;
        }
        let reason = match info.role {
            Some(Role::WholeHouse) => "it is said to be the whole house's",
            Some(Role::Circuit) => "it is said to be one circuit's",
            _ => "it is a sensor of power",
        };
        let power_w = power_w(*id).and_then(told);
        found.push(MeterCandidate { name: info.label().to_owned(), power_w, reason: reason.to_owned(), meter });
    }
    found.retain(|candidate| house.is_none_or(|house| house.label != candidate.meter));
    found.truncate(MOST);
    found
}

/// Says what is the meter, and what phantom load is too much. What the configuration says wins, and is changed there.
#[utoipa::path(
    patch, path = "/home", tag = "energy", request_body = HomePatch,
    responses(
        (status = 200, body = HomeAnswer),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The configuration says it", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not said to be JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn patch_home(State(api): State<Api>, Body(Object(patch)): Body<Object<HomePatch>>) -> Result<Json<HomeAnswer>, Problem> {
    let _alone = WRITING.lock().await;
    let before = home_choice(&*api.store).await?;
    let mut chosen = before.clone();
    if let Some(meter) = patch.meter {
        if configured_meter(&*api.store).await?.is_some() {
            return Err(of_config("meter", "[home_assistant] meter"));
        }
        chosen.meter = match meter {
            Some(meter) => Some(usable(&api, meter.trim()).await?),
            None => None,
        };
    }
    if let Some(threshold_w) = patch.phantom_threshold_w {
        if chosen.phantom_threshold_w(api.settings.phantom_threshold_w).1 == Some(SaidIn::Config) {
            return Err(of_config("phantom_threshold_w", "[alerts] high_phantom_load_w"));
        }
        if let Some(wrong) = threshold_w.filter(|w| !THRESHOLD_W.contains(w)) {
            let (least, most) = (THRESHOLD_W.start(), THRESHOLD_W.end());
            return Err(Problem::bad_parameter(format!("phantom_threshold_w: {wrong} is not between {least} and {most}")));
        }
        chosen.phantom_threshold_w = threshold_w;
    }
    if chosen != before {
        set_home_choice(&*api.store, &chosen).await?;
        api.kept.forget();
    }
    home(State(api)).await
}

fn of_config(field: &str, key: &str) -> Problem {
    Problem::conflict(format!("{field}: the configuration says it, {key}; change it there, or take it out"))
}

/// The expression, where it can be read and each entity in it is a sensor of power or energy that has said something.
async fn usable(api: &Api, meter: &str) -> Result<String, Problem> {
    let wrong = |why: String| Problem::bad_parameter(format!("meter: {why}"));
    // Entities are written in small letters.
    let meter = meter.to_ascii_lowercase();
    expression::check(&meter).map_err(wrong)?;
    let series = api.store.series().await?;
    let latest = api.store.latest().await?;
    for id in entities_of(&meter) {
        let of_it: Vec<_> = series.iter().filter(|(_, info)| info.source != OURS && info.entity_id() == id).collect();
        let measures = |quantity| matches!(quantity, Quantity::PowerW | Quantity::EnergyImportKwh | Quantity::EnergyExportKwh);
        let sensor = of_it.iter().find(|(_, info)| measures(info.quantity));
        match sensor {
            None if of_it.is_empty() => {
                return Err(wrong(format!("there is no entity {id}; GET /api/v1/series?quantity=power_w lists sensors of power")));
            }
            None => return Err(wrong(format!("{id} is no sensor of power or energy; GET /api/v1/series?quantity=power_w lists them"))),
            Some((number, _)) if !latest.iter().any(|reading| reading.series == *number) => {
                return Err(wrong(format!("{id} has said nothing yet")));
            }
            Some(_) => {}
        }
    }
    Ok(meter)
}
