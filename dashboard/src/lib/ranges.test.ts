import { describe, expect, it } from 'vitest';
import { at, FOLLOW_MS, moved, RANGES, rangeView, refreshMs, spanView } from './ranges';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time';

const NOW = Date.parse('2026-11-21T19:58:00Z');

describe('a range', () => {
  it('ends now and follows it', () => {
    expect(rangeView('hour', NOW)).toEqual({ name: 'hour', from_ms: NOW - HOUR_MS, to_ms: NOW, follows: true });
    const lengths = RANGES.map((name) => (NOW - rangeView(name, NOW).from_ms) / DAY_MS);
    expect(lengths).toEqual([1 / 24, 1, 7, 30, 365]);
  });
});

describe('a stretch', () => {
  it('follows now while its end is within two minutes of it', () => {
    expect(FOLLOW_MS).toBe(2 * MINUTE_MS);
    expect(spanView(NOW - HOUR_MS, NOW, NOW).follows).toBe(true);
    expect(spanView(NOW - HOUR_MS, NOW - 2 * MINUTE_MS, NOW).follows).toBe(true);
    expect(spanView(NOW - HOUR_MS, NOW - 2 * MINUTE_MS - 1, NOW).follows).toBe(false);
  });

  it('is no named range', () => {
    expect(spanView(NOW - HOUR_MS, NOW, NOW).name).toBeNull();
  });
});

describe('what is moved', () => {
  const day = rangeView('day', NOW);

  it('keeps its length and its name', () => {
    const before = moved(day, -1, NOW);
    expect(before).toEqual({ name: 'day', from_ms: NOW - 2 * DAY_MS, to_ms: NOW - DAY_MS, follows: false });
    expect(moved(before, -2, NOW).to_ms).toBe(NOW - 3 * DAY_MS);
  });

  it('never goes past now', () => {
    expect(moved(day, 1, NOW)).toEqual(day);
    expect(moved(day, 5, NOW).to_ms).toBe(NOW);
    const before = moved(day, -1, NOW);
    expect(moved(before, 3, NOW)).toEqual(day);
  });

  it('follows now again where it comes back to it', () => {
    expect(moved(moved(day, -1, NOW), 1, NOW).follows).toBe(true);
    expect(moved(moved(day, -1, NOW), 1, NOW + MINUTE_MS).follows).toBe(true);
    expect(moved(moved(day, -1, NOW), 1, NOW + 3 * MINUTE_MS).follows).toBe(false);
  });
});

describe('a view, later', () => {
  it('has moved with now where it follows it', () => {
    const later = at(rangeView('hour', NOW), NOW + 30_000);
    expect(later).toEqual({ name: 'hour', from_ms: NOW + 30_000 - HOUR_MS, to_ms: NOW + 30_000, follows: true });
  });

  it('stands where it stood where it does not', () => {
    const before = moved(rangeView('hour', NOW), -1, NOW);
    expect(at(before, NOW + HOUR_MS)).toBe(before);
  });
});

describe('how often it is asked for anew', () => {
  it('is the less often the longer it is, between five seconds and five minutes', () => {
    const every = RANGES.map((name) => refreshMs(rangeView(name, NOW)));
    expect(every).toEqual([5_000, 15_000, MINUTE_MS, 5 * MINUTE_MS, 5 * MINUTE_MS]);
  });
});
