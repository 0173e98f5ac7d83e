//! Who gets in, as the binary decides it: from another network namespace where this machine lets us make one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod running;
mod street;

use std::time::{Duration, Instant};

use reqwest::redirect::Policy;

use running::{Running, wattribute};
use street::Street;

const PARTS: [&str; 4] = ["meter", "correlator", "data API", "dashboard"];
/// Within this a token that was made or revoked is known everywhere.
const SECONDS: Duration = Duration::from_secs(5);
const EVERYWHERE: [(&str, &str); 4] = [
    ("WATTRIBUTE__METER__LISTEN", "0.0.0.0:0"),
    ("WATTRIBUTE__CORRELATOR__LISTEN", "0.0.0.0:0"),
    ("WATTRIBUTE__DATA_API__LISTEN", "0.0.0.0:0"),
    ("WATTRIBUTE__DASHBOARD__LISTEN", "0.0.0.0:0"),
];

/// Makes a token by the command; the token.
fn create(folder: &std::path::Path, name: &str, scope: &str, more: &[&str]) -> String {
    let arguments = [&["token", "create", "--name", name, "--scope", scope], more].concat();
    let said = wattribute(&arguments, folder, &[]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

/// Asks until the status is that one, for a few seconds.
async fn until(status: u16, ask: impl AsyncFn() -> u16) {
    let begun = Instant::now();
    loop {
        let said = ask().await;
        if said == status {
            return;
        }
        assert!(begun.elapsed() < SECONDS, "still {said}, not {status}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn from_elsewhere_nothing_but_the_health_is_answered() {
    let Some(street) = Street::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let variables = [EVERYWHERE.as_slice(), &[("WATTRIBUTE__ACCESS__RATE_LIMIT_PER_MINUTE", "0")]].concat();
    let running = Running::start("demo", folder.path(), &variables);
    let read = create(folder.path(), "phone", "read", &["--demo"]);
    let push = create(folder.path(), "esp32", "push", &["--demo"]);
    let current = street.url(&running, "data API", "/api/v1/energy/current");
    until(200, async || street.ask("GET", &current, &[&bearer(&read)]).0).await;
    let mut asked = 0;
    for part in PARTS {
        let (_, api) = running.json(part, "/openapi.json").await;
        let described = api["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        });
        let others =
            ["/", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/index.html", "/assets/index.js", "/nothing", "/health-of-others"];
        for (method, path) in described.chain(others.map(|path| ("GET".to_owned(), path.to_owned()))) {
            let url = street.url(&running, part, &path.replace(['{', '}'], ""));
            let (status, said) = street.ask(&method, &url, &[]);
            if path == "/health" || path.starts_with("/health/") {
                assert!(status == 200 && !said.contains("http://"), "{part} {path}: {said}");
                continue;
            }
            assert_eq!(status, 401, "{part} {method} {path}: {said}");
            assert!(said.contains("application/problem+json") && said.to_lowercase().contains("www-authenticate: bearer"), "{said}");
            let streams = path.ends_with("/live");
            if method == "GET" && !streams {
                let (status, said) = street.ask("GET", &url, &[&bearer(&read)]);
                assert!(![401, 403, 500].contains(&status), "{part} {path}: {said}");
                assert_eq!(street.ask("GET", &url, &[&bearer(&push)]).0, 403, "{part} {path}");
            } else if !streams {
                assert_eq!(street.ask(&method, &url, &[&bearer(&read)]).0, 403, "{part} {method} {path}");
            }
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
    assert_eq!(running.stop(), Some(0));
}

#[tokio::test]
async fn from_elsewhere_guesses_are_few_names_are_ours_and_revoked_is_revoked() {
    let Some(street) = Street::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("demo", folder.path(), &EVERYWHERE);
    let token = create(folder.path(), "phone", "read", &["--demo"]);
    let url = street.url(&running, "data API", "/api/v1/energy/current");
    until(200, async || street.ask("GET", &url, &[&bearer(&token)]).0).await;
    assert_eq!(street.ask("GET", &url, &[&bearer(&token), "Host: evil.example"]).0, 421);
    assert_eq!(street.ask("GET", &format!("{url}?token={token}"), &[]).0, 400);
    let guesses: Vec<(u16, String)> = (0..12).map(|i| street.ask("GET", &url, &[&bearer(&format!("guess{i}"))])).collect();
    assert!(guesses.iter().take(5).all(|(status, _)| *status == 401), "{guesses:?}");
    let (status, said) = guesses.last().unwrap();
    assert!(*status == 429 && said.to_lowercase().contains("retry-after: "), "{said}");
    assert_eq!(
        street.ask("POST", &street.url(&running, "dashboard", "/login"), &["Content-Type: application/x-www-form-urlencoded"]).0,
        422
    );
    assert_eq!(street.ask("GET", &url, &[&bearer(&token)]).0, 200);
    assert_eq!(running.json("data API", "/api/v1/energy/current").await.0, 200);
    let (status, said) = street.ask("GET", &street.url(&running, "dashboard", "/"), &["Accept: text/html"]);
    assert!(status == 303 && said.to_lowercase().contains("location: login?next="), "{said}");
    assert!(wattribute(&["token", "revoke", "phone", "--demo"], folder.path(), &[]).status.success());
    let wrong = async || match street.ask("GET", &url, &[&bearer(&token)]).0 {
        429 => 401,
        status => status,
    };
    until(401, wrong).await;
    assert_eq!(running.stop(), Some(0));
    assert!(!running::log(folder.path()).contains(&token[4..]) && !running::log(folder.path()).contains("guess"));
}

/// A proxy's header over loopback makes a request count as one from elsewhere: this needs no namespace.
#[tokio::test]
async fn every_process_knows_a_token_a_login_and_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["meter", "correlator", "data-api"].map(|service| Running::start(service, folder.path(), &[]));
    let paths = [("meter", "/consumption"), ("correlator", "/statistics"), ("data API", "/api/v1/energy/current")];
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let elsewhere = |url: String| client.get(url).header("x-forwarded-for", "203.0.113.9");
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    let token = create(folder.path(), "phone", "write", &[]);
    for (running, (part, path)) in all.iter().zip(paths) {
        assert_eq!(status(elsewhere(running.url(part, path))).await, 401, "{part}");
        until(200, async || status(elsewhere(running.url(part, path)).bearer_auth(&token)).await).await;
    }
    let login = client.post(all[2].url("dashboard", "/login")).header("x-forwarded-for", "203.0.113.9");
    let login = login.header("content-type", "application/x-www-form-urlencoded").body(format!("token={token}")).send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    for (running, (part, path)) in all.iter().zip(paths) {
        until(200, async || status(elsewhere(running.url(part, path)).header("cookie", &cookie)).await).await;
    }
    let said = wattribute(&["token", "revoke", "phone"], folder.path(), &[]);
    assert!(said.status.success());
    for (running, (part, path)) in all.iter().zip(paths) {
        until(401, async || status(elsewhere(running.url(part, path)).header("cookie", &cookie)).await).await;
        until(401, async || status(elsewhere(running.url(part, path)).bearer_auth(&token)).await).await;
    }
    for running in all {
        assert_eq!(running.stop(), Some(0));
    }
}

#[test]
fn a_token_is_printed_once_and_a_mistake_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let token = create(folder.path(), "phone", "read", &[]);
    assert!(token.starts_with("wtt_") && token.len() == 47, "{token}");
    let list = wattribute(&["token", "list"], folder.path(), &[]);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.starts_with("phone ") && list.contains("read") && !list.contains(&token[4..]), "{list}");
    for (arguments, says) in [
        (["create", "--name", "phone", "--scope", "read"].as_slice(), "phone already"),
        (&["create", "--name", "a b", "--scope", "read"], "letters"),
        (&["create", "--name", "tv", "--scope", "all"], "read, write or push"),
        (&["revoke", "tv"], "no token of the name tv"),
    ] {
        let said = wattribute(&[&["token"], arguments].concat(), folder.path(), &[]);
        let error = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.code() == Some(2) && error.lines().count() == 1 && error.contains(says), "{error}");
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}
