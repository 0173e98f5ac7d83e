//! The robust joint solve: DESIGN.md section 4, point 4.
//!
//! `min sum rho((z - x'p) / s)` with `p >= 0` and Tukey's biweight, by iteratively reweighted least squares whose loss is narrowed in
//! steps, so that what happened by chance at the same time is an outlier and not part of an average (Holland & Welsch 1977;
//! graduated non-convexity after Blake & Zisserman 1987).

/// One equation: a step and the changes of level that explain it.
#[derive(Clone, Debug)]
pub struct Equation {
    /// The step, W.
    pub step_w: f64,
    /// Standard error, W.
    pub error_w: f64,
    /// Spread of what it explains from one time to the next, as a share: mains voltage alone moves a resistive load by 1 % or more.
    pub spread: f64,
    /// Parameters and their coefficients.
    pub parts: Vec<(u32, f32)>,
    /// Index of the cluster it comes from.
    pub cluster: u32,
    /// Block of time for the interval.
    pub block: u32,
}

impl Equation {
    /// Scale of its residual, W: its standard error and the spread of a load from run to run.
    fn scale_w(&self, explained_w: f64) -> f64 {
        self.error_w.hypot(self.spread * explained_w)
    }

    /// The step that `parameters` explain, W.
    pub fn explained_w(&self, parameters: &[f64]) -> f64 {
        self.parts.iter().map(|&(k, x)| f64::from(x) * parameters[k as usize]).sum()
    }
}

/// What the solve found.
#[derive(Clone, Debug)]
pub struct Solution {
    /// The parameters, W.
    pub parameters: Vec<f64>,
    /// Weight of each equation, 0 (an outlier) to 1.
    pub weights: Vec<f64>,
    /// Covariance of the parameters by blocks of time, W².
    pub covariance: Matrix,
}

/// A square matrix, row by row.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Rows and columns.
    pub n: usize,
    /// The numbers.
    pub values: Vec<f64>,
}

impl Matrix {
    /// All zero.
    pub fn zero(n: usize) -> Self {
        Matrix { n, values: vec![0.0; n * n] }
    }

    /// The number in row `i`, column `j`.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.n + j]
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.n..(i + 1) * self.n]
    }

    fn add(&mut self, i: usize, j: usize, x: f64) {
        self.values[i * self.n + j] += x;
    }
}

/// Tukey's constant for 95 % efficiency.
const TUKEY: f64 = 4.685;

/// Tukey's weight of a residual in units of its scale.
pub fn tukey(u: f64, widen: f64) -> f64 {
    let r = u / (TUKEY * widen);
    if r.abs() < 1.0 { (1.0 - r * r).powi(2) } else { 0.0 }
}

/// Solves for `n` parameters from the start `p0`.
pub fn solve(equations: &[Equation], n: usize, p0: Vec<f64>) -> Solution {
    let mut p = p0;
    let mut weights = vec![0.0; equations.len()];
    for step in 0..30 {
        // First least absolute deviations, which have one optimum only, then ever narrower.
        let widen = if step < 12 {
            0.0
        } else if step < 20 {
            6f64.powf(1.0 - f64::from(step - 12) / 7.0)
        } else {
            1.0
        };
        let (mut g, mut b) = (Matrix::zero(n), vec![0.0; n]);
        for (e, weight) in equations.iter().zip(&mut weights) {
            let explained_w = e.explained_w(&p);
            let s = e.scale_w(explained_w);
            let u = (e.step_w - explained_w) / s;
            *weight = if widen == 0.0 { 1.0 / u.abs().max(1.0) } else { tukey(u, widen) };
            let w = *weight / (s * s);
            if w > 0.0 {
                for &(i, x) in &e.parts {
                    b[i as usize] += w * f64::from(x) * e.step_w;
                    for &(j, y) in &e.parts {
                        g.add(i as usize, j as usize, w * f64::from(x) * f64::from(y));
                    }
                }
            }
        }
        let before = p.clone();
        descend(&g, &b, &mut p);
        if step >= 20 && p.iter().zip(&before).all(|(a, b)| (a - b).abs() <= 1e-6 * (1.0 + b.abs())) {
            break;
        }
    }
    let covariance = covariance(equations, &p, &weights, n);
    Solution { parameters: p, weights, covariance }
}

/// Non-negative least squares on normal equations by coordinate descent.
fn descend(g: &Matrix, b: &[f64], p: &mut [f64]) {
    let n = g.n;
    for _ in 0..200 {
        let mut moved = 0f64;
        for i in 0..n {
            let d = g.at(i, i);
            if d <= 0.0 {
                continue;
            }
            let row = g.row(i);
            let rest: f64 = row.iter().zip(p.iter()).map(|(a, x)| a * x).sum::<f64>() - d * p[i];
            let next = ((b[i] - rest) / d).max(0.0);
            moved = moved.max((next - p[i]).abs() / (1.0 + next.abs()));
            p[i] = next;
        }
        if moved < 1e-9 {
            break;
        }
    }
}

