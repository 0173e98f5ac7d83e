//! Series put side by side by holding.

use wattribute_domain::Series;

use super::expression::Expression;

/// Powers beyond this are no powers of a house, W.
const SANE_W: f64 = 1e6;

/// The expression's value, W, at each instant at which any of `inputs` speaks (`inputs[k]` is `expression.ids[k]`, in order of
/// time, in W): every series holds its value until its next; silent (`NaN`) while any of them is. One input is worked on in
/// place, without a copy. Also returns how many values lay beyond 1 MW; they become gaps.
pub(super) fn evaluate(expression: &Expression, mut inputs: Vec<Series>) -> (Series, u64) {
    let mut insane = 0;
    let mut sane = |value: f64| {
        if value.abs() <= SANE_W {
            return value;
        }
        insane += u64::from(value.is_finite());
        f64::NAN
    };
    let mut power = if inputs.len() == 1 {
        let mut only = inputs.swap_remove(0);
        for value in &mut only.value {
            *value = sane(if expression.is_plain() { *value } else { expression.value(&[*value]) });
        }
        only
    } else {
        let mut next = vec![0; inputs.len()];
        let mut held = vec![f64::NAN; inputs.len()];
        let mut merged = Series::default();
        while let Some(at_ms) = inputs.iter().zip(&next).filter_map(|(series, &k)| series.at_ms.get(k)).min().copied() {
            for ((series, k), held) in inputs.iter().zip(&mut next).zip(&mut held) {
                while series.at_ms.get(*k) == Some(&at_ms) {
                    *held = series.value[*k];
                    *k += 1;
                }
            }
            let silent = held.iter().any(|value| !value.is_finite());
            merged.push(at_ms, if silent { f64::NAN } else { sane(expression.value(&held)) });
        }
        merged
    };
    power.normalise();
    (power, insane)
}

/// Notes on inputs that are silent for much of the time at which another speaks: a sum is unknown then.
pub(super) fn silence(expression: &Expression, inputs: &[Series]) -> Vec<String> {
    let instants = instants(inputs, 300);
    let speaks = |series: &Series| -> Vec<bool> { instants.iter().map(|&at_ms| series.at(at_ms).is_some()).collect() };
    let speaking: Vec<Vec<bool>> = inputs.iter().map(speaks).collect();
    let mut notes = Vec::new();
    for (id, own) in expression.ids.iter().zip(&speaking).filter(|_| inputs.len() > 1) {
        let any = (0..instants.len()).filter(|&k| speaking.iter().any(|s| s[k])).count();
        let silent = (0..instants.len()).filter(|&k| !own[k] && speaking.iter().any(|s| s[k])).count();
        if silent * 10 > any {
            notes.push(format!("{id} is silent for {} % of the time; what the house draws is unknown then", silent * 100 / any));
        }
    }
    notes
}

/// `count` instants evenly over the time from the first to the last row of any of `series`, ms since the epoch.
pub(super) fn instants<'a>(series: impl IntoIterator<Item = &'a Series> + Clone, count: i64) -> Vec<i64> {
    let first = series.clone().into_iter().filter_map(|s| s.at_ms.first()).min();
    let last = series.into_iter().filter_map(|s| s.at_ms.last()).max();
    match (first, last) {
        (Some(&first), Some(&last)) => (0..count).map(|k| first + last.saturating_sub(first) / (2 * count) * (2 * k + 1)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    const GAP: f64 = f64::NAN;

    fn series(rows: &[(i64, f64)]) -> Series {
        Series { at_ms: rows.iter().map(|r| r.0).collect(), value: rows.iter().map(|r| r.1).collect() }
    }

    /// Rows with gaps as `None`, which compare.
    fn rows(series: &Series) -> Vec<(i64, Option<f64>)> {
        series.at_ms.iter().zip(&series.value).map(|(&t, &v)| (t, v.is_finite().then_some(v))).collect()
    }

    #[test]
    fn values_hold_until_the_next_and_a_silent_sensor_makes_a_gap() {
        let expression = Expression::parse("sensor.a - sensor.b").unwrap();
        let a = series(&[(10, 100.0), (20, 200.0), (40, 300.0), (60, 400.0)]);
        let b = series(&[(15, 1.0), (20, 2.0), (30, GAP), (50, 5.0)]);
        let (power, insane) = evaluate(&expression, vec![a, b]);
        assert_eq!(
            rows(&power),
            [(15, Some(99.0)), (20, Some(198.0)), (30, None), (50, Some(295.0)), (60, Some(395.0))],
            "nothing is said before both have spoken, nor while one is silent"
        );
        assert_eq!(insane, 0);
    }

    #[test]
    fn a_division_by_zero_is_a_gap_and_not_an_insane_reading() {
        let expression = Expression::parse("sensor.a / sensor.b").unwrap();
        let (power, insane) = evaluate(&expression, vec![series(&[(0, 10.0)]), series(&[(0, 2.0), (5, 0.0), (9, 1.0)])]);
        assert_eq!((rows(&power), insane), (vec![(0, Some(5.0)), (5, None), (9, Some(10.0))], 0));
    }

    #[test]
    fn readings_beyond_a_megawatt_are_gaps_and_counted() {
        let expression = Expression::parse("sensor.a").unwrap();
        let (power, insane) = evaluate(&expression, vec![series(&[(0, 300.0), (1, 4e9), (2, -2e6), (3, 310.0)])]);
        assert_eq!((rows(&power), insane), (vec![(0, Some(300.0)), (1, None), (3, Some(310.0))], 2));
    }

    #[test]
    fn a_sensor_that_is_silent_for_long_is_named() {
        let expression = Expression::parse("sensor.a + sensor.b").unwrap();
        let inputs = [series(&[(0, 1.0), (3_600_000, 2.0)]), series(&[(0, 1.0), (2_700_000, GAP)])];
        assert_eq!(silence(&expression, &inputs), ["sensor.b is silent for 25 % of the time; what the house draws is unknown then"]);
        assert!(silence(&Expression::parse("sensor.b").unwrap(), &inputs[1..]).is_empty());
    }

    #[test]
    fn one_sensor_is_not_copied() {
        let only = series(&[(0, 1.0), (1, 2.0)]);
        let before = only.value.as_ptr();
        let (power, _) = evaluate(&Expression::parse("-sensor.a").unwrap(), vec![only]);
        assert_eq!(power.value, [-1.0, -2.0]);
        assert_eq!(power.value.as_ptr(), before);
    }
}
