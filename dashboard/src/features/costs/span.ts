// What stretch is shown, bar by bar: days of a month, thirteen weeks, months of a year, years. Pure.

import type { Bucket } from '../../api/types';
import { date, day, dayStart, instant, local, month, monthShort, monthStart, weekdayDay, year } from '../../lib/time';
import { number } from '../../lib/units';

/** What a bar stands for. */
export type View = 'day' | 'week' | 'month' | 'year';

export interface Span {
  from_ms: number;
  to_ms: number;
}

/** A bar's place: a period that is known, one of which nothing is, or one to come. */
export interface Slot extends Span {
  bucket: Bucket | null;
  isLater: boolean;
}

/** What names a place. */
export const keyOf = (place: Span): string => String(place.from_ms);

const WEEKS = 13;
const YEARS = 10;

/** The stretch, so many pages from the present one (0, -1, …). */
export function spanOf(view: View, page: number, now_ms: number, zone: string): Span {
  switch (view) {
    case 'day':
      return { from_ms: monthStart(now_ms, zone, page), to_ms: monthStart(now_ms, zone, page + 1) };
    case 'week': {
      const days = page * WEEKS * 7;
      return { from_ms: dayStart(now_ms, zone, days - (WEEKS - 1) * 7), to_ms: dayStart(now_ms, zone, days + 1) };
    }
    case 'month': {
      const january = 1 - local(now_ms, zone).month + page * 12;
      return { from_ms: monthStart(now_ms, zone, january), to_ms: monthStart(now_ms, zone, january + 12) };
    }
    case 'year': {
      const january = 1 - local(now_ms, zone).month;
      return {
        from_ms: monthStart(now_ms, zone, january - (YEARS - 1) * 12),
        to_ms: monthStart(now_ms, zone, january + 12),
      };
    }
  }
}

/** How many pages back the stretch is in which an instant lies, 0 or less. */
export function pageOf(view: View, at_ms: number, now_ms: number, zone: string): number {
  const at = local(at_ms, zone);
  const now = local(now_ms, zone);
  if (view === 'day') return Math.min(0, (at.year - now.year) * 12 + at.month - now.month);
  if (view === 'month') return Math.min(0, at.year - now.year);
  return 0;
}

/** The places of all bars; weeks begin as those that are known do. */
export function slots(view: View, span: Span, buckets: readonly Bucket[], now_ms: number, zone: string): Slot[] {
  const known = new Map(buckets.map((bucket) => [instant(bucket.from), bucket]));
  const edges = [...edgesOf(view, span, buckets, zone)];
  return edges.slice(0, -1).map((from_ms, i) => {
    const to_ms = edges[i + 1] ?? from_ms;
    return { from_ms, to_ms, bucket: known.get(from_ms) ?? null, isLater: from_ms > now_ms };
  });
}

function* edgesOf(view: View, { from_ms, to_ms }: Span, buckets: readonly Bucket[], zone: string): Generator<number> {
  const first = instant(buckets[0]?.from);
  if (view === 'day' || view === 'month') {
    const start = view === 'day' ? dayStart : monthStart;
    for (let i = 0; ; i += 1) {
      const at = start(from_ms, zone, i);
      yield at;
      if (at >= to_ms) return;
    }
  }
  if (first === null) return;
  if (view === 'week') {
    let back = 0;
    while (dayStart(first, zone, back) > from_ms) back -= 7;
    for (let i = back; ; i += 7) {
      const at = dayStart(first, zone, i);
      yield at;
      if (at >= to_ms) return;
    }
  }
  // Years in which nothing was known yet are not shown.
  for (let i = 0; ; i += 12) {
    const at = monthStart(first, zone, i);
    yield at;
    if (at >= to_ms) return;
  }
}

/** What stands below a bar. */
export function slotLabel(view: View, slot: Span, zone: string): string {
  if (view === 'day') return number(local(slot.from_ms, zone).day);
  if (view === 'week') return day(slot.from_ms, zone);
  return view === 'month' ? monthShort(slot.from_ms, zone) : year(slot.from_ms, zone);
}

/** A bar's name in full. */
export function slotTitle(view: View, slot: Span, zone: string): string {
  if (view === 'day') return weekdayDay(slot.from_ms, zone);
  // The last day, not the midnight after it.
  if (view === 'week') return `Week ${day(slot.from_ms, zone)} to ${day(slot.to_ms - 1, zone)}`;
  return view === 'month' ? month(slot.from_ms, zone) : year(slot.from_ms, zone);
}

/** The name of the whole stretch. */
export function spanTitle(view: View, span: Span, places: readonly Slot[], zone: string): string {
  if (view === 'day') return month(span.from_ms, zone);
  if (view === 'month') return year(span.from_ms, zone);
  if (view === 'year') return 'All years';
  const from_ms = places[0]?.from_ms ?? span.from_ms;
  const to_ms = places.at(-1)?.to_ms ?? span.to_ms;
  return `${day(from_ms, zone)} to ${date(to_ms - 1, zone)}`;
}
