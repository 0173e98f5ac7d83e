//! Emporia's cloud, as far as it is needed: the login with the server's half of the proof, devices and usages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::srp::{self, GROUP, hashed, number, signed};

pub const EMAIL: &str = "you@example.com";
pub const PASSWORD: &str = "hush hush";
const POOL: &str = "ghlOXVLi1";
const USER: &str = "b5d1e0f2-1b1a-4f0e-9a51-0c0ffee00001";
const SALT: &str = "907a70c31012f037b64ce4228c38fb29";
const SECRET_BLOCK: &[u8] = b"what only the server can read, and gives back to itself";

/// What the cloud knows, and what it was asked.
pub struct Cloud {
    pub expires_in_s: i64,
    /// Answers 401 to every token.
    pub is_deaf: bool,
    /// Lets nobody renew a token.
    pub renews_nothing: bool,
    /// Asks for this after a right password.
    pub then_asks: Option<&'static str>,
    /// The API answers this instead.
    pub fault: Option<(u16, &'static str)>,
    /// Mean power of each channel, W; none: it was not heard.
    pub power_w: BTreeMap<(i64, &'static str), Option<f64>>,
    pub logins: usize,
    pub renewals: usize,
    pub questions: Vec<String>,
    /// `SRP_A` of whoever logs in now.
    public: Option<BigUint>,
    tokens: usize,
    good: Vec<String>,
}

pub struct Emulator {
    pub url: String,
    cloud: Arc<Mutex<Cloud>>,
    task: tokio::task::JoinHandle<()>,
}

impl Emulator {
    pub async fn start() -> Self {
        let power_w =
            [((100, "1,2,3"), 1500.0), ((100, "1"), 600.0), ((100, "2"), -2000.0), ((200, "1,2,3"), 1200.0), ((100, "Balance"), 1.0)];
        let cloud = Arc::new(Mutex::new(Cloud {
            expires_in_s: 3600,
            is_deaf: false,
            renews_nothing: false,
            then_asks: None,
            fault: None,
            power_w: power_w.into_iter().map(|(channel, power_w)| (channel, Some(power_w))).collect(),
            logins: 0,
            renewals: 0,
            questions: Vec::new(),
            public: None,
            tokens: 0,
            good: Vec::new(),
        }));
        let routes = Router::new()
            .route("/", post(login))
            .route("/customers", get(customer))
            .route("/customers/devices", get(devices))
            .route("/AppAPI", get(usage))
            .with_state(cloud.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Emulator { url, cloud, task }
    }

    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().unwrap()
    }

    /// How often it was asked to let in, and to renew.
    pub fn asked(&self) -> (usize, usize) {
        let cloud = self.cloud();
        (cloud.logins, cloud.renewals)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = State<Arc<Mutex<Cloud>>>;

fn said(answer: Value) -> Response {
    ([("content-type", "application/x-amz-json-1.1")], answer.to_string()).into_response()
}

fn refused(kind: &str, why: &str) -> Response {
    (StatusCode::BAD_REQUEST, said(json!({"__type": kind, "message": why}))).into_response()
}

/// The server's secret number, and what it sends for it.
fn server_numbers() -> (BigUint, BigUint, BigUint) {
    let b = number("18f135d25f5572033018a170b33839263059f28c51d2a97820c89c2399a8").unwrap();
    let x = srp::password_number(POOL, USER, PASSWORD, &number(SALT).unwrap());
    let verifier = GROUP.g.modpow(&x, &GROUP.n);
    let public = (&GROUP.k * &verifier + GROUP.g.modpow(&b, &GROUP.n)) % &GROUP.n;
    (b, verifier, public)
}

impl Cloud {
    fn let_in(&mut self) -> Response {
        self.tokens += 1;
        let token = format!("id-{}-hush", self.tokens);
        self.good = vec![token.clone()];
        let mut result = json!({"IdToken": token, "AccessToken": "access-hush", "TokenType": "Bearer", "ExpiresIn": self.expires_in_s});
        if self.logins > self.renewals {
            result["RefreshToken"] = json!("refresh-hush");
        }
        said(json!({"ChallengeParameters": {}, "AuthenticationResult": result}))
    }

    fn challenge(&mut self, parameters: &Value) -> Response {
        self.logins += 1;
        if parameters["USERNAME"] != EMAIL {
            return refused("UserNotFoundException", "User does not exist.");
        }
        self.public = parameters["SRP_A"].as_str().and_then(number);
        let (_, _, public) = server_numbers();
        let asked = json!({"USERNAME": USER, "USER_ID_FOR_SRP": USER, "SALT": SALT, "SRP_B": public.to_str_radix(16),
            "SECRET_BLOCK": STANDARD.encode(SECRET_BLOCK)});
        said(json!({"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": asked}))
    }

    fn check(&mut self, answers: &Value) -> Response {
        let (b, verifier, public) = server_numbers();
        let Some(a) = self.public.take() else { return refused("NotAuthorizedException", "Invalid session.") };
        let u = hashed(&[&signed(&a), &signed(&public)]);
        let s = (a * verifier.modpow(&u, &GROUP.n)).modpow(&b, &GROUP.n);
        let expected = srp::signature(&srp::key(&s, &u), POOL, USER, SECRET_BLOCK, answers["TIMESTAMP"].as_str().unwrap());
        if answers["PASSWORD_CLAIM_SIGNATURE"] != expected || answers["USERNAME"] != USER {
            return refused("NotAuthorizedException", "Incorrect username or password.");
        }
        match self.then_asks {
            Some(name) => said(json!({"ChallengeName": name, "Session": "s", "ChallengeParameters": {}})),
            None => self.let_in(),
        }
    }
}

async fn login(State(cloud): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let target = headers["x-amz-target"].to_str().unwrap().to_owned();
    let mut cloud = cloud.lock().unwrap();
    match (target.rsplit('.').next().unwrap(), asked["AuthFlow"].as_str()) {
        ("InitiateAuth", Some("USER_SRP_AUTH")) => cloud.challenge(&asked["AuthParameters"]),
        ("InitiateAuth", Some("REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN")) => {
            cloud.renewals += 1;
            if cloud.renews_nothing || asked["AuthParameters"]["REFRESH_TOKEN"] != "refresh-hush" {
                return refused("NotAuthorizedException", "Invalid Refresh Token");
            }
            cloud.let_in()
        }
        ("RespondToAuthChallenge", _) => cloud.check(&asked["ChallengeResponses"]),
        ("GetUser", _) => said(json!({"Username": USER, "UserAttributes": [{"Name": "email", "Value": EMAIL}]})),
        _ => refused("com.amazonaws#InvalidParameterException", "what is that?"),
    }
}

/// What stands in the way of an answer of the API.
fn in_the_way(cloud: &Cloud, headers: &HeaderMap) -> Option<Response> {
    if let Some((status, body)) = cloud.fault {
        return Some((StatusCode::from_u16(status).unwrap(), body).into_response());
    }
    let token = headers.get("authtoken").and_then(|token| token.to_str().ok()).unwrap_or_default();
    (cloud.is_deaf || !cloud.good.iter().any(|good| good == token)).then(|| (StatusCode::UNAUTHORIZED, "{}").into_response())
}

async fn customer(State(cloud): Shared, headers: HeaderMap) -> Response {
    let blocked = in_the_way(&cloud.lock().unwrap(), &headers);
    blocked.unwrap_or_else(|| {
        said(json!({"customerGid": 1, "email": EMAIL, "firstName": "A", "lastName": "B", "createdAt": "2020-01-01T12:34:56Z"}))
    })
}

async fn devices(State(cloud): Shared, headers: HeaderMap) -> Response {
    let blocked = in_the_way(&cloud.lock().unwrap(), &headers);
    let channel = |at: &str, name: Value, kind: Value, of: &str| json!({"deviceGid": 100, "name": name, "channelNum": at, "channelMultiplier": 1.0, "channelTypeGid": kind, "type": of});
    let circuits = [channel("1", json!("Kitchen"), json!(16), "FiftyAmp"), channel("2", json!("Roof"), json!(13), "FiftyAmpBidirectional")];
    let answer = json!({"customerGid": 1, "email": EMAIL, "devices": [
        {"deviceGid": 100, "model": "VUE002", "locationProperties": {"deviceName": "Home", "zipCode": "12345"},
            "devices": [{"deviceGid": 100, "model": "WAT001", "devices": [], "channels": circuits}],
            "channels": [channel("1,2,3", Value::Null, Value::Null, "Main")]},
        {"deviceGid": 200, "model": "SSO001", "locationProperties": {"deviceName": "Kettle"}, "devices": [],
            "outlet": {"deviceGid": 200, "outletOn": true, "parentDeviceGid": 100, "parentChannelNum": "1"},
            "channels": [{"deviceGid": 200, "name": null, "channelNum": "1,2,3", "channelTypeGid": 23, "type": "FiftyAmp"}]},
    ]});
    blocked.unwrap_or_else(|| said(answer))
}

async fn usage(State(cloud): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let mut cloud = cloud.lock().unwrap();
    let query = query.unwrap_or_default();
    cloud.questions.push(query.clone());
    if let Some(blocked) = in_the_way(&cloud, &headers) {
        return blocked;
    }
    let part =
        |name: &str| query.split('&').find_map(|part| part.strip_prefix(&format!("{name}="))).unwrap_or_default().replace("%3A", ":");
    let divisor = if part("scale") == "1S" { 3_600_000.0 } else { 60_000.0 };
    let of = |gid: i64, nested: &dyn Fn(&str) -> Value| -> Vec<Value> {
        let channels = cloud.power_w.iter().filter(|((of, _), _)| *of == gid);
        let used = |((_, at), power_w): (&(i64, &str), &Option<f64>)| {
            let name = if *at == "1,2,3" { "Main" } else { at };
            json!({"name": name, "usage": power_w.map(|w| w / divisor), "deviceGid": gid, "channelNum": at, "percentage": 1.0,
                "nestedDevices": nested(at)})
        };
        channels.map(used).collect()
    };
    let plug = of(200, &|_| json!([]));
    let nested = |at: &str| if at == "1" { json!([{"deviceGid": 200, "channelUsages": plug}]) } else { json!([]) };
    let devices = json!([{"deviceGid": 100, "channelUsages": of(100, &nested)}]);
    said(
        json!({"deviceListUsages": {"instant": part("instant"), "scale": part("scale"), "devices": devices, "energyUnit": "KilowattHours"}}),
    )
}
