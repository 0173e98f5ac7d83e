//! Logging in to Sense; what is given is kept in memory only.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::feed::Failed;
use crate::adapters::AdapterError;
use crate::adapters::numbers::json;
use crate::adapters::web::Web;

/// What lets in.
struct Tokens {
    access: SecretString,
    /// What renews it, and whose it is.
    refresh: Option<(String, SecretString)>,
    monitors: Vec<String>,
    is_refused: bool,
}

/// One account, logged in or not.
pub(super) struct Login {
    web: Web,
    email: String,
    password: SecretString,
    tokens: Option<Tokens>,
}

impl Login {
    /// Of an account; asks for nothing yet.
    pub fn new(api: &str, email: &str, password: SecretString, timeout: Duration) -> Result<Self, AdapterError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| AdapterError::Unsupported(format!("this machine gives no random numbers: {error}")))?;
        let device = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let headers = BTreeMap::from([("x-sense-device-id".to_owned(), SecretString::from(device))]);
        let web = Web::new("[sense]", &SecretString::from(api), &headers, timeout)?;
        Ok(Login { web, email: email.trim().to_owned(), password, tokens: None })
    }

    /// The token that lets in, and the monitors of the account.
    pub async fn token(&mut self) -> Result<(SecretString, Vec<String>), AdapterError> {
        let known = match self.tokens.take() {
            Some(tokens) if tokens.is_refused => self.renew(tokens).await?,
            known => known,
        };
        let tokens = match known {
            Some(tokens) => tokens,
            None => self.log_in().await?,
        };
        let tokens = self.tokens.insert(tokens);
        Ok((tokens.access.clone(), tokens.monitors.clone()))
    }

    /// The token was refused: the next is a renewed one.
    pub fn refused(&mut self) {
        if let Some(tokens) = &mut self.tokens {
            tokens.is_refused = true;
        }
    }

    /// Forgets all that lets in: the next token is that of a new login.
    pub fn forget(&mut self) {
        self.tokens = None;
    }

    /// What the API answers at a path to whoever has this token, with its text; `Unsupported` where it knows no such path.
    pub async fn get(&self, path: &str, token: &SecretString) -> Result<(Value, String), Failed> {
        let bearer = format!("bearer {}", token.expose_secret());
        let answer = self.web.ask(Method::GET, path, "", Vec::new(), &[("authorization", &bearer)]).await?;
        let host = self.web.host();
        match answer.status.as_u16() {
            200..300 => {
                let said =
                    json(&answer.body).map_err(|why| AdapterError::Protocol(format!("what {host} answers makes no sense: {why}")))?;
                Ok((said, String::from_utf8_lossy(&answer.body).into_owned()))
            }
            401 | 403 => Err(Failed::Refused),
            429 => Err(AdapterError::Unreachable(format!("{host} asks to be asked less often: raise `every` in [sense]")).into()),
            400 | 404 | 405 | 410 | 501 => Err(AdapterError::Unsupported(format!("{host} answers {}", answer.status)).into()),
            _ => Err(AdapterError::Unreachable(format!("{host} answers {}", answer.status)).into()),
        }
    }

    /// A new token for one that was refused; `None` where only a login gives one.
    async fn renew(&mut self, refused: Tokens) -> Result<Option<Tokens>, AdapterError> {
        let Some((user, refresh)) = &refused.refresh else { return Ok(None) };
        match self.post("renew", &[("user_id", user), ("refresh_token", refresh.expose_secret())]).await {
            Ok(said) => {
                let tokens = tokens(&said);
                let kept = |tokens: Tokens| {
                    let monitors = if tokens.monitors.is_empty() { refused.monitors } else { tokens.monitors };
                    Tokens { refresh: tokens.refresh.or(refused.refresh), monitors, ..tokens }
                };
                Ok(tokens.map(kept))
            }
            Err(AdapterError::Unauthorized(_)) => Ok(None),
            Err(error) => {
                // It may renew the token yet when Sense is back.
                self.tokens = Some(refused);
                Err(error)
            }
        }
    }

    async fn log_in(&self) -> Result<Tokens, AdapterError> {
        let said = self.post("authenticate", &[("email", &self.email), ("password", self.password.expose_secret())]).await?;
        let nonsense = || AdapterError::Protocol(format!("the login at {} gives no token", self.web.host()));
        tokens(&said).ok_or_else(nonsense)
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, AdapterError> {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.web.ask(Method::POST, path, "", encoded(form).into_bytes(), &headers).await?;
        let (host, status) = (self.web.host(), answer.status);
        let said = json(&answer.body);
        if status.is_success() {
            // The answer holds tokens: nothing of it is shown.
            return said.map_err(|_| AdapterError::Protocol(format!("what {host} answers to a login is no JSON")));
        }
        let asks_for_a_code = said.is_ok_and(|said| said.get("mfa_token").is_some());
        Err(match status.as_u16() {
            401 if asks_for_a_code => AdapterError::Unauthorized(
                "Sense asks for the code of a second factor, which nobody can give here each time: switch two-step login off in its app"
                    .to_owned(),
            ),
            400 | 401 | 403 => AdapterError::Unauthorized("Sense does not take this email and password: see [sense]".to_owned()),
            429 => AdapterError::Unreachable(format!("{host} asks to be asked less often: raise `every` in [sense]")),
            _ => AdapterError::Unreachable(format!("{host} answers {status}")),
        })
    }
}

/// A form as browsers send it.
fn encoded(form: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse("http://form") else { return String::new() };
    url.query_pairs_mut().extend_pairs(form);
    url.query().unwrap_or_default().to_owned()
}

fn tokens(said: &Value) -> Option<Tokens> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let known = |key: &str| said.get(key).and_then(text);
    let monitors = said.get("monitors").and_then(Value::as_array).into_iter().flatten();
    Some(Tokens {
        access: known("access_token")?.into(),
        refresh: known("user_id").zip(known("refresh_token").map(SecretString::from)),
        monitors: monitors.filter_map(|monitor| monitor.get("id").and_then(text)).collect(),
        is_refused: false,
    })
}
