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
    while setting.spool.fill().batches > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(first);
    let mut second = fake.accept().await;
    setting.spool.push(b"a 2 20\n").unwrap();
    assert_eq!(lines(&mut second, 1).await, ["a 2 20"]);
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
