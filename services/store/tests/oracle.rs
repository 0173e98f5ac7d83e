//! Whatever is written in whatever order, folded whenever: what is read is what a list in memory would say.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;

use common::backend::{Backend, Kind};
use common::{HOUR, T0, power, reading};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rstest::rstest;
use wattribute_domain::{Reading, SeriesId};
use wattribute_store::{Batch, Bucket, Span};

/// What happens to a store.
#[derive(Clone, Debug)]
enum Step {
    /// `count` readings from `at_ms` on, `every_ms` apart, of one of two series.
    Say { series: usize, at_ms: i64, every_ms: i64, count: i64, seed: u64 },
    /// A stretch is replaced by a few readings.
    Replace { series: usize, from_ms: i64, length_ms: i64, seed: u64 },
    /// Step `nth` (from the start, round and round) is done again.
    Again { nth: usize },
    /// The present comes to `now_ms`.
    Maintain { now_ms: i64 },
    /// The store is closed and opened.
    Reopen,
}

const SPAN: i64 = 14 * HOUR;

fn step() -> impl Strategy<Value = Step> {
    // Many instants are shared by several steps: multiples of a minute.
    let at = (0..SPAN / 60_000).prop_map(|m| m * 60_000);
    let every = prop_oneof![Just(1000), Just(1007), Just(10_000), Just(60_000), Just(HOUR), 1..5000_i64];
    prop_oneof![
        6 => (0..2_usize, at.clone(), every, prop_oneof![1..40_i64, 500..1500_i64], any::<u64>())
            .prop_map(|(series, at_ms, every_ms, count, seed)| Step::Say { series, at_ms, every_ms, count, seed }),
        2 => (0..2_usize, at, 1..6 * HOUR, any::<u64>())
            .prop_map(|(series, from_ms, length_ms, seed)| Step::Replace { series, from_ms, length_ms, seed }),
        1 => any::<usize>().prop_map(|nth| Step::Again { nth }),
        3 => (0..SPAN + 6 * HOUR).prop_map(|now_ms| Step::Maintain { now_ms }),
        1 => Just(Step::Reopen),
    ]
}

/// A believable value: steps of 0.1 W, now and then silence.
fn value(seed: u64, k: i64) -> f64 {
    let mixed = (seed ^ k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    if mixed.is_multiple_of(41) { f64::NAN } else { (mixed % 30_000) as f64 / 10.0 }
}

fn said(step: &Step, ids: &[SeriesId]) -> Option<Batch> {
    match *step {
        Step::Say { series, at_ms, every_ms, count, seed } => {
            let mut readings: Vec<Reading> = (0..count).map(|k| reading(ids[series], T0 + at_ms + k * every_ms, value(seed, k))).collect();
            if seed.is_multiple_of(3) {
                readings.reverse();
            }
            Some(Batch { readings, ..Batch::default() })
        }
        Step::Replace { series, from_ms, length_ms, seed } => {
            let span = Span { series: ids[series], from_ms: T0 + from_ms, to_ms: T0 + from_ms + length_ms };
            let readings = (0..(seed % 5) as i64).map(|k| reading(ids[series], span.from_ms + k * length_ms / 5, value(seed, k))).collect();
            Some(Batch { replaced: vec![span], readings, ..Batch::default() })
        }
        Step::Again { .. } | Step::Maintain { .. } | Step::Reopen => None,
    }
}

type Oracle = BTreeMap<(SeriesId, i64), f64>;

fn take(oracle: &mut Oracle, batch: &Batch) {
    for span in &batch.replaced {
        oracle.retain(|&(series, at), _| series != span.series || !(span.from_ms..span.to_ms).contains(&at));
    }
    oracle.extend(batch.readings.iter().map(|r| ((r.series, r.at_ms), r.value)));
}

fn rows_of(oracle: &Oracle, series: SeriesId, from_ms: i64, to_ms: i64) -> Vec<(i64, f64)> {
    let holds = oracle.range((series, i64::MIN)..=(series, from_ms)).next_back();
    let later = oracle.range((series, from_ms + 1)..(series, to_ms));
    holds.into_iter().chain(later).map(|(&(_, at), &v)| (at, v)).collect()
}

/// Charts by holding each row until the next, one bucket after another.
fn chart_of(oracle: &Oracle, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    let mut start = from_ms;
    while start < to_ms {
        let end = (start + step_ms).min(to_ms);
        let rows = rows_of(oracle, series, start, end);
        let (mut min, mut max, mut integral, mut covered) = (f64::NAN, f64::NAN, 0.0, 0.0);
        for (k, &(at, v)) in rows.iter().enumerate() {
            let ms = (rows.get(k + 1).map_or(end, |r| r.0) - at.max(start)) as f64;
            if v.is_finite() {
                (min, max, integral, covered) = (v.min(min), v.max(max), integral + v * ms, covered + ms);
            }
        }
        let mean = if covered > 0.0 { integral / covered } else { f64::NAN };
        buckets.push(Bucket { from_ms: start, min, max, mean, covered: covered / (end - start) as f64 });
        start = end;
    }
    buckets
}

fn like(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * (1.0 + b.abs())
}

async fn check(backend: &Backend, steps: &[Step], questions: &[(i64, i64, i64)]) {
    let mut store = backend.open();
    let ids = [power(&store, "a").await, power(&store, "b").await];
    let mut oracle = Oracle::new();
    for step in steps {
        let step = if let Step::Again { nth } = step { &steps[nth % steps.len()] } else { step };
        match step {
            Step::Maintain { now_ms } => store.maintain(T0 + now_ms).await.unwrap(),
            Step::Reopen => {
                drop(store);
                store = backend.open();
            }
            _ => {}
        }
        if let Some(batch) = said(step, &ids) {
            take(&mut oracle, &batch);
            store.write(batch).await.unwrap();
        }
    }
    for series in ids {
        let newest = oracle.range((series, i64::MIN)..=(series, i64::MAX)).next_back().map(|(&(_, at), &v)| (at, v));
        let latest = store.latest().await.unwrap().into_iter().find(|r| r.series == series).map(|r| (r.at_ms, r.value));
        assert_eq!(latest.map(|l| l.0), newest.map(|n| n.0));
        assert!(latest.zip(newest).is_none_or(|(l, n)| like(l.1, n.1)));
        for &(from, length, step_ms) in questions {
            let (from_ms, to_ms) = (T0 + from, T0 + from + length);
            let expected = rows_of(&oracle, series, from_ms, to_ms);
            let found = store.readings(series, from_ms, to_ms).await.unwrap();
            assert_eq!(found.at_ms, expected.iter().map(|r| r.0).collect::<Vec<_>>(), "instants from {from} over {length}");
            assert!(found.value.iter().zip(&expected).all(|(&v, e)| v.to_bits() == e.1.to_bits() || (v.is_nan() && e.1.is_nan())));

            let expected = chart_of(&oracle, series, from_ms, to_ms, step_ms);
            let found = store.chart(series, from_ms, to_ms, step_ms).await.unwrap();
            assert_eq!(found.len(), expected.len());
            for (f, e) in found.iter().zip(&expected) {
                let same = f.from_ms == e.from_ms
                    && like(f.min, e.min)
                    && like(f.max, e.max)
                    && like(f.mean, e.mean)
                    && like(f.covered, e.covered);
                assert!(same, "{f:?} instead of {e:?} (from {from} over {length} by {step_ms})");
            }
        }
    }
}

fn questions() -> impl Strategy<Value = Vec<(i64, i64, i64)>> {
    // Steps below an hour are exact anywhere, longer ones where they begin and end with ten minutes.
    let anywhere = (-HOUR..SPAN, 1..SPAN, prop_oneof![60_000..HOUR, Just(7919_i64)])
        .prop_map(|(from, length, step)| (from, length, step.max(length / 500 + 1)));
    let by_ten_minutes = (-6..SPAN / 600_000, 1..SPAN, 1..60_i64).prop_map(|(from, length, step)| (from * 600_000, length, step * 600_000));
    prop::collection::vec(prop_oneof![anywhere.prop_filter("coarse", |q| q.2 < HOUR), by_ten_minutes], 4..8)
}

/// 48, unless `PROPTEST_CASES` says otherwise.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48)
}

