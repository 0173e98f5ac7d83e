//! A real Mosquitto on a free port.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;

/// Where Mosquitto may be.
const PLACES: [&str; 3] = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];

pub struct Mosquitto {
    pub port: u16,
    running: Option<Child>,
    is_closed: bool,
    is_tls: bool,
    folder: tempfile::TempDir,
}

/// Who is let in by a broker with TLS.
pub const USER: &str = "anna";
pub const PASSWORD: &str = "hush";

impl Mosquitto {
    /// Starts one; `None`, with a word, where Mosquitto is not installed.
    pub async fn start() -> Option<Self> {
        let found = PLACES.iter().find(|place| Command::new(place).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok());
        if found.is_none() || Command::new("mosquitto_pub").arg("--help").stdout(Stdio::null()).status().is_err() {
            println!("SKIPPED: Mosquitto is not installed (apt install mosquitto mosquitto-clients)");
            return None;
        }
        let port = crate::ports::free_port();
        let mut broker = Mosquitto { port, running: None, is_closed: false, is_tls: false, folder: tempfile::tempdir().unwrap() };
        broker.come_back().await;
        Some(broker)
    }

    /// Starts one that speaks TLS as `localhost` and lets nobody in without a password; `None`, with a word, where something for that is missing.
    pub async fn start_tls() -> Option<Self> {
        let mut broker = Mosquitto::start().await?;
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            println!("SKIPPED: OpenSSL is not installed (apt install openssl)");
            return None;
        }
        broker.go();
        (broker.is_tls, broker.is_closed) = (true, true);
        let folder = broker.folder.path();
        certify(folder, "ca");
        certify(folder, "stranger");
        std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").unwrap();
        run(folder, "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key -out request -subj /CN=localhost");
        run(folder, "openssl x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out certificate");
        run(folder, &format!("mosquitto_passwd -c -b passwords {USER} {PASSWORD}"));
        broker.come_back().await;
        Some(broker)
    }

    /// The certificate of an authority: `ca` is the broker's, `stranger` is not.
    pub fn authority(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }

    /// Starts again on the same port.
    pub async fn come_back(&mut self) {
        let path = self.folder.path().join("mosquitto.conf");
        let mut file = std::fs::File::create(&path).unwrap();
        let who = if self.is_closed { "allow_anonymous false" } else { "allow_anonymous true" };
        writeln!(file, "listener {} 127.0.0.1\n{who}\npersistence false", self.port).unwrap();
        if self.is_tls {
            let at = self.folder.path().display();
            writeln!(file, "user root\ncertfile {at}/certificate\nkeyfile {at}/key\npassword_file {at}/passwords").unwrap();
        }
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
        let host = if self.is_tls { "localhost" } else { "127.0.0.1" };
        command.args(["-h", host, "-p", &port, "-q", "1", "-t", topic, "-m", payload]).args(options);
        if self.is_tls {
            command.arg("--cafile").arg(self.authority("ca")).args(["-u", USER, "-P", PASSWORD]);
        }
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

/// Makes an authority of that name.
fn certify(folder: &Path, name: &str) {
    let new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -addext basicConstraints=critical,CA:TRUE";
    run(folder, &format!("{new} -keyout {name}.key -out {name}.pem -subj /CN={name}"));
}

fn run(folder: &Path, command: &str) {
    let mut words = command.split(' ');
    let mut command = Command::new(words.next().unwrap());
    let done = command.args(words).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(done.success(), "{command:?}");
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.go();
    }
}
