//! A Shelly made up for tests: HTTP of both kinds, RPC over WebSocket, and the outbound WebSocket. aioshelly reads it too (`peers`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::digest::response;

/// What is wrong with a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// It takes the question and says nothing.
    Hangs,
    /// It ends in the middle of its answer.
    Half,
    /// It answers with something else.
    Garbage,
    /// It answers 500.
    Fails,
}

pub struct State {
    /// `shelly`, `status`, and `settings` or `config`.
    pub said: Value,
    pub password: Option<String>,
    pub fault: Fault,
    /// Answered by digest with this; another after a restart.
    pub nonce: u64,
    /// How often each path or method was answered well.
    pub asked: BTreeMap<String, usize>,
}

/// A device that answers as long as this is kept.
pub struct Device {
    pub port: u16,
    pub state: Arc<Mutex<State>>,
    _gone: DropGuard,
}

impl Device {
    pub async fn start(said: Value) -> Self {
        Device::start_at(0, said).await
    }

    pub async fn start_at(port: u16, said: Value) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { said, password: None, fault: Fault::None, nonce: 1_700_000_000, asked: BTreeMap::new() };
        let (state, gone) = (Arc::new(Mutex::new(state)), CancellationToken::new());
        let (shared, until) = (state.clone(), gone.clone());
        tokio::spawn(async move {
            loop {
                let socket = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    () = until.cancelled() => return,
                };
                let (shared, until) = (shared.clone(), until.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = serve(socket, &shared) => {}
                        () = until.cancelled() => {}
                    }
                });
            }
        });
        Device { port, state, _gone: gone.drop_guard() }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn set(&self, pointer: &str, value: Value) {
        *self.state.lock().unwrap().said.pointer_mut(pointer).unwrap() = value;
    }

    pub fn fault(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    pub fn lock_with(&self, password: &str) {
        self.state.lock().unwrap().password = Some(password.to_owned());
        let flag = if self.state.lock().unwrap().said["shelly"]["gen"].is_null() { "auth" } else { "auth_en" };
        self.state.lock().unwrap().said["shelly"][flag] = json!(true);
    }

    pub fn asked(&self, what: &str) -> usize {
        self.state.lock().unwrap().asked.get(what).copied().unwrap_or(0)
    }
}

async fn serve(mut socket: TcpStream, state: &Mutex<State>) {
    let mut head = [0_u8; 4096];
    // What was asked is left where it is: WebSocket reads it again.
    loop {
        let Ok(length) = socket.peek(&mut head).await else { return };
        if length == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&head[..length]).into_owned();
        if !text.contains("\r\n\r\n") {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        }
        if text.to_ascii_lowercase().contains("upgrade: websocket") {
            if let Ok(socket) = tokio_tungstenite::accept_async(socket).await {
                converse(socket, state).await;
            }
            return;
        }
        let mut rest = vec![0; length];
        socket.read_exact(&mut rest).await.unwrap();
        let fault = state.lock().unwrap().fault;
        if fault == Fault::Hangs {
            return std::future::pending().await;
        }
        let (status, header, body) = answer(&text, state);
        let (status, body) = match fault {
            Fault::Garbage => ("200 OK", "<html>no".to_owned()),
            Fault::Fails => ("500 Internal Server Error", String::new()),
            _ => (status, body),
        };
        let length = if fault == Fault::Half { body.len() + 100 } else { body.len() };
        let text = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{header}connection: close\r\n\r\n{body}"
        );
        let _asker_may_be_gone = socket.write_all(text.as_bytes()).await;
        return;
    }
}