/// Covariance by blocks: the sandwich `A^-1 (sum over blocks of g g') A^-1` with the score `g` of each block, which is the bootstrap over
/// blocks to first order (Liang & Zeger 1986), and needs no random numbers. `A` is the second derivative of the loss where that is
/// positive, so that outliers do not count as evidence.
fn covariance(equations: &[Equation], p: &[f64], weights: &[f64], n: usize) -> Matrix {
    let mut a = Matrix::zero(n);
    let mut blocks: std::collections::BTreeMap<u32, Vec<f64>> = std::collections::BTreeMap::new();
    for (e, &weight) in equations.iter().zip(weights) {
        if weight <= 0.0 {
            continue;
        }
        let explained_w = e.explained_w(p);
        let s2 = e.scale_w(explained_w).powi(2);
        let residual = e.step_w - explained_w;
        let r2 = (residual / (TUKEY * s2.sqrt())).powi(2);
        let curvature = ((1.0 - r2) * (1.0 - 5.0 * r2)).max(0.2 * weight) / s2;
        let score = blocks.entry(e.block).or_insert_with(|| vec![0.0; n]);
        for &(i, x) in &e.parts {
            score[i as usize] += weight * f64::from(x) * residual / s2;
            for &(j, y) in &e.parts {
                a.add(i as usize, j as usize, curvature * f64::from(x) * f64::from(y));
            }
        }
    }
    for i in 0..n {
        a.add(i, i, 1e-9);
    }
    let inverse = invert(&a);
    let mut out = Matrix::zero(n);
    for score in blocks.values() {
        let d: Vec<f64> = (0..n).map(|i| (0..n).map(|j| inverse.at(i, j) * score[j]).sum()).collect();
        for i in 0..n {
            if d[i] != 0.0 {
                for j in 0..n {
                    out.add(i, j, d[i] * d[j]);
                }
            }
        }
    }
    let count = blocks.len() as f64;
    let small = if count > 1.0 { count / (count - 1.0) } else { 4.0 };
    out.values.iter_mut().for_each(|v| *v *= small);
    out
}

/// Inverse of a symmetric positive definite matrix by Cholesky; what is singular gets a huge variance.
pub fn invert(a: &Matrix) -> Matrix {
    let n = a.n;
    let mut l = Matrix::zero(n);
    for i in 0..n {
        for j in 0..=i {
            let mut sum = a.at(i, j);
            for k in 0..j {
                sum -= l.at(i, k) * l.at(j, k);
            }
            let value = if i == j { sum.max(1e-10 * a.at(i, i).max(1e-6)).sqrt() } else { sum / l.at(j, j) };
            l.values[i * n + j] = value;
        }
    }
    let mut out = Matrix::zero(n);
    let mut y = vec![0.0; n];
    for c in 0..n {
        for i in 0..n {
            let known: f64 = l.row(i)[..i].iter().zip(&y).map(|(a, b)| a * b).sum();
            y[i] = (f64::from(u8::from(i == c)) - known) / l.at(i, i);
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| l.at(k, i) * out.at(k, c)).sum();
            out.values[i * n + c] = (y[i] - known) / l.at(i, i);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equation(step_w: f64, parts: &[(u32, f32)], block: u32) -> Equation {
        Equation { step_w, error_w: 1.0, spread: 0.0, parts: parts.to_vec(), cluster: 0, block }
    }

    #[test]
    fn a_kettle_at_the_same_time_is_an_outlier() {
        let mut equations: Vec<Equation> = (0..20).map(|k| equation(60.0 + f64::from(k % 3) - 1.0, &[(0, 1.0)], k)).collect();
        equations.extend((0..6).map(|k| equation(2060.0, &[(0, 1.0)], k)));
        equations.extend((0..20).map(|k| equation(-100.0, &[(0, -1.0), (1, -1.0)], k)));
        let s = solve(&equations, 2, vec![500.0, 10.0]);
        assert!((s.parameters[0] - 60.0).abs() < 0.2 && (s.parameters[1] - 40.0).abs() < 0.3, "{:?}", s.parameters);
        assert!(s.weights[20..26].iter().all(|&w| w == 0.0));
    }

    #[test]
    fn the_inverse_times_the_matrix_is_one() {
        let a = Matrix { n: 3, values: vec![4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0] };
        let b = invert(&a);
        for i in 0..3 {
            for j in 0..3 {
                let x: f64 = (0..3).map(|k| a.at(i, k) * b.at(k, j)).sum();
                assert!((x - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }
}
