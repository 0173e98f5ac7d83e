//! Topics that Shellies publish on.

/// What a topic is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Topic<'a> {
    /// Notifications of the second generation and later.
    Events,
    /// The status of one component, such as `switch:0`.
    Component(&'a str),
    /// Whether it is there.
    Online,
    /// Who it is, of the first generation.
    Announce,
    /// The whole status of the first generation.
    Info,
    /// One value of the first generation, such as `relay/0/power`.
    Value(&'a str),
}

/// The prefix of a device's topics and what a topic is about; `None` of what is not read.
pub(super) fn topic(topic: &str) -> Option<(&str, Topic<'_>)> {
    if topic == "shellies/announce" {
        return Some(("", Topic::Announce));
    }
    if let Some(prefix) = topic.strip_suffix("/events/rpc") {
        return Some((prefix, Topic::Events));
    }
    let (path, last) = topic.rsplit_once('/')?;
    if let Some(prefix) = path.strip_suffix("/status") {
        return last.contains(':').then_some((prefix, Topic::Component(last)));
    }
    match last {
        "online" => return Some((path, Topic::Online)),
        "announce" => return Some((path, Topic::Announce)),
        "info" => return Some((path, Topic::Info)),
        _ => {}
    }
    let id = topic.strip_prefix("shellies/")?.split('/').next()?;
    let prefix = &topic[.."shellies/".len() + id.len()];
    Some((prefix, Topic::Value(topic[prefix.len()..].strip_prefix('/')?)))
}
