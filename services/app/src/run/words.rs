//! What `run` says on standard output: a few plain lines, before anything takes long.

use std::io::Write;

use tokio::net::TcpListener;
use wattribute_store::Origin;

use super::Ports;
use crate::config::Config;

/// What is wrong without a source, and what would help.
pub const NO_SOURCE: &str =
    "there is no source of readings yet: set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN, or `wattribute demo` shows a made-up home";

/// Says where everything is.
pub fn greet(config: &Config, ports: &Ports, store: &str, origin: Origin) {
    let mut lines = vec![format!("Wattribute {}", env!("CARGO_PKG_VERSION"))];
    let at = |listener: &Option<TcpListener>| Some(format!("http://{}", listener.as_ref()?.local_addr().ok()?));
    let mut line = |name: &str, what: Option<String>| lines.extend(what.map(|what| format!("  {name:<11} {what}")));
    line("dashboard", at(&ports.pages));
    line("data API", at(&ports.data_api).map(|url| format!("{url}/docs")));
    line("meter", at(&ports.meter).map(|url| format!("{url}/docs")));
    line("correlator", at(&ports.correlator).map(|url| format!("{url}/docs")));
    line("store", Some(store.to_owned()));
    line("source", Some(source(config, ports, origin)).filter(|_| ports.meter.is_some()));
    if origin == Origin::Demo {
        lines.push("DEMO: everything shown here is made up; `wattribute run` is for your own home".to_owned());
        tracing::warn!("DEMO: this home is made up, and so is everything that is said of it");
    }
    // Whoever started us may not listen.
    let mut out = std::io::stdout().lock();
    let _nobody_listens = writeln!(out, "{}", lines.join("\n")).and_then(|()| out.flush());
}

fn source(config: &Config, ports: &Ports, origin: Origin) -> String {
    let others = config.meter.sources.names();
    let and_others = if others.is_empty() { String::new() } else { format!(", {}", others.join(", ")) };
    match (origin, config.home_assistant.is_set()) {
        (Origin::Demo, _) => "a made-up home".to_owned(),
        (Origin::Home, true) => match config.home_assistant.address() {
            Ok(address) => format!("Home Assistant at {address}{and_others}"),
            Err(error) => format!("Home Assistant, but {error}{and_others}"),
        },
        (Origin::Home, false) if !others.is_empty() => others.join(", "),
        (Origin::Home, false) if ports.pages.is_some() => "none yet: the dashboard says how to set one up".to_owned(),
        (Origin::Home, false) => format!("none yet: {NO_SOURCE}"),
    }
}
