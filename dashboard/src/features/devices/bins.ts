// Histograms: how many fall where.

import { inOrder, median, quantile, roundStep } from './scale';

export interface Bin {
  from: number;
  to: number;
  count: number;
  /** Far from the middle of the others. */
  isFar: boolean;
}

export interface Bins {
  bins: Bin[];
  /** Below the first and above the last bin. */
  below: number;
  above: number;
}

/** Steps in bins of a round width around their middle; what lies far off is counted, not drawn. */
export function stepBins(values: readonly number[], expected: number | null): Bins {
  const all = inOrder(values);
  const centre = expected ?? median(all);
  if (centre == null || all.length === 0) return { bins: [], below: 0, above: 0 };
  const spread = 1.4826 * (median(all.map((value) => Math.abs(value - centre))) ?? 0);
  const sigma = Math.max(spread, 0.4, Math.abs(centre) * 0.002);
  const width = roundStep((9 * sigma) / 22);
  const first = Math.floor((centre - 4.5 * sigma) / width);
  const last = Math.ceil((centre + 4.5 * sigma) / width);
  const bins: Bin[] = [];
  for (let k = first; k < last; k += 1) {
    const middle = (k + 0.5) * width;
    bins.push({ from: k * width, to: (k + 1) * width, count: 0, isFar: Math.abs(middle - centre) > 2.5 * sigma });
  }
  let below = 0;
  let above = 0;
  for (const value of all) {
    const k = Math.floor(value / width) - first;
    const bin = bins[k];
    if (bin) bin.count += 1;
    else if (k < 0) below += 1;
    else above += 1;
  }
  return { bins, below, above };
}

/** Ends of bins of time that people know, s. */
const TIMES_S = [
  1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 172_800,
];

/** Running times: bins of even width where they are alike, of growing ones where they are wide apart. */
export function timeBins(durations_s: readonly number[]): { bins: Bin[]; isGrowing: boolean } {
  const all = inOrder(durations_s.filter((s) => s > 0));
  const low = quantile(all, 0.05);
  const high = quantile(all, 0.98);
  const longest = all.at(-1);
  if (low == null || high == null || longest == null) return { bins: [], isGrowing: false };
  const isGrowing = high / Math.max(1, low) > 12;
  const edges: number[] = [];
  if (isGrowing) {
    const first = TIMES_S.findLastIndex((s) => s <= (all[0] ?? 0));
    if (first < 0) edges.push(0);
    edges.push(...TIMES_S.filter((_, k) => k >= Math.max(0, first) && (TIMES_S[k - 1] ?? 0) < longest));
    while ((edges.at(-1) ?? 0) <= longest) edges.push((edges.at(-1) ?? 1) * 2);
  } else {
    const width = roundTime((longest - (all[0] ?? 0)) / 10);
    for (let s = Math.floor((all[0] ?? 0) / width) * width; s <= longest + width; s += width) {
      edges.push(s);
      if (s > longest) break;
    }
  }
  const bins = edges.slice(1).map((to, k) => ({ from: edges[k] ?? 0, to, count: 0, isFar: false }));
  for (const s of all) {
    const bin = bins.find((one) => s >= one.from && s < one.to);
    if (bin) bin.count += 1;
  }
  return { bins, isGrowing };
}

/** A span of time that people know, at least `least`. */
function roundTime(least: number): number {
  const known = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];
  return known.find((s) => s >= least) ?? Math.ceil(least / 86_400) * 86_400;
}
