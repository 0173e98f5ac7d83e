//! Sessions with devices over HTTP: opened by handshakes, and opened again when they have run out.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::aes;
use super::config::Credentials;
use super::http::{Answer, BYTES, Http, JSON, LASTS, SESSION};
use super::klap::{self, Seed, Version};
use super::{Trouble, Trouble::Refused};
use crate::adapters::numbers::json as parse;
use crate::adapters::tapo::wire::{self, request};

/// How long a session lasts where the device does not say.
const USUAL: Duration = Duration::from_secs(24 * 3600);
/// How long before its end it is not used any more: clocks of devices are not exact.
const EARLY: Duration = Duration::from_secs(20 * 60);
/// Errors of a session that has run out, or that the device forgot.
const RUN_OUT: [i64; 3] = [9999, 1002, 1112];
/// Errors that say that the credentials are wrong.
const WRONG: [i64; 2] = [-1501, 1111];
/// What old and new firmware alike say to a protocol that they do not speak.
pub(super) const THIRD_PARTY: &str = "in the Tapo app, Me, Third-Party Services, turn Third-Party Compatibility on (off and on again where it is), then it lets other programs in";

/// A session over HTTP.
pub(super) enum Session {
    /// KLAP.
    Klap(Version, klap::Session),
    /// `securePassthrough`, with the token of the login.
    Aes(aes::Session, String),
}

/// A session, and with whom.
pub(super) struct Open {
    http: Http,
    session: Session,
    cookie: Option<String>,
    until: Instant,
}

/// What came of a request.
enum Said {
    Answer(Value),
    RunOut(String),
}

impl Open {
    /// Opens a session by KLAP. `Ok(None)`: it does not speak that.
    pub async fn klap(http: Http, credentials: &Credentials) -> Result<Option<Self>, Trouble> {
        let mut local: Seed = [0; 16];
        getrandom::fill(&mut local).map_err(|error| Trouble::Away(format!("there are no random numbers: {error}")))?;
        let first = http.post("app/handshake1", None, None, BYTES, local.to_vec()).await?;
        let (200, Some((remote, shown))) = (first.status, first.body.split_first_chunk::<16>()) else { return Ok(None) };
        if shown.len() != 32 {
            return Ok(None);
        }
        let known = credentials.all().into_iter().flat_map(|(username, password)| {
            [Version::Two, Version::One].map(|version| (version, version.of_credentials(username, password)))
        });
        let matching = known.into_iter().find(|(version, hash)| version.of_device(&local, remote, hash) == *shown);
        let (version, hash) = matching.ok_or_else(|| wrong_credentials(&http, credentials))?;
        let cookie = first.cookie(SESSION).map(str::to_owned);
        let until = ends(&first);
        let second = http.post("app/handshake2", None, cookie.as_deref(), BYTES, version.of_us(&local, remote, &hash).to_vec()).await?;
        if second.status != 200 {
            return Err(Trouble::Away(format!(
                "{} answers {} to the second handshake; another program may be talking to it",
                http.place(),
                second.status
            )));
        }
        let session = Session::Klap(version, klap::Session::new(&local, remote, &hash));
        Ok(Some(Open { http, session, cookie, until }))
    }

    /// Opens a session by `securePassthrough`; `version` is that of its login, where that is known. `Ok(None)`: it does not speak that.
    pub async fn aes(http: Http, credentials: &Credentials, version: Option<u8>) -> Result<Option<Self>, Trouble> {
        let versions = version.map_or(vec![2, 1], |version| vec![version]);
        for (username, password) in credentials.all().into_iter().filter(|(username, _)| !username.is_empty()) {
            // None but the Tapo user is known to be let in beside the owner.
            if username == "kasa@tp-link.net" && credentials.are_given() {
                continue;
            }
            for &version in &versions {
                let Some(mut open) = Open::shake_hands(http.clone()).await? else { return Ok(None) };
                let login = request("login_device", aes::login(version, username, password));
                let answer = match open.once(&login).await? {
                    Said::Answer(answer) => answer,
                    Said::RunOut(why) => return Err(Trouble::Away(why)),
                };
                match wire::error_code(&answer) {
                    Some(0) => {}
                    Some(code) if WRONG.contains(&code) => continue,
                    code => return Err(open.refusal("login_device", code)),
                }
                if let (Session::Aes(_, token), Some(given)) = (&mut open.session, answer.pointer("/result/token").and_then(Value::as_str))
                {
                    given.clone_into(token);
                    return Ok(Some(open));
                }
                return Err(Trouble::Nonsense(format!("{} lets us in but gives no token", http.place())));
            }
        }
        Err(wrong_credentials(&http, credentials))
    }

    async fn shake_hands(http: Http) -> Result<Option<Self>, Trouble> {
        let made = tokio::task::spawn_blocking(aes::Key::make).await.map_err(|error| error.to_string());
        let key = made.and_then(|key| key).map_err(Trouble::Away)?;
        let handshake = request("handshake", json!({"key": key.public().map_err(Trouble::Away)?}));
        let answer = http.post("app", None, None, JSON, handshake.to_string().into_bytes()).await?;
        let said = parse(&answer.body).unwrap_or(Value::Null);
        match (answer.status, wire::error_code(&said), said.pointer("/result/key").and_then(Value::as_str)) {
            (200, Some(0), Some(sent)) => {
                let session =
                    key.open(sent).map_err(|why| Trouble::Nonsense(format!("the handshake with {} fails: {why}", http.place())))?;
                let cookie = answer.cookie(SESSION).or(answer.cookie("SESSIONID")).map(str::to_owned);
                let until = ends(&answer);
                Ok(Some(Open { http, session: Session::Aes(session, String::new()), cookie, until }))
            }
            _ => Ok(None),
        }
    }

