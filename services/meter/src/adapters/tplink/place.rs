//! Where a device is.

use std::fmt;
use std::net::IpAddr;

/// A host or an address, with the port where that is unusual.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Name or address.
    pub host: String,
    /// Its port, where it is not that of the protocol.
    pub port: Option<u16>,
}

impl Place {
    /// An address.
    pub fn at(ip: IpAddr, port: Option<u16>) -> Self {
        Place { host: ip.to_string(), port }
    }

    /// Reads `192.168.1.20`, `plug.lan` or `192.168.1.20:9998`. The error says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is no host such as 192.168.1.20 or plug.lan", text.escape_debug());
        let text = text.trim();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        if is_host && port != Some(0) { Ok(Place { host: host.to_ascii_lowercase(), port }) } else { Err(wrong()) }
    }

    /// With the port of a protocol.
    pub fn with_port(&self, usual: u16) -> String {
        format!("{}:{}", self.host, self.port.unwrap_or(usual))
    }

    /// Whether this is the address of a whole network, as they usually are.
    pub fn is_network(&self) -> bool {
        self.host.ends_with(".255")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(" 192.168.1.20 ", "192.168.1.20")]
    #[case("Plug.lan:9998", "plug.lan:9998")]
    fn a_place_is_read(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(Place::parse(text).unwrap().to_string(), shown);
    }

    #[rstest]
    #[case("")]
    #[case("http://192.168.1.20")]
    #[case("192.168.1.20:port")]
    #[case("192.168.1.20:0")]
    #[case("anna:hush@plug")]
    fn what_is_no_place_is_refused(#[case] text: &str) {
        assert!(Place::parse(text).unwrap_err().contains("192.168.1.20"));
    }
}
