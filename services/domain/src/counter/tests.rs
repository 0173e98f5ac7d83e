use rstest::rstest;

use super::*;
use crate::calendar::QUARTER_MS;

const HOUR: i64 = 3_600_000;
const GAP: f64 = f64::NAN;

fn series(rows: &[(f64, f64)]) -> Series {
    Series { at_ms: rows.iter().map(|r| (r.0 * HOUR as f64) as i64).collect(), value: rows.iter().map(|r| r.1).collect() }
}

fn count(rows: &[(f64, f64)]) -> Counts {
    increments(&series(rows), MOST_KW)
}

fn total(counts: &Counts) -> f64 {
    let sum: f64 = counts.increments.iter().map(|i| i.kwh).sum();
    (sum * 1e6).round() / 1e6
}

fn notes(counts: &Counts) -> Vec<NoteKind> {
    counts.notes.iter().map(|n| n.kind).collect()
}

#[test]
fn the_first_value_counts_nothing_and_the_next_what_it_is_more() {
    let counts = count(&[(0.0, 5000.0), (1.0, 5000.5), (3.0, 5001.5)]);
    let expected =
        [(0, HOUR, 0.5), (HOUR, 3 * HOUR, 1.0)].map(|(from_ms, to_ms, kwh)| Increment { from_ms, to_ms, kwh, kind: Kind::Counted });
    assert_eq!(counts.increments, expected);
    assert!(counts.notes.is_empty());
    assert_eq!((counts.unchanged_from_ms, counts.unchanged_to_ms), (Some(3 * HOUR), None));
}

#[rstest]
#[case::a_tenth(&[(0.0, 10.0), (1.0, 9.9), (2.0, 9.95), (3.0, 10.2)], 0.2, 2)]
#[case::a_thousandth_that_comes_back(&[(0.0, 20000.0), (1.0, 19985.0), (2.0, 20000.0), (3.0, 20001.0)], 1.0, 1)]
#[case::a_tenth_that_is_passed_next_day(&[(0.0, 10.0), (1.0, 9.95), (30.0, 10.05)], 0.05, 1)]
#[case::a_thousandth_for_some_hours(&[(0.0, 20000.0), (1.0, 19985.0), (6.0, 20001.0), (90.0, 20002.0)], 2.0, 1)]
#[case::a_thousandth_just_before_a_rise(&[(0.0, 20000.0), (1.0, 20000.5), (2.0, 19985.0), (3.0, 19985.5)], 0.5, 2)]
#[case::a_glitch_to_zero(&[(0.0, 5000.0), (0.1, 0.0), (0.2, 5000.1)], 0.1, 1)]
#[case::a_glitch_of_a_daily_counter(&[(0.0, 0.7), (0.1, 0.0), (0.103, 0.8)], 0.1, 1)]
#[case::larger_but_short(&[(0.0, 10.0), (0.1, 9.5), (0.2, 10.1)], 0.1, 1)]
fn a_dip_is_no_reset(#[case] rows: &[(f64, f64)], #[case] kwh: f64, #[case] dips: usize) {
    let counts = count(rows);
    assert_eq!(total(&counts), kwh);
    assert_eq!(notes(&counts), vec![NoteKind::Dip; dips]);
    assert_eq!(counts.increments[0].from_ms, 0, "what was drawn in the dip is not lost: {counts:?}");
}

#[rstest]
#[case::at_midnight(&[(0.0, 1.0), (10.0, 9.0), (24.0, 0.0), (25.0, 0.4)], 8.4)]
#[case::first_seen_later(&[(0.0, 1.0), (10.0, 9.0), (24.5, 0.3), (25.0, 0.5)], 8.5)]
#[case::tiny(&[(0.0, 0.0), (10.0, 0.08), (24.0, 0.0), (34.0, 0.08), (48.0, 0.0), (58.0, 0.08)], 0.24)]
#[case::back_by_drawing(&[(0.0, 0.0), (10.0, 0.5), (24.0, 0.0), (24.9, 0.6)], 1.1)]
#[case::of_a_month_below_a_thousand(&[(0.0, 5.0), (743.0, 995.0), (743.2, 0.1)], 990.1)]
fn a_reset_counts_what_came_since(#[case] rows: &[(f64, f64)], #[case] kwh: f64) {
    let counts = count(rows);
    assert_eq!(total(&counts), kwh);
    assert!(!notes(&counts).is_empty() && notes(&counts).iter().all(|n| *n == NoteKind::Reset), "{counts:?}");
    assert!(counts.increments.iter().any(|i| i.kind == Kind::Reset));
}

