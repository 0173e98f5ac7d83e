//! Which devices get a row, and groups as one.

use std::collections::{HashMap, HashSet};

use wattribute_domain::{Answer, DeviceProfile, Verdict};

use super::words;
use crate::text;

/// One device, or several that are always switched together.
pub struct Line<'a> {
    /// The device whose figures are shown: in a group every member carries the sum.
    pub device: &'a DeviceProfile,
    /// Names, joined by `+`.
    pub name: String,
    /// Ids, joined by `+`; empty where the name is the id.
    pub id: String,
    /// How many devices this is.
    pub members: usize,
    /// Ids of its group that the answer does not have.
    pub absent: Vec<&'a str>,
}

/// Devices of which something is known, dearest first; and the others.
pub fn lines(answer: &Answer) -> (Vec<Line<'_>>, Vec<Line<'_>>) {
    let known: HashMap<&str, &DeviceProfile> = answer.devices.iter().map(|d| (d.entity_id.as_str(), d)).collect();
    let mut names: HashMap<&str, usize> = HashMap::new();
    answer.devices.iter().for_each(|d| *names.entry(&d.name).or_default() += 1);
    let mut shown: HashSet<&str> = HashSet::new();
    let mut lines = Vec::new();
    for device in &answer.devices {
        if !shown.insert(&device.entity_id) {
            continue;
        }
        let others = device.grouped_with.iter().filter_map(|id| known.get(id.as_str()).copied()).filter(|d| shown.insert(&d.entity_id));
        let mut members = vec![device];
        members.extend(others);
        let name: Vec<String> = members.iter().map(|d| text::clean(&d.name)).collect();
        let named = members.iter().any(|d| d.name != d.entity_id);
        let id: Vec<String> = members.iter().filter(|_| named).map(|d| text::clean(&d.entity_id)).collect();
        let absent = device.grouped_with.iter().map(String::as_str).filter(|id| !known.contains_key(id)).collect();
        lines.push(Line { device, name: name.join(" + "), id: id.join(" + "), members: members.len(), absent });
    }
    let (mut told, mut untold): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| is_told(line.device));
    told.sort_by(|a, b| {
        worth(b.device).partial_cmp(&worth(a.device)).unwrap_or(std::cmp::Ordering::Equal).then_with(|| a.name.cmp(&b.name))
    });
    untold.sort_by_key(|line| line.name.to_lowercase());
    for line in untold.iter_mut().filter(|line| line.members == 1 && names.get(line.device.name.as_str()) > Some(&1)) {
        line.name = format!("{} {}", line.name, line.id).trim_end().to_owned();
    }
    (told, untold)
}

fn is_told(device: &DeviceProfile) -> bool {
    match device.verdict {
        Verdict::NoLoad | Verdict::TooSmall | Verdict::NotEnoughEvents => false,
        Verdict::Learned | Verdict::Varies | Verdict::Measured | Verdict::Stated | Verdict::Grouped => {
            device.power_w.is_some() || words::energy_kwh(device).is_some()
        }
    }
}

/// What rows are sorted by; a device without an energy comes after all that have one.
fn worth(device: &DeviceProfile) -> (f64, f64) {
    let or_least = |value: Option<f64>| value.unwrap_or(f64::NEG_INFINITY);
    (or_least(device.cost.or(words::energy_kwh(device))), or_least(device.power_w))
}
