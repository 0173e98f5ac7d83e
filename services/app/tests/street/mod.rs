//! Another machine, as far as the network tells: a namespace of its own, with a cable to us.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::running::Running;

/// The namespace; it is taken down at the end.
pub struct Street {
    name: String,
    ours: String,
}

impl Street {
    /// Lays it out. Where this machine does not let us, says so and gives nothing.
    pub fn open() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = (std::process::id() * 4 + NEXT.fetch_add(1, Ordering::Relaxed)) % 16_000;
        let net = format!("10.231.{}", number / 64);
        let (ours, theirs) = (format!("{net}.{}", number % 64 * 4 + 1), format!("{net}.{}", number % 64 * 4 + 2));
        let (name, cable, end) = (format!("wtt{number}"), format!("wtta{number}"), format!("wttb{number}"));
        if let Err(why) = run("curl", &["--version"]) {
            eprintln!("SKIPPED: curl cannot be run ({why})");
            return None;
        }
        if let Err(why) = run("ip", &["netns", "add", &name]) {
            eprintln!("SKIPPED: no network namespace can be made ({why})");
            return None;
        }
        let street = Street { name: name.clone(), ours: ours.clone() };
        let all: [&[&str]; 6] = [
            &["link", "add", &cable, "type", "veth", "peer", "name", &end],
            &["link", "set", &end, "netns", &name],
            &["addr", "add", &format!("{ours}/30"), "dev", &cable],
            &["link", "set", &cable, "up"],
            &["-n", &name, "addr", "add", &format!("{theirs}/30"), "dev", &end],
            &["-n", &name, "link", "set", &end, "up"],
        ];
        for arguments in all {
            if let Err(why) = run("ip", arguments) {
                eprintln!("SKIPPED: ip {}: {why}", arguments.join(" "));
                return None;
            }
        }
        Some(street)
    }

    /// Where a path of a service is, seen from there.
    pub fn url(&self, running: &Running, part: &str, path: &str) -> String {
        running.url(part, path).replace("0.0.0.0", &self.ours)
    }

    /// Asks from there; the status, and everything that was said.
    pub fn ask(&self, method: &str, url: &str, headers: &[&str]) -> (u16, String) {
        let mut arguments = vec!["netns", "exec", &self.name, "curl", "-s", "-i", "-g", "-m", "20", "--noproxy", "*", "-X", method];
        headers.iter().for_each(|header| arguments.extend(["-H", header]));
        arguments.push(url);
        let said = run("ip", &arguments).unwrap_or_else(|why| panic!("{method} {url}: {why}"));
        let status = said.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{method} {url}: {said}")), said)
    }
}

impl Drop for Street {
    fn drop(&mut self) {
        // The cable goes with one of its ends.
        let _gone_already = run("ip", &["netns", "del", &self.name]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let said = Command::new(program).args(arguments).output().map_err(|error| error.to_string())?;
    match said.status.success() {
        true => Ok(String::from_utf8_lossy(&said.stdout).into_owned()),
        false => Err(format!("{} {}", said.status, String::from_utf8_lossy(&said.stderr).trim())),
    }
}
