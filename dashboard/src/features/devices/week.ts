// When a device runs: the share of each hour of the week that it was on, by the home's clock.

import type { Activation } from '../../api/types';
import { HOUR_MS, local, offsetMs } from '../../lib/time';

/** Monday first; `null` where that hour never was in the span. */
export type Week = (number | null)[][];

/** 0 is Monday. */
function weekdayOf(at_ms: number, zone: string): number {
  const { year, month, day } = local(at_ms, zone);
  return (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
}

/** The share of each hour of the week that it was on, over a span. */
export function week(activations: readonly Activation[], from_ms: number, to_ms: number, zone: string): Week {
  const on_ms = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
  const all_ms = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
  const spans = activations
    .map((one) => [Date.parse(one.from), one.to ? Date.parse(one.to) : to_ms] as const)
    .sort((a, b) => a[0] - b[0]);
  let first = 0;
  // Hours of the home's clock; some zones are half an hour off.
  const shift = ((offsetMs(from_ms, zone) % HOUR_MS) + HOUR_MS) % HOUR_MS;
  let start = from_ms;
  while (start < to_ms) {
    const end = Math.min(to_ms, Math.floor((start + shift) / HOUR_MS + 1) * HOUR_MS - shift);
    const [day, hour] = [weekdayOf(start, zone), local(start, zone).hour];
    while (first < spans.length && (spans[first]?.[1] ?? 0) <= start) first += 1;
    let on = 0;
    for (let k = first; k < spans.length; k += 1) {
      const [from, to] = spans[k] ?? [0, 0];
      if (from >= end) break;
      on += Math.max(0, Math.min(to, end) - Math.max(from, start));
    }
    const ons = on_ms[day];
    const alls = all_ms[day];
    if (ons && alls) {
      ons[hour] = (ons[hour] ?? 0) + on;
      alls[hour] = (alls[hour] ?? 0) + (end - start);
    }
    start = end;
  }
  return on_ms.map((hours, day) =>
    hours.map((on, hour) => {
      const all = all_ms[day]?.[hour] ?? 0;
      return all > 0 ? Math.min(1, on / all) : null;
    }),
  );
}

/** Time on within a span, h. */
export function hoursOn(activations: readonly Activation[], from_ms: number, to_ms: number): number {
  let on_ms = 0;
  for (const one of activations) {
    const from = Date.parse(one.from);
    const to = one.to ? Date.parse(one.to) : to_ms;
    const within = Math.max(0, Math.min(to, to_ms) - Math.max(from, from_ms));
    // Where it was not always known to be on, only that share counts.
    const known = to > from ? Math.min(1, (one.duration_s * 1000) / (to - from)) : 0;
    on_ms += within * (one.to ? known : 1);
  }
  return on_ms / HOUR_MS;
}
