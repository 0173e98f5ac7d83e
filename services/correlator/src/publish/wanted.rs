use super::entity::Entity;

/// What Home Assistant is to show now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    pub entities: Vec<Entity>,
    /// Whether all that is not wanted is to go; not while no device is known yet, as right after a start.
    pub is_complete: bool,
}

/// The present, ms since the epoch.
pub(super) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
