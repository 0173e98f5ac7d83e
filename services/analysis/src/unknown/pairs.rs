//! Which rise and which fall belong together.

use super::edges::Edge;

/// Nothing that runs for longer than this is paired, s: it would be mistaken for what was forgotten.
const LONGEST_S: f64 = 12.0 * 3600.0;

/// A rise and its fall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Which edge is the rise.
    pub rise: usize,
    /// Which edge is the fall.
    pub fall: usize,
    /// Power, W: the mean of both.
    pub power_w: f64,
    /// Samples from one to the other.
    pub length: usize,
}

/// How alike a rise and its fall must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alike {
    /// The same but for errors.
    Closely,
    /// The fall may be smaller by a third or so: what draws less as it warms up.
    Roughly,
}

impl Alike {
    /// Whether an edge is as large as a fall.
    fn are(self, edge: &Edge, fall: &Edge) -> bool {
        let (up_w, down_w) = (edge.power_w.abs(), fall.power_w.abs());
        let mean_w = (up_w + down_w) / 2.0;
        let error_w = (3.0 * edge.error_w.hypot(fall.error_w)).max(0.05 * mean_w).min(0.15 * mean_w);
        let smaller_w = if self == Alike::Roughly { 0.35 * up_w } else { 0.0 };
        (-error_w..=error_w + smaller_w).contains(&(up_w - down_w))
    }
}

/// Pairs each fall with the rise that is the last edge of about its size before it: where there is another fall in between, something
/// was missed.
pub fn pairs(edges: &[Edge], alike: Alike, step_s: f64) -> Vec<Pair> {
    let longest = (LONGEST_S / step_s) as usize;
    let mut found = Vec::new();
    for (fall, end) in edges.iter().enumerate().filter(|(_, e)| e.power_w < 0.0) {
        let before = (0..fall).rev().take_while(|&k| end.place - edges[k].place <= longest);
        let last = before.into_iter().find(|&k| alike.are(&edges[k], end));
        if let Some(rise) = last.filter(|&k| edges[k].power_w > 0.0 && edges[k].place < end.place) {
            let power_w = (edges[rise].power_w - end.power_w) / 2.0;
            found.push(Pair { rise, fall, power_w, length: end.place - edges[rise].place });
        }
    }
    found
}

/// The same edges, the falls shifted in time: what is paired in them is paired by chance. `whole` samples are gone around.
pub fn shifted(edges: &[Edge], shift: usize, whole: usize) -> Vec<Edge> {
    let moved = |e: &Edge| if e.power_w < 0.0 { Edge { place: (e.place + shift) % whole, ..*e } } else { *e };
    let mut out: Vec<Edge> = edges.iter().map(moved).collect();
    out.sort_by(|a, b| a.place.cmp(&b.place).then(a.power_w.total_cmp(&b.power_w)));
    out
}

/// What the runs of one load have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// Smallest and largest rise, W.
    pub rise_w: (f64, f64),
    /// Smallest and largest fall, W, as positive numbers.
    pub fall_w: (f64, f64),
    /// Shortest and longest run, samples.
    pub length: (usize, usize),
    /// Usual run, samples.
    pub usual: usize,
}

impl Kind {
    /// What these pairs have in common; `None` of no pairs.
    pub fn of(pairs: &[Pair], edges: &[Edge]) -> Option<Self> {
        let band = |sizes: Vec<f64>| {
            let (middle, spread) = middle_and_spread(&sizes)?;
            let reach = (3.5 * spread).clamp(0.05 * middle, 0.13 * middle);
            Some((middle - reach, middle + reach))
        };
        let mut lengths: Vec<usize> = pairs.iter().map(|p| p.length).collect();
        lengths.sort_unstable();
        let at = |share: f64| lengths.get((share * (lengths.len().saturating_sub(1)) as f64).round() as usize).copied();
        let (shortest, longest) = (at(0.02)?, at(0.98)?);
        Some(Kind {
            rise_w: band(pairs.iter().map(|p| edges[p.rise].power_w).collect())?,
            fall_w: band(pairs.iter().map(|p| -edges[p.fall].power_w).collect())?,
            length: ((shortest as f64 * 0.8 - 1.0).max(1.0) as usize, (longest as f64 * 1.2 + 1.0) as usize),
            usual: at(0.5)?,
        })
    }

