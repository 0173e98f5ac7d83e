import { beforeAll, describe, expect, it } from 'vitest';
import type { PhantomLoad } from '../../api/types';
import { setLocale } from '../../lib/units';
import { above, advice, median, nightBars, savedBy10W, split, trendWords } from './nights';

beforeAll(() => setLocale('en-GB'));

function phantom(baselines: (number | null)[], more: Partial<PhantomLoad> = {}): PhantomLoad {
  const nights = baselines.map((baseline_w, i) => {
    const date = new Date(Date.UTC(2026, 9, 1 + i)).toISOString().slice(0, 10);
    return { date, from: `${date}T00:00:00.000Z`, to: `${date}T03:00:00.000Z`, baseline_w };
  });
  return {
    baseline_w: 100,
    energy_kwh_per_year: 876.6,
    cost_per_year: 280,
    currency: 'EUR',
    trend_w_per_month: 0,
    threshold_w: 200,
    is_high: false,
    known: [],
    known_w: 0,
    unknown_w: 100,
    nights,
    window: '02:00-05:00',
    time_zone: 'Europe/Berlin',
    ...more,
  };
}

describe('nights', () => {
  it('are split into what is known and the rest, never into more than was drawn', () => {
    expect(split(100, 30)).toEqual([30, 70]);
    expect(split(20, 30)).toEqual([20, 0]);
  });

  it('without data are gaps', () => {
    const { bars } = nightBars(phantom([90, null, 110], { known_w: 10 }));
    expect(bars.map((bar) => bar.values)).toEqual([[10, 80], null, [10, 100]]);
    expect(bars[1]?.notes).toEqual(['the meter said too little']);
  });

  it('are named by the morning they end on', () => {
    expect(nightBars(phantom([90])).bars[0]?.title).toBe('Night to Thu 1 Oct');
  });

  it('of a year are drawn as weeks, each the median of its nights', () => {
    const { bars, isWeekly } = nightBars(phantom(Array.from({ length: 365 }, (_, i) => (i % 7 === 0 ? null : i % 7))));
    expect(isWeekly).toBe(true);
    expect(bars).toHaveLength(53);
    expect(bars.at(-1)?.values).toEqual([0, 3.5]);
    expect(bars.at(-1)?.notes).toEqual(['median of 6 nights, 1.0 to 6.0 W']);
  });

  it('above the limit are counted among those that are known', () => {
    expect(above(phantom([90, 210, null, 523]))).toEqual({ above: 2, known: 3 });
  });
});

describe('words', () => {
  it('do not call a watt a trend', () => {
    expect(trendWords(-0.67)).toBe('as good as steady');
    expect(trendWords(4)).toBe('it grows');
    expect(trendWords(-4)).toBe('it shrinks');
    expect(trendWords(null)).toBe('needs seven nights');
  });

  it('blame nothing for what is not known', () => {
    expect(advice(phantom([100]))).toMatch(/^Most of it is not known/);
    expect(advice(phantom([], { baseline_w: null, unknown_w: null }))).toMatch(/no night yet/);
  });

  it('name the greatest part where most is known, and the limit where it is passed', () => {
    const known = [
      { device: 'sensor.nas', name: 'NAS', power_w: 180, energy_kwh_per_year: 1, cost_per_year: 1, how: 'measured' },
    ];
    const said = advice(phantom([250], { baseline_w: 250, unknown_w: 70, is_high: true, known }));
    expect(said).toBe('That is more than your limit of 200 W. The greatest part that is known is NAS, with 180 W.');
  });

  it('say what 10 W are worth', () => {
    expect(savedBy10W(phantom([]))?.energy_kwh).toBeCloseTo(87.66);
    expect(savedBy10W(phantom([]))?.cost).toBeCloseTo(28);
    expect(savedBy10W(phantom([], { cost_per_year: null }))?.cost).toBeNull();
    expect(savedBy10W(phantom([], { baseline_w: null }))).toBeNull();
  });
});

describe('median', () => {
  it('is the middle one, or the mean of both', () => {
    expect(median([])).toBeNull();
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
