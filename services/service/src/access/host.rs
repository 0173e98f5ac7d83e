//! By what names we are called. A page elsewhere that lets its own name point at this machine (DNS rebinding) calls us by a wrong one.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, StatusCode, Uri, header};

use crate::Problem;

/// Names we go by, beside addresses, `localhost` and `*.local`.
#[derive(Default)]
pub struct Hosts(BTreeSet<String>);

impl Hosts {
    /// The names given, and this machine's own.
    pub fn of_this_machine(names: &[String]) -> Self {
        let own = ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().filter_map(|path| std::fs::read_to_string(path).ok());
        let own = own.chain(std::env::var("HOSTNAME").ok());
        let all = own.chain(names.iter().cloned()).map(|name| plain(name.trim())).filter(|name| !name.is_empty());
        Hosts(all.collect())
    }

    /// Whether `host`, as a Host header says it, is one of ours.
    pub fn include(&self, host: &str) -> bool {
        let name = plain(name(host));
        let is_address = name.parse::<Ipv4Addr>().is_ok() || name.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_ok();
        is_address || name == "localhost" || name.ends_with(".localhost") || name.ends_with(".local") || self.0.contains(&name)
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// `[::1]` of `[::1]:3000`, `house.lan` of `house.lan:3000`.
fn name(host: &str) -> &str {
    match host.find(']') {
        Some(end) => &host[..=end],
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

/// The host that a request names, if any: HTTP/1.0 need not, but browsers always do.
pub fn of_request(headers: &HeaderMap, uri: &Uri) -> Result<Option<String>, Problem> {
    let mut said = headers.get_all(header::HOST).iter();
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, "a request names one host");
    match (said.next(), said.next()) {
        (Some(_), Some(_)) => Err(wrong()),
        (Some(host), None) => host.to_str().map(|host| Some(host.to_owned())).map_err(|_| wrong()),
        (None, _) => Ok(uri.authority().map(|authority| authority.to_string())),
    }
}

/// Whether a page of another origin made the request: its Origin is not the host it asks.
pub fn is_foreign(headers: &HeaderMap, host: Option<&str>) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let foreign_site = matches!(site, Some("cross-site" | "same-site"));
    foreign_site || text(header::ORIGIN).is_some_and(|origin| !same(origin, host))
}

fn same(origin: &str, host: Option<&str>) -> bool {
    let Some(((scheme, authority), host)) = origin.split_once("://").zip(host) else { return false };
    let port = if scheme == "https" { ":443" } else { ":80" };
    let bare = |s: &str| s.trim_end_matches(port).to_ascii_lowercase();
    bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("127.0.0.1:3000", true)]
    #[case("[::1]:3000", true)]
    #[case("192.168.1.9", true)]
    #[case("localhost:8006", true)]
    #[case("LOCALHOST", true)]
    #[case("homeassistant.local:3000", true)]
    #[case("energy.example.org", true)]
    #[case("energy.example.org.:443", true)]
    #[case("evil.example", false)]
    #[case("localhost.evil.example", false)]
    #[case("127.0.0.1.evil.example", false)]
    #[case("1", false)]
    #[case("", false)]
    fn only_our_names_are_answered(#[case] host: &str, #[case] ours: bool) {
        assert_eq!(Hosts([String::from("energy.example.org")].into()).include(host), ours);
    }

    #[rstest]
    #[case("http://127.0.0.1:3000", "127.0.0.1:3000", false)]
    #[case("https://energy.example.org", "energy.example.org", false)]
    #[case("https://energy.example.org", "energy.example.org:443", false)]
    #[case("http://localhost:5173", "localhost:3000", true)]
    #[case("https://evil.example", "127.0.0.1:3000", true)]
    #[case("null", "127.0.0.1:3000", true)]
    fn a_page_elsewhere_is_foreign(#[case] origin: &str, #[case] host: &str, #[case] foreign: bool) {
        let headers = HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]);
        assert_eq!(is_foreign(&headers, Some(host)), foreign);
        assert!(!is_foreign(&HeaderMap::new(), Some(host)));
    }
}