    /// Whether an edge may be the beginning or the end of such a run.
    pub fn has(&self, edge: &Edge) -> bool {
        let (low, high) = if edge.power_w > 0.0 { self.rise_w } else { self.fall_w };
        (low..=high).contains(&edge.power_w.abs())
    }

    /// Power of a usual run of `length` samples at one of them, W: straight from its rise to its fall.
    pub fn shape_w(&self, sample: usize, length: usize) -> f32 {
        let (rise_w, fall_w) = ((self.rise_w.0 + self.rise_w.1) / 2.0, (self.fall_w.0 + self.fall_w.1) / 2.0);
        (rise_w + (fall_w - rise_w) * sample as f64 / length.max(1) as f64) as f32
    }

    /// The runs of this kind among free edges.
    pub fn runs(&self, edges: &[Edge], is_free: impl Fn(usize) -> bool) -> Vec<Pair> {
        let of_kind = |up: bool| -> Vec<(usize, usize)> {
            let all = edges.iter().enumerate().filter(|(k, e)| (e.power_w > 0.0) == up && self.has(e) && is_free(*k));
            all.map(|(k, e)| (e.place, k)).collect()
        };
        let pair = |(rise, fall): (usize, usize)| Pair {
            rise,
            fall,
            power_w: (edges[rise].power_w - edges[fall].power_w) / 2.0,
            length: edges[fall].place - edges[rise].place,
        };
        self.matched(&of_kind(true), &of_kind(false)).into_iter().map(pair).collect()
    }

    /// Whether these edges may be such a run.
    pub fn fits(&self, pair: &Pair, edges: &[Edge]) -> bool {
        self.has(&edges[pair.rise]) && self.has(&edges[pair.fall]) && (self.length.0..=self.length.1).contains(&pair.length)
    }

    /// Whether this load would look like the other if an end and the beginning that follows it were missed, once or twice: its usual
    /// run is the other's and `between` the beginnings of two of those, samples.
    pub fn is_echo_of(&self, other: &Kind, between: usize) -> bool {
        let near = |times: usize| {
            let echo = other.usual + times * between;
            self.usual.abs_diff(echo) * 8 <= echo
        };
        let touch = |a: (f64, f64), b: (f64, f64)| a.0 <= b.1 && b.0 <= a.1;
        touch(self.rise_w, other.rise_w) && touch(self.fall_w, other.fall_w) && (1..=3).any(near)
    }

    /// Pairs rises with falls (place and edge, in order of place): each fall with the free rise that makes the most usual run.
    fn matched(&self, rises: &[(usize, usize)], falls: &[(usize, usize)]) -> Vec<(usize, usize)> {
        let mut taken = vec![false; rises.len()];
        let mut found = Vec::new();
        let mut first = 0;
        for &(end, fall) in falls {
            while first < rises.len() && rises[first].0 + self.length.1 < end {
                first += 1;
            }
            let within = (first..rises.len()).take_while(|&r| rises[r].0 + self.length.0 <= end).filter(|&r| !taken[r]);
            if let Some(r) = within.min_by_key(|&r| (end - rises[r].0).abs_diff(self.usual)) {
                taken[r] = true;
                found.push((rises[r].1, fall));
            }
        }
        found
    }
}

/// Median and robust standard deviation; `None` of nothing.
pub fn middle_and_spread(values: &[f64]) -> Option<(f64, f64)> {
    use crate::attribution::meter::quantile;
    let middle = quantile(&mut values.to_vec(), 0.5)?;
    let mut off: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    Some((middle, 1.4826 * quantile(&mut off, 0.5)?))
}
