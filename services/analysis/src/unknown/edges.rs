//! Steps in the house's power: Hart's edges, with a threshold that follows how much the meter moves anyway.

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

/// How far is looked, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lens {
    /// On each side of a step that it is told from at first, the step itself left out.
    reach: usize,
    /// Whether each sample is first taken with its neighbours.
    smooth: bool,
    /// A step is the largest of its sign within so many samples.
    alone: usize,
    /// On each side that the size is taken from.
    long: usize,
}

impl Lens {
    /// Where samples are many.
    pub const FINE: Lens = Lens { reach: 2, smooth: true, alone: 3, long: 9 };
    /// Where samples are few.
    pub const COARSE: Lens = Lens { reach: 1, smooth: false, alone: 2, long: 4 };

    /// The samples, or the median of each and its neighbours.
    fn smoothed(self, power_w: &[f32]) -> Vec<f32> {
        if !self.smooth {
            return power_w.to_vec();
        }
        let of = |k: usize| {
            let (a, b, c) = (power_w[k.saturating_sub(1)], power_w[k], power_w[(k + 1).min(power_w.len() - 1)]);
            if a.is_nan() || b.is_nan() || c.is_nan() { f32::NAN } else { a.min(b).max(a.max(b).min(c)) }
        };
        (0..power_w.len()).map(of).collect()
    }

    /// What lies after each sample less what lies before it.
    fn differences(self, power_w: &[f32]) -> Vec<f32> {
        let smooth = self.smoothed(power_w);
        let inside = |k: usize| k >= self.reach && k + self.reach < smooth.len();
        (0..smooth.len()).map(|k| if inside(k) { smooth[k + self.reach] - smooth[k - self.reach] } else { f32::NAN }).collect()
    }
}

/// Samples that the usual movement is looked at together.
pub const BLOCK: usize = 12;
/// The quantile of movements that is looked at, and that quantile of the size of a standard normal.
const USUAL: (f64, f64) = (0.35, 0.454);
/// An edge stands out by so many standard deviations of the usual movement.
const STANDS_OUT: f64 = 4.0;

/// How much the meter moves anyway, by block of samples.
#[derive(Clone, Debug)]
pub struct Movement {
    /// The usual difference over a step, W: what a slow rise or fall makes of it.
    trend_w: Vec<f32>,
    /// Standard deviation of the difference over a step around that, W.
    spread_w: Vec<f32>,
    /// The smallest edge of interest, W.
    floor_w: f64,
    /// Standard deviation of a sample, W.
    noise_w: f64,
    lens: Lens,
}

impl Movement {
    /// Looks at how samples with so much noise (standard deviation, W) move; no edge smaller than `floor_w` is of interest.
    pub fn new(power_w: &[f32], lens: Lens, noise_w: f64, floor_w: f64) -> Self {
        let quantile = |sizes: &mut Vec<f32>, share: f64| {
            let place = (sizes.len() as f64 * share) as usize;
            if sizes.is_empty() { 0.0 } else { *sizes.select_nth_unstable_by(place, f32::total_cmp).1 }
        };
        let moves = lens.differences(power_w);
        let finite = |block: &[f32]| block.iter().copied().filter(|d| d.is_finite()).collect::<Vec<f32>>();
        let trend_w = moves.chunks(BLOCK).map(|block| quantile(&mut finite(block), 0.5)).collect();
        let mut movement = Movement { trend_w, spread_w: Vec::new(), floor_w, noise_w, lens };
        let off: Vec<f32> = moves.iter().enumerate().map(|(k, d)| (d - movement.trend(k)).abs()).collect();
        let alone: Vec<f32> = off.chunks(BLOCK).map(|block| quantile(&mut finite(block), USUAL.0) / USUAL.1 as f32).collect();
        // The middle of three blocks: one with a step in it says nothing of its neighbours.
        let middle = |k: usize| {
            let mut three = [alone[k.saturating_sub(1)], alone[k], alone[(k + 1).min(alone.len() - 1)]];
            three.sort_unstable_by(f32::total_cmp);
            three[1]
        };
        movement.spread_w = (0..alone.len()).map(middle).collect();
        movement
    }

    /// Usual difference at a sample, W: between the middles of two blocks it goes straight from one to the other.
    fn trend(&self, k: usize) -> f32 {
        let place = (k as f32 + 0.5) / BLOCK as f32 - 0.5;
        let first = place.max(0.0) as usize;
        let of = |block: usize| self.trend_w.get(block).or(self.trend_w.last()).copied().unwrap_or(0.0);
        let share = (place - first as f32).clamp(0.0, 1.0);
        of(first) * (1.0 - share) + of(first + 1) * share
    }

