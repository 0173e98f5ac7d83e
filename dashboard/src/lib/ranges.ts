// What stretch of time a chart shows: one of five lengths or a selected one, ending now or earlier.

import { DAY_MS, HOUR_MS, MINUTE_MS } from './time';

export const RANGES = ['hour', 'day', 'week', 'month', 'year'] as const;

/** A length that a button and a key stand for. */
export type RangeName = (typeof RANGES)[number];

const LENGTH_MS: Record<RangeName, number> = {
  hour: HOUR_MS,
  day: DAY_MS,
  week: 7 * DAY_MS,
  month: 30 * DAY_MS,
  year: 365 * DAY_MS,
};

/** A view follows now while its end is within so much of it. */
export const FOLLOW_MS = 2 * MINUTE_MS;

/** What is shown: a length that has a name, or a stretch that was selected; `follows` says whether its end moves with now. */
export interface View {
  name: RangeName | null;
  from_ms: number;
  to_ms: number;
  follows: boolean;
}

/** A length that ends now. */
export function rangeView(name: RangeName, now_ms: number): View {
  return { name, from_ms: now_ms - LENGTH_MS[name], to_ms: now_ms, follows: true };
}

/** A stretch, such as one that was selected; it follows now where its end is near it. */
export function spanView(from_ms: number, to_ms: number, now_ms: number): View {
  return { name: null, from_ms, to_ms, follows: now_ms - to_ms <= FOLLOW_MS };
}

/** The same length, moved by its whole length; never past now. */
export function moved(view: View, steps: number, now_ms: number): View {
  const length = view.to_ms - view.from_ms;
  const to_ms = Math.min(now_ms, view.to_ms + steps * length);
  return { name: view.name, from_ms: to_ms - length, to_ms, follows: now_ms - to_ms <= FOLLOW_MS };
}

/** Where a view that follows stands now. */
export function at(view: View, now_ms: number): View {
  if (!view.follows) return view;
  return { ...view, from_ms: now_ms - (view.to_ms - view.from_ms), to_ms: now_ms };
}

/** How often a view that follows is asked for anew, ms: the longer it is, the less a moment changes of it. */
export function refreshMs(view: View): number {
  const length = view.to_ms - view.from_ms;
  if (length <= 2 * HOUR_MS) return 5_000;
  if (length <= 2 * DAY_MS) return 15_000;
  return length <= 8 * DAY_MS ? MINUTE_MS : 5 * MINUTE_MS;
}
