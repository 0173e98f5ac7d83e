// Times in the home's time zone, whatever the browser's is.

import { currentLocale, number } from './units';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const locale = currentLocale();
  const key = `${locale} ${zone} ${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options });
    formats.set(key, made);
  }
  return made;
}

/** The instant of an RFC 3339 text, ms; `null` where there is none. */
export function instant(text: string | null | undefined): number | null {
  if (!text) return null;
  const at = Date.parse(text);
  return Number.isFinite(at) ? at : null;
}

/** 20:58 */
export function clock(at_ms: number, zone: string): string {
  return format(zone, { hour: '2-digit', minute: '2-digit' }).format(at_ms);
}

/** 20:58:12 */
export function clockSeconds(at_ms: number, zone: string): string {
  return format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at_ms);
}

/** 21 Nov */
export function day(at_ms: number, zone: string): string {
  return format(zone, { day: 'numeric', month: 'short' }).format(at_ms);
}

/** Sat 21 Nov */
export function weekdayDay(at_ms: number, zone: string): string {
  return format(zone, { weekday: 'short', day: 'numeric', month: 'short' }).format(at_ms);
}

/** Saturday */
export function weekday(at_ms: number, zone: string): string {
  return format(zone, { weekday: 'long' }).format(at_ms);
}

/** 21 Nov 2026 */
export function date(at_ms: number, zone: string): string {
  return format(zone, { day: 'numeric', month: 'short', year: 'numeric' }).format(at_ms);
}

/** November 2026 */
export function month(at_ms: number, zone: string): string {
  return format(zone, { month: 'long', year: 'numeric' }).format(at_ms);
}

/** Nov */
export function monthShort(at_ms: number, zone: string): string {
  return format(zone, { month: 'short' }).format(at_ms);
}

/** 2026 */
export function year(at_ms: number, zone: string): string {
  return format(zone, { year: 'numeric' }).format(at_ms);
}

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const partFormats = new Map<string, Intl.DateTimeFormat>();

/** What a clock on the wall of the home shows. */
export function local(at_ms: number, zone: string): Parts {
  let made = partFormats.get(zone);
  if (!made) {
    made = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    partFormats.set(zone, made);
  }
  const found = Object.fromEntries(made.formatToParts(at_ms).map((part) => [part.type, Number(part.value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found as Partial<Parts>;
  return { year, month, day, hour, minute, second };
}

/** How far the home's clock is ahead of UTC then, ms. */
export function offsetMs(at_ms: number, zone: string): number {
  const p = local(at_ms, zone);
  return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - Math.floor(at_ms / 1000) * 1000;
}

/** The instant at which the home's clock shows that; where it does so twice, the first; where never, just after. */
export function fromLocal(year: number, month: number, day: number, zone: string, hour = 0, minute = 0): number {
  const wall = Date.UTC(year, month - 1, day, hour, minute);
  const candidates = [wall - offsetMs(wall - DAY_MS, zone), wall - offsetMs(wall + DAY_MS, zone)];
  const right = candidates.filter((at) => at + offsetMs(at, zone) === wall);
  return right.length > 0 ? Math.min(...right) : Math.max(...candidates);
}

/** Local midnight that began the day in which `at_ms` lies, so many days later (or earlier). */
export function dayStart(at_ms: number, zone: string, days = 0): number {
  const p = local(at_ms, zone);
  const noon = new Date(Date.UTC(p.year, p.month - 1, p.day + days));
  return fromLocal(noon.getUTCFullYear(), noon.getUTCMonth() + 1, noon.getUTCDate(), zone);
}

/** The first of the local month in which `at_ms` lies, so many months later (or earlier). */
export function monthStart(at_ms: number, zone: string, months = 0): number {
  const p = local(at_ms, zone);
  const first = new Date(Date.UTC(p.year, p.month - 1 + months, 1));
  return fromLocal(first.getUTCFullYear(), first.getUTCMonth() + 1, 1, zone);
}

/** 2026-11-21, local: what the API takes as a day. */
export function isoDay(at_ms: number, zone: string): string {
  const p = local(at_ms, zone);
  return `${p.year}-${String(p.month).padStart(2, '0')}-${String(p.day).padStart(2, '0')}`;
}

/** "just now", "12 s ago", "5 min ago", then the clock, then the day. */
export function ago(at_ms: number, now_ms: number, zone: string): string {
  const s = Math.max(0, Math.round((now_ms - at_ms) / 1000));
  if (s < 2) return 'just now';
  if (s < 60) return `${number(s)} s ago`;
  if (s < 3600) return `${number(Math.floor(s / 60))} min ago`;
  return moment(at_ms, now_ms, zone);
}

/** "18:04" today, "yesterday 18:04", "tomorrow 18:04", else "19 Nov 18:04", and with the year where it is another. */
export function moment(at_ms: number, now_ms: number, zone: string): string {
  const time = clock(at_ms, zone);
  const midnight = dayStart(now_ms, zone);
  const next = dayStart(now_ms, zone, 1);
  if (at_ms >= midnight && at_ms < next) return time;
  if (at_ms >= next && at_ms < dayStart(now_ms, zone, 2)) return `tomorrow ${time}`;
  if (at_ms < midnight && at_ms >= dayStart(now_ms, zone, -1)) return `yesterday ${time}`;
  const same = local(at_ms, zone).year === local(now_ms, zone).year;
  return `${same ? day(at_ms, zone) : date(at_ms, zone)} ${time}`;
}

/** "17:50 to 19:20", or with days where they differ. */
export function span(from_ms: number, to_ms: number, zone: string): string {
  if (isoDay(from_ms, zone) === isoDay(to_ms - 1, zone)) {
    const whole = from_ms === dayStart(from_ms, zone) && to_ms === dayStart(from_ms, zone, 1);
    return whole ? weekdayDay(from_ms, zone) : `${clock(from_ms, zone)} to ${clock(to_ms, zone)}`;
  }
  if (to_ms - from_ms > 20 * DAY_MS) return `${date(from_ms, zone)} to ${date(to_ms, zone)}`;
  return `${day(from_ms, zone)} ${clock(from_ms, zone)} to ${day(to_ms, zone)} ${clock(to_ms, zone)}`;
}
