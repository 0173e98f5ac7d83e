//! Steps in the house's power: Hart's edges, with a threshold that follows how much the meter moves anyway.

use super::samples::Samples;

/// A sudden change of power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The first sample after it.
    pub place: usize,
    /// Size, W; negative: a fall.
    pub power_w: f64,
    /// Standard deviation of the size, W.
    pub error_w: f64,
}

/// Samples on each side of a step that it is told from at first, the step itself left out.
const REACH: usize = 2;
/// A step is the largest of its sign within so many samples.
const ALONE: usize = 3;
/// Samples on each side that the size is taken from.
const LONG: usize = 9;
/// Samples that the usual movement is looked at together.
const BLOCK: usize = 12;
/// The quantile of movements that is looked at, and that quantile of the size of a standard normal.
const USUAL: (f64, f64) = (0.35, 0.454);
/// An edge stands out by so many standard deviations of the usual movement.
const STANDS_OUT: f64 = 4.0;

/// How much the meter moves anyway, by block of samples.
#[derive(Clone, Debug)]
pub struct Movement {
    /// Standard deviation of the difference over a step, W.
    by_block: Vec<f32>,
    /// The smallest edge of interest, W.
    floor_w: f64,
}

impl Movement {
    /// Looks at how the samples move; no edge smaller than `floor_w` is of interest.
    pub fn new(samples: &Samples, floor_w: f64) -> Self {
        let smooth = smooth(&samples.power_w);
        let usual = |block: &[f32]| {
            let mut sizes: Vec<f32> = block.iter().copied().filter(|d| d.is_finite()).collect();
            let place = ((sizes.len() as f64) * USUAL.0) as usize;
            if sizes.is_empty() { 0.0 } else { *sizes.select_nth_unstable_by(place, f32::total_cmp).1 / USUAL.1 as f32 }
        };
        let moves: Vec<f32> = (0..smooth.len()).map(|k| difference(&smooth, k).abs()).collect();
        let alone: Vec<f32> = moves.chunks(BLOCK).map(usual).collect();
        // The middle of three blocks: one with a step in it says nothing of its neighbours.
        let middle = |k: usize| {
            let mut three = [alone[k.saturating_sub(1)], alone[k], alone[(k + 1).min(alone.len() - 1)]];
            three.sort_unstable_by(f32::total_cmp);
            three[1]
        };
        Movement { by_block: (0..alone.len()).map(middle).collect(), floor_w }
    }

    /// Standard deviation of a difference at a sample, W.
    fn at(&self, k: usize) -> f64 {
        self.by_block.get(k / BLOCK).copied().unwrap_or(0.0).into()
    }

    /// From which size on an edge stands out at a sample, W.
    fn least_w(&self, k: usize) -> f64 {
        (STANDS_OUT * self.at(k)).max(self.floor_w)
    }
}

/// The median of each sample and its neighbours.
fn smooth(power_w: &[f32]) -> Vec<f32> {
    let of = |k: usize| {
        let (a, b, c) = (power_w[k.saturating_sub(1)], power_w[k], power_w[(k + 1).min(power_w.len() - 1)]);
        if a.is_nan() || b.is_nan() || c.is_nan() { f32::NAN } else { a.min(b).max(a.max(b).min(c)) }
    };
    (0..power_w.len()).map(of).collect()
}

/// What lies after a sample less what lies before it.
fn difference(smooth: &[f32], k: usize) -> f32 {
    if k < REACH || k + REACH >= smooth.len() { f32::NAN } else { smooth[k + REACH] - smooth[k - REACH] }
}

/// All edges of a stretch whose first sample is `offset` in `movement`, in order of time.
pub fn edges(power_w: &[f32], offset: usize, movement: &Movement) -> Vec<Edge> {
    let smooth = smooth(power_w);
    let steps: Vec<f32> = (0..smooth.len()).map(|k| difference(&smooth, k)).collect();
    let mut places: Vec<(usize, bool)> = Vec::new();
    for (k, &step) in steps.iter().enumerate() {
        if !(f64::from(step.abs()) > movement.least_w(offset + k)) {
            continue;
        }
        let (from, to) = (k.saturating_sub(ALONE), (k + ALONE).min(steps.len() - 1));
        let larger = |j: usize| steps[j] * step > 0.0 && (steps[j].abs() > step.abs() || (steps[j].abs() == step.abs() && j < k));
        if (from..=to).any(|j| j != k && larger(j)) {
            continue;
        }
        // The sample after the greatest jump in the same direction.
        let jump = |j: usize| (power_w[j] - power_w[j - 1]) * step.signum();
        let place = (k.saturating_sub(ALONE).max(1)..=to).max_by(|&a, &b| jump(a).total_cmp(&jump(b)).then(b.cmp(&a)));
        if let Some(place) = place.filter(|&p| places.last() != Some(&(p, step > 0.0))) {
            places.push((place, step > 0.0));
        }
    }
    places.sort_unstable();
    places.dedup_by_key(|p| p.0);
    let mut found = Vec::with_capacity(places.len());
    for (k, &(place, up)) in places.iter().enumerate() {
        let previous = k.checked_sub(1).map_or(0, |p| places[p].0);
        let next = places.get(k + 1).map_or(power_w.len(), |p| p.0);
        let error_w = movement.at(offset + place).max(1.0);
        if let Some(size) = size(power_w, place, previous, next).filter(|size| (*size > 0.0) == up) {
            found.push(Edge { place: offset + place, power_w: size, error_w });
        }
    }
    found
}

/// The step at a sample: the median after it less the median before it, looking no further than the neighbouring edges. Where there is room, the sample
/// after the step is left out: it may hold a surge, or be half there.
fn size(power_w: &[f32], place: usize, previous: usize, next: usize) -> Option<f64> {
    let before = place.saturating_sub(LONG + 1).max(previous);
    let after = (place + 1 + LONG).min(next);
    // A sample between two levels belongs to neither.
    let leave = |room: usize| usize::from(room > 2);
    let low = median(&power_w[before + leave(place - before)..place])?;
    let skipped = place + leave(after - place);
    // Before a fall that follows soon the last sample may be half there too.
    let high = median(&power_w[skipped..after - usize::from(after == next && after - skipped > 2)])?;
    Some(f64::from(high - low))
}

fn median(values: &[f32]) -> Option<f32> {
    let mut finite: Vec<f32> = values.iter().copied().filter(|w| w.is_finite()).collect();
    finite.sort_unstable_by(f32::total_cmp);
    let n = finite.len();
    if n == 0 { None } else { Some((finite[(n - 1) / 2] + finite[n / 2]) / 2.0) }
}
