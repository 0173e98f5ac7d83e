use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpListener;

use super::*;

/// Carbon as it is seen from outside: it reads lines and says nothing.
struct Fake {
    listener: TcpListener,
}

impl Fake {
    async fn begin() -> Self {
        Fake { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn address(&self) -> Address {
        let at = self.listener.local_addr().unwrap();
        Address { host: at.ip().to_string(), port: at.port() }
    }

    async fn accept(&self) -> Lines<BufReader<TcpStream>> {
        BufReader::new(self.listener.accept().await.unwrap().0).lines()
    }
}

async fn lines(connection: &mut Lines<BufReader<TcpStream>>, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < count {
        let next = timeout(Duration::from_secs(10), connection.next_line()).await.expect("a line comes");
        found.push(next.unwrap().expect("the connection stays"));
    }
    found
}

struct Setting {
    _folder: tempfile::TempDir,
    spool: Arc<Spool>,
    health: Health,
    shutdown: CancellationToken,
}

impl Setting {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::open(folder.path(), 1 << 20).unwrap());
        Setting { _folder: folder, spool, health: Health::default(), shutdown: CancellationToken::new() }
    }

    fn deliver(&self, address: Address, resend: Duration) -> tokio::task::JoinHandle<()> {
        let config = Config { resend, ..Config::default() };
        let carbon = Carbon::new(address, &config, self.health.clone()).unwrap();
        tokio::spawn(carbon.deliver(self.spool.clone(), self.shutdown.clone()))
    }

    async fn until(&self, what: impl Fn(&Health) -> bool) {
        let waiting = async {
            while !what(&self.health) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), waiting).await.expect("it comes to be");
    }
}

fn is_well(health: &Health) -> bool {
    health.dependencies().get("graphite") == Some(&State::Ok)
}

#[tokio::test]
async fn what_was_sent_before_carbon_was_killed_is_sent_again() {
    let setting = Setting::new();
    let fake = Fake::begin().await;
    for text in ["a 1 10\n", "a 2 20\n"] {
        setting.spool.push(text.as_bytes()).unwrap();
    }
    setting.deliver(fake.address(), Duration::from_secs(3600));
    let mut first = fake.accept().await;
    assert_eq!(lines(&mut first, 2).await, ["a 1 10", "a 2 20"]);
    drop(first);
    let mut second = fake.accept().await;
    setting.spool.push(b"a 3 30\n").unwrap();
    assert_eq!(lines(&mut second, 3).await, ["a 1 10", "a 2 20", "a 3 30"], "in order, and nothing is lost");
}

#[tokio::test]
async fn what_carbon_has_had_for_long_is_not_sent_again() {
    let setting = Setting::new();
    let fake = Fake::begin().await;
    setting.spool.push(b"a 1 10\n").unwrap();
    setting.deliver(fake.address(), Duration::from_millis(50));
    let mut first = fake.accept().await;
    assert_eq!(lines(&mut first, 1).await, ["a 1 10"]);
    assert_eq!(first.next_line().await.unwrap(), None, "it asks whether all was read");
    assert_eq!(setting.spool.fill().batches, 1, "which was not said yet");
    drop(first);
    let mut second = fake.accept().await;
    while setting.spool.fill().batches > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    setting.spool.push(b"a 2 20\n").unwrap();
    assert_eq!(lines(&mut second, 1).await, ["a 2 20"]);
}

#[tokio::test]
async fn what_was_sent_to_a_carbon_that_is_gone_afterwards_is_sent_again() {
    let setting = Setting::new();
    let fake = Fake::begin().await;
    let address = fake.address();
    setting.spool.push(b"a 1 10\n").unwrap();
    setting.deliver(address.clone(), Duration::from_millis(50));
    let mut first = fake.accept().await;
    assert_eq!(lines(&mut first, 1).await, ["a 1 10"]);
    assert_eq!(first.next_line().await.unwrap(), None);
    // It reads all, ends, and is killed before it writes anything.
    drop((first, fake));
    setting.until(|health| matches!(health.dependencies().get("graphite"), Some(State::Degraded(_)))).await;
    let listener = TcpListener::bind((address.host.as_str(), address.port)).await.unwrap();
    let mut second = Fake { listener }.accept().await;
    assert_eq!(lines(&mut second, 1).await, ["a 1 10"]);
}

