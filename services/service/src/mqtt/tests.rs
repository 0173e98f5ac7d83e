use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn config(url: &str) -> Config {
    Config { url: Some(Address::try_from(url.to_owned()).unwrap()), ..Config::default() }
}

/// As much of a broker as these tests need: reads one packet.
async fn packet(socket: &mut TcpStream) -> (u8, Vec<u8>) {
    let kind = socket.read_u8().await.unwrap();
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = socket.read_u8().await.unwrap();
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.unwrap();
    (kind >> 4, body)
}

/// Lets a client in and returns its CONNECT.
async fn welcome(broker: &TcpListener) -> (TcpStream, Vec<u8>) {
    let (mut socket, _) = broker.accept().await.unwrap();
    let (kind, body) = packet(&mut socket).await;
    assert_eq!(kind, 1, "CONNECT");
    socket.write_all(&[0x20, 2, 0, 0]).await.unwrap();
    (socket, body)
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|w| w == text.as_bytes())
}

#[tokio::test]
async fn a_lost_connection_is_told_and_mended_with_its_subscriptions() {
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://ann:s3cret@127.0.0.1:{}", broker.local_addr().unwrap().port());
    let will = LastWill { topic: "w/status".to_owned(), text: "offline".to_owned() };
    let (client, mut events) = connect(&config(&url), "test", Some(will)).unwrap();
    assert!(matches!(client.publish("w/a", "1", false), Err(MqttError::Away)));
    client.subscribe("tele/#").unwrap();

    let (mut socket, hello) = welcome(&broker).await;
    assert!(contains(&hello, "ann") && contains(&hello, "s3cret") && contains(&hello, "w/status"), "user, password and will are sent");
    assert_eq!(events.next().await, Some(Event::Connected));
    let (kind, body) = packet(&mut socket).await;
    assert!(kind == 8 && contains(&body, "tele/#"), "SUBSCRIBE");
    client.publish("w/a", "1", true).unwrap();
    let (kind, body) = packet(&mut socket).await;
    assert!(kind == 3 && contains(&body, "w/a"), "PUBLISH");
    socket.write_all(&[0x31, 8, 0, 3, b't', b'/', b'x', b'4', b'2', b'W']).await.unwrap();
    let message = Message { topic: "t/x".to_owned(), payload: b"42W".to_vec(), retained: true };
    assert_eq!(events.next().await, Some(Event::Message(message)));

    drop(socket);
    let Some(Event::Disconnected(why)) = events.next().await else { panic!("not told") };
    assert!(!why.contains("s3cret"), "{why}");
    let (mut socket, _) = welcome(&broker).await;
    assert_eq!(events.next().await, Some(Event::Connected));
    let (kind, body) = packet(&mut socket).await;
    assert!(kind == 8 && contains(&body, "tele/#"), "SUBSCRIBE again");
}

#[tokio::test]
async fn a_message_is_delivered_when_the_broker_says_so_and_not_before() {
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, mut events) = connect(&config(&broker.local_addr().unwrap().to_string()), "test", None).unwrap();
    assert!(matches!(client.deliver("w/a", "0", false).await, Err(MqttError::Away)));
    let (mut socket, _) = welcome(&broker).await;
    assert_eq!(events.next().await, Some(Event::Connected));
    client.publish("w/state", "1", true).unwrap();
    let delivering = tokio::spawn({
        let client = client.clone();
        async move { client.deliver("w/a", "1", false).await }
    });
    let (first, second) = (packet(&mut socket).await, packet(&mut socket).await);
    assert!(contains(&first.1, "w/state") && contains(&second.1, "w/a"));
    socket.write_all(&[0x40, 2, 0, 1]).await.unwrap();
    client.subscribe("any").unwrap();
    assert_eq!(
        packet(&mut socket).await.0,
        8,
        "the acknowledgement of the first was read before this was sent, or will be before the next"
    );
    assert!(!delivering.is_finished(), "only the first is acknowledged");
    socket.write_all(&[0x40, 2, 0, 2]).await.unwrap();
    assert!(delivering.await.unwrap().is_ok());

    let delivering = tokio::spawn({
        let client = client.clone();
        async move { client.deliver("w/a", "2", false).await }
    });
    assert!(contains(&packet(&mut socket).await.1, "w/a"));
    drop(socket);
    assert!(matches!(delivering.await.unwrap(), Err(MqttError::Away)), "a connection that breaks has not delivered");
    let Some(Event::Disconnected(_)) = events.next().await else { panic!("not told") };
    let (mut socket, _) = welcome(&broker).await;
    assert_eq!(events.next().await, Some(Event::Connected));
    assert_eq!(packet(&mut socket).await.0, 8);
    let delivering = tokio::spawn(async move { client.deliver("w/a", "3", false).await });
    let (_, body) = packet(&mut socket).await;
    let number = &body[5..7];
    socket.write_all(&[0x40, 2, number[0], number[1]]).await.unwrap();
    assert!(delivering.await.unwrap().is_ok(), "counting begins anew");
}

