//! What devices broadcast.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tokio::net::UdpSocket;

use super::bytes::{hex, vectors};
use super::emulator::{Emulator, ID, KEY, Mood};
use super::faults::{Listener, quick};
use crate::adapters::tuya::broadcasts::{beacon, question};
use crate::adapters::tuya::codec::{Version, sealed, unsealed};
use crate::adapters::tuya::crypto::Key;
use crate::adapters::tuya::frame::Frame;
use crate::adapters::tuya::{Config, Ports, discover};

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 77));

#[test]
fn every_sort_of_broadcast_is_understood() {
    let all = vectors();
    for one in all["broadcasts"].as_array().unwrap() {
        let what = one["what"].as_str().unwrap();
        let heard = beacon(&hex(one["hex"].as_str().unwrap()), FROM).unwrap_or_else(|| panic!("{what}"));
        assert_eq!((heard.id.as_str(), heard.ip.to_string().as_str(), heard.product.as_str()), (ID, "192.168.1.40", "keydeadbeef12345"));
        assert_eq!(heard.version, Version::of(&what[..3]), "{what}");
    }
}

#[test]
fn what_is_no_broadcast_of_a_device_is_passed_over() {
    let all = vectors();
    assert_eq!(beacon(&hex(all["app"].as_str().unwrap()), FROM), None, "an app that asks is no device");
    let packets: Vec<Vec<u8>> = all["broadcasts"].as_array().unwrap().iter().map(|one| hex(one["hex"].as_str().unwrap())).collect();
    for packet in packets {
        for cut in 0..packet.len() {
            let mut changed = packet.clone();
            changed[cut] ^= 0xff;
            for bytes in [&packet[..cut], &changed] {
                let _ = beacon(bytes, FROM);
            }
        }
    }
    for text in ["", "{}", "[1]", "{\"gwId\":7}", "{\"gwId\":\"\"}", "{\"ip\":\"192.168.1.2\"}"] {
        assert_eq!(beacon(text.as_bytes(), FROM), None, "{text}");
    }
    let odd = beacon(br#"{"gwId":"a","ip":"nowhere","version":"9.9"}"#, FROM).unwrap();
    assert_eq!((odd.ip, odd.version), (FROM, None));
}

async fn free_port() -> u16 {
    UdpSocket::bind("0.0.0.0:0").await.unwrap().local_addr().unwrap().port()
}

async fn ports() -> Ports {
    let ask = SocketAddr::from(([127, 0, 0, 1], free_port().await));
    Ports { plain: free_port().await, encrypted: free_port().await, app: free_port().await, ask, device: 1 }
}

fn says(version: Version) -> Vec<u8> {
    let text = json!({"ip": "127.0.0.1", "gwId": ID, "productKey": "key", "version": version.name()}).to_string();
    sealed(&Key::of_broadcasts(), [7; 12], 0, 0x13, Some(0), text.as_bytes())
}

#[tokio::test]
async fn what_broadcasts_and_what_answers_an_app_is_found_with_what_to_set_up() {
    let ports = ports().await;
    let device = UdpSocket::bind(ports.ask).await.unwrap();
    let looking = tokio::spawn(discover(ports, Duration::from_millis(800)));
    let mut packet = [0; 500];
    let (length, _) = device.recv_from(&mut packet).await.unwrap();
    let frame = Frame::take(&mut packet[..length].to_vec()).unwrap().unwrap();
    let asked = unsealed(&Key::of_broadcasts(), &frame).unwrap();
    assert_eq!(String::from_utf8(asked).unwrap(), r#"{"from":"app","ip":"127.0.0.1"}"#);
    device.send_to(&says(Version::V35), ("127.0.0.1", ports.app)).await.unwrap();
    let plain = json!({"ip": "192.168.1.9", "gwId": "old", "productKey": "x\"\nevil = 1", "version": "3.1"}).to_string();
    device.send_to(plain.as_bytes(), ("127.0.0.1", ports.plain)).await.unwrap();
    device.send_to(b"nonsense", ("127.0.0.1", ports.encrypted)).await.unwrap();
    let found = looking.await.unwrap().unwrap();
    assert_eq!(found.iter().map(|found| found.identity.as_str()).collect::<Vec<_>>(), [ID, "old"]);
    assert_eq!((found[0].kind, found[0].address.as_str(), found[0].model.as_str()), ("tuya", "127.0.0.1", "key"));
    assert_eq!(
        found[0].config,
        format!("[[tuya_device]]\nid = \"{ID}\"\nlocal_key = \"\"  # 16 letters\nhost = \"127.0.0.1\"\nversion = \"3.5\"\n")
    );
    assert!(found[0].note.as_ref().is_some_and(|note| note.contains("wizard")));
}

#[tokio::test]
async fn ports_that_are_taken_are_told() {
    let ports = ports().await;
    let _taken = [
        UdpSocket::bind(("0.0.0.0", ports.plain)).await.unwrap(),
        UdpSocket::bind(("0.0.0.0", ports.encrypted)).await.unwrap(),
        UdpSocket::bind(("0.0.0.0", ports.app)).await.unwrap(),
    ];
    let error = discover(ports, Duration::from_millis(10)).await.unwrap_err().to_string();
    assert!(error.contains(&format!("UDP {}", ports.encrypted)) && error.contains("give each device its `host`"), "{error}");
}

#[tokio::test]
async fn a_device_without_an_address_is_found_by_its_broadcast_and_followed() {
    let emulator = Emulator::start(Version::V34, Mood::Good, json!({"1": true, "19": 155})).await;
    let ports = Ports { device: emulator.port, ..ports().await };
    let device = serde_json::from_value(json!({"id": ID, "name": "Desk", "local_key": KEY})).unwrap();
    let config = Config { devices: vec![device], ports, times: quick(), every: Duration::from_millis(200), ..Config::default() };
    let mut heard = Listener::of(&config);
    heard.until_trouble("it was not found by its broadcasts").await;
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    sender.send_to(&says(Version::V34), ("127.0.0.1", ports.encrypted)).await.unwrap();
    heard.until_power(15.5).await;
    assert_eq!(heard.troubles(), "");
}

#[test]
fn the_question_of_an_app_is_the_one_of_tinytuya() {
    let packet = question("192.168.1.9".parse().unwrap(), *b"0123456789ab");
    let theirs = hex(vectors()["app"].as_str().unwrap());
    let plain = |packet: &[u8]| unsealed(&Key::of_broadcasts(), &Frame::take(&mut packet.to_vec()).unwrap().unwrap()).unwrap();
    assert_eq!(plain(&packet), plain(&theirs));
    assert_eq!(packet, theirs);
}