#[rstest]
#[case::of_five_digits(&[(0.0, 99990.0), (10.0, 99999.5), (11.0, 0.5)], 10.5)]
#[case::without_decimals(&[(0.0, 9990.0), (9.0, 9999.0), (10.0, 0.0)], 10.0)]
#[case::of_32_bits(&[(0.0, 4_294_960.0), (7.0, 4_294_967.0), (8.0, 0.704)], 8.0)]
#[case::of_two_readings(&[(0.0, 999_999.8), (1.0, 0.3)], 0.5)]
fn a_rollover_counts_over_the_edge(#[case] rows: &[(f64, f64)], #[case] kwh: f64) {
    let counts = count(rows);
    assert_eq!(total(&counts), kwh);
    assert_eq!(notes(&counts), [NoteKind::RolledOver]);
    assert_eq!(counts.increments.last().unwrap().kind, Kind::RolledOver);
}

#[rstest]
#[case::with_a_middle_value(3200.0)]
#[case::with_less_than_half(2000.0)]
#[case::with_a_thousandth_that_stays(4996.0)]
fn a_replaced_meter_begins_anew(#[case] new: f64) {
    let counts = count(&[(0.0, 4999.0), (1.0, 5000.0), (1.5, new), (2.5, new + 1.0), (40.0, new + 2.0)]);
    assert_eq!(total(&counts), 3.0);
    assert_eq!(notes(&counts), [NoteKind::Replaced]);
    assert_eq!((counts.notes[0].at_ms, counts.notes[0].from_kwh, counts.notes[0].to_kwh), (3 * HOUR / 2, 5000.0, new));
}

#[test]
fn a_jump_is_not_counted_and_falling_back_from_it_is_no_reset() {
    let counts = count(&[(0.0, 100.0), (1.0, 101.0), (1.1, 70000.0), (1.2, 70000.1), (1.3, 101.4), (2.0, 102.0)]);
    assert_eq!(notes(&counts), [NoteKind::Jump, NoteKind::FellBack]);
    assert_eq!(total(&counts), 2.0, "what was drawn beside the jump is counted once: {counts:?}");
}

#[test]
fn jump_after_jump_falls_back_to_where_it_began() {
    let counts = count(&[(0.0, 100.0), (0.1, 70000.0), (0.2, 900_000.0), (0.3, 100.2)]);
    assert_eq!(notes(&counts), [NoteKind::Jump, NoteKind::Jump, NoteKind::FellBack]);
    assert_eq!(total(&counts), 0.2);
}

#[test]
fn a_dip_after_a_small_jump_does_not_bring_the_jump_back() {
    let counts = count(&[(0.0, 100.0), (0.01, 105.0), (1.0, 106.0), (2.0, 105.95), (3.0, 106.5)]);
    assert_eq!(notes(&counts), [NoteKind::Jump, NoteKind::Dip]);
    assert_eq!(total(&counts), 1.5);
}

#[test]
fn what_is_a_jump_depends_on_the_time_it_took() {
    let rows = [(0.0, 100.0), (1.0, 160.0)];
    assert_eq!(total(&count(&rows)), 60.0);
    let of_a_plug = increments(&series(&rows), 4.0);
    assert_eq!((total(&of_a_plug), notes(&of_a_plug)), (0.0, vec![NoteKind::Jump]));
    let after_zero_at_start = count(&[(0.0, 0.0), (0.001, 5000.0), (1.0, 5000.5)]);
    assert_eq!(total(&after_zero_at_start), 0.5, "zero before the counter is there is no beginning");
}

#[test]
fn what_was_counted_across_a_gap_is_real_and_its_time_is_not_known() {
    let counts = count(&[(0.0, 10.0), (1.0, GAP), (6.0, 14.0), (7.0, 14.5), (8.0, GAP)]);
    assert_eq!(counts.increments[1], Increment { from_ms: HOUR, to_ms: 6 * HOUR, kwh: 4.0, kind: Kind::AcrossGap });
    assert_eq!(counts.increments[2].kind, Kind::Counted);
    assert_eq!(total(&counts), 4.5);
    assert_eq!(counts.unchanged_to_ms, Some(8 * HOUR));
    let quarters = counter_quarters(&series(&[(0.0, 10.0), (1.0, GAP), (6.0, 14.0), (7.0, 14.5), (8.0, GAP)]), 0, 10 * HOUR, 10 * HOUR);
    assert_eq!(quarters[3], Quarter { kwh: 0.0, covered: 1.0, estimated: false });
    assert!((quarters[4].kwh - 0.2).abs() < 1e-12 && quarters[4].estimated && !quarters[24].estimated);
    assert_eq!((quarters[31].covered, quarters[32].covered), (1.0, 0.0), "silent for good");
}

