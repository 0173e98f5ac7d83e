//! Who is there: devices answer a question on UDP 9999 (older ones) or 20002 (newer ones), sent to all of a network or to one host of another.
//!
//! Facts: <https://github.com/python-kasa/python-kasa> (`kasa/discover.py`).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::klap::Version;
use super::place::Place;
use super::{identity_of, text, xor};
use crate::adapters::numbers::{json, number};

/// Where newer devices listen.
const PORT: u16 = 20002;
/// A public key for what newer devices say hidden: nothing of it is read, and nobody has the other half.
const RSA_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvHWgEu+x8PG7S6BItrzV\n\
    P6tt7UCkQgpkuU4yECes109e0ONQjWbaVWdj6EuTdCS56gXnEC2GgG0O1STTI4Gx\n\
    reRqQ5iIDbqImdBIlDpg73U/rh56Fg+sZxWBJvTFjWb9Jlj45L3i0dRHf3MqMyBD\n\
    0/hGkN3EtkRBMHbKO36ghGDukZh4dCOMFUT/Xbdko4imGJP9HxVRD/Rsr4Tzaggs\n\
    s4rjtsjePv+uqOGsWd6t0I5bBKpYa1q2q6ylLd0zMqb90Bq6ddSrZR3GF/jfhHp6\n\
    mXPqq5sma+aTnVykGcZDd9wDq6hr7s3YXAKVcH8NI8vChTNeGad16wekQf53/S3R\n\
    2wIDAQAB\n\
    -----END PUBLIC KEY-----\n";
/// How often the question is put: UDP may be lost.
const TIMES: u32 = 3;

/// What a device speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// XORed JSON on TCP.
    Xor,
    /// KLAP over HTTP.
    Klap(Option<Version>),
    /// `securePassthrough` over HTTP, with the version of its login where it says that.
    Aes(Option<u8>),
    /// TPAP, which we do not speak; many devices speak KLAP beside it.
    Tpap,
}

/// A device that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// Where it speaks.
    pub place: Place,
    /// What it speaks there.
    pub speech: Speech,
    /// Its MAC, as [`identity_of`] writes it.
    pub identity: String,
    /// What it is, such as `HS110(EU)`.
    pub model: String,
    /// What the owner calls it, where it says that.
    pub name: String,
    /// Its kind, such as `SMART.TAPOPLUG`.
    pub family: String,
}

impl Answered {
    /// Somebody at a place, of whom nothing more is known.
    pub fn at(place: Place) -> Self {
        let [identity, model, name, family] = [const { String::new() }; 4];
        Answered { place, speech: Speech::Klap(None), identity, model, name, family }
    }
}

