//! Where pulse meters push over HTTP: who they are, and what they are told.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{mpsc, oneshot};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wattribute_domain::device_name;
use wattribute_service::access::{Scope, bearer};
use wattribute_service::problem::PathOf;
use wattribute_service::{Access, Problem};
use wattribute_store::Store;

use super::How;
use super::wire::{self, Said};
use crate::adapters::{Kept, now_ms};

/// The longest body that is read, bytes.
const LONGEST: usize = 64 << 10;
/// How long the disk may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Posts that wait.
const WAITING: usize = 64;

/// Between the routes and the adapter; clones share it. Without an adapter nobody is behind it.
#[derive(Clone, Default)]
pub struct Door(Arc<Inside>);

#[derive(Default)]
struct Inside {
    house: OnceLock<(Arc<dyn Store>, Access)>,
    meters: Mutex<Option<(Vec<Doorplate>, mpsc::Sender<Post>)>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

/// One meter that may push.
#[derive(Clone)]
pub(super) struct Doorplate {
    /// Its name, as in ids.
    pub name: String,
    /// SHA-256 of its token.
    pub token: Option<[u8; 32]>,
}

impl Doorplate {
    pub fn new(name: &str, token: Option<&SecretString>) -> Self {
        Doorplate { name: name.to_owned(), token: token.map(|token| fingerprint(token.expose_secret().trim())) }
    }

    /// Whether this is its token, in a time that does not tell how much of it is.
    fn is_of(&self, said: &str) -> bool {
        self.token.is_some_and(|token| token.ct_eq(&fingerprint(said)).into())
    }
}

fn fingerprint(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// What came for a meter.
pub(super) struct Post {
    /// Which meter, by its name.
    pub meter: String,
    /// When, ms since the epoch.
    pub now_ms: i64,
    /// What it said, or what is wrong with it.
    pub said: Result<Said, String>,
    /// What it said, as it may be kept.
    pub text: String,
    /// Told when it is on the disk.
    pub kept: Kept,
    /// Where it is told what became of it.
    pub answer: oneshot::Sender<Taken>,
}

impl Door {
    /// The house behind it, from here on.
    pub fn open(&self, store: Arc<dyn Store>, access: Access) {
        // It is said once, at the start.
        let _already_said = self.0.house.set((store, access));
    }

    /// Where calibrations are.
    pub(super) fn store(&self) -> Option<Arc<dyn Store>> {
        self.0.house.get().map(|(store, _)| store.clone())
    }

    /// The meters that may push, from here on, by whoever listens for them.
    pub(super) fn listen(&self, meters: Vec<Doorplate>, tokens: &[&SecretString]) -> (mpsc::Sender<Post>, mpsc::Receiver<Post>) {
        let (sender, posts) = mpsc::channel(WAITING);
        if let Some((_, access)) = self.0.house.get() {
            tokens.iter().for_each(|token| access.let_push(token));
        }
        *self.0.meters.lock().unwrap_or_else(PoisonError::into_inner) = Some((meters, sender.clone()));
        (sender, posts)
    }

    fn listeners(&self) -> Option<(Vec<Doorplate>, mpsc::Sender<Post>)> {
        self.0.meters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a pulse meter pushes. All of it is optional, but one of `power_kw`, `power_w`, `total_kwh` and `pulse_count` must be there. Numbers may
/// be texts, `null` counts as not said, and unknown fields are passed over.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct PulseReading {
    /// Which meter it is, where several are set up; `device_id` and `name` are taken too.
    pub device: Option<String>,
    /// When, RFC 3339 with its offset, or seconds or milliseconds since 1970; without it, and where the device's clock is off, the instant of
    /// arrival counts.
    pub timestamp: Option<String>,
    /// Power, kW; negative while exporting.
    pub power_kw: Option<f64>,
    /// Power, W; negative while exporting.
    pub power_w: Option<f64>,
    /// The device's own counter of energy, kWh.
    pub total_kwh: Option<f64>,
    /// The device's counter of pulses. It may restart, and wrap at 65,536 or 4,294,967,296.
    pub pulse_count: Option<u64>,
    /// Time between its last two pulses, ms.
    pub interval_ms: Option<f64>,
    /// Time since its last pulse, ms.
    pub since_pulse_ms: Option<f64>,
    /// How long the device has been running, ms: it tells a restart from a post that was overtaken.
    pub uptime_ms: Option<u64>,
    /// Which start of the device this is, in any words.
    pub boot_id: Option<String>,
}

/// What was taken of a post. It is on the disk when this is answered; the same again counts nothing twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Taken {
    /// The meter, such as `pulse/meter`.
    pub meter: String,
    /// The instant that it was taken for, ms since the epoch.
    pub at_ms: i64,
    /// What became of its counter.
    pub counter: How,
    /// Pulses that were added.
    pub pulses_counted: f64,
    /// Pulses of one kWh, as they count now.
    pub pulses_per_kwh: f64,
    /// What the meter shows, kWh; null where this post does not tell.
    pub energy_import_kwh: Option<f64>,
    /// Power, W; negative while exporting; null where this post does not tell.
    pub power_w: Option<f64>,
    /// What was left out, and why.
    pub note: Option<String>,
}

/// The routes of pulse meters; they are there also where none is set up, to say so.
pub fn routes(door: Door) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(push_pulse)).routes(routes!(push_pulse_of)).with_state(door)
}

