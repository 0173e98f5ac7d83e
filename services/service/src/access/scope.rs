//! What a token is good for.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To read everything.
    Read,
    /// To read and change everything, tokens too.
    Write,
    /// To push readings, and nothing else: for devices.
    Push,
}

impl Scope {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Push => "push",
        }
    }

    /// The scope of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Scope::Read, Scope::Write, Scope::Push].into_iter().find(|scope| scope.name() == name)
    }

    /// Whether it is enough where `needed` is needed.
    pub fn allows(self, needed: Scope) -> bool {
        self == Scope::Write || self == needed
    }

    /// What a request needs.
    pub fn needed(method: &Method, path: &str) -> Self {
        match is_safe(method) {
            true => Scope::Read,
            false if PUSHED.iter().any(|begin| path.starts_with(begin)) => Scope::Push,
            false => Scope::Write,
        }
    }
}

/// Where devices push what they measure.
const PUSHED: &[&str] = &["/push/"];

/// Whether a request of this method changes nothing.
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", "/api/v1/energy/current", &["read", "write"])]
    #[case("HEAD", "/metrics", &["read", "write"])]
    #[case("POST", "/statistics/reset", &["write"])]
    #[case("PATCH", "/api/v1/devices/light.hall", &["write"])]
    #[case("DELETE", "/api/v1/tokens/phone", &["write"])]
    #[case("POST", "/push/esp32", &["write", "push"])]
    #[case("GET", "/push/esp32", &["read", "write"])]
    #[case("POST", "/pushed", &["write"])]
    #[case("TRACE", "/", &["write"])]
    fn a_scope_is_good_for_what_its_name_says(#[case] method: &str, #[case] path: &str, #[case] enough: &[&str]) {
        let needed = Scope::needed(&method.parse().unwrap(), path);
        for name in ["read", "write", "push"] {
            assert_eq!(Scope::of_name(name).unwrap().allows(needed), enough.contains(&name), "{name}");
        }
        assert_eq!(Scope::of_name("all"), None);
    }
}
