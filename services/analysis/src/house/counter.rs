//! Counters of energy: what they counted, whatever was done to them, and the power behind it.

use wattribute_domain::Series;

/// Falls up to this are jitter of the counter, kWh: they are waited out.
const DIP_KWH: f64 = 0.1;
/// A house draws no more than this, W; a counter that rises faster was set, not driven.
const MOST_W: f64 = 100_000.0;
/// How many rows a counter may show nonsense before it is believed.
const GLITCH_ROWS: usize = 4;
const MS_PER_HOUR: f64 = 3.6e6;

/// What was counted between two instants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Increment {
    /// The row before, ms since the epoch.
    pub(super) from_ms: i64,
    /// The row that says it, ms since the epoch.
    pub(super) to_ms: i64,
    /// Energy, kWh; negative only for a counter that may fall.
    pub(super) kwh: f64,
    /// Whether the time between is known to be continuous: no silence, and the counter was not set anew.
    pub(super) whole: bool,
}

/// What `series` (in order of time, in units of `kwh_per_unit`) counted from row to row. Told apart are
///
/// - a reset: a fall to less than half; what it shows then counts from zero;
/// - a dip: a fall by up to 0.1 kWh, which is waited out; a counter that `may_fall` (Home Assistant's `total`) means it;
/// - a glitch: some rows of nonsense, after which it goes on from where it was;
/// - a jump, or a fall that is no reset: the counter was set or replaced; nothing is counted.
pub(super) fn increments(series: &Series, kwh_per_unit: f64, may_fall: bool, mut each: impl FnMut(Increment)) {
    let kwh = |k: usize| series.value[k] * kwh_per_unit;
    let mut last: Option<(i64, f64)> = None;
    let mut whole = true;
    for k in 0..series.len() {
        let (at_ms, now) = (series.at_ms[k], kwh(k));
        if !now.is_finite() {
            whole = false;
            continue;
        }
        let Some((from_ms, before)) = last else {
            (last, whole) = (Some((at_ms, now)), true);
            continue;
        };
        let most = |at_ms: i64| DIP_KWH + MOST_W / 1000.0 * (at_ms - from_ms) as f64 / MS_PER_HOUR;
        let goes_on = |at_ms: i64, now: f64| now >= before - DIP_KWH && now - before <= most(at_ms);
        let rise = now - before;
        let starts_anew = now >= 0.0 && now < 0.5 * before;
        let rises = (0.0..=most(at_ms)).contains(&rise);
        let falls_and_means_it = may_fall && rise < 0.0 && !starts_anew && -rise <= most(at_ms);
        let dips = rise < 0.0 && !starts_anew && -rise <= DIP_KWH;
        let (counted, known) = if rises || falls_and_means_it {
            (rise, true)
        } else if dips || glitches(series, k, before, kwh_per_unit, |j| goes_on(series.at_ms[j], kwh(j))) {
            continue;
        } else if starts_anew && now <= most(at_ms) {
            (now, true)
        } else {
            (0.0, false)
        };
        each(Increment { from_ms, to_ms: at_ms, kwh: counted, whole: whole && known });
        (last, whole) = (Some((at_ms, now)), true);
    }
}

/// Whether row `k` is nonsense after `before_kwh`: within a few rows the counter leaps, by most of the change that row `k` made,
/// to where it `goes_on` from before. What falls from next to nothing is never nonsense.
fn glitches(series: &Series, k: usize, before_kwh: f64, kwh_per_unit: f64, goes_on: impl Fn(usize) -> bool) -> bool {
    let change = series.value[k] - before_kwh / kwh_per_unit;
    if change < 0.0 && before_kwh <= 2.0 * DIP_KWH {
        return false;
    }
    let mut before = series.value[k];
    (k + 1..series.len()).take(GLITCH_ROWS).filter(|&j| series.value[j].is_finite()).any(|j| {
        let leap = (series.value[j] - before).abs();
        before = series.value[j];
        leap > 0.5 * change.abs() && goes_on(j)
    })
}

/// Energy over the whole of `series`, kWh; `None` where there are not two readings.
pub(super) fn energy_kwh(series: &Series, kwh_per_unit: f64, may_fall: bool) -> Option<f64> {
    let mut sum_kwh = None;
    increments(series, kwh_per_unit, may_fall, |i| *sum_kwh.get_or_insert(0.0) += i.kwh);
    sum_kwh.or_else(|| series.value.iter().any(|v| v.is_finite()).then_some(0.0))
}

