//! The power sensor that behaves like a whole house: it draws the most, nothing draws more than it, what others switch shows
//! in it, and it is never at zero for long. A few hundred instants of each sensor are looked at, never all readings.

use wattribute_domain::{History, Sensor, Series};

use super::{
    Choice, align,
    expression::Expression,
    metered::Claims,
    names,
    quantity::{self, Quantity},
};

/// Instants looked at.
const INSTANTS: i64 = 300;
/// Candidates whose steps are compared, the greatest first.
const COMPARED: usize = 10;
/// Steps compared for each candidate.
const STEPS: usize = 300;
/// The least step that is compared, W.
const STEP_W: f64 = 30.0;
/// A nameless sensor below this mean is no house, W.
const LEAST_W: f64 = 10.0;
/// A runner-up with more than this share of the best score leaves doubt.
const DOUBT: f64 = 0.8;

/// A sensor that could be the house, or the phases of a meter together.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Ids of the sensors to add up, sorted.
    pub(super) ids: Vec<String>,
    /// Mean of |power|, W.
    pub(super) mean_w: f64,
    /// Steps of other sensors that show in it, and those that were looked at.
    steps: (usize, usize),
    /// Share of instants at which it is at zero.
    zero: f64,
    score: f64,
}

/// W a unit, of a sensor that belongs in a tier.
type WattsPer<'a> = &'a dyn Fn(&Sensor) -> Option<f64>;

/// A sensor of power and what it said.
struct Watched<'a> {
    sensor: &'a Sensor,
    watts: f64,
    may_be_the_house: bool,
    hinted: bool,
    /// W at each instant; `NaN` where it is silent.
    at: Vec<f64>,
}

/// The best candidate, unless nothing behaves like a house.
pub(super) fn choose(history: &History) -> Option<Choice> {
    let ranked = rank(history);
    let best = ranked.first()?;
    let ids: Vec<&str> = best.ids.iter().map(String::as_str).collect();
    let mut why = match ranked.len() {
        1 => format!("it is the only power sensor that can be the whole house's (mean {:.0} W)", best.mean_w),
        n => format!("of {n} power sensors it behaves most like a whole house: it draws {:.0} W on average", best.mean_w),
    };
    if let (shown, looked @ 1..) = best.steps {
        why += &format!(", {shown} of {looked} steps of other sensors show in it");
    }
    if best.zero < 0.01 {
        why += ", and it is never at zero for long";
    }
    let doubtful = ranked[1..].iter().filter(|other| other.score > DOUBT * best.score).take(5);
    let candidates = doubtful.map(|other| other.ids.join(" + ")).collect();
    let notes = if let [id] = ids[..] { super::solar_note(history, id) } else { None };
    Some(Choice { expression: Expression::sum(&ids)?, why, candidates, notes: notes.into_iter().collect() })
}

/// All that could be the house, best first.
pub(super) fn rank(history: &History) -> Vec<Candidate> {
    let watched = watch(history);
    let mut groups: Vec<Vec<usize>> = (0..watched.len()).filter(|&k| watched[k].may_be_the_house).map(|k| vec![k]).collect();
    groups.extend(phases(&watched));
    let sum_at = |group: &[usize], k: usize| group.iter().map(|&s| watched[s].at[k]).sum::<f64>();
    let mut candidates: Vec<(Candidate, Vec<usize>)> = groups
        .into_iter()
        .filter_map(|group| {
            let at: Vec<f64> = (0..watched[group[0]].at.len()).map(|k| sum_at(&group, k)).filter(|w| w.is_finite()).collect();
            let count = at.len() as f64;
            let mean_w = at.iter().map(|w| w.abs()).sum::<f64>() / count;
            let zero = at.iter().filter(|w| w.abs() < 0.5).count() as f64 / count;
            let hinted = watched[group[0]].hinted;
            let is_likely = count > 0.0 && mean_w > 0.0 && (hinted || (mean_w >= LEAST_W && zero < 0.5));
            let ids = group.iter().map(|&s| watched[s].sensor.entity_id.clone()).collect();
            is_likely.then_some((Candidate { ids, mean_w, steps: (0, 0), zero, score: 0.0 }, group))
        })
        .collect();
    candidates.sort_by(|(a, _), (b, _)| b.mean_w.total_cmp(&a.mean_w).then_with(|| a.ids.cmp(&b.ids)));
    let most_w = candidates.first().map_or(1.0, |(c, _)| c.mean_w);
    let most_rows = watched.iter().filter(|w| w.may_be_the_house).map(|w| w.sensor.readings.len()).max().unwrap_or(1);
    for (place, (candidate, group)) in candidates.iter_mut().enumerate() {
        let instants = watched[group[0]].at.len();
        let others: Vec<usize> = (0..watched.len()).filter(|k| !group.contains(k)).collect();
        let (mut above, mut compared, mut speaks) = (0, 0, 0);
        for k in 0..instants {
            let own = sum_at(group, k);
            speaks += usize::from(own.is_finite());
            for other in others.iter().map(|&s| watched[s].at[k]).filter(|other| other.is_finite() && own.is_finite()) {
                compared += 1;
                above += usize::from(own >= 0.98 * other - 2.0);
            }
        }
        if place < COMPARED {
            candidate.steps = steps(&watched, group, &others);
        }
        let share = |part: usize, whole: usize, unknown: f64| if whole == 0 { unknown } else { part as f64 / whole as f64 };
        let rows = watched[group[0]].sensor.readings.len();
        candidate.score = 3.0 * candidate.mean_w / most_w
            + 3.0 * if candidate.steps.1 < 5 { 0.5 } else { share(candidate.steps.0, candidate.steps.1, 0.5) }
            + 2.0 * share(above, compared, 1.0)
            + (1.0 - candidate.zero)
            + share(speaks, instants, 0.0)
            + 0.5 * (rows.max(1) as f64).ln() / (most_rows.max(3) as f64).ln()
            + if watched[group[0]].hinted { 1.5 } else { 0.0 }
            - if group.len() > 1 { 0.2 } else { 0.0 };
    }
    let mut ranked: Vec<Candidate> = candidates.into_iter().map(|(candidate, _)| candidate).collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.ids.cmp(&b.ids)));
    if let Some(best) = ranked.first().filter(|best| best.ids.len() > 1).cloned() {
        ranked.retain(|other| other.ids == best.ids || !other.ids.iter().any(|id| best.ids.contains(id)));
    }
    ranked
}

