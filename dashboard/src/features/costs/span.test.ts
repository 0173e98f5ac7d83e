import { beforeAll, describe, expect, it } from 'vitest';
import type { Bucket } from '../../api/types';
import { HOUR_MS, isoDay } from '../../lib/time';
import { setLocale } from '../../lib/units';
import { pageOf, slotLabel, slots, slotTitle, spanOf, spanTitle, type View } from './span';

beforeAll(() => setLocale('en-GB'));

const zone = 'Europe/Berlin';
const now = Date.parse('2026-11-21T16:00:00Z');

const bucket = (from: string, to: string) => ({ from, to }) as Bucket;

const days = (view: View, page: number) => {
  const { from_ms, to_ms } = spanOf(view, page, now, zone);
  return [isoDay(from_ms, zone), isoDay(to_ms, zone)];
};

describe('a stretch', () => {
  it('is a month of days, a year of months, thirteen weeks, ten years', () => {
    expect(days('day', 0)).toEqual(['2026-11-01', '2026-12-01']);
    expect(days('day', -11)).toEqual(['2025-12-01', '2026-01-01']);
    expect(days('month', 0)).toEqual(['2026-01-01', '2027-01-01']);
    expect(days('month', -1)).toEqual(['2025-01-01', '2026-01-01']);
    expect(days('week', 0)).toEqual(['2026-08-29', '2026-11-22']);
    expect(days('year', 0)).toEqual(['2017-01-01', '2027-01-01']);
  });

  it('of weeks follows on the one before it, without a week twice or never', () => {
    const before = spanOf('week', -1, now, zone);
    const present = spanOf('week', 0, now, zone);
    // A week that is asked for by a day in it is told whole.
    expect(isoDay(before.to_ms, zone)).toBe('2026-08-23');
    expect(isoDay(present.from_ms, zone)).toBe('2026-08-29');
  });

  it('is found again from an instant in it', () => {
    expect(pageOf('day', Date.parse('2025-12-31T22:59:00Z'), now, zone)).toBe(-11);
    expect(pageOf('day', Date.parse('2025-12-31T23:00:00Z'), now, zone)).toBe(-10);
    expect(pageOf('month', Date.parse('2024-06-01T00:00:00Z'), now, zone)).toBe(-2);
  });
});

describe('places', () => {
  it('of days are 23 to 25 hours long, and each has its bucket', () => {
    const span = spanOf('day', -1, now, zone);
    const known = bucket('2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z');
    const places = slots('day', span, [known], now, zone);
    expect(places).toHaveLength(31);
    const long = places.find((place) => place.bucket);
    expect(long?.bucket).toBe(known);
    expect((long?.to_ms ?? 0) - (long?.from_ms ?? 0)).toBe(25 * HOUR_MS);
    expect(long && slotLabel('day', long, zone)).toBe('25');
  });

  it('tell what is to come from what is not known', () => {
    const places = slots('day', spanOf('day', 0, now, zone), [], now, zone);
    expect(places.filter((place) => place.isLater)).toHaveLength(9);
  });

  it('of weeks begin as the known ones do', () => {
    const monday = bucket('2026-11-15T23:00:00.000Z', '2026-11-22T23:00:00.000Z');
    const span = spanOf('week', 0, now, zone);
    const places = slots('week', span, [monday], now, zone);
    expect(places).toHaveLength(13);
    expect(places.at(-1)?.bucket).toBe(monday);
    expect(places.map((place) => isoDay(place.from_ms, zone)).slice(0, 2)).toEqual(['2026-08-24', '2026-08-31']);
    expect(spanTitle('week', span, places, zone)).toBe('24 Aug to 22 Nov 2026');
    const last = places.at(-1);
    expect(last && slotTitle('week', last, zone)).toBe('Week 16 Nov to 22 Nov');
  });

  it('of years begin with the first that is known', () => {
    const first = bucket('2024-12-31T23:00:00.000Z', '2025-12-31T23:00:00.000Z');
    const places = slots('year', spanOf('year', 0, now, zone), [first], now, zone);
    expect(places.map((place) => slotLabel('year', place, zone))).toEqual(['2025', '2026']);
  });

  it('are none where no week is known', () => {
    expect(slots('week', spanOf('week', 0, now, zone), [], now, zone)).toEqual([]);
  });
});
