use async_trait::async_trait;
use serde_json::Value;

/// Why Home Assistant was not told, by what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It was not reached: nothing was said. Say it again later.
    #[error("{0}")]
    Away(String),
    /// It was reached and the answer is missing: it may have heard. Do not say again what must be said once.
    #[error("{0}")]
    Unclear(String),
    /// It does not take this. Saying it again does not help.
    #[error("Home Assistant refuses ({code}): {message}")]
    Refused {
        /// Home Assistant's word (`invalid_format`, `unknown_command`), or the HTTP status.
        code: String,
        /// Its text.
        message: String,
    },
}

/// As much of Home Assistant as publishing needs.
#[async_trait]
pub trait HomeAssistant: Send + Sync + 'static {
    /// A WebSocket command (`{"type": …}`), and its result.
    async fn command(&self, command: Value) -> Result<Value, CallError>;

    /// `GET path`, such as `/api/states/sensor.a`; `None` where there is no such thing.
    async fn get(&self, path: &str) -> Result<Option<Value>, CallError>;

    /// `POST path`.
    async fn post(&self, path: &str, body: Value) -> Result<(), CallError>;

    /// `DELETE path`; that there is no such thing is well.
    async fn delete(&self, path: &str) -> Result<(), CallError>;
}