#[tokio::test]
async fn a_refused_password_is_said_without_saying_it() {
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://ann:s3cret@127.0.0.1:{}", broker.local_addr().unwrap().port());
    let (_client, mut events) = connect(&config(&url), "test", None).unwrap();
    let (mut socket, _) = broker.accept().await.unwrap();
    packet(&mut socket).await;
    socket.write_all(&[0x20, 2, 0, 5]).await.unwrap();
    let Some(Event::Disconnected(why)) = events.next().await else { panic!("not told") };
    assert!(why.contains("mqtt.password") && !why.contains("s3cret"), "{why}");
}

#[tokio::test]
async fn a_goodbye_ends_the_events() {
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, mut events) = connect(&config(&broker.local_addr().unwrap().to_string()), "test", None).unwrap();
    let (mut socket, _) = welcome(&broker).await;
    assert_eq!(events.next().await, Some(Event::Connected));
    client.publish("w/a", "1", false).unwrap();
    client.disconnect().await;
    assert_eq!(packet(&mut socket).await.0, 3, "what waits is sent before the goodbye");
    assert_eq!(packet(&mut socket).await.0, 14, "DISCONNECT");
    drop(socket);
    assert_eq!(events.next().await, None);
    assert!(!client.is_connected());
}

#[rstest]
#[case("mqtt://h:1884", "mqtt://h:1884", None)]
#[case("h", "mqtt://h:1883", None)]
#[case("mqtt://a%40b:p%3aw@10.0.0.2/", "mqtt://10.0.0.2:1883", Some(("a@b", "p:w")))]
#[case("mqtt://[::1]:1885", "mqtt://[::1]:1885", None)]
#[case("mqtts://a:p%3aw@h", "mqtts://h:8883", Some(("a", "p:w")))]
#[case("ssl://h:8884", "mqtts://h:8884", None)]
fn an_address_is_read(#[case] text: &str, #[case] shown: &str, #[case] credentials: Option<(&str, &str)>) {
    let config = config(text);
    assert_eq!(config.url.as_ref().unwrap().to_string(), shown);
    let got = config.credentials().unwrap().map(|(u, p)| (u, p.expose_secret().to_owned()));
    assert_eq!(got, credentials.map(|(u, p)| (u.to_owned(), p.to_owned())));
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("p:w") && !shown.contains("p%3aw"), "a password is not shown");
}

#[rstest]
#[case("http://u:hush@h", "mqtt://host:1883")]
#[case("mqtt://u:hush@", "no host")]
#[case("mqtt://u:hush@h:99999", "port")]
fn a_wrong_address_is_refused_without_its_password(#[case] text: &str, #[case] says: &str) {
    let json = serde_json::json!({ "url": text });
    let why = serde_json::from_value::<Config>(json).unwrap_err().to_string();
    assert!(why.contains(says) && !why.contains("hush"), "{why}");
}

#[test]
fn a_password_comes_from_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "hush\n").unwrap();
    let with_file = Config { username: Some("ann".to_owned()), password_file: Some(file.clone()), ..config("h") };
    assert_eq!(with_file.credentials().unwrap().unwrap().1.expose_secret(), "hush");
    let without_user = Config { username: None, ..with_file.clone() };
    assert!(without_user.credentials().unwrap_err().to_string().contains("mqtt.username"));
    std::fs::remove_file(&file).unwrap();
    assert!(with_file.credentials().unwrap_err().to_string().contains("password_file"));
}

#[test]
fn what_tls_is_to_trust_is_named_where_it_is_wrong() {
    let refused = |config: Config| connect(&config, "test", None).map(|_| ()).unwrap_err().to_string();
    let missing = Config { ca_file: Some("/no/such.pem".into()), section: "glow.cloud", ..config("mqtts://h") };
    assert!(refused(missing).starts_with("glow.cloud.ca_file /no/such.pem: "));
    let plain = Config { ca_file: Some("/no/such.pem".into()), ..config("mqtt://h") };
    assert!(refused(plain).contains("mqtt.ca_file is for TLS"));
}

#[tokio::test]
async fn a_broker_without_tls_is_told_from_one_that_is_away() {
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtts://ann:s3cret@127.0.0.1:{}", broker.local_addr().unwrap().port());
    let (_client, mut events) = connect(&config(&url), "test", None).unwrap();
    let (mut socket, _) = broker.accept().await.unwrap();
    socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let Some(Event::Disconnected(why)) = events.next().await else { panic!("not told") };
    assert!(why.contains("may speak no TLS on this port") && why.contains("mqtts://127.0.0.1") && !why.contains("s3cret"), "{why}");
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let why = serde_json::from_value::<Config>(serde_json::json!({ "adress": "h" })).unwrap_err().to_string();
    assert!(why.contains("adress"), "{why}");
}
