// How today compares with other days of its kind.

import { instant, local } from './time';

/** An hour's energy, as `/api/v1/energy/history?period=hour` tells it. */
interface Hour {
  from: string;
  to: string;
  consumption_kwh?: number | null;
  covered: number;
}

/** So many days of the same kind are needed before one speaks of "usual". */
const FEWEST_DAYS = 2;
/** A day counts where so much of it is known. */
const LEAST_COVERED = 0.9;

/**
 * Energy up to this time of day on other days of the same weekday, kWh: their mean; `null` where too few are known. The hour that runs counts by
 * its share that has passed.
 */
export function usualByNow(hours: readonly Hour[], now_ms: number, zone: string): number | null {
  const now = local(now_ms, zone);
  const weekday = weekdayOf(now);
  const today = `${now.year}-${now.month}-${now.day}`;
  const passed = now.hour + now.minute / 60 + now.second / 3600;
  const days = new Map<string, { kwh: number; covered: number; expected: number }>();
  for (const hour of hours) {
    const from_ms = instant(hour.from);
    if (from_ms == null) continue;
    const wall = local(from_ms, zone);
    const key = `${wall.year}-${wall.month}-${wall.day}`;
    if (key === today || weekdayOf(wall) !== weekday) continue;
    const share = Math.min(1, Math.max(0, passed - wall.hour));
    if (share === 0) continue;
    const day = days.get(key) ?? { kwh: 0, covered: 0, expected: 0 };
    day.kwh += (hour.consumption_kwh ?? 0) * share;
    day.covered += (hour.consumption_kwh == null ? 0 : hour.covered) * share;
    day.expected += share;
    days.set(key, day);
  }
  const whole = [...days.values()].filter(
    (day) => day.expected >= passed - 1.01 && day.covered >= LEAST_COVERED * day.expected,
  );
  if (whole.length < FEWEST_DAYS) return null;
  return whole.reduce((sum, day) => sum + day.kwh, 0) / whole.length;
}

function weekdayOf(wall: { year: number; month: number; day: number }): number {
  return new Date(Date.UTC(wall.year, wall.month - 1, wall.day)).getUTCDay();
}
