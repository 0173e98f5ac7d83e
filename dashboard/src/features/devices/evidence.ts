// The steps a device was learned from, made ready to be laid over each other.

import type { DevicePage, Evidence } from '../../api/types';
import { NOTHING, percent } from '../../lib/units';
import { stateWords } from '../../lib/words';
import { median } from './scale';

type Level = DevicePage['levels'][number];

/** Steps between the same two levels. */
export interface Choice {
  key: string;
  label: string;
  /** What was learned of it, W. */
  power_w: number | null;
  low_w: number | null;
  high_w: number | null;
  steps: Step[];
}

/** One step, turned so that it goes up. */
export interface Step {
  at_ms: number;
  /** -1 where it was turned. */
  sign: 1 | -1;
  from: string;
  to: string;
  delta_w: number | null;
  error_w: number | null;
  verdict: string;
  offset_s: number[];
  power_w: (number | null)[];
}

const top = (levels: readonly Level[], mode: string): Level | undefined =>
  levels
    .filter((one) => one.mode === mode)
    .reduce<Level | undefined>((best, one) => ((one.power_w ?? 0) >= (best?.power_w ?? 0) ? one : best), undefined);

function turned(one: Evidence, sign: 1 | -1): Step {
  const turn = (value: number | null | undefined) => (value == null ? null : value * sign);
  return {
    at_ms: Date.parse(one.at),
    sign,
    from: one.previous_state,
    to: one.state,
    delta_w: turn(one.power_delta_w),
    error_w: one.standard_error_w ?? null,
    verdict: one.verdict,
    offset_s: one.offset_s,
    power_w: one.power_w.map(turn),
  };
}

/** Steps by what they lead between, most telling first. Of a mode with several levels, a step goes to the one that its own comes nearest to. */
export function choices(evidence: readonly Evidence[], levels: readonly Level[]): Choice[] {
  const found = new Map<string, Choice>();
  const isLevel = (mode: string) => levels.some((one) => one.mode === mode);
  const power = (mode: string) => (isLevel(mode) ? (top(levels, mode)?.power_w ?? null) : 0);
  for (const one of evidence) {
    const [a, b] = [one.previous_state, one.state];
    const delta = one.power_delta_w ?? 0;
    const [wa, wb] = [power(a), power(b)];
    let sign: 1 | -1;
    if (a === b) sign = delta < 0 ? -1 : 1;
    else if (isLevel(a) !== isLevel(b)) sign = isLevel(b) ? 1 : -1;
    else if (wa != null && wb != null && wa !== wb) sign = wb > wa ? 1 : -1;
    else sign = delta < 0 ? -1 : 1;
    const [low, high] = sign > 0 ? [a, b] : [b, a];
    const share = sign > 0 ? one.level_after : one.level_before;
    const choice = place(levels, low, high, share, isLevel(low));
    const kept = found.get(choice.key) ?? choice;
    kept.steps.push(turned(one, sign));
    found.set(kept.key, kept);
  }
  const rank = (one: Choice) => (one.steps.length >= 3 ? 1e9 : 0) + (one.key.startsWith('off:') ? 1e8 : 0);
  return [...found.values()].sort(
    (a, b) => rank(b) - rank(a) || (b.power_w ?? 0) - (a.power_w ?? 0) || b.steps.length - a.steps.length,
  );
}

function place(levels: readonly Level[], low: string, high: string, share_of_full: number, isBetween: boolean): Choice {
  const bare = { power_w: null, low_w: null, high_w: null, steps: [] };
  if (low === high) return { ...bare, key: `within:${high}`, label: 'Between levels' };
  const upper = levels.filter((one) => one.mode === high && one.power_w != null);
  if (isBetween) {
    const from = top(levels, low)?.power_w;
    const to = top(levels, high)?.power_w;
    const power_w = from != null && to != null ? to - from : null;
    return { ...bare, key: `${low}:${high}`, label: `${stateWords(low)} ↔ ${stateWords(high)}`, power_w };
  }
  const nearest = upper.reduce<Level | undefined>(
    (best, one) =>
      best && Math.abs((best.fraction ?? 1) - share_of_full) <= Math.abs((one.fraction ?? 1) - share_of_full)
        ? best
        : one,
    undefined,
  );
  const share = nearest?.fraction != null && upper.length > 1 ? percent(nearest.fraction) : '';
  return {
    key: `off:${high} ${share}`,
    label: share || `${stateWords(low)} ↔ ${stateWords(high)}`,
    power_w: nearest?.power_w ?? null,
    low_w: nearest?.power_low_w ?? null,
    high_w: nearest?.power_high_w ?? null,
    steps: [],
  };
}

/** What the meter showed last, at so many s from the step; `null` in a gap and where nothing was said yet. */
export function held(step: Step, at_s: number): number | null {
  let found: number | null = null;
  for (let k = 0; k < step.offset_s.length; k += 1) {
    if ((step.offset_s[k] ?? 0) > at_s) break;
    found = step.power_w[k] ?? null;
  }
  const last = step.offset_s.at(-1) ?? 0;
  // The last value may be the last that was asked for, not the last that held.
  return at_s > last ? null : found;
}

/** The median of all steps at each whole second, where at least half of them (and two) say something. */
export function middle(steps: readonly Step[], from_s: number, to_s: number): { at_s: number; power_w: number }[] {
  const found: { at_s: number; power_w: number }[] = [];
  const least = Math.max(Math.min(2, steps.length), steps.length / 2);
  for (let at_s = from_s; at_s <= to_s; at_s += 1) {
    const values = steps.flatMap((step) => held(step, at_s) ?? []);
    const power_w = values.length >= least ? median(values) : null;
    if (power_w != null) found.push({ at_s, power_w });
  }
  return found;
}

/** What of the watts is drawn: the step and its usual spread, but not what others did in some of the pictures. */
export function window_w(steps: readonly Step[], power_w: number | null, from_s: number, to_s: number) {
  const step_w = power_w ?? median(steps.flatMap((one) => one.delta_w ?? [])) ?? 0;
  const off = (isWithin: (at_s: number) => boolean, level_w: number) =>
    median(
      steps.flatMap((one) =>
        one.power_w.flatMap((w, k) => (w != null && isWithin(one.offset_s[k] ?? 0) ? Math.abs(w - level_w) : [])),
      ),
    ) ?? 0;
  const before = 4 * off((at_s) => from_s <= at_s && at_s < 0, 0);
  const after = 2.5 * off((at_s) => 8 < at_s && at_s <= to_s, step_w);
  const low = Math.min(-before, step_w - after, 0);
  const high = Math.max(before, step_w + after, 0);
  const room = Math.max(2, 0.12 * (high - low));
  return { low_w: low - room, high_w: high + room };
}

/** "off → on" as it was said, before it was turned. */
export const changeWords = (step: Step) =>
  step.from === step.to
    ? `${stateWords(step.to)}, another level`
    : `${stateWords(step.from) || NOTHING} → ${stateWords(step.to)}`;
