//! Whether an entity explains what was found.

use wattribute_domain::{DeviceProfile, Entity, Verdict};

use crate::attribution::events::Events;

/// A run may begin so long before an entity says that it is on, or after it says that it is off, and be its, ms.
const BESIDE_MS: i64 = 120_000;
/// So many of the runs of what belongs to an entity begin while that is on.
const MOST: f64 = 0.75;
/// Of the runs of what belongs to an entity that is not on for long, so many begin or end as it is switched.
const MANY: f64 = 0.5;
/// What is on for a smaller share of the time may explain together with others.
const SELDOM: f64 = 0.15;
/// An entity's own runs that it does not tell are so few of all, and of a power so near, W/W.
const FEW_LOST: f64 = 0.25;
const SAME_POWER: f64 = 0.06;

/// What an entity did, as far as it may explain a load.
#[derive(Debug)]
pub struct Activity {
    /// Stretches in which it is on, ms, those next to each other joined.
    on: Vec<(i64, i64)>,
    /// When it changed, ms.
    changes: Vec<i64>,
    /// Whether it may draw differently while it is on.
    works_by_itself: bool,
    power_w: Option<f64>,
    times_on: u32,
}

impl Activity {
    /// Looks at what an entity did up to `end_ms`, of which so much was learned.
    pub fn new(entity: &Entity, profile: Option<&DeviceProfile>, end_ms: i64) -> Self {
        let events = Events::of(entity);
        let mut on: Vec<(i64, i64)> = Vec::new();
        for stretch in events.stretches(end_ms).into_iter().filter(|s| !s.level.is_off()) {
            let (from, to) = (stretch.from_ms - BESIDE_MS, stretch.to_ms + BESIDE_MS);
            match on.last_mut() {
                Some(last) if from <= last.1 => last.1 = to,
                _ => on.push((from, to)),
            }
        }
        let steady = |p: &DeviceProfile| matches!(p.verdict, Verdict::Learned | Verdict::Grouped | Verdict::TooSmall | Verdict::NoLoad);
        Activity {
            on,
            changes: events.changes.iter().map(|c| c.at_ms).collect(),
            works_by_itself: !profile.is_some_and(steady),
            power_w: profile.and_then(|p| p.power_w),
            times_on: profile.map_or(0, |p| p.times_on),
        }
    }

    fn is_on(&self, at_ms: i64) -> bool {
        let next = self.on.partition_point(|s| s.0 <= at_ms);
        next > 0 && at_ms < self.on[next - 1].1
    }

    fn changes_near(&self, at_ms: i64) -> bool {
        let near = |&c: &i64| (c - at_ms).abs() <= BESIDE_MS / 2;
        let next = self.changes.partition_point(|&c| c < at_ms);
        self.changes.get(next).is_some_and(near) || next.checked_sub(1).is_some_and(|k| near(&self.changes[k]))
    }
}

/// Whether runs (from, to, ms) of so much power are an entity's, or those of several that work by themselves.
pub fn is_explained(activities: &[Activity], runs: &[(i64, i64)], power_w: f64, span_ms: (i64, i64)) -> bool {
    let n = runs.len() as f64;
    let share = |is: &dyn Fn(i64, i64) -> bool| runs.iter().filter(|r| is(r.0, r.1)).count() as f64 / n;
    // How often it would be so at any time.
    let evenly = |is: &dyn Fn(i64) -> bool| {
        const LOOKS: i64 = 2000;
        (0..LOOKS).filter(|k| is(span_ms.0 + (span_ms.1 - span_ms.0) / LOOKS * k)).count() as f64 / LOOKS as f64
    };
    let stands_out =
        |seen: f64, usual: f64, most: f64| seen >= most && seen > 1.5 * usual && seen - usual > 2.5 * (usual * (1.0 - usual) / n).sqrt();
    let one = |activity: &Activity| {
        let is_on = |at_ms| activity.is_on(at_ms);
        let near = |at_ms| activity.changes_near(at_ms);
        let while_on = activity.works_by_itself && stands_out(share(&|from, _| is_on(from)), evenly(&is_on), MOST);
        let as_switched = || {
            let usual = evenly(&near);
            stands_out(share(&|from, _| near(from)), usual, MANY) && stands_out(share(&|_, to| near(to)), usual, MANY)
        };
        let is_like = activity.power_w.is_some_and(|w| (power_w / w - 1.0).abs() < SAME_POWER);
        let lost = is_like && n < FEW_LOST * f64::from(activity.times_on);
        while_on || lost || as_switched()
    };
    if activities.iter().any(one) {
        return true;
    }
    let seldom: Vec<&Activity> = activities.iter().filter(|a| a.works_by_itself && evenly(&|at_ms| a.is_on(at_ms)) < SELDOM).collect();
    let any_on = |at_ms| seldom.iter().any(|a| a.is_on(at_ms));
    stands_out(share(&|from, _| any_on(from)), evenly(&any_on), MOST)
}
