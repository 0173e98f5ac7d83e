//! The sockets of an emulated device.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;

use super::speech::{Asked, Reply, respond};
use super::{Fault, Protocol, State, answer};
use crate::adapters::tplink::discovery::crc32;
use crate::adapters::tplink::klap::Version;
use crate::adapters::tplink::xor;

type Shared = Arc<Mutex<State>>;

pub async fn tcp(listener: TcpListener, state: Shared, gone: CancellationToken) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = state.clone();
        tokio::spawn(gone.clone().run_until_cancelled_owned(async move {
            let protocol = state.lock().unwrap().protocol;
            if protocol == Protocol::Xor { old(stream, state).await } else { http(stream, state).await }
        }));
    }
}

/// Sends an answer, or what a fault makes of it; `None` where the connection ends with it.
async fn send(stream: &mut TcpStream, fault: Fault, bytes: &[u8]) -> Option<()> {
    match fault {
        Fault::Silent => std::future::pending().await,
        Fault::Half => {
            stream.write_all(&bytes[..bytes.len() / 2]).await.ok()?;
            None
        }
        _ => stream.write_all(bytes).await.ok(),
    }
}

async fn old(mut stream: TcpStream, state: Shared) {
    while let Ok(length) = stream.read_u32().await {
        if length > 100_000 {
            return;
        }
        let mut request = vec![0; length as usize];
        if stream.read_exact(&mut request).await.is_err() {
            return;
        }
        let Ok(request) = serde_json::from_slice::<Value>(&xor::show(&request)) else { return };
        let (fault, said) = {
            let mut state = state.lock().unwrap();
            (state.next_fault(), answer(&mut state, &request).to_string())
        };
        let bytes = if fault == Fault::Garbage { [&[0, 0, 0, 5][..], b"hello"].concat() } else { xor::framed(said.as_bytes()) };
        if send(&mut stream, fault, &bytes).await.is_none() {
            return;
        }
    }
}

async fn http(mut stream: TcpStream, state: Shared) {
    loop {
        let Some(asked) = read(&mut stream).await else { return };
        let (fault, Reply { status, cookie, mut body }) = {
            let mut state = state.lock().unwrap();
            (state.next_fault(), respond(&mut state, &asked))
        };
        if fault == Fault::Garbage {
            body = b"<html>hello</html>".to_vec();
        }
        let cookie = cookie.map(|cookie| format!("Set-Cookie: TP_SESSIONID={cookie};TIMEOUT=86400\r\n")).unwrap_or_default();
        let head = format!("HTTP/1.1 {status} X\r\nServer: SHIP 2.0\r\nContent-Length: {}\r\n{cookie}\r\n", body.len());
        if send(&mut stream, fault, &[head.as_bytes(), &body].concat()).await.is_none() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut asked = Asked::default();
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).await.ok()?;
    let target = line.split_whitespace().nth(1)?.to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    asked.path = path.to_owned();
    asked.parameter = query.split_once('=').map(|(_, value)| value.to_owned());
    loop {
        line.clear();
        reader.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "cookie" => asked.cookie = value.trim().strip_prefix("TP_SESSIONID=").map(|id| id.trim_matches('"').to_owned()),
            _ => {}
        }
    }
    asked.body = vec![0; length];
    reader.read_exact(&mut asked.body).await.ok()?;
    Some(asked)
}

/// Answers who looks for devices.
pub async fn udp(socket: UdpSocket, state: Shared) {
    let mut bytes = vec![0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
        let said = discovered(&state.lock().unwrap(), &bytes[..length]);
        if let Some(said) = said {
            let _ = socket.send_to(&said, from).await;
        }
    }
}

fn discovered(state: &State, question: &[u8]) -> Option<Vec<u8>> {
    if !state.is_found || state.fault == Fault::Silent {
        return None;
    }
    if state.protocol == Protocol::Xor {
        let request = serde_json::from_slice::<Value>(&xor::show(question)).ok()?;
        return Some(xor::hide(super::iot(&state.dump, &request).to_string().as_bytes()));
    }
    let (head, body) = question.split_at_checked(16)?;
    let mut unsigned = question.to_vec();
    unsigned[12..16].copy_from_slice(&[0x5a, 0x6b, 0x7c, 0x8d]);
    let is_whole = head[..4] == [2, 0, 0, 1] && crc32(&unsigned).to_be_bytes() == head[12..16];
    let asked: Value = serde_json::from_slice(body).ok()?;
    asked["params"]["rsa_key"].as_str().filter(|key| is_whole && key.starts_with("-----BEGIN PUBLIC KEY-----"))?;
    let recorded = state.dump.pointer("/discovery_result/result").or(state.dump.get("discovery_result"));
    let info = &state.dump["system"]["get_sysinfo"];
    let mut result = recorded.cloned().unwrap_or_else(|| {
        json!({"device_id": info["deviceId"], "device_model": info["model"], "device_type": "IOT.SMARTPLUGSWITCH", "ip": "127.0.0.1",
            "mac": info["mac"].as_str().unwrap_or_default().replace(':', "-")})
    });
    let (kind, login) = match state.protocol {
        Protocol::Klap(Version::One) => ("KLAP", 1),
        Protocol::Aes => ("AES", 2),
        Protocol::Tpap => ("TPAP", 2),
        _ => ("KLAP", 2),
    };
    result["mgt_encrypt_schm"] = json!({"is_support_https": false, "encrypt_type": kind, "http_port": state.port, "lv": login});
    Some([&[0; 16][..], json!({"error_code": 0, "result": result}).to_string().as_bytes()].concat())
}