/// Stories at random, each on a store with nothing in it.
fn told(kind: Kind, cases: u32) {
    let Some(mut backend) = Backend::of(kind) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let backend = std::cell::RefCell::new(&mut backend);
    let told = TestRunner::new(config).run(&(prop::collection::vec(step(), 1..14), questions()), |(steps, questions)| {
        backend.borrow_mut().empty();
        runtime.block_on(check(&backend.borrow(), &steps, &questions));
        Ok(())
    });
    told.unwrap();
}

#[test]
fn what_is_read_is_what_was_written() {
    told(Kind::Sqlite, cases());
}

#[rstest]
fn what_is_read_from_influxdb_is_what_was_written(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    told(kind, cases() / 4);
}

#[rstest]
#[tokio::test]
async fn a_coarse_chart_off_the_ten_minutes_divides_cells_by_time(#[values(Kind::Sqlite, Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let store = backend.open();
    let id = power(&store, "a").await;
    let readings: Vec<Reading> = (0..48 * 360).map(|k| reading(id, T0 + k * 10_000, value(7, k / 30))).collect();
    let mut oracle = Oracle::new();
    let batch = Batch { readings, ..Batch::default() };
    take(&mut oracle, &batch);
    store.write(batch).await.unwrap();
    let step = 4 * HOUR + 1_234_567;
    let (from, to) = (T0 + 54_321, T0 + 47 * HOUR);
    let found = store.chart(id, from, to, step).await.unwrap();
    let exact = chart_of(&oracle, id, from, to, step);
    assert_eq!(found.len(), exact.len());
    for (f, e) in found.iter().zip(&exact) {
        // Two cells of ten minutes at most are divided: their share of the bucket bounds what can be wrong.
        assert!((f.mean - e.mean).abs() < 2.0 * 600_000.0 / step as f64 * (e.max - e.min), "{f:?} instead of {e:?}");
        assert!(f.min <= e.min && f.max >= e.max && (f.covered - e.covered).abs() < 0.1);
    }
    let total = |b: &[Bucket]| b.iter().map(|b| b.mean * b.covered).sum::<f64>() / b.len() as f64;
    assert!((total(&found) - total(&exact)).abs() < 0.01 * total(&exact));
}
