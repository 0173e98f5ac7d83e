//! Sense's cloud, as far as it is needed: login, renewal and the feed.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response as Handshake};

pub const EMAIL: &str = "you@example.com";
pub const PASSWORD: &str = "hush & hush";

pub struct Cloud {
    /// Sent one after another, again and again, after the greeting.
    pub frames: Vec<String>,
    pub is_online: bool,
    /// Has no page for questions, whatever the software.
    pub knows_no_questions: bool,
    /// The monitor's software; from 1.64 on the API answers questions for what is measured.
    pub version: &'static str,
    /// Refuses each token in a frame.
    pub is_deaf: bool,
    /// Refuses at the handshake instead, with this status.
    pub handshake: Option<u16>,
    pub asks_for_a_code: bool,
    pub renews_nothing: bool,
    pub logins: usize,
    pub renewals: usize,
    /// Questions for what is measured.
    pub questions: usize,
    pub connections: usize,
    /// Connections that are open now.
    pub open: usize,
    pub good: String,
}

pub struct Emulator {
    pub api: String,
    pub feed: String,
    cloud: Arc<Mutex<Cloud>>,
    tasks: [JoinHandle<()>; 2],
}

impl Emulator {
    pub async fn start() -> Self {
        let cloud = Arc::new(Mutex::new(Cloud {
            frames: vec![update(1000.0)],
            is_online: true,
            version: "1.40.3-abc",
            knows_no_questions: false,
            questions: 0,
            is_deaf: false,
            handshake: None,
            asks_for_a_code: false,
            renews_nothing: false,
            logins: 0,
            renewals: 0,
            connections: 0,
            open: 0,
            good: String::new(),
        }));
        let routes = Router::new().route("/v1/authenticate", post(log_in)).route("/v1/renew", post(renew));
        let routes =
            routes.route("/v1/app/monitors/4711/devices/overview", get(overview)).route("/v1/app/monitors/4711/status", get(status));
        let routes = routes.route("/v1/app/4711/realtime_update", get(now)).with_state(cloud.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}/v1", listener.local_addr().unwrap());
        let pages = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let feed = format!("ws://{}", listener.local_addr().unwrap());
        let shared = cloud.clone();
        let sockets = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Emulator { api, feed, cloud, tasks: [pages, sockets] }
    }

    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().unwrap()
    }

    /// Connections to the feed so far.
    pub fn connections(&self) -> usize {
        self.cloud().connections
    }

    /// How often it was asked to let in, and to renew.
    pub fn asked(&self) -> (usize, usize) {
        let cloud = self.cloud();
        (cloud.logins, cloud.renewals)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A frame in which the house draws this much, W; without a clock.
pub fn update(power_w: f64) -> String {
    json!({"type": "realtime_update", "payload": {"w": power_w, "hz": 60.0, "voltage": [120.5, 121.5], "channels": [power_w - 300.0, 300.0],
        "devices": [{"id": "a1", "name": "Dryer", "icon": "washer", "w": 500.0, "tags": {}}, {"id": "unknown", "name": "Other", "w": 1.0, "icon": "home"}]}})
    .to_string()
}

type Shared = State<Arc<Mutex<Cloud>>>;

impl Cloud {
    fn let_in(&mut self, monitors: Value) -> Response {
        self.good = format!("t1.v2.hush{}", self.logins + self.renewals);
        let answer = json!({"authorized": true, "user_id": 42, "account_id": 7, "access_token": self.good, "refresh_token": "refresh/hush",
            "monitors": monitors});
        Json(answer).into_response()
    }
}

fn has(form: &str, name: &str, value: &str) -> bool {
    let url = reqwest::Url::parse(&format!("http://form?{form}")).unwrap();
    url.query_pairs().any(|(key, said)| key == name && said == value)
}

async fn log_in(State(cloud): Shared, form: String) -> Response {
    let mut cloud = cloud.lock().unwrap();
    cloud.logins += 1;
    let refused = |answer: Value| (StatusCode::UNAUTHORIZED, Json(answer)).into_response();
    if !has(&form, "email", EMAIL) || !has(&form, "password", PASSWORD) {
        return refused(json!({"status": "error", "error_reason": "The username or password is incorrect"}));
    }
    if cloud.asks_for_a_code {
        return refused(
            json!({"status": "mfa_required", "mfa_type": "totp", "mfa_token": "m", "error_reason": "Multi-factor authentication required"}),
        );
    }
    cloud.let_in(json!([{"id": 4711, "serial_number": "N1"}, {"id": 4712}]))
}

async fn renew(State(cloud): Shared, form: String) -> Response {
    let mut cloud = cloud.lock().unwrap();
    cloud.renewals += 1;
    if cloud.renews_nothing || !has(&form, "user_id", "42") || !has(&form, "refresh_token", "refresh/hush") {
        return (StatusCode::UNAUTHORIZED, "{}").into_response();
    }
    cloud.let_in(Value::Null)
}

/// What stands in the way of an answer.
fn in_the_way(cloud: &Cloud, headers: &HeaderMap) -> Option<Response> {
    let token = headers.get("authorization").and_then(|token| token.to_str().ok()).unwrap_or_default();
    (cloud.is_deaf || token != format!("bearer {}", cloud.good)).then(|| (StatusCode::UNAUTHORIZED, "{}").into_response())
}

async fn status(State(cloud): Shared, headers: HeaderMap) -> Response {
    let cloud = cloud.lock().unwrap();
    let answer = json!({"monitor_info": {"version": cloud.version, "online": cloud.is_online, "ssid": "#MASKED#"}});
    in_the_way(&cloud, &headers).unwrap_or_else(|| Json(answer).into_response())
}

async fn now(State(cloud): Shared, headers: HeaderMap) -> Response {
    let mut cloud = cloud.lock().unwrap();
    cloud.questions += 1;
    if cloud.knows_no_questions {
        return StatusCode::NOT_FOUND.into_response();
    }
    let frame: Value = serde_json::from_str(&cloud.frames[0]).unwrap();
    in_the_way(&cloud, &headers).unwrap_or_else(|| Json(frame["payload"].clone()).into_response())
}

async fn overview() -> Json<Value> {
    Json(json!({"devices": [{"id": "a1", "name": "Dryer", "icon": "washer", "tags": {"DeviceListAllowed": "true"}}]}))
}

async fn serve(stream: TcpStream, cloud: Arc<Mutex<Cloud>>) {
    let mut asked = String::new();
    let handshake = cloud.lock().unwrap().handshake;
    #[allow(clippy::result_large_err, reason = "the handshake wants it so")]
    let look = |request: &Request, answer: Handshake| {
        asked = request.uri().to_string();
        match handshake {
            Some(status) => {
                let mut refused = ErrorResponse::new(None);
                *refused.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::from_u16(status).unwrap();
                Err(refused)
            }
            None => Ok(answer),
        }
    };
    cloud.lock().unwrap().connections += 1;
    let Ok(mut socket) = accept_hdr_async(stream, look).await else { return };
    let (is_in, is_online, frames) = {
        let mut cloud = cloud.lock().unwrap();
        cloud.open += 1;
        let is_in = !cloud.is_deaf && asked == format!("/monitors/4711/realtimefeed?access_token={}", cloud.good);
        (is_in, cloud.is_online, cloud.frames.clone())
    };
    let say = |value: Value| Message::text(value.to_string());
    let speaking = async {
        if !is_in {
            let _ = socket.send(say(json!({"type": "error", "payload": {"authorized": false, "error_reason": "Unauthorized"}}))).await;
            return;
        }
        let greeting = json!({"type": "hello", "payload": {"online": is_online, "connection_state": "ok"}});
        let mut all = vec![say(greeting), say(json!({"type": "monitor_info", "payload": {"features": ""}}))];
        all.extend(frames.iter().map(Message::text));
        let mut k = 0;
        loop {
            let next = if k < all.len() { Some(all[k].clone()) } else { all.get(2 + (k - 2) % frames.len().max(1)).cloned() };
            k += 1;
            if let Some(next) = next
                && socket.send(next).await.is_err()
            {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
                heard = socket.next() => if !matches!(heard, Some(Ok(_))) { return },
            }
        }
    };
    speaking.await;
    let _ = socket.close(None).await;
    cloud.lock().unwrap().open -= 1;
}