    /// Standard deviation of a difference at a sample, W.
    fn at(&self, k: usize) -> f64 {
        self.spread_w.get(k / BLOCK).copied().unwrap_or(0.0).into()
    }

    /// From which size on an edge stands out at a sample, W.
    fn least_w(&self, k: usize) -> f64 {
        (STANDS_OUT * self.at(k)).max(self.floor_w)
    }
}

/// All edges, in order of time.
pub fn edges(power_w: &[f32], movement: &Movement) -> Vec<Edge> {
    let Lens { alone, long, .. } = movement.lens;
    let differences = movement.lens.differences(power_w);
    let steps: Vec<f32> = differences.iter().enumerate().map(|(k, d)| d - movement.trend(k)).collect();
    let mut places: Vec<(usize, bool)> = Vec::new();
    for (k, &step) in steps.iter().enumerate() {
        if !(f64::from(step.abs()) > movement.least_w(k)) {
            continue;
        }
        let (from, to) = (k.saturating_sub(alone), (k + alone).min(steps.len() - 1));
        let larger = |j: usize| steps[j] * step > 0.0 && (steps[j].abs() > step.abs() || (steps[j].abs() == step.abs() && j < k));
        if (from..=to).any(|j| j != k && larger(j)) {
            continue;
        }
        // The sample after the greatest jump in the same direction.
        let jump = |j: usize| (power_w[j] - power_w[j - 1]) * step.signum();
        let place = (k.saturating_sub(alone).max(1)..=to).max_by(|&a, &b| jump(a).total_cmp(&jump(b)).then(b.cmp(&a)));
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
        let error_w = movement.at(place).max(1.0);
        if let Some(size) = size(power_w, place, (previous, next), long, movement.noise_w).filter(|size| (*size > 0.0) == up) {
            found.push(Edge { place: place, power_w: size, error_w });
        }
    }
    found
}

/// The step at a sample: what lies after it less what lies before it, looking no further than the neighbouring edges. Where there is room,
/// the sample after the step is left out, since it may hold a surge or be half there. A slope that both sides share is no part of the step.
fn size(power_w: &[f32], place: usize, (previous, next): (usize, usize), long: usize, noise_w: f64) -> Option<f64> {
    let before = place.saturating_sub(long + 1).max(previous);
    let after = (place + 1 + long).min(next);
    let leave = |room: usize| usize::from(room > 2);
    let low = &power_w[before + leave(place - before)..place];
    // Before a step that follows soon the last sample may be half there too.
    let first = place + leave(after - place);
    let high = &power_w[first..after - usize::from(after == next && after - first > 2)];
    let flat = f64::from(median(high)? - median(low)?);
    let (Some(a), Some(b)) = (Line::of(low), Line::of(high)) else { return Some(flat) };
    let slope = (a.across + b.across) / (a.squares + b.squares);
    // A slope that may as well be noise is none.
    if slope.abs() < 2.5 * noise_w / (a.squares + b.squares).sqrt() {
        return Some(flat);
    }
    let apart = (first as f64 + b.middle) - ((place - low.len()) as f64 + a.middle);
    Some(b.mean - a.mean - slope * apart)
}

/// Sums for a straight line through samples.
struct Line {
    middle: f64,
    mean: f64,
    across: f64,
    squares: f64,
}

impl Line {
    /// `None` of too few samples, or where some are missing.
    fn of(values: &[f32]) -> Option<Self> {
        let n = values.len() as f64;
        if values.len() < 5 || values.iter().any(|w| !w.is_finite()) {
            return None;
        }
        let middle = (n - 1.0) / 2.0;
        let mean = values.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let across = values.iter().enumerate().map(|(k, &w)| (k as f64 - middle) * (f64::from(w) - mean)).sum();
        Some(Line { middle, mean, across, squares: n * (n * n - 1.0) / 12.0 })
    }
}

fn median(values: &[f32]) -> Option<f32> {
    let mut finite: Vec<f32> = values.iter().copied().filter(|w| w.is_finite()).collect();
    finite.sort_unstable_by(f32::total_cmp);
    let n = finite.len();
    if n == 0 { None } else { Some((finite[(n - 1) / 2] + finite[n / 2]) / 2.0) }
}
