//! What is found.

use std::net::Ipv4Addr;

use rstest::rstest;

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};

use super::super::discovery::{Place, ask_all, discover_at, look, place};
use super::super::names::Book;
use super::emulator::Device;
use super::*;

#[rstest]
#[case("shellyplus1pm-AABBCCDDEEFF._shelly._tcp.local.", 80, Some(("shellyplus1pm-aabbccddeeff", "192.168.1.7")))]
#[case("ShellyPro3EM-aabbccddeeff._http._tcp.local.", 8080, Some(("shellypro3em-aabbccddeeff", "192.168.1.7:8080")))]
#[case("shellyplug-s-DDEEFF._http._tcp.local.", 80, Some(("shellyplug-s-ddeeff", "192.168.1.7")))]
#[case("ogemray25a-aabbccddeeff._shelly._tcp.local.", 80, Some(("ogemray25a-aabbccddeeff", "192.168.1.7")))]
#[case("printer._http._tcp.local.", 80, None)]
#[case("shellyplug-s-DDEEFF._http._tcp.local.", 0, None)]
#[case("", 80, None)]
fn an_announcement_says_where_a_device_is(#[case] fullname: &str, #[case] port: u16, #[case] known: Option<(&str, &str)>) {
    let addresses = [Ipv4Addr::new(192, 168, 33, 1), Ipv4Addr::new(192, 168, 1, 7)];
    let known = known.map(|(id, address)| Place { id: id.to_owned(), address: address.to_owned() });
    assert_eq!(place(fullname, &addresses, port), known);
    assert_eq!(place(fullname, &[], port), None, "without an address there is nothing to ask");
}

#[tokio::test]
async fn what_is_found_says_what_to_set_up() {
    let (plug, meter) = (Device::start(fixture("gen1_plug_s.json")).await, Device::start(fixture("rpc_pro_3em.json")).await);
    meter.lock_with("hush");
    let port = crate::ports::free_port();
    let found = ask_all(vec![plug.host(), meter.host(), plug.host(), format!("127.0.0.1:{port}")], &config(json!({}))).await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[0].model.as_str(), found[0].identity.as_str(), &found[0].note), ("SHPLG-S", "A0B1C2000001", &None));
    assert_eq!((found[1].name.as_str(), found[1].config.clone()), ("House", format!("[shelly]\nhosts = [\"{}\"]\n", meter.host())));
    assert!(found[1].note.as_ref().is_some_and(|note| note.contains("`password`")));
}

/// A network of this machine alone, on which devices announce themselves.
fn announced(port: u16, devices: &[(&str, &Device)]) -> ServiceDaemon {
    let daemon = ServiceDaemon::new_with_port(port).unwrap();
    daemon.disable_interface(IfKind::All).unwrap();
    daemon.enable_interface(IfKind::LoopbackV4).unwrap();
    for (id, device) in devices {
        let host = format!("{id}.local.");
        let info = ServiceInfo::new("_shelly._tcp.local.", id, &host, "127.0.0.1", device.port, &[("gen", "2")][..]).unwrap();
        daemon.register(info).unwrap();
    }
    daemon
}

#[tokio::test]
async fn what_announces_itself_is_found_and_read() {
    let (plug, sensor) = (Device::start(fixture("rpc_plus_plug_s.json")).await, Device::start(fixture("gen1_ht_nothing.json")).await);
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let network = announced(port, &[("shellyplusplugs-a0b1c2000011", &plug), ("shellyht-a0b1c2000007", &sensor)]);
    let settings = config(json!({}));
    let found = discover_at(port, &settings, Duration::from_secs(3)).await.unwrap();
    assert_eq!(found.iter().map(|found| found.identity.as_str()).collect::<Vec<_>>(), ["A0B1C2000007", "A0B1C2000011"]);
    let (manner, book) = (settings.manner(), Book::new(NAME, &[]));
    let mut shelly = adapter(json!({}));
    shelly.fleet.add("discovery", |speaker| look(speaker, port, Vec::new(), manner, book));
    let mut ear = Ear::default();
    until(&mut shelly, &mut ear, "desk", |ear, _| ear.of("desk", Quantity::PowerW).len() > 3).await;
    assert!(shelly.troubles().is_empty(), "one that was found and measures nothing is none");
    network.shutdown().unwrap();
}