/// Take what a pulse meter says: the one whose token it shows, or that it names, or the only one.
#[utoipa::path(post, path = "/push/pulse", tag = "push", request_body = PulseReading, responses(
    (status = 200, description = "It is on the disk", body = Taken),
))]
async fn push_pulse(State(door): State<Door>, request: Request) -> Result<Json<Taken>, Response> {
    push(door, None, request).await
}

/// Take what the pulse meter of that name says.
#[utoipa::path(post, path = "/push/pulse/{name}", tag = "push", request_body = PulseReading,
    params(("name" = String, Path, description = "Its name, as set up")), responses(
    (status = 200, description = "It is on the disk", body = Taken),
))]
async fn push_pulse_of(State(door): State<Door>, PathOf(name): PathOf<String>, request: Request) -> Result<Json<Taken>, Response> {
    push(door, Some(name), request).await
}

async fn push(door: Door, name: Option<String>, request: Request) -> Result<Json<Taken>, Response> {
    let (parts, body) = request.into_parts();
    let now_ms = now_ms();
    let body = to_bytes(body, LONGEST).await;
    let body = body.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("more than {LONGEST} bytes")).into_response())?;
    let Some((meters, sender)) = door.listeners() else {
        return Err(Problem::not_found("no pulse meter is set up here: give it a [[pulse]] in the configuration").into_response());
    };
    let said = wire::read(&body, now_ms);
    let device = said.as_ref().ok().and_then(|said| said.device.as_deref());
    let meter = door.admitted(&meters, name.as_deref(), device, &parts).await?;
    let problem = said.as_ref().err().map(|why| match serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
        Ok(_) => Problem::bad_parameter(why.clone()),
        Err(_) => Problem::new(StatusCode::BAD_REQUEST, why.clone()),
    });
    let (answer, taken) = oneshot::channel();
    let kept = Kept::default();
    let post = Post { meter: meter.name.clone(), now_ms, said, text: wire::masked(&body), kept: kept.clone(), answer };
    let later = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "it is not on the disk yet: push it again, nothing is counted twice");
    let waited = async {
        sender.send(post).await.ok()?;
        if problem.is_some() {
            return None;
        }
        let taken = taken.await.ok()?;
        kept.wait().await;
        Some(taken)
    };
    let taken = tokio::time::timeout(PATIENCE, waited).await.ok().flatten();
    match (problem, taken) {
        (Some(problem), _) => Err(problem.into_response()),
        (None, Some(taken)) => Ok(Json(taken)),
        (None, None) => Err(later().into_response()),
    }
}

impl Door {
    /// The meter that a request is of, where it may push for it. Whoever comes from elsewhere was let in by a token already; a meter with one of
    /// its own takes no word without it.
    async fn admitted<'a>(
        &self,
        meters: &'a [Doorplate],
        name: Option<&str>,
        device: Option<&str>,
        request: &Parts,
    ) -> Result<&'a Doorplate, Response> {
        let token = bearer(&request.headers);
        let of_token = token.and_then(|token| meters.iter().find(|meter| meter.is_of(token)));
        let called = |name: &str| meters.iter().find(|meter| meter.name == device_name(name));
        let only = || meters.first().filter(|_| meters.len() == 1);
        let meter = match name {
            Some(name) => called(name),
            None => device.and_then(called).or(of_token).or_else(only),
        };
        let own = match (meter, of_token) {
            (Some(meter), Some(owner)) => Some(meter.name == owner.name),
            _ => None,
        };
        let is_in = match (own, meter.is_some_and(|meter| meter.token.is_none())) {
            (Some(is_own), _) => is_own,
            (None, true) => true,
            (None, false) => match self.0.house.get() {
                Some((_, access)) if of_token.is_none() && token.is_some() => access.shows(request, Scope::Push).await,
                _ => false,
            },
        };
        match meter {
            // Who has no token learns nothing of names.
            None if !is_in && meters.iter().all(|meter| meter.token.is_some()) && of_token.is_none() => Err(refused()),
            None => {
                let names = meters.iter().map(|meter| meter.name.as_str()).collect::<Vec<_>>().join(", ");
                let which = "push to /push/pulse/NAME, or name it in the field `device`";
                Err(Problem::not_found(format!("which meter is this? There are {names}; {which}")).into_response())
            }
            Some(meter) if is_in => Ok(meter),
            Some(_) => Err(refused()),
        }
    }
}

fn refused() -> Response {
    let detail = "this meter has a token of its own: send it as `Authorization: Bearer …`; it stands in its [[pulse]] as `token`";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