#[tokio::test]
async fn carbon_that_is_away_is_told_with_the_remedy() {
    let setting = Setting::new();
    let fake = Fake::begin().await;
    let address = fake.address();
    drop(fake);
    setting.spool.push(b"a 1 10\n").unwrap();
    setting.deliver(address.clone(), Duration::from_secs(3600));
    setting.until(|health| !health.dependencies().is_empty()).await;
    let State::Degraded(why) = setting.health.dependencies()["graphite"].clone() else { panic!("it is away") };
    assert!(why.contains(&format!("127.0.0.1:{}", address.port)) && why.contains("1 batches wait") && why.contains("[graphite]"), "{why}");
    let listener = TcpListener::bind((address.host.as_str(), address.port)).await.unwrap();
    let mut back = Fake { listener }.accept().await;
    assert_eq!(lines(&mut back, 1).await, ["a 1 10"]);
    setting.until(is_well).await;
}

#[tokio::test]
async fn who_stops_waits_until_carbon_has_read_all() {
    let setting = Setting::new();
    let fake = Fake::begin().await;
    setting.spool.push(b"a 1 10\n").unwrap();
    let delivering = setting.deliver(fake.address(), Duration::from_secs(3600));
    let mut connection = fake.accept().await;
    assert_eq!(lines(&mut connection, 1).await, ["a 1 10"]);
    setting.shutdown.cancel();
    assert_eq!(connection.next_line().await.unwrap(), None);
    drop(connection);
    delivering.await.unwrap();
    assert_eq!(setting.spool.fill().batches, 0, "it is not sent again at the next start");
}

/// Carbon behind a proxy that ends TLS, with a certificate of an own CA (services/export/fixtures, for this test alone).
async fn accept_tls(fake: &Fake) -> Result<Lines<BufReader<tokio_rustls::server::TlsStream<TcpStream>>>, std::io::Error> {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let chain = CertificateDer::pem_slice_iter(include_bytes!("../../../fixtures/carbon.pem")).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../fixtures/carbon.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let tcp = fake.listener.accept().await?.0;
    Ok(BufReader::new(tokio_rustls::TlsAcceptor::from(Arc::new(server)).accept(tcp).await?).lines())
}

fn own_ca() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ca.pem")
}

#[tokio::test]
async fn an_encrypted_connection_trusts_the_owners_own_ca() {
    let setting = Setting::new();
    let fake = Fake::begin().await;
    setting.spool.push(b"a 1 10\n").unwrap();
    let config = Config { tls: true, ca_file: Some(own_ca()), ..Config::default() };
    let address = Address { host: "localhost".to_owned(), ..fake.address() };
    let carbon = Carbon::new(address, &config, setting.health.clone()).unwrap();
    tokio::spawn(carbon.deliver(setting.spool.clone(), setting.shutdown.clone()));
    let mut connection = accept_tls(&fake).await.unwrap();
    assert_eq!(connection.next_line().await.unwrap().as_deref(), Some("a 1 10"));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let setting = Setting::new();
    let fake = Fake::begin().await;
    setting.spool.push(b"a 1 10\n").unwrap();
    let config = Config { tls: true, ..Config::default() };
    let address = Address { host: "localhost".to_owned(), ..fake.address() };
    let carbon = Carbon::new(address, &config, setting.health.clone()).unwrap();
    tokio::spawn(carbon.deliver(setting.spool.clone(), setting.shutdown.clone()));
    assert!(accept_tls(&fake).await.is_err());
    setting
        .until(|health| matches!(health.dependencies().get("graphite"), Some(State::Degraded(why)) if why.contains("certificate")))
        .await;
    assert_eq!(setting.spool.fill().batches, 1, "what waits still waits");
}

#[test]
fn a_ca_file_that_is_none_is_named() {
    let config = Config { tls: true, ca_file: Some("/nowhere/ca.pem".into()), ..Config::default() };
    let address = Address { host: "localhost".to_owned(), port: 1 };
    let error = Carbon::new(address, &config, Health::default()).err().unwrap();
    assert!(error.contains("/nowhere/ca.pem"), "{error}");
}
