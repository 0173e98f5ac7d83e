// The house's power around a run, laid over that of others. Pure.

import type { UnknownLoad } from '../../api/types';
import { instant, MINUTE_MS } from '../../lib/time';

type Run = UnknownLoad['recent_runs'][number];

/** A run's power over that before it, by seconds since it began. */
export interface Trace {
  from_ms: number;
  at_s: number[];
  power_w: (number | null)[];
  /** How far it is from what the load draws, W: the less, the less else went on. */
  off_w: number;
}

/** So much is shown before and after a run, ms: as much as a run is long, at least a minute, at most five. */
export function margin(duration_s: number): number {
  return Math.min(5 * MINUTE_MS, Math.max(MINUTE_MS, duration_s * 500));
}

/** What to ask of the house's power for a run. */
export function asked(run: Run, duration_s: number): { from_ms: number; to_ms: number; max_points: number } {
  const around = margin(duration_s);
  return {
    from_ms: (instant(run.from) ?? 0) - around,
    to_ms: (instant(run.to) ?? 0) + around,
    max_points: 120,
  };
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** A run's trace; `null` where the house said nothing before it. */
export function trace(
  run: Run,
  power_w: number,
  at: readonly number[],
  mean: readonly (number | null)[],
): Trace | null {
  const from_ms = instant(run.from) ?? 0;
  const to_ms = instant(run.to) ?? from_ms;
  const step_ms = at.length > 1 ? (at[1] ?? 0) - (at[0] ?? 0) : 0;
  const before = median(at.flatMap((t, i) => (t + step_ms <= from_ms ? (mean[i] ?? []) : [])));
  if (before === null) return null;
  const over = mean.map((w) => (w == null ? null : w - before));
  const off = at.flatMap((t, i) => {
    const w = over[i];
    if (w == null) return [];
    // A stretch in which it switches is neither.
    if (t + step_ms <= from_ms || t >= to_ms) return [Math.abs(w)];
    return t >= from_ms && t + step_ms <= to_ms ? [Math.abs(w - power_w)] : [];
  });
  // Something strong beside it is no worse than something twice as strong as it.
  const bounded = off.map((w) => Math.min(w, 2 * power_w));
  const off_w = bounded.reduce((sum, w) => sum + w, 0) / Math.max(1, bounded.length);
  return { from_ms, at_s: at.map((t) => (t - from_ms) / 1000), power_w: over, off_w };
}

/** Those in which least else went on, earliest first. */
export function calmest(traces: readonly Trace[], count: number): Trace[] {
  return traces
    .toSorted((a, b) => a.off_w - b.off_w)
    .slice(0, count)
    .toSorted((a, b) => a.from_ms - b.from_ms);
}

/** The part of the scale that shows the load; what else the house did goes beyond it. */
export function scale(power_w: number): { low: number; high: number } {
  return { low: -0.5 * power_w, high: 1.8 * power_w };
}
