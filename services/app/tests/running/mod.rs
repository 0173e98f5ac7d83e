//! The binary, running.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A command in a folder, with nothing in its environment but `variables`.
fn command(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattribute"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    for service in ["METER", "CORRELATOR", "DATA_API", "DASHBOARD"] {
        let single = variables.iter().any(|(name, _)| *name == "SERVICE_PORT") && arguments == [service.to_lowercase().replace('_', "-")];
        if !single {
            command.env(format!("WATTRIBUTE__{service}__LISTEN"), "127.0.0.1:0");
        }
    }
    command.envs(variables.iter().copied());
    command
}

/// Runs a command to its end.
pub fn wattribute(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Output {
    command(arguments, folder, variables).output().unwrap()
}

/// What was logged in a folder.
pub fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

/// Services that run; they are killed if they are not stopped.
pub struct Running {
    child: Child,
    urls: BTreeMap<String, String>,
    /// What it said on standard output.
    pub said: Vec<String>,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    /// Starts a command and waits until it has said where everything is.
    pub fn start(what: &str, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let log = File::create(folder.join("log")).unwrap();
        let mut child = command(&[what], folder, variables).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut running = Running { child, urls: BTreeMap::new(), said: Vec::new(), out };
        let last = match what {
            "demo" => "DEMO",
            "run" | "meter" => "  source",
            _ => "  store",
        };
        while running.said.last().is_none_or(|line| !line.starts_with(last)) {
            let mut line = String::new();
            assert!(running.out.read_line(&mut line).unwrap() > 0, "it ended: {}", self::log(folder));
            if let Some((name, url)) = line.trim().split_once("http://").filter(|(name, _)| !name.starts_with("source")) {
                let address = url.split('/').next().unwrap();
                running.urls.insert(name.trim().to_owned(), format!("http://{address}"));
            }
            running.said.push(line.trim_end().to_owned());
        }
        running
    }

    /// The services that said where they are.
    pub fn parts(&self) -> Vec<&str> {
        self.urls.keys().map(String::as_str).collect()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where `path` of a service is.
    pub fn url(&self, part: &str, path: &str) -> String {
        format!("{}{path}", self.urls[part])
    }

    /// Status and text.
    pub async fn get(&self, part: &str, path: &str) -> (u16, String) {
        let response = reqwest::get(self.url(part, path)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Status and JSON.
    pub async fn json(&self, part: &str, path: &str) -> (u16, Value) {
        let (status, text) = self.get(part, path).await;
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{part}{path}: {text}")))
    }

    /// Whether an answer says that it is made up.
    pub async fn is_labelled(&self, part: &str, path: &str) -> bool {
        reqwest::get(self.url(part, path)).await.unwrap().headers().get("wattribute-demo").is_some_and(|label| label == "true")
    }

    /// Asks again until the answer is as wanted.
    pub async fn until(&self, part: &str, path: &str, wanted: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        loop {
            let (_, text) = self.get(part, path).await;
            if wanted(&text) {
                return;
            }
            assert!(begun.elapsed() < LONGEST_WAIT, "{part}{path} still says {text}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asks it to stop; its exit code.
    pub fn stop(self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.ended()
    }

    /// Waits for its end; its exit code.
    pub fn ended(mut self) -> Option<i32> {
        // Its output ends when it does.
        std::io::copy(&mut self.out, &mut std::io::sink()).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _gone_already = self.child.kill();
            let _gone_already = self.child.wait();
        }
    }
}
