import { describe, expect, test } from 'vitest';
import { HOUR_MS } from './time';
import { usualByNow } from './usual';

const ZONE = 'Europe/Berlin';
/** A Saturday noon and a half, local. */
const NOW_MS = Date.parse('2026-11-21T11:30:00Z');

/** Hours of so many days before the day of `NOW_MS`, each of so much energy. */
function day(days_before: number, kwh: number, covered = 1, from_hour = 0) {
  const midnight = Date.parse('2026-11-20T23:00:00Z') - days_before * 24 * HOUR_MS;
  return Array.from({ length: 24 - from_hour }, (_, hour) => {
    const from_ms = midnight + (hour + from_hour) * HOUR_MS;
    return {
      from: new Date(from_ms).toISOString(),
      to: new Date(from_ms + HOUR_MS).toISOString(),
      consumption_kwh: kwh,
      covered,
    };
  });
}

describe('usual by now', () => {
  test('is the mean of the same weekdays up to this time of day', () => {
    expect(usualByNow([...day(14, 1), ...day(7, 2)], NOW_MS, ZONE)).toBeCloseTo(12.5 * 1.5);
  });
  test('takes no other weekday and not today', () => {
    expect(usualByNow([...day(14, 1), ...day(7, 1), ...day(6, 100), ...day(0, 100)], NOW_MS, ZONE)).toBeCloseTo(12.5);
  });
  test('needs two days', () => {
    expect(usualByNow(day(7, 1), NOW_MS, ZONE)).toBeNull();
  });
  test('leaves out days of which a part is not known', () => {
    expect(usualByNow([...day(21, 5, 0.5), ...day(14, 1), ...day(7, 3)], NOW_MS, ZONE)).toBeCloseTo(25);
    expect(usualByNow([...day(21, 5, 1, 4), ...day(14, 1), ...day(7, 3)], NOW_MS, ZONE)).toBeCloseTo(25);
  });
});
