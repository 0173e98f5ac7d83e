//! Logging in where Emporia does: at Amazon Cognito, by a proof of the password; what is given is kept in memory only.

use std::time::Duration;

use chrono::Utc;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::srp::{self, Challenge, Proof};
use crate::adapters::AdapterError;
use crate::adapters::numbers::{json as parsed, number};
use crate::adapters::web::Web;

/// The app's client and its user pool, as PyEmVue's `auth.py` has them.
const CLIENT: &str = "4qte47jbstod8apnfic0bunmrq";
/// The user pool after its region, which is us-east-2.
const POOL: &str = "ghlOXVLi1";
const SERVICE: &str = "AWSCognitoIdentityProviderService";
/// How long before it runs out a token is replaced.
const EARLY: Duration = Duration::from_secs(300);
/// How long a token holds where nothing is said.
const HOLDS_S: f64 = 3600.0;

struct Tokens {
    id: SecretString,
    refresh: Option<SecretString>,
    until: Instant,
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
    pub fn new(web: Web, email: &str, password: SecretString) -> Self {
        Login { web, email: email.trim().to_lowercase(), password, tokens: None }
    }

    /// The token that lets in: the one that is known, else what it is renewed to, else that of a new login.
    pub async fn token(&mut self) -> Result<SecretString, AdapterError> {
        if let Some(tokens) = self.tokens.as_ref().filter(|tokens| Instant::now() < tokens.until) {
            return Ok(tokens.id.clone());
        }
        let renewed = match self.tokens.as_ref().and_then(|tokens| tokens.refresh.clone()) {
            Some(refresh) => match self.renew(refresh).await {
                // What renewed the token does so no more.
                Err(AdapterError::Unauthorized(_)) => None,
                renewed => Some(renewed?),
            },
            None => None,
        };
        let tokens = match renewed {
            Some(tokens) => tokens,
            None => {
                self.tokens = None;
                self.log_in().await?
            }
        };
        Ok(self.tokens.insert(tokens).id.clone())
    }

    /// The token was refused: the next is a renewed one.
    pub fn refused(&mut self) {
        if let Some(tokens) = &mut self.tokens {
            tokens.until = Instant::now();
        }
    }

    /// Forgets all that lets in: the next token is that of a new login.
    pub fn forget(&mut self) {
        self.tokens = None;
    }

    async fn renew(&self, refresh: SecretString) -> Result<Tokens, AdapterError> {
        let parameters = json!({"REFRESH_TOKEN": refresh.expose_secret()});
        let said =
            self.ask("InitiateAuth", &json!({"AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": CLIENT, "AuthParameters": parameters})).await?;
        let mut tokens = self.tokens_of(&said)?;
        // The one that renews stays the same, and is mostly not said again.
        tokens.refresh = tokens.refresh.or(Some(refresh));
        Ok(tokens)
    }