/// Mean power between increments, W: a row at one increment holds the mean until the next one. Silent where the counter was
/// silent or set anew in between. After the last increment, up to `end_ms`, it is silent too, unless the counter stood
/// still for long: then nothing flows.
pub(super) fn power(series: &Series, kwh_per_unit: f64, may_fall: bool, end_ms: i64) -> Series {
    let mut power = Series::default();
    let mut until_ms = None;
    let mut spans_ms = Vec::new();
    increments(series, kwh_per_unit, may_fall, |i| {
        if i.to_ms <= i.from_ms {
            return;
        }
        let hours = (i.to_ms - i.from_ms) as f64 / MS_PER_HOUR;
        power.push(i.from_ms, if i.whole { i.kwh * 1000.0 / hours } else { f64::NAN });
        until_ms = Some(i.to_ms);
        if spans_ms.len() < 1000 {
            spans_ms.push(i.to_ms - i.from_ms);
        }
    });
    let first_ms = series.at_ms.iter().zip(&series.value).find(|(_, v)| v.is_finite()).map(|(&t, _)| t);
    if let Some(until_ms) = until_ms.or(first_ms) {
        spans_ms.sort_unstable();
        let usual_ms = spans_ms.get(spans_ms.len() / 2).copied().unwrap_or(0);
        let speaks = series.value.last().is_some_and(|v| v.is_finite());
        let stands = speaks && end_ms - until_ms > 10 * usual_ms;
        power.push(until_ms, if stands { 0.0 } else { f64::NAN });
    }
    power.normalise();
    power
}

