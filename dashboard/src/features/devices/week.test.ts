import { describe, expect, it } from 'vitest';
import type { Activation } from '../../api/types';
import { hoursOn, week } from './week';

const on = (from: string, to: string | null, duration_s?: number): Activation => ({
  from,
  to,
  duration_s: duration_s ?? (to ? (Date.parse(to) - Date.parse(from)) / 1000 : 0),
  state: 'on',
  estimated: false,
});
const ms = Date.parse;

describe('when it runs', () => {
  it('goes by the clock of the home', () => {
    // 17:00 UTC on Saturday 21 November is 18:00 in Berlin.
    const found = week(
      [on('2026-11-21T17:00:00Z', '2026-11-21T17:30:00Z')],
      ms('2026-11-20T23:00:00Z'),
      ms('2026-11-21T23:00:00Z'),
      'Europe/Berlin',
    );
    expect(found[5]?.[18]).toBe(0.5);
    expect(found[5]?.[17]).toBe(0);
    expect(found[0]?.[18]).toBeNull();
  });

  it('shares an hour over all the weeks of the span', () => {
    const found = week(
      [on('2026-11-16T08:00:00Z', '2026-11-16T09:00:00Z')],
      ms('2026-11-02T00:00:00Z'),
      ms('2026-11-23T00:00:00Z'),
      'UTC',
    );
    expect(found[0]?.[8]).toBeCloseTo(1 / 3);
  });

  it('lets what is still on last until the end of the span', () => {
    const found = week(
      [on('2026-11-21T10:00:00Z', null)],
      ms('2026-11-21T09:00:00Z'),
      ms('2026-11-21T10:30:00Z'),
      'UTC',
    );
    expect(found[5]?.[10]).toBe(1);
  });

  it('keeps to whole hours of the clock in a zone that is half an hour off', () => {
    const found = week(
      [on('2026-11-21T04:30:00Z', '2026-11-21T05:30:00Z')],
      ms('2026-11-20T18:30:00Z'),
      ms('2026-11-21T18:30:00Z'),
      'Asia/Kolkata',
    );
    expect(found[5]?.[10]).toBe(1);
    expect(found[5]?.[11]).toBe(0);
  });

  it('counts only the time on within the month, and only what is known of it', () => {
    const month = [ms('2026-11-01T00:00:00Z'), ms('2026-11-21T00:00:00Z')] as const;
    expect(hoursOn([on('2026-10-31T22:00:00Z', '2026-11-01T02:00:00Z')], ...month)).toBe(2);
    expect(hoursOn([on('2026-11-02T00:00:00Z', '2026-11-02T04:00:00Z', 3600)], ...month)).toBe(1);
    expect(hoursOn([on('2026-11-20T21:00:00Z', null)], ...month)).toBe(3);
  });
});
