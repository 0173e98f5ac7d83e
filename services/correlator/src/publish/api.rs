use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::Value;
use wattribute_service::home_assistant::{Config, Connection, HaError, Rest};

use super::home_assistant::{CallError, HomeAssistant};

/// How long Home Assistant is left alone after it did not accept the token: it bans those who hammer.
const LEFT_ALONE: Duration = Duration::from_secs(600);

/// Home Assistant's APIs for publishing: REST, and a WebSocket that is opened when it is first needed and again after it closed.
pub struct Api {
    config: Config,
    rest: Rest,
    connection: tokio::sync::Mutex<Option<Connection>>,
    unauthorized: Mutex<Option<(Instant, String)>>,
}

impl Api {
    /// Prepares the connections; connects to nothing yet.
    pub fn new(config: &Config) -> Result<Self, HaError> {
        Ok(Api {
            config: config.clone(),
            rest: Rest::new(config)?,
            connection: tokio::sync::Mutex::new(None),
            unauthorized: Mutex::new(None),
        })
    }

    fn may_ask(&self) -> Result<(), CallError> {
        let unauthorized = self.unauthorized.lock().unwrap_or_else(PoisonError::into_inner);
        match &*unauthorized {
            Some((at, why)) if at.elapsed() < LEFT_ALONE => Err(CallError::Away(why.clone())),
            _ => Ok(()),
        }
    }

    fn heard<T>(&self, answer: Result<T, HaError>) -> Result<T, CallError> {
        answer.map_err(|error| match error {
            HaError::Unauthorized { .. } => {
                let why = error.to_string();
                *self.unauthorized.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), why.clone()));
                CallError::Away(why)
            }
            HaError::Unreachable(why) | HaError::Setup(why) => CallError::Away(why),
            HaError::Timeout(why) | HaError::Protocol(why) => CallError::Unclear(why),
            HaError::Refused { code, message, .. } => CallError::Refused { code, message },
        })
    }
}

#[async_trait]
impl HomeAssistant for Api {
    async fn command(&self, command: Value) -> Result<Value, CallError> {
        self.may_ask()?;
        let mut connection = self.connection.lock().await;
        let open = match &*connection {
            Some(open) => open.clone(),
            None => connection.insert(self.heard(Connection::open(&self.config).await)?).clone(),
        };
        let answer = open.call(command).await;
        if matches!(answer, Err(HaError::Unreachable(_) | HaError::Timeout(_) | HaError::Protocol(_))) {
            *connection = None;
        }
        self.heard(answer)
    }

    async fn get(&self, path: &str) -> Result<Option<Value>, CallError> {
        self.may_ask()?;
        match self.heard(self.rest.get(path).await) {
            Ok(found) => Ok(Some(found)),
            Err(CallError::Refused { code, .. }) if code == "404" => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn post(&self, path: &str, body: Value) -> Result<(), CallError> {
        self.may_ask()?;
        self.heard(self.rest.post(path, &body).await).map(drop)
    }

    async fn delete(&self, path: &str) -> Result<(), CallError> {
        self.may_ask()?;
        match self.heard(self.rest.delete(path).await) {
            Err(CallError::Refused { code, .. }) if code == "404" => Ok(()),
            answer => answer.map(drop),
        }
    }
}
