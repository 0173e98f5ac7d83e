//! Devices for tests, on loopback: they answer from dumps as python-kasa keeps them, over each protocol, by TCP and UDP on one port. python-kasa itself
//! reads them too (`tests/peers/python_kasa.py`).

mod server;
mod speech;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

pub use super::klap::Version;
use super::{aes, klap};

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Xor,
    Klap(Version),
    Aes,
    /// Lets nobody in, as newest firmware does.
    Tpap,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It takes questions and never answers.
    Silent,
    /// It stops in the middle of an answer.
    Half,
    /// It answers what makes no sense.
    Garbage,
}

pub struct State {
    pub dump: Value,
    pub protocol: Protocol,
    pub user: (String, String),
    pub fault: Fault,
    /// How many of the next answers are lost half-way.
    pub lost: usize,
    /// Whether it answers when devices are looked for.
    pub is_found: bool,
    /// Whether it makes nothing of several methods at once.
    pub is_simple: bool,
    /// Questions that it was asked, and handshakes begun.
    pub asked: usize,
    pub handshakes: usize,
    klap: HashMap<String, klap::Session>,
    /// Sessions, each with its token once there was a login.
    aes: HashMap<String, (aes::Session, Option<String>)>,
    port: u16,
}

impl State {
    /// It forgets its sessions, as when it was without power.
    pub fn restart(&mut self) {
        self.klap.clear();
        self.aes.clear();
    }

    /// What happens to the next answer.
    fn next_fault(&mut self) -> Fault {
        match self.lost.checked_sub(1) {
            Some(left) => {
                self.lost = left;
                Fault::Half
            }
            None => self.fault,
        }
    }

    /// Puts a value into its dump.
    pub fn put(&mut self, pointer: &str, value: impl Into<Value>) {
        *self.dump.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not in the dump")) = value.into();
    }
}

pub struct Emulator {
    pub port: u16,
    state: Arc<Mutex<State>>,
    gone: CancellationToken,
}

pub const USER: (&str, &str) = ("anna@example.com", "hush-hush");

impl Emulator {
    pub async fn start(dump: &Value, protocol: Protocol) -> Self {
        loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            // The other half of the port may be somebody else's.
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                return Emulator::with(dump, protocol, tcp, udp);
            }
        }
    }

    fn with(dump: &Value, protocol: Protocol, tcp: TcpListener, udp: UdpSocket) -> Self {
        let port = tcp.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            dump: dump.clone(),
            protocol,
            user: (USER.0.to_owned(), USER.1.to_owned()),
            fault: Fault::None,
            lost: 0,
            is_found: true,
            is_simple: false,
            asked: 0,
            handshakes: 0,
            klap: HashMap::new(),
            aes: HashMap::new(),
            port,
        }));
        let gone = CancellationToken::new();
        tokio::spawn(gone.clone().run_until_cancelled_owned(server::tcp(tcp, state.clone(), gone.clone())));
        tokio::spawn(gone.clone().run_until_cancelled_owned(server::udp(udp, state.clone())));
        Emulator { port, state, gone }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// It loses power: nobody listens there any more.
    pub async fn go(&self) {
        self.gone.cancel();
        // Until its port is free again.
        while TcpListener::bind(("127.0.0.1", self.port)).await.is_err() || UdpSocket::bind(("127.0.0.1", self.port)).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// It has power again, at the same address, with what it knew.
    pub async fn come_back(self) -> Self {
        let tcp = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let udp = UdpSocket::bind(("127.0.0.1", self.port)).await.unwrap();
        let (dump, protocol) = {
            let state = self.state();
            (state.dump.clone(), state.protocol)
        };
        Emulator::with(&dump, protocol, tcp, udp)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

/// What an older device answers from its dump. What a child measures may stand under `children_emeter`, by its id.
fn iot(dump: &Value, request: &Value) -> Value {
    let child = request.pointer("/context/child_ids/0").and_then(Value::as_str);
    let mut answer = json!({});
    for (module, methods) in request.as_object().into_iter().flatten().filter(|(module, _)| *module != "context") {
        let known = &dump[module];
        if known.is_null() || known.get("err_code").is_some() {
            answer[module] = json!({"err_code": -1, "err_msg": "module not support"});
            continue;
        }
        for method in methods.as_object().into_iter().flatten().map(|(method, _)| method) {
            let of_child = child.and_then(|id| dump.pointer(&format!("/children_emeter/{id}"))).filter(|_| method == "get_realtime");
            answer[module][method] = match of_child.unwrap_or(&known[method]) {
                Value::Null => json!({"err_code": -2, "err_msg": "member not support"}),
                said => said.clone(),
            };
        }
    }
    let children = dump.pointer("/system/get_sysinfo/children").and_then(Value::as_array);
    match child {
        Some(id) if !children.is_some_and(|all| all.iter().any(|known| known["id"] == id)) => {
            json!({"err_code": -14, "err_msg": "entry not exist"})
        }
        _ => answer,
    }
}

/// What a newer device answers from its dump; its children's dumps stand under `child_devices`, by id.
fn smart(dump: &Value, is_simple: bool, request: &Value) -> Value {
    let method = request["method"].as_str().unwrap_or_default();
    let params = &request["params"];
    match method {
        "multipleRequest" if is_simple => json!({"error_code": -1003}),
        "multipleRequest" => {
            let mut responses = Vec::new();
            for one in params["requests"].as_array().into_iter().flatten() {
                let mut said = smart(dump, is_simple, one);
                said["method"] = one["method"].clone();
                let is_error = said["error_code"] != 0;
                responses.push(said);
                // What comes after an error is left out.
                if is_error {
                    break;
                }
            }
            json!({"error_code": 0, "result": {"responses": responses}})
        }
        "control_child" => {
            let child = &dump["child_devices"][params["device_id"].as_str().unwrap_or_default()];
            if child.is_null() {
                return json!({"error_code": -1008});
            }
            json!({"error_code": 0, "result": {"responseData": smart(child, is_simple, &params["requestData"])}})
        }
        _ => match &dump[method] {
            Value::Null => json!({"error_code": -1002}),
            Value::Number(code) => json!({"error_code": code}),
            said => {
                let mut said = said.clone();
                if let Some((name, list)) = said.as_object().and_then(|all| all.iter().find(|(_, value)| value.is_array()))
                    && said.get("sum").is_some()
                {
                    // Two to a page.
                    let from = params["start_index"].as_u64().unwrap_or(0) as usize;
                    let page: Vec<Value> = list.as_array().unwrap().iter().skip(from).take(2).cloned().collect();
                    said = json!({name: page, "start_index": from, "sum": said["sum"]});
                }
                json!({"error_code": 0, "result": said})
            }
        },
    }
}

fn answer(state: &mut State, request: &Value) -> Value {
    state.asked += 1;
    if state.dump.get("system").is_some() { iot(&state.dump, request) } else { smart(&state.dump, state.is_simple, request) }
}
