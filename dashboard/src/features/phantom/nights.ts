// Nights as bars, and what is said of them. Pure.

import type { PhantomLoad } from '../../api/types';
import type { ChartBar } from '../../components/bar-chart';
import { DAY_MS, date, day, instant, weekdayDay } from '../../lib/time';
import { number, watts } from '../../lib/units';

type Night = PhantomLoad['nights'][number];

/** So many nights are drawn one by one; more are drawn as weeks. */
const ONE_BY_ONE = 130;

/** The middle one; of an even count the mean of both. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? null : (upper + lower) / 2;
}

/** What is known of a night, and what not: what is known is told once, for now, and no night draws more than it drew. */
export function split(baseline_w: number, known_w: number): [number, number] {
  const known = Math.max(0, Math.min(baseline_w, known_w));
  return [known, baseline_w - known];
}

/** The bars: nights, or weeks where there are many, each the median of its nights. */
export function nightBars(phantom: PhantomLoad): { bars: ChartBar[]; isWeekly: boolean } {
  const { nights, known_w, threshold_w, time_zone: zone } = phantom;
  const isWeekly = nights.length > ONE_BY_ONE;
  const groups = isWeekly ? weeks(nights) : nights.map((night) => [night]);
  const bars = groups.flatMap((group): ChartBar[] => {
    const first = group[0];
    const last = group.at(-1);
    if (!first || !last) return [];
    const known = group.flatMap((night) => night.baseline_w ?? []);
    const middle = median(known);
    const at = instant(first.to) ?? 0;
    const notes: string[] = [];
    if (group.length > 1 && known.length > 0) {
      notes.push(
        `median of ${number(known.length)} nights, ${watts(Math.min(...known)).value} to ${watts(Math.max(...known)).value} W`,
      );
    }
    if (middle !== null && middle > threshold_w) notes.push('above the limit');
    if (middle === null) notes.push('the meter said too little');
    const title = isWeekly
      ? `${date(at, zone)} to ${date(instant(last.to) ?? at, zone)}`
      : `Night to ${weekdayDay(at, zone)}`;
    return [
      { key: first.date, label: day(at, zone), title, values: middle === null ? null : split(middle, known_w), notes },
    ];
  });
  return { bars, isWeekly };
}

/** Seven nights each, counted back from the last one. */
function weeks(nights: readonly Night[]): Night[][] {
  const last = Date.parse(nights.at(-1)?.date ?? '');
  const groups = new Map<number, Night[]>();
  for (const night of nights) {
    const week = Math.floor((last - Date.parse(night.date)) / (7 * DAY_MS));
    groups.set(week, [...(groups.get(week) ?? []), night]);
  }
  return [...groups.values()];
}

/** How many nights were above the limit, of how many of which that is known. */
export function above(phantom: PhantomLoad): { above: number; known: number } {
  const known = phantom.nights.flatMap((night) => night.baseline_w ?? []);
  return { above: known.filter((w) => w > phantom.threshold_w).length, known: known.length };
}

/** What a trend means: less than this in a month is none, W. */
const STEADY_W = 1;

export function trendWords(trend_w: number | null | undefined): string {
  if (trend_w == null) return 'needs seven nights';
  if (Math.abs(trend_w) < STEADY_W) return 'as good as steady';
  return trend_w > 0 ? 'it grows' : 'it shrinks';
}

/** "02:00-05:00" as a person writes it. */
export function windowWords(window: string): string {
  return window.replace('-', ' to ');
}

/** One sentence on what to make of it; what is not known is not blamed on anything. */
export function advice(phantom: PhantomLoad): string {
  const { baseline_w, unknown_w, is_high, known } = phantom;
  if (baseline_w == null || unknown_w == null) return 'There is no night yet of which enough is known.';
  const greatest = known[0];
  const share = unknown_w / Math.max(baseline_w, 0.001);
  const high = is_high ? `That is more than your limit of ${watts(phantom.threshold_w).value} W. ` : '';
  if (share > 0.5) {
    return `${high}Most of it is not known: what never switches leaves no step to learn from, so only a plug with a meter, moved from one thing to the next, can tell what it is.`;
  }
  if (!greatest) return `${high}Nothing of it is known yet.`;
  return `${high}The greatest part that is known is ${greatest.name}, with ${watts(greatest.power_w).value} W.`;
}

/** What 10 W less would save in a year; `null` where that is not known. */
export function savedBy10W(phantom: PhantomLoad): { energy_kwh: number; cost: number | null } | null {
  const { baseline_w, energy_kwh_per_year, cost_per_year } = phantom;
  if (!baseline_w || energy_kwh_per_year == null) return null;
  return {
    energy_kwh: (energy_kwh_per_year / baseline_w) * 10,
    cost: cost_per_year == null ? null : (cost_per_year / baseline_w) * 10,
  };
}
