//! A real Mosquitto on a free port.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// Where Mosquitto may be.
const PLACES: [&str; 3] = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];

pub struct Mosquitto {
    pub port: u16,
    running: Option<Child>,
    is_closed: bool,
    folder: tempfile::TempDir,
}

impl Mosquitto {
    /// Starts one; `None`, with a word, where Mosquitto is not installed.
    pub async fn start() -> Option<Self> {
        let found = PLACES.iter().find(|place| Command::new(place).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok());
        if found.is_none() || Command::new("mosquitto_pub").arg("--help").stdout(Stdio::null()).status().is_err() {
            println!("SKIPPED: Mosquitto is not installed (apt install mosquitto mosquitto-clients)");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let mut broker = Mosquitto { port, running: None, is_closed: false, folder: tempfile::tempdir().unwrap() };
        broker.come_back().await;
        Some(broker)
    }

    /// Starts again on the same port.
    pub async fn come_back(&mut self) {
        let path = self.folder.path().join("mosquitto.conf");
        let mut file = std::fs::File::create(&path).unwrap();
        let who = if self.is_closed { "allow_anonymous false" } else { "allow_anonymous true" };
        writeln!(file, "listener {} 127.0.0.1\n{who}\npersistence false", self.port).unwrap();
        let place =
            PLACES.iter().find(|place| Command::new(place).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()).unwrap();
        let child = Command::new(place).arg("-c").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.running = Some(child);
        let up = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), up).await.unwrap();
    }

    /// Lets nobody in any more.
    pub async fn close(&mut self) {
        self.go();
        self.is_closed = true;
        self.come_back().await;
    }

    /// Ends it without a goodbye.
    pub fn go(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Publishes with Mosquitto's own client.
    pub fn publish(&self, topic: &str, payload: &str, options: &[&str]) {
        let port = self.port.to_string();
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", topic, "-m", payload]).args(options);
        assert!(command.status().unwrap().success());
    }

    /// Listens for one message, which standard output gives.
    pub fn listener(&self, topic: &str) -> Child {
        let port = self.port.to_string();
        let mut command = Command::new("mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-C", "1"]).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    /// A device that says it is online, with a last will that says it is not. It vanishes when it is killed.
    pub fn device(&self, last_will_topic: &str) -> Child {
        let port = self.port.to_string();
        self.publish(last_will_topic, "Online", &["-r"]);
        let mut command = Command::new("mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &port, "-t", "nothing/at/all"]);
        command.args(["--will-topic", last_will_topic, "--will-payload", "Offline", "--will-retain", "--will-qos", "1"]);
        command.stdout(Stdio::null()).spawn().unwrap()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.go();
    }
}