/// Asks all targets (hosts, or addresses of whole networks) for `wait`; who answers is told once.
pub(super) async fn search(targets: &[Place], wait: Duration) -> io::Result<Vec<Answered>> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.set_broadcast(true)?;
    let (begin, questions) = (Instant::now(), [(xor::PORT, xor::hide(br#"{"system":{"get_sysinfo":{}}}"#)), (PORT, question())]);
    let mut found: Vec<Answered> = Vec::new();
    let mut failed = None;
    for round in 0..TIMES {
        for target in targets {
            for (port, question) in &questions {
                let sent = socket.send_to(question, (target.host.as_str(), target.port.unwrap_or(*port))).await;
                failed = sent.err().map(|error| io::Error::new(error.kind(), format!("{target}: {error}"))).or(failed);
            }
        }
        let until = begin + wait * (round + 1) / TIMES;
        hear(&socket, until, &mut found).await;
        // One host is asked no more than it takes.
        if targets.len() == 1 && found.len() == 1 && !targets[0].is_network() {
            break;
        }
    }
    match failed {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

async fn hear(socket: &UdpSocket, until: Instant, found: &mut Vec<Answered>) {
    let mut bytes = vec![0; 4096];
    while let Ok(heard) = timeout_at(until, socket.recv_from(&mut bytes)).await {
        // An error is that of an earlier question, such as that nobody listens there.
        let Ok((length, from)) = heard else { continue };
        if let Some(one) = answer(from, &bytes[..length]) {
            match found.iter_mut().find(|known| known.identity == one.identity) {
                // One that answers both questions speaks the newer language.
                Some(known) if known.speech == Speech::Xor => *known = one,
                Some(_) => {}
                None => found.push(one),
            }
        }
    }
}

/// The question to newer devices: 16 bytes with the length of what follows and its CRC, then JSON.
pub(super) fn question() -> Vec<u8> {
    let body = json!({"params": {"rsa_key": RSA_KEY}}).to_string();
    let mut bytes = vec![2, 0, 0, 1];
    bytes.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend([17, 0]);
    bytes.extend(serial().to_be_bytes());
    bytes.extend(0x5a6b_7c8d_u32.to_be_bytes());
    bytes.extend(body.as_bytes());
    let crc = crc32(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn serial() -> u32 {
    let mut bytes = [0; 4];
    // Without random numbers it is 0, which serves as well.
    let _ = getrandom::fill(&mut bytes);
    u32::from_be_bytes(bytes)
}

/// The CRC-32 of Ethernet and zip.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)));
    !bytes.iter().fold(u32::MAX, step)
}

/// What a device answered; `None` of what is no answer.
pub(super) fn answer(from: SocketAddr, bytes: &[u8]) -> Option<Answered> {
    newer(from, bytes).or_else(|| older(from, bytes))
}

/// Whether a kind of device neither measures nor switches: cameras, doorbells, chimes, vacuums, and hubs that speak as cameras do.
fn is_no_load(family: &str, speaks_https: bool) -> bool {
    ["IPCAMERA", "DOORBELL", "CHIME", "ROBOVAC"].iter().any(|kind| family.contains(kind)) || (speaks_https && family.contains("HUB"))
}

fn older(from: SocketAddr, bytes: &[u8]) -> Option<Answered> {
    let said = json(&xor::show(bytes)).ok()?;
    let info = said.pointer("/system/get_sysinfo").filter(|info| info.is_object())?;
    let mac = ["mac", "mic_mac", "ethernet_mac"].iter().find_map(|key| text(info, key));
    // Cameras say a part of it one deeper.
    let kinds = [Some(info), info.get("system")].into_iter().flatten();
    let family = kinds.flat_map(|info| ["mic_type", "type"].map(|key| text(info, key))).flatten().next().unwrap_or_default();
    if is_no_load(family, false) {
        return None;
    }
    Some(Answered {
        place: Place::at(from.ip(), Some(from.port()).filter(|port| *port != xor::PORT)),
        speech: Speech::Xor,
        identity: identity_of(mac, text(info, "deviceId").unwrap_or_default(), &from.ip().to_string()),
        model: text(info, "model").unwrap_or_default().to_owned(),
        name: text(info, "alias").unwrap_or_default().to_owned(),
        family: family.to_owned(),
    })
}

fn newer(from: SocketAddr, bytes: &[u8]) -> Option<Answered> {
    let said = json(bytes.get(16..)?).ok()?;
    let result = said.get("result").filter(|result| result.is_object())?;
    let scheme = result.get("mgt_encrypt_schm").unwrap_or(&Value::Null);
    let named = text(scheme, "encrypt_type").or(result.pointer("/encrypt_info/sym_schm").and_then(Value::as_str));
    let family = text(result, "device_type").unwrap_or_default().to_owned();
    if is_no_load(&family, scheme.get("is_support_https").and_then(Value::as_bool) == Some(true)) {
        return None;
    }
    let login = scheme.get("lv").and_then(number).filter(|lv| (1.0..=9.0).contains(lv)).map(|lv| lv as u8);
    let is_iot = family.starts_with("IOT.");
    let version = if is_iot && login.is_none_or(|lv| lv < 2) { Version::One } else { Version::Two };
    let speech = match named.unwrap_or_default().to_ascii_uppercase().as_str() {
        "XOR" => Speech::Xor,
        "KLAP" => Speech::Klap(Some(version)),
        "AES" => Speech::Aes(login),
        "TPAP" => Speech::Tpap,
        _ => Speech::Klap(None),
    };
    let port = scheme.get("http_port").and_then(number).filter(|port| (1.0..65536.0).contains(port)).map(|port| port as u16);
    let usual = if speech == Speech::Xor { xor::PORT } else { 80 };
    // Some address the answer to where they believe to be; what we heard is where they are.
    let ip: IpAddr = from.ip();
    Some(Answered {
        place: Place::at(ip, port.filter(|port| *port != usual)),
        speech,
        identity: identity_of(text(result, "mac"), text(result, "device_id").unwrap_or_default(), &ip.to_string()),
        model: text(result, "device_model").unwrap_or_default().to_owned(),
        name: text(result, "device_name").unwrap_or_default().to_owned(),
        family,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_question_has_its_length_and_its_sum() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let mut bytes = question();
        assert_eq!(bytes[..4], [2, 0, 0, 1]);
        assert_eq!(usize::from(u16::from_be_bytes([bytes[4], bytes[5]])), bytes.len() - 16);
        // The length that python-kasa sends with a key of 2048 bits.
        assert_eq!(bytes.len() - 16, 485);
        let sum: [u8; 4] = bytes[12..16].try_into().unwrap();
        bytes[12..16].copy_from_slice(&[0x5a, 0x6b, 0x7c, 0x8d]);
        assert_eq!(crc32(&bytes).to_be_bytes(), sum);
    }

    #[rstest]
    #[case("SMART.IPCAMERA", r#"{"is_support_https":true}"#, false)]
    #[case("SMART.TAPODOORBELL", r#"{"is_support_https":true}"#, false)]
    #[case("SMART.TAPOROBOVAC", r#"{"encrypt_type":"KLAP","http_port":4433,"is_support_https":true}"#, false)]
    #[case("SMART.TAPOCHIME", r#"{"encrypt_type":"KLAP","http_port":80,"lv":2}"#, false)]
    #[case::hub_that_speaks_as_cameras_do("SMART.TAPOHUB", r#"{"is_support_https":true}"#, false)]
    #[case("SMART.TAPOHUB", r#"{"encrypt_type":"AES","http_port":80,"is_support_https":false,"lv":2}"#, true)]
    #[case("SMART.KASASWITCH", r#"{"encrypt_type":"KLAP","http_port":80,"is_support_https":false,"lv":2}"#, true)]
    #[case("IOT.SMARTPLUGSWITCH", r#"{"encrypt_type":"KLAP","http_port":80,"is_support_https":false}"#, true)]
    fn what_neither_measures_nor_switches_is_not_found(#[case] family: &str, #[case] scheme: &str, #[case] is_found: bool) {
        let from: SocketAddr = "192.168.1.20:20002".parse().unwrap();
        let newer = format!(
            r#"0123456789abcdef{{"error_code":0,"result":{{"device_id":"ab01","device_model":"X","device_type":"{family}","mac":"9C-53-22-00-00-01",
            "encrypt_type":["3"],"encrypt_info":{{"sym_schm":"AES","key":"","data":""}},"mgt_encrypt_schm":{scheme}}}}}"#
        );
        assert_eq!(answer(from, newer.as_bytes()).is_some(), is_found);
        let camera = br#"{"system":{"get_sysinfo":{"err_code":0,"system":{"alias":"Door","model":"EC60(US)","type":"IOT.IPCAMERA"}}}}"#;
        assert_eq!(answer(from, &xor::hide(camera)), None);
    }

    #[test]
    fn what_is_no_answer_is_passed_over() {
        let from: SocketAddr = "192.168.1.20:20002".parse().unwrap();
        for bytes in [&b""[..], b"hello", b"0123456789abcdef", b"0123456789abcdef{\"error_code\":0}", &xor::hide(b"{}"), &[0xff; 64]] {
            assert_eq!(answer(from, bytes), None, "{bytes:?}");
        }
        let tpap = br#"0123456789abcdef{"error_code":0,"result":{"mac":"9C-53-22-00-00-01","device_type":"SMART.TAPOPLUG",
            "mgt_encrypt_schm":{"encrypt_type":"TPAP","http_port":"80","lv":null}}}"#;
        let heard = answer(from, tpap).unwrap();
        assert_eq!(
            (heard.speech, heard.identity.as_str(), heard.place.to_string().as_str()),
            (Speech::Tpap, "9C:53:22:00:00:01", "192.168.1.20")
        );
    }
}