/// The step in which a counter counts, kWh: the greatest common divisor of the changes of up to 2,000 of its rows; `None`
/// where it never changes.
pub(super) fn resolution_kwh(series: &Series, kwh_per_unit: f64) -> Option<f64> {
    const MICRO: f64 = 1e6;
    let stride = series.len().div_ceil(2000).max(1);
    let mut common = 0_u64;
    for k in (1..series.len()).step_by(stride) {
        let change = ((series.value[k] * MICRO).round() - (series.value[k - 1] * MICRO).round()).abs();
        if change.is_finite() && change < 1e15 {
            common = greatest_common_divisor(common, change as u64);
        }
    }
    (common > 0).then(|| common as f64 / MICRO * kwh_per_unit)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What reading power off the counter costs in accuracy: a sentence for the owner.
pub(super) fn cost(entity_id: &str, series: &Series, resolution_kwh: f64) -> String {
    let step_s = resolution_kwh / 0.3 * 3600.0;
    let mut between_ms: Vec<i64> =
        (1..series.len()).step_by(series.len().div_ceil(2000).max(1)).map(|k| series.at_ms[k] - series.at_ms[k - 1]).collect();
    between_ms.sort_unstable();
    let read_s = between_ms.get(between_ms.len() / 2).map_or(0.0, |&ms| ms as f64 / 1000.0);
    let reading = if read_s > 2.0 * step_s {
        format!("it is read about every {}", span(read_s))
    } else {
        format!("at 300 W that is a reading every {}", span(step_s))
    };
    let meaning = match step_s.max(read_s) {
        s if s <= 15.0 => "short uses blur, but most loads can be told",
        s if s <= 60.0 => "small lamps cannot be told",
        s if s <= 900.0 => "lamps cannot be told",
        _ => "only what draws much for hours can be told",
    };
    format!("{entity_id} counts in steps of {} kWh; {reading}: {meaning}", significant(resolution_kwh))
}

/// A time in the unit a person would use.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}

/// Up to six decimals, without trailing zeros.
fn significant(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use rstest::rstest;

    const GAP: f64 = f64::NAN;
    const HOUR_MS: i64 = 3_600_000;

    /// A row every ten minutes.
    fn counter(values: &[f64]) -> Series {
        Series { at_ms: (0..values.len() as i64).map(|k| k * HOUR_MS / 6).collect(), value: values.to_vec() }
    }

    #[rstest]
    #[case::a_steady_rise(&[100.0, 100.5, 101.0], 1.0)]
    #[case::a_reset_counts_from_zero(&[9.5, 10.0, 0.25, 0.5], 1.0)]
    #[case::a_reset_of_a_coarse_daily_counter(&[0.1, 0.2, 0.3, 0.0, 0.1, 0.2, 0.3], 0.5)]
    #[case::a_reset_of_a_tiny_counter(&[0.01, 0.02, 0.0, 0.01, 0.02], 0.03)]
    #[case::a_dip_is_waited_out(&[100.0, 100.5, 100.45, 100.5, 101.0], 1.0)]
    #[case::zeros_at_a_restart_are_a_glitch(&[5000.0, 5000.5, 0.0, 0.0, 5001.0], 1.0)]
    #[case::a_spike_is_a_glitch(&[100.0, 100.5, 99999.0, 101.0], 1.0)]
    #[case::a_spike_over_a_gap_is_a_glitch(&[100.0, 100.5, 99999.0, GAP, 101.0], 1.0)]
    #[case::a_jump_counts_nothing(&[0.0, 0.5, 5000.0, 5000.5], 1.0)]
    #[case::a_new_meter_counts_nothing(&[9000.0, 9000.5, 6000.0, 6000.5], 1.0)]
    #[case::a_new_meter_that_starts_high_counts_nothing(&[9000.0, 9000.5, 700.0, 700.5], 1.0)]
    #[case::a_gap_is_counted_over(&[100.0, GAP, GAP, 101.0], 1.0)]
    #[case::nothing_used(&[100.0], 0.0)]
    fn energy_is_what_was_counted(#[case] values: &[f64], #[case] kwh: f64) {
        let counted_kwh = energy_kwh(&counter(values), 1.0, false).unwrap();
        assert!((counted_kwh - kwh).abs() < 1e-9, "{counted_kwh}");
    }

    #[test]
    fn a_counter_that_never_spoke_counted_nothing_knowable() {
        assert_eq!(energy_kwh(&counter(&[]), 1.0, false), None);
        assert_eq!(energy_kwh(&counter(&[GAP]), 1.0, false), None);
    }

    #[test]
    fn a_counter_that_may_fall_means_it() {
        assert_eq!(energy_kwh(&counter(&[100.0, 99.0, 99.5]), 1.0, true), Some(-0.5));
        assert_eq!(energy_kwh(&counter(&[100.0, 99.95, 100.0]), 1.0, true), Some(0.0));
        assert_eq!(energy_kwh(&counter(&[10.0, 0.5]), 1.0, true), Some(0.5));
    }

    #[test]
    fn units_are_converted() {
        assert_eq!(energy_kwh(&counter(&[1000.0, 1500.0]), 1e-3, false), Some(0.5));
    }

    #[test]
    fn power_is_the_mean_until_the_next_increment() {
        let series = Series { at_ms: vec![0, HOUR_MS / 2, HOUR_MS], value: vec![1.0, 1.5, 1.6] };
        let power = power(&series, 1.0, false, HOUR_MS);
        assert_eq!(power.at_ms, [0, HOUR_MS / 2, HOUR_MS]);
        assert_eq!(power.value[0], 1000.0);
        assert!((power.value[1] - 200.0).abs() < 1e-6);
        assert!(power.value[2].is_nan());
    }

    #[test]
    fn power_is_unknown_over_a_gap_and_never_negative() {
        let power = power(&counter(&[10.0, 10.1, GAP, 10.3, 10.4, 0.1, 0.2]), 1.0, false, HOUR_MS);
        let at = |minutes: i64| power.at(minutes * HOUR_MS / 60).map(|w| w.round() as i64);
        assert_eq!([5, 15, 25, 35, 45, 55, 65].map(at), [Some(600), None, None, Some(600), Some(600), Some(600), None]);
    }

    #[test]
    fn a_counter_that_stands_still_means_that_nothing_flows() {
        let still = power(&counter(&[10.0]), 1.0, false, HOUR_MS);
        assert_eq!((still.at_ms, still.value), (vec![0], vec![0.0]));
        let stopped = power(&counter(&[10.0, 10.1]), 1.0, false, 10 * HOUR_MS);
        assert_eq!(stopped.value.last(), Some(&0.0));
    }

    #[rstest]
    #[case(&[10.00, 10.01, 10.03, 10.04], Some(0.01))]
    #[case(&[0.00125, 0.0025, 0.00625], Some(0.00125))]
    #[case(&[1.0, 3.0, 4.0], Some(1.0))]
    #[case(&[5.0, GAP, 5.5], None)]
    #[case(&[5.0], None)]
    fn the_step_of_a_counter_is_found(#[case] values: &[f64], #[case] step_kwh: Option<f64>) {
        assert_eq!(resolution_kwh(&counter(values), 1.0), step_kwh);
    }

    #[rstest]
    #[case(0.01, 10, "sensor.e counts in steps of 0.01 kWh; at 300 W that is a reading every 2 min: lamps cannot be told")]
    #[case(
        0.001,
        5,
        "sensor.e counts in steps of 0.001 kWh; at 300 W that is a reading every 12 s: short uses blur, but most loads can be told"
    )]
    #[case(0.001, 60, "sensor.e counts in steps of 0.001 kWh; it is read about every 60 s: small lamps cannot be told")]
    #[case(1.0, 60, "sensor.e counts in steps of 1 kWh; at 300 W that is a reading every 3 h: only what draws much for hours can be told")]
    fn what_a_counter_costs_is_said(#[case] step_kwh: f64, #[case] every_s: i64, #[case] said: &str) {
        let series = Series { at_ms: (0..10).map(|k| k * every_s * 1000).collect(), value: vec![0.0; 10] };
        assert_eq!(cost("sensor.e", &series, step_kwh), said);
    }
}