/// The sensors of power, by id, without what produces; apparent power and sensors without any hint only where there is nothing
/// better.
fn watch(history: &History) -> Vec<Watched<'_>> {
    let named = |s: &Sensor| names::hints_at_power(&s.entity_id) || s.device_class.as_deref() == Some("power");
    let tiers: [WattsPer<'_>; 3] = [
        &|s| match Quantity::said(s) {
            Quantity::Power(watts) => Some(watts),
            Quantity::Unsaid if named(s) => Some(quantity::rough_watts(s)),
            _ => None,
        },
        &|s| match Quantity::said(s) {
            Quantity::ApparentPower(watts) => Some(watts),
            _ => None,
        },
        &|s| {
            let other = names::hints_at_something_else(&s.entity_id) || names::hints_at_energy(&s.entity_id);
            let like_a_house = || {
                let usual = quantity::median_magnitude(&quantity::sample(&s.readings, 300));
                (20.0..20_000.0).contains(&usual) && !quantity::only_rises(&s.readings)
            };
            (Quantity::said(s) == Quantity::Unsaid && !other && like_a_house()).then_some(1.0)
        },
    ];
    let claims = Claims::of(history);
    for tier in tiers {
        let mut sensors: Vec<(&Sensor, f64)> = (history.sensors.iter())
            .filter(|s| !names::is_not_the_house(&s.entity_id) && quantity::has_readings(&s.readings))
            .filter_map(|s| Some((s, tier(s)?)))
            .collect();
        sensors.sort_by(|a, b| a.0.entity_id.cmp(&b.0.entity_id));
        let series: Vec<&Series> = sensors.iter().map(|(s, _)| &s.readings).collect();
        let instants = align::instants(series.iter().copied(), INSTANTS);
        let watched: Vec<Watched<'_>> = (sensors.into_iter())
            .map(|(sensor, watts)| {
                let hinted = names::hints_at_the_house(&sensor.entity_id);
                let switched = claims.is_named_after_a_switch(sensor) || (claims.is_on_a_switched_device(sensor) && !hinted);
                let at = instants.iter().map(|&at_ms| sensor.readings.at(at_ms).map_or(f64::NAN, |v| v * watts)).collect();
                Watched { sensor, watts, may_be_the_house: !switched, hinted, at }
            })
            .collect();
        if watched.iter().any(|w| w.may_be_the_house) {
            return watched;
        }
    }
    Vec::new()
}

/// Sensors that are the phases of one meter: the same name but for `l1`, `l2`, `l3` or `channel_a`, `_b`, `_c`.
fn phases(watched: &[Watched<'_>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (k, w) in watched.iter().enumerate().filter(|(_, w)| w.may_be_the_house) {
        let Some(name) = names::without_phase(&w.sensor.entity_id) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, group)) => group.push(k),
            None => groups.push((name, vec![k])),
        }
    }
    let complete = |group: &[usize]| group.len() == 3 || (group.len() == 2 && watched[group[1]].sensor.entity_id.contains("l2"));
    groups.into_iter().map(|(_, group)| group).filter(|group| complete(group)).collect()
}

/// How many steps of `others` show in the sum of `group` at the same time and nearly as high, and how many were looked at.
fn steps(watched: &[Watched<'_>], group: &[usize], others: &[usize]) -> (usize, usize) {
    let most = (STEPS / others.len().max(1)).clamp(4, 40);
    let readings = &watched[group[0]].sensor.readings;
    let usual_ms = (readings.at_ms.last().copied().unwrap_or(0)).saturating_sub(readings.at_ms.first().copied().unwrap_or(0))
        / readings.len().max(1) as i64;
    let aside_ms = (2 * usual_ms).clamp(5_000, 180_000);
    let sum_at =
        |at_ms: i64| group.iter().map(|&s| watched[s].sensor.readings.at(at_ms).map(|v| v * watched[s].watts)).sum::<Option<f64>>();
    let (mut shown, mut looked) = (0, 0);
    for other in others.iter().map(|&k| &watched[k]) {
        let own = &other.sensor.readings;
        let stride = own.len().div_ceil(INSTANTS as usize).max(1);
        let mut found: Vec<(i64, f64)> = (1..own.len())
            .step_by(stride)
            .map(|k| (own.at_ms[k], (own.value[k] - own.value[k - 1]) * other.watts))
            .filter(|(_, step_w)| step_w.abs() >= STEP_W)
            .collect();
        found.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        for (at_ms, step_w) in found.into_iter().take(most) {
            let Some((before, after)) = sum_at(at_ms - aside_ms).zip(sum_at(at_ms + aside_ms)) else { continue };
            looked += 1;
            shown += usize::from((after - before - step_w).abs() <= 0.35 * step_w.abs() + 10.0);
        }
    }
    (shown, looked)
}
