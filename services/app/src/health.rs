//! `health`: asks a service how it is, for containers and whoever watches them; an image needs no curl for it.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::text;

/// More than a report has, bytes.
const LONGEST: u64 = 64 * 1024;

/// What `health` takes.
#[derive(clap::Args, Debug)]
pub struct HealthArguments {
    /// Where the service says how it is
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8006/health")]
    url: String,
    /// How long it may take, s
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

/// Asks, and says it in a line; exit code 0 where the service is healthy or degraded, 1 where it is not or does not answer.
pub fn run(arguments: &HealthArguments) -> anyhow::Result<ExitCode> {
    let (at, path) = parts(&arguments.url)?;
    match ask(at, path, Duration::from_secs(arguments.timeout)) {
        Ok(answer) => {
            let (is_well, said) = told(&answer);
            println!("{said}");
            Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(error) => {
            println!("{}", text::one_line(&format!("{}: {error:#}", arguments.url)));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// `host:port` and path of an address.
fn parts(url: &str) -> anyhow::Result<(&str, &str)> {
    let Some(rest) = url.strip_prefix("http://") else { bail!("{url}: an address such as http://127.0.0.1:8006/health is wanted") };
    let (at, path) = rest.find('/').map_or((rest, "/health"), |slash| rest.split_at(slash));
    match at.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok((at, path)),
        _ => bail!("{url}: there is no port in it, as in http://127.0.0.1:8006/health"),
    }
}

/// The whole answer. HTTP 1.0, so that it comes in one piece and the connection ends with it.
fn ask(at: &str, path: &str, timeout: Duration) -> anyhow::Result<String> {
    let address = at.to_socket_addrs().context("this name is not known")?.next().context("this name has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, timeout).context("nobody answers there")?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // In one piece: some answer, and hang up, as soon as they have read the first line.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {at}\r\nAccept: application/json\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).context("it began to answer and did not end")?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Whether the service is of use, and a line of what it said.
fn told(answer: &str) -> (bool, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let code = head.split_whitespace().nth(1).unwrap_or("no HTTP");
    let report: Value = serde_json::from_str(body).unwrap_or_default();
    let word = |key: &str| report.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
    let down = report.get("dependencies").and_then(Value::as_object).into_iter().flatten().filter(|(_, is)| *is != "ok");
    let down: Vec<String> = down
        .map(|(name, _)| {
            match report.pointer(&format!("/details/{}", name.replace('~', "~0").replace('/', "~1"))).and_then(Value::as_str) {
                Some(why) => format!("{name}: {why}"),
                None => format!("{name} is down"),
            }
        })
        .collect();
    if report.get("status").is_none() {
        return (false, format!("answered {code} without saying how it is: not one of our services, or not its /health"));
    }
    (code == "200", text::one_line(format!("{} {} {}", word("service"), word("status"), down.join("; ")).trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        format!("http://{at}/health")
    }

    fn code(url: String) -> String {
        format!("{:?}", run(&HealthArguments { url, timeout: 5 }).unwrap())
    }

    #[test]
    fn a_service_that_does_without_something_is_of_use() {
        let url = answering("HTTP/1.0 200 OK\r\n\r\n{\"status\":\"degraded\",\"service\":\"meter\",\"dependencies\":{\"mqtt\":\"down\"}}");
        assert_eq!(code(url), format!("{:?}", ExitCode::SUCCESS));
    }

    #[test]
    fn an_unhealthy_service_fails() {
        let url = answering("HTTP/1.0 503 Service Unavailable\r\n\r\n{\"status\":\"unhealthy\"}");
        assert_eq!(code(url), format!("{:?}", ExitCode::FAILURE));
    }

    #[test]
    fn nobody_there_fails() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(code(format!("http://{closed}/health")), format!("{:?}", ExitCode::FAILURE));
    }

    #[test]
    fn what_is_down_is_said_with_why_it_is() {
        let body = r#"{"status":"degraded","service":"meter","dependencies":{"a/b":"down","store":"ok"},"details":{"a/b":"gone; set the broker"}}"#;
        assert_eq!(told(&format!("HTTP/1.0 200 OK\r\n\r\n{body}")), (true, "meter degraded a/b: gone; set the broker".to_owned()));
        for other in ["garbage", "HTTP/1.0 200 OK\r\n\r\n{\"cod\":200}", "HTTP/1.0 200 OK\r\n\r\n<html>"] {
            let (is_well, said) = told(other);
            assert!(!is_well && said.contains("not one of our services"), "{said}");
        }
    }

    #[test]
    fn an_address_needs_a_port_and_may_leave_out_the_path() {
        assert_eq!(parts("http://[::1]:8014").unwrap(), ("[::1]:8014", "/health"));
        assert_eq!(parts("http://127.0.0.1:8014/health/live").unwrap(), ("127.0.0.1:8014", "/health/live"));
        assert!(parts("https://127.0.0.1:8014").is_err());
        assert!(parts("http://127.0.0.1/health").is_err());
    }
}