#[test]
fn a_gap_without_an_increase_or_shorter_than_a_quarter_leaves_nothing_to_estimate() {
    let quarters = counter_quarters(&series(&[(0.0, 10.0), (1.0, GAP), (6.0, 10.0), (6.1, GAP), (6.2, 10.1)]), 0, 7 * HOUR, 7 * HOUR);
    assert!(quarters.iter().all(|q| q.covered > 0.999 && !q.estimated), "{quarters:?}");
    assert!((quarters[24].kwh - 0.1).abs() < 1e-9);
}

#[test]
fn an_increase_is_spread_between_its_readings() {
    let quarters = counter_quarters(&series(&[(0.5, 10.0), (4.5, 10.16)]), 0, 6 * HOUR, 5 * HOUR);
    assert_eq!(quarters.len(), 24);
    assert_eq!(quarters[1], Quarter::default(), "nothing is known before the first reading");
    assert!((quarters[2].kwh - 0.01).abs() < 1e-12 && (quarters[17].kwh - 0.01).abs() < 1e-12);
    assert_eq!(quarters[19], Quarter { kwh: 0.0, covered: 1.0, estimated: false }, "unchanged is known");
    assert_eq!(quarters[20].covered, 0.0);
}

#[test]
fn a_jump_leaves_its_time_unknown() {
    let quarters = counter_quarters(&series(&[(0.0, 10.0), (1.0, 5000.0), (2.0, 5000.4)]), 0, 2 * HOUR, 2 * HOUR);
    assert_eq!(quarters[0], Quarter::default());
    assert!((quarters[4].kwh - 0.1).abs() < 1e-9 && quarters[4].covered == 1.0);
}

#[test]
fn power_goes_both_ways_and_is_not_integrated_over_a_gap() {
    let power = Series {
        at_ms: vec![-HOUR, QUARTER_MS / 3, QUARTER_MS, 2 * QUARTER_MS, 3 * QUARTER_MS],
        value: vec![1200.0, -600.0, GAP, 400.0, 800.0],
    };
    let Quarters { import, export } = power_quarters(&power, 0, HOUR + 1, 3 * QUARTER_MS + QUARTER_MS / 2);
    // 1200 W for 5 minutes, then 600 W given for 10.
    assert!((import[0].kwh - 0.1).abs() < 1e-12 && (export[0].kwh - 0.1).abs() < 1e-12, "{import:?} {export:?}");
    assert_eq!((import[0].covered, export[0].covered), (1.0, 1.0));
    assert_eq!((import[1], export[1]), (Quarter::default(), Quarter::default()));
    assert!((import[2].kwh - 0.1).abs() < 1e-12 && export[2].kwh == 0.0);
    assert!((import[3].kwh - 0.1).abs() < 1e-12 && import[3].covered == 0.5, "known half way");
    assert_eq!((import.len(), import[4]), (5, Quarter::default()));
}

#[test]
fn a_disagreement_is_told_over_what_both_know() {
    let quarter = |kwh, covered, estimated| Quarter { kwh, covered, estimated };
    let power = [quarter(2.0, 1.0, false), quarter(9.0, 0.5, false), quarter(0.1, 1.0, false)];
    let counter = [quarter(1.8, 1.0, false), quarter(2.0, 1.0, false), quarter(7.0, 1.0, true)];
    let found = disagreement(&power, &counter).unwrap();
    assert!((found - 0.1).abs() < 1e-12 && found > DISAGREEMENT, "{found}");
    assert_eq!(disagreement(&power[1..], &counter[1..]), None);
    let stuck = [quarter(0.0, 1.0, false)];
    assert_eq!(disagreement(&power[..1], &stuck), Some(1.0), "a counter that stands still disagrees most");
}

#[test]
fn nothing_said_is_nothing_counted() {
    assert_eq!(increments(&Series::default(), MOST_KW), Counts::default());
    assert_eq!(count(&[(0.0, GAP), (1.0, GAP)]), Counts::default());
    assert_eq!(counter_quarters(&Series::default(), HOUR, 0, 0), []);
    assert!(power_quarters(&Series::default(), 0, HOUR, HOUR).import.iter().all(|q| *q == Quarter::default()));
}
