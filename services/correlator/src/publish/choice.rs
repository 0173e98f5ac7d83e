//! Which devices are published, and by what name.

use std::collections::{BTreeMap, BTreeSet};

use wattribute_domain::Verdict;

use super::Devices;
use crate::now::DeviceNow;

/// The devices that get sensors, in the order given. Who is `published` already stays until a quarter more are before it, so that
/// neighbours in rank do not come and go.
pub(super) fn choose<'a>(devices: &'a [DeviceNow], wanted: &Devices, published: &BTreeSet<String>) -> Vec<&'a DeviceNow> {
    let says_something =
        |d: &&DeviceNow| matches!(d.verdict, Verdict::Learned | Verdict::Varies | Verdict::Grouped | Verdict::Measured | Verdict::Stated);
    // What is measured has sensors in Home Assistant already: it takes the places that are left.
    let rank = |a: &&DeviceNow, b: &&DeviceNow| {
        let is_measured = |d: &DeviceNow| d.verdict == Verdict::Measured;
        let by_energy = b.recent_energy_kwh.total_cmp(&a.recent_energy_kwh);
        is_measured(a).cmp(&is_measured(b)).then(by_energy).then_with(|| a.identity.cmp(&b.identity))
    };
    match wanted {
        Devices::Listed(ids) => devices.iter().filter(|d| ids.contains(&d.entity_id)).collect(),
        Devices::All => devices.iter().filter(says_something).collect(),
        Devices::Top(most) => {
            let mut ranked: Vec<_> = devices.iter().filter(says_something).collect();
            ranked.sort_by(rank);
            let stays = |d: &&&DeviceNow| published.contains(&d.identity);
            let near = &ranked[..ranked.len().min(most.saturating_add(most / 4))];
            let mut chosen: Vec<&DeviceNow> = near.iter().filter(stays).copied().take(*most).collect();
            let new: Vec<_> = near.iter().filter(|d| !stays(d)).copied().take(most - chosen.len()).collect();
            chosen.extend(new);
            chosen.sort_by(rank);
            chosen
        }
    }
}

/// Short names of devices in ids and topics, by identity: given once, kept for good.
pub(super) type Slugs = BTreeMap<String, String>;

/// Gives `device` a short name if it has none; whether it is new.
pub(super) fn name(slugs: &mut Slugs, device: &DeviceNow) -> bool {
    if slugs.contains_key(&device.identity) {
        return false;
    }
    let (domain, object) = device.entity_id.split_once('.').unwrap_or(("device", &device.entity_id));
    let short = slug(object);
    let long = slug(&format!("{domain}_{object}"));
    let numbered = (2..).map(|k| format!("{long}_{k}"));
    let is_free = |s: &String| !RESERVED.contains(&s.as_str()) && !slugs.values().any(|taken| taken == s);
    let free = [short, long.clone()].into_iter().chain(numbered).find(is_free).unwrap_or(long);
    slugs.insert(device.identity.clone(), free);
    true
}

/// Names that the home's own sensors have.
const RESERVED: &[&str] = &["attributed", "unattributed", "baseline"];

/// Lower-case letters, digits and single underscores, none at the ends: what an entity id and a statistic's id may hold.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.truncate(60);
    let slug = slug.trim_end_matches('_');
    if slug.is_empty() { "device".to_owned() } else { slug.to_owned() }
}

/// 64 bits of `identity` (FNV-1a) in hexadecimal: what unique ids are made of, so that they do not depend on a name.
pub(super) fn fingerprint(identity: &str) -> String {
    let hash = identity.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
