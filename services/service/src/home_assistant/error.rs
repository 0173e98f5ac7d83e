/// Why Home Assistant did not do what was asked, by what to do next. No text holds a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HaError {
    /// The settings are not usable. Stop and say so.
    #[error("{0}")]
    Setup(String),
    /// Nobody answers, or the connection went. Try again, later and later.
    #[error("{0}")]
    Unreachable(String),
    /// It did not answer in time. Try again, later and later.
    #[error("{0}")]
    Timeout(String),
    /// It does not accept the token. Stop, say so, do not hammer.
    #[error(
        "Home Assistant at {url} does not accept the token: make a new long-lived token in your profile (Security) and set HOME_ASSISTANT_TOKEN"
    )]
    Unauthorized {
        /// Where.
        url: String,
    },
    /// It understood and said no.
    #[error("Home Assistant refused {what}: {message} ({code})")]
    Refused {
        /// What was asked: a command's type or a path.
        what: String,
        /// Its code, such as `unknown_command`, or the HTTP status.
        code: String,
        /// What it says.
        message: String,
    },
    /// It said something that makes no sense, or is not Home Assistant.
    #[error("{0}")]
    Protocol(String),
}

impl HaError {
    /// Whether this version of Home Assistant does not know the command (or the integration behind it is not set up).
    pub fn is_unknown_command(&self) -> bool {
        matches!(self, HaError::Refused { code, .. } if code == "unknown_command")
    }

    /// What is to be said where TLS failed.
    pub(super) fn tls(url: &str, why: &dyn std::fmt::Display) -> Self {
        HaError::Unreachable(format!(
            "no trusted connection to Home Assistant at {url}: {why}; where its certificate is of your own CA, name that CA's file as ca_file in [home_assistant]"
        ))
    }
}
