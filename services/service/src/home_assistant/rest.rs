use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Address, Config, HaError};
use crate::tls;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Home Assistant's REST API.
#[derive(Clone)]
pub struct Rest {
    client: Client,
    address: Address,
    token: SecretString,
}

impl Rest {
    /// Prepares requests; connects to nothing yet.
    pub fn new(config: &Config) -> Result<Self, HaError> {
        let tls = tls::client_config(config.ca_file.as_deref()).map_err(HaError::Setup)?;
        let builder = Client::builder().tls_backend_preconfigured((*tls).clone()).timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        let client = builder.build().map_err(|e| HaError::Setup(format!("the HTTP client cannot be set up: {e}")))?;
        Ok(Rest { client, address: config.address()?, token: config.token()? })
    }

    /// `GET` of a path such as `/api/config`.
    pub async fn get(&self, path: &str) -> Result<Value, HaError> {
        self.ask(Method::GET, path, None).await
    }

    /// `POST` of JSON to a path such as `/api/states/sensor.x`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, HaError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// `DELETE` of a path.
    pub async fn delete(&self, path: &str) -> Result<Value, HaError> {
        self.ask(Method::DELETE, path, None).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, HaError> {
        let mut request = self.client.request(method, self.address.join(path)).bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|e| self.failed(&e))?;
        let status = response.status();
        let text = response.text().await.map_err(|e| self.failed(&e))?;
        let message = || {
            let said = serde_json::from_str::<Value>(&text).ok().and_then(|v| Some(v.get("message")?.as_str()?.to_owned()));
            said.unwrap_or_else(|| text.chars().take(200).collect())
        };
        match status {
            s if s.is_success() => serde_json::from_str(&text)
                .map_err(|_| HaError::Protocol(format!("{} does not answer {path} like Home Assistant: is the URL right?", self.address))),
            StatusCode::UNAUTHORIZED => Err(HaError::Unauthorized { url: self.address.to_string() }),
            s if s.is_server_error() => {
                Err(HaError::Unreachable(format!("Home Assistant at {} answers {s} to {path}: {}", self.address, message())))
            }
            s => Err(HaError::Refused { what: path.to_owned(), code: s.as_u16().to_string(), message: message() }),
        }
    }

    fn failed(&self, error: &reqwest::Error) -> HaError {
        let address = &self.address;
        let mut why: &dyn std::error::Error = error;
        while let Some(source) = why.source() {
            why = source;
        }
        if error.is_timeout() {
            HaError::Timeout(format!("Home Assistant at {address} did not answer in time"))
        } else if why.is::<rustls::Error>() {
            HaError::tls(&address.to_string(), &why)
        } else {
            HaError::Unreachable(format!("Home Assistant at {address} cannot be reached: {why}"))
        }
    }
}