/// Status line, further headers, and body.
fn answer(request: &str, state: &Mutex<State>) -> (&'static str, String, String) {
    let mut state = state.lock().unwrap();
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let header = |name: &str| {
        let lines = request.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let is_first = state.said["shelly"]["gen"].is_null();
    let key = match path.trim_start_matches('/') {
        "shelly" => "shelly",
        "settings" if is_first => "settings",
        "status" if is_first => "status",
        "rpc/Shelly.GetDeviceInfo" if !is_first => "shelly",
        "rpc/Shelly.GetConfig" if !is_first => "config",
        "rpc/Shelly.GetStatus" if !is_first => "status",
        _ => return ("404 Not Found", String::new(), "Not Found".to_owned()),
    };
    if let Some(password) = state.password.clone().filter(|_| key != "shelly") {
        let said = header("authorization").unwrap_or_default();
        let is_right = if is_first {
            said == format!("Basic {}", STANDARD.encode(format!("admin:{password}")))
        } else {
            digest_is_right(&said, &path, &password, &state)
        };
        if !is_right {
            let (realm, nonce) = (state.said["shelly"]["id"].as_str().unwrap_or("shelly"), state.nonce);
            let challenge = match is_first {
                true => "WWW-Authenticate: Basic realm=\"shelly\"\r\n".to_owned(),
                false => format!("WWW-Authenticate: Digest qop=\"auth\", realm=\"{realm}\", nonce=\"{nonce:x}\", algorithm=SHA-256\r\n"),
            };
            return ("401 Unauthorized", challenge, String::new());
        }
    }
    *state.asked.entry(path).or_default() += 1;
    ("200 OK", String::new(), state.said[key].to_string())
}

fn digest_is_right(said: &str, path: &str, password: &str, state: &State) -> bool {
    let of = |key: &str| {
        let after = said.split_once(&format!("{key}="))?.1;
        Some(after.trim_start_matches('"').split(['"', ',']).next()?.to_owned())
    };
    let (Some(nonce), Some(count), Some(own), Some(proof)) = (of("nonce"), of("nc"), of("cnonce"), of("response")) else { return false };
    let realm = state.said["shelly"]["id"].as_str().unwrap();
    let asked = format!("GET:{path}");
    nonce == format!("{:x}", state.nonce)
        && of("uri").as_deref() == Some(path)
        && proof == response("admin", realm, &SecretString::from(password), &nonce, &count, &own, &asked)
}

/// Answers questions of RPC.
pub async fn converse(mut socket: WebSocketStream<TcpStream>, state: &Mutex<State>) {
    while let Some(Ok(frame)) = socket.next().await {
        let Message::Text(text) = frame else { continue };
        let Ok(question) = serde_json::from_str::<Value>(&text) else { continue };
        if let Some(answer) = rpc_answer(&question, state)
            && socket.send(Message::text(answer.to_string())).await.is_err()
        {
            return;
        }
    }
}

fn rpc_answer(question: &Value, state: &Mutex<State>) -> Option<Value> {
    let mut state = state.lock().unwrap();
    let method = question["method"].as_str()?.to_owned();
    let id = state.said["shelly"]["id"].clone();
    let mut answer = json!({"id": question["id"], "src": id, "dst": question["src"]});
    if let Some(password) = state.password.clone().filter(|_| method != "Shelly.GetDeviceInfo") {
        let auth = &question["auth"];
        let text = |key: &str| auth[key].as_str().map_or_else(|| auth[key].to_string(), str::to_owned);
        let realm = id.as_str().unwrap();
        let nonce = state.nonce.to_string();
        let proof = response("admin", realm, &SecretString::from(password), &nonce, &text("nc"), &text("cnonce"), "dummy_method:dummy_uri");
        if auth["response"] != json!(proof) || text("nonce") != nonce {
            let message = json!({"auth_type": "digest", "nonce": state.nonce, "nc": 1, "realm": realm, "algorithm": "SHA-256"});
            answer["error"] = json!({"code": 401, "message": message.to_string()});
            return Some(answer);
        }
    }
    match method.as_str() {
        "Shelly.GetDeviceInfo" => answer["result"] = state.said["shelly"].clone(),
        "Shelly.GetConfig" => answer["result"] = state.said["config"].clone(),
        "Shelly.GetStatus" => answer["result"] = state.said["status"].clone(),
        "Shelly.GetComponents" => answer["result"] = json!({"components": [], "cfg_rev": 1, "offset": 0, "total": 0}),
        _ => answer["error"] = json!({"code": 404, "message": format!("No handler for {method}")}),
    }
    *state.asked.entry(method).or_default() += 1;
    Some(answer)
}

/// A device that connects by itself, says all it has, and answers; `say` gives what it notifies of.
pub async fn connect(url: &str, state: Arc<Mutex<State>>) -> Outbound {
    let (socket, _) = loop {
        match tokio_tungstenite::connect_async(url).await {
            Ok(connected) => break connected,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let (say, mut says) = tokio::sync::mpsc::channel::<Value>(8);
    let gone = CancellationToken::new();
    let until = gone.clone();
    let id = state.lock().unwrap().said["shelly"]["id"].clone();
    let full = state.lock().unwrap().said["status"].clone();
    let task = tokio::spawn(async move {
        let (mut writes, mut reads) = socket.split();
        let first = json!({"src": id, "dst": "ws", "method": "NotifyFullStatus", "params": full});
        writes.send(Message::text(first.to_string())).await.unwrap();
        loop {
            let text = tokio::select! {
                () = until.cancelled() => return,
                Some(params) = says.recv() => Some(json!({"src": id, "dst": "ws", "method": "NotifyStatus", "params": params})),
                frame = reads.next() => match frame {
                    Some(Ok(Message::Text(text))) => rpc_answer(&serde_json::from_str(&text).unwrap(), &state),
                    Some(Ok(_)) => None,
                    _ => return,
                },
            };
            if let Some(text) = text
                && writes.send(Message::text(text.to_string())).await.is_err()
            {
                return;
            }
        }
    });
    Outbound { say, gone: Some(gone.drop_guard()), _task: task }
}

pub struct Outbound {
    pub say: tokio::sync::mpsc::Sender<Value>,
    gone: Option<DropGuard>,
    _task: tokio::task::JoinHandle<()>,
}

impl Outbound {
    pub fn go(mut self) {
        drop(self.gone.take());
    }
}
