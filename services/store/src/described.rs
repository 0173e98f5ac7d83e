//! How a series is recognised, and what becomes of what was known of it.

use wattribute_domain::{SeriesId, SeriesInfo};

use crate::{Result, StoreError};

/// What is known of a series that was `before`, now that it is described as `info`.
pub fn with(before: &SeriesInfo, info: &SeriesInfo) -> Result<SeriesInfo> {
    let mut now = info.clone();
    if now.identity == now.device {
        // Nothing better is known this time, such as while the registry cannot be read.
        now.identity.clone_from(&before.identity);
    }
    if before.modes.starts_with(&now.modes) {
        now.modes.clone_from(&before.modes);
    } else if !now.modes.starts_with(&before.modes) {
        return Err(StoreError::Refused(format!(
            "the modes of {} must begin with those known already, {:?}, not {:?}: read the series before adding modes",
            info.device, before.modes, info.modes
        )));
    }
    Ok(now)
}

/// The series that `info` describes among `all`, which are in order of their numbers: by identity, else by the id that people know where one side
/// knows no identity.
pub fn known<'a>(all: impl Iterator<Item = (SeriesId, &'a SeriesInfo)> + Clone, info: &SeriesInfo) -> Option<SeriesId> {
    let mut kin = all.filter(|(_, known)| known.source == info.source && known.quantity == info.quantity);
    let by_identity = kin.clone().find(|(_, known)| known.identity == info.identity);
    let plain = info.identity == info.device;
    let by_device = |known: &SeriesInfo| known.device == info.device && (known.identity == known.device || plain);
    by_identity.or_else(|| kin.by_ref().filter(|(_, known)| by_device(known)).last()).map(|(id, _)| id)
}