    async fn log_in(&self) -> Result<Tokens, AdapterError> {
        let nonsense = |why: &str| AdapterError::Protocol(format!("the login at {} makes no sense: {why}", self.web.host()));
        let proof = Proof::new().map_err(AdapterError::Unsupported)?;
        let parameters = json!({"USERNAME": self.email, "SRP_A": proof.srp_a()});
        let said =
            self.ask("InitiateAuth", &json!({"AuthFlow": "USER_SRP_AUTH", "ClientId": CLIENT, "AuthParameters": parameters})).await?;
        match said.get("ChallengeName").and_then(Value::as_str) {
            Some("PASSWORD_VERIFIER") => {}
            other => return Err(self.asks_for_more(other)),
        }
        let parameter = |name: &str| said.pointer(&format!("/ChallengeParameters/{name}")).and_then(Value::as_str);
        let needed = |name: &str| parameter(name).ok_or_else(|| nonsense(&format!("there is no {name} in it")));
        let user = needed("USER_ID_FOR_SRP")?;
        let challenge = Challenge { user, salt: needed("SALT")?, srp_b: needed("SRP_B")?, secret_block: needed("SECRET_BLOCK")? };
        let timestamp = srp::timestamp(Utc::now());
        let signature = proof.answer(POOL, &self.password, &challenge, &timestamp).map_err(|why| nonsense(&why))?;
        let responses = json!({
            "USERNAME": parameter("USERNAME").unwrap_or(user),
            "TIMESTAMP": timestamp,
            "PASSWORD_CLAIM_SECRET_BLOCK": challenge.secret_block,
            "PASSWORD_CLAIM_SIGNATURE": signature,
        });
        let mut answer = json!({"ClientId": CLIENT, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": responses});
        if let Some(session) = said.get("Session").filter(|session| session.is_string()) {
            answer["Session"] = session.clone();
        }
        let said = self.ask("RespondToAuthChallenge", &answer).await?;
        self.tokens_of(&said)
    }

    fn tokens_of(&self, said: &Value) -> Result<Tokens, AdapterError> {
        let result = said.get("AuthenticationResult");
        let token = |name: &str| result.and_then(|result| result.get(name)).and_then(Value::as_str).map(SecretString::from);
        let Some(id) = token("IdToken") else { return Err(self.asks_for_more(said.get("ChallengeName").and_then(Value::as_str))) };
        let holds_s = result.and_then(|result| result.get("ExpiresIn")).and_then(number).filter(|s| *s > 0.0).unwrap_or(HOLDS_S);
        let holds = Duration::from_secs_f64(holds_s.min(30.0 * 86_400.0));
        let until = Instant::now() + holds.saturating_sub(EARLY).max(holds / 2);
        Ok(Tokens { id, refresh: token("RefreshToken"), until })
    }

    fn asks_for_more(&self, challenge: Option<&str>) -> AdapterError {
        AdapterError::Unauthorized(match challenge {
            Some("SMS_MFA" | "SOFTWARE_TOKEN_MFA" | "EMAIL_OTP" | "SMS_OTP" | "SELECT_MFA_TYPE" | "MFA_SETUP") => {
                "Emporia asks for the code of a second factor, which nobody can give here each time: switch it off for this account"
                    .to_owned()
            }
            Some("NEW_PASSWORD_REQUIRED") => "Emporia wants a new password for this account: set one in its app".to_owned(),
            Some(other) => format!("Emporia's login asks for {}, which is not known here", other.escape_debug()),
            None => "Emporia's login gives no token: see that its app lets this account in".to_owned(),
        })
    }

    async fn ask(&self, what: &str, body: &Value) -> Result<Value, AdapterError> {
        let target = format!("{SERVICE}.{what}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let answer = self.web.ask(Method::POST, "", "", body.to_string().into_bytes(), &headers).await?;
        let said = parsed(&answer.body);
        if answer.status.is_success() {
            // The answer holds tokens: nothing of it is shown.
            return said.map_err(|_| AdapterError::Protocol(format!("what {} answers to a login is no JSON", self.web.host())));
        }
        let said = said.unwrap_or_default();
        let kind = said.get("__type").and_then(Value::as_str).unwrap_or_default();
        let why = said.get("message").or_else(|| said.get("Message")).and_then(Value::as_str).unwrap_or_default();
        Err(self.refusal(answer.status, kind.rsplit('#').next().unwrap_or_default(), why))
    }

    fn refusal(&self, status: StatusCode, kind: &str, why: &str) -> AdapterError {
        let out = |why: &str| AdapterError::Unauthorized(why.to_owned());
        match kind {
            "NotAuthorizedException" if why.contains("attempts exceeded") => {
                out("Emporia lets nobody in for now, as a wrong password was tried too often: see `password` in [emporia]")
            }
            "NotAuthorizedException" | "UserNotFoundException" => {
                out("Emporia does not take this email and password: see [emporia], and that this machine's clock is right")
            }
            "UserNotConfirmedException" => out("Emporia waits for this email to be confirmed: open the mail that it sent"),
            "PasswordResetRequiredException" => out("Emporia wants a new password for this account: set one in its app"),
            "TooManyRequestsException" | "LimitExceededException" => {
                AdapterError::Unreachable("Emporia's login asks to be asked less often: it is tried again later".to_owned())
            }
            "InvalidParameterException" | "ResourceNotFoundException" => AdapterError::Unsupported(
                "Emporia's login has changed, so that it cannot be used from here: see whether there is a newer version".to_owned(),
            ),
            _ => AdapterError::Unreachable(format!("{} answers {status} to a login", self.web.host())),
        }
    }
}
