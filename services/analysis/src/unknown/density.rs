//! Cutting numbers on a line where they lie thin.

/// Cells of a smoothed histogram per bandwidth.
const CELLS: f64 = 4.0;

/// The cuts between crowds of `values`: where the density, smoothed over `bandwidth`, falls below `share` of the lower of the two
/// crowds beside it. In order.
pub fn cuts(values: &[f64], bandwidth: f64, share: f64) -> Vec<f64> {
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let width = bandwidth / CELLS;
    let count = ((high - low) / width).ceil();
    if !(count.is_finite() && count >= 1.0) || count > 1e6 {
        return Vec::new();
    }
    let margin = (3.0 * CELLS) as usize;
    let mut cells = vec![0.0; count as usize + 1 + 2 * margin];
    for v in values {
        cells[((v - low) / width) as usize + margin] += 1.0;
    }
    let kernel: Vec<f64> = (0..=margin).map(|d| (-(d as f64 / CELLS).powi(2) / 2.0).exp()).collect();
    let smoothed: Vec<f64> = (0..cells.len())
        .map(|k| {
            let reach = k.saturating_sub(margin)..(k + margin + 1).min(cells.len());
            reach.map(|j| cells[j] * kernel[k.abs_diff(j)]).sum()
        })
        .collect();
    // Peaks and the valley after each; a valley that is not deep enough joins its peaks.
    let mut peaks: Vec<f64> = Vec::new();
    let mut valleys: Vec<(f64, usize)> = Vec::new();
    let mut rising = true;
    for k in 1..smoothed.len() {
        let (was, is) = (smoothed[k - 1], smoothed[k]);
        if rising && is < was {
            peaks.push(was);
            rising = false;
        } else if !rising && is > was {
            valleys.push((was, k - 1));
            rising = true;
        }
    }
    if rising {
        peaks.push(smoothed[smoothed.len() - 1]);
    }
    valleys.truncate(peaks.len().saturating_sub(1));
    while let Some(k) = shallowest(&peaks, &valleys).filter(|&k| valleys[k].0 > share * peaks[k].min(peaks[k + 1])) {
        valleys.remove(k);
        let joined = peaks[k].max(peaks[k + 1]);
        peaks.remove(k);
        peaks[k] = joined;
    }
    valleys.iter().map(|v| low + (v.1 as f64 + 0.5 - margin as f64) * width).collect()
}

/// The valley that is the least deep beside its lower peak.
fn shallowest(peaks: &[f64], valleys: &[(f64, usize)]) -> Option<usize> {
    let depth = |k: &usize| valleys[*k].0 / peaks[*k].min(peaks[*k + 1]);
    (0..valleys.len()).max_by(|a, b| depth(a).total_cmp(&depth(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowds_are_cut_apart_and_stragglers_are_not_crowds_of_their_own() {
        let crowd = |middle: f64, n: i32| (0..n).map(move |k| middle + 0.1 * f64::from(k) / f64::from(n) - 0.05);
        let values: Vec<f64> = crowd(4.1, 300).chain(crowd(4.45, 500)).chain([4.3, 4.31]).collect();
        let cuts = cuts(&values, 0.04, 0.4);
        assert_eq!(cuts.len(), 1, "{cuts:?}");
        assert!((4.18..4.38).contains(&cuts[0]), "{cuts:?}");
        assert_eq!(super::cuts(&crowd(4.1, 300).collect::<Vec<_>>(), 0.04, 0.4), Vec::<f64>::new());
        assert_eq!(super::cuts(&[], 0.04, 0.4), Vec::<f64>::new());
        assert_eq!(super::cuts(&[1.0], 0.04, 0.4), Vec::<f64>::new());
    }
}