    /// Whether it is KLAP of the version that only devices of the older language speak.
    pub fn is_of_iot(&self) -> bool {
        matches!(self.session, Session::Klap(Version::One, _))
    }

    /// Whether it is `securePassthrough`.
    pub fn is_aes(&self) -> bool {
        matches!(self.session, Session::Aes(..))
    }

    /// What it answers. A session that has run out is opened again, once.
    pub async fn ask(&mut self, request: &Value, credentials: &Credentials) -> Result<Value, Trouble> {
        if Instant::now() >= self.until {
            self.again(credentials).await?;
        }
        if let Said::Answer(answer) = self.once(request).await? {
            return Ok(answer);
        }
        self.again(credentials).await?;
        match self.once(request).await? {
            Said::Answer(answer) => Ok(answer),
            Said::RunOut(why) => Err(Trouble::Away(format!("{why}, also after a new handshake; another program may be talking to it"))),
        }
    }

    async fn again(&mut self, credentials: &Credentials) -> Result<(), Trouble> {
        let http = self.http.clone();
        let opened = match &self.session {
            Session::Klap(..) => Open::klap(http, credentials).await?,
            Session::Aes(..) => Open::aes(http, credentials, None).await?,
        };
        *self = opened.ok_or_else(|| Trouble::Away(format!("{} does not speak what it spoke before", self.http.place())))?;
        Ok(())
    }

    async fn once(&mut self, request: &Value) -> Result<Said, Trouble> {
        let place = self.http.place().clone();
        let nonsense = |why: &str| Trouble::Nonsense(format!("the answer of {place} makes no sense: {why}"));
        let plain = request.to_string().into_bytes();
        let cookie = self.cookie.as_deref();
        match &mut self.session {
            Session::Klap(_, session) => {
                let (sealed, number) = session.next(&plain);
                let answer = self.http.post("app/request", Some(("seq", &number.to_string())), cookie, BYTES, sealed).await?;
                match answer.status {
                    200 => {}
                    status @ (401 | 403) => return Ok(Said::RunOut(format!("{place} answers {status}"))),
                    status => return Err(Trouble::Away(format!("{place} answers {status}"))),
                }
                let text = session.open(&answer.body).map_err(nonsense)?;
                let said = parse(&text).map_err(|why| nonsense(&why))?;
                Ok(run_out(&place.to_string(), &said).unwrap_or(Said::Answer(said)))
            }
            Session::Aes(session, token) => {
                let passed = json!({"method": "securePassthrough", "params": {"request": session.seal(&plain)}});
                let parameter = Some(("token", token.as_str())).filter(|(_, token)| !token.is_empty());
                let answer = self.http.post("app", parameter, cookie, JSON, passed.to_string().into_bytes()).await?;
                match answer.status {
                    200 => {}
                    status @ (401 | 403) => return Ok(Said::RunOut(format!("{place} answers {status}"))),
                    status => return Err(Trouble::Away(format!("{place} answers {status}"))),
                }
                let outer = parse(&answer.body).map_err(|why| nonsense(&why))?;
                if let Some(said) = run_out(&place.to_string(), &outer) {
                    return Ok(said);
                }
                let Some(inner) = outer.pointer("/result/response").and_then(Value::as_str) else {
                    return match wire::error_code(&outer) {
                        Some(code) if code != 0 => Ok(Said::Answer(outer)),
                        _ => Err(nonsense("there is no `response` in it")),
                    };
                };
                let text = session.open(inner).map_err(nonsense)?;
                let said = parse(&text).map_err(|why| nonsense(&why))?;
                Ok(run_out(&place.to_string(), &said).unwrap_or(Said::Answer(said)))
            }
        }
    }

    /// What an error that it tells means.
    pub fn refusal(&self, method: &str, code: Option<i64>) -> Trouble {
        let place = self.http.place();
        match code {
            Some(code) => Trouble::Nonsense(format!("{place} refuses `{method}` with error {code}")),
            None => Trouble::Nonsense(format!("the answer of {place} to `{method}` tells no error and no result")),
        }
    }
}

fn run_out(place: &str, said: &Value) -> Option<Said> {
    let code = wire::error_code(said).filter(|code| RUN_OUT.contains(code))?;
    Some(Said::RunOut(format!("{place} answers error {code}, which is a session that has run out")))
}

fn ends(answer: &Answer) -> Instant {
    let lasts = answer.cookie(LASTS).and_then(|text| text.trim().parse().ok()).map_or(USUAL, Duration::from_secs).min(USUAL);
    // One that lasts less than the usual margin is used for half of its time.
    Instant::now() + lasts.saturating_sub(EARLY).max(lasts / 2)
}

fn wrong_credentials(http: &Http, credentials: &Credentials) -> Trouble {
    let place = http.place();
    Refused(if credentials.are_given() {
        format!("{place} does not know this user and password: give those of the Kasa or Tapo app, where capitals count in both")
    } else {
        format!("{place} wants the user and password of the Kasa or Tapo app: set `username` and `password`")
    })
}
