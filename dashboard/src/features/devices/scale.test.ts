import { describe, expect, it } from 'vitest';
import { decades, linear, onDecades, quantile, ticks } from './scale';

describe('scales', () => {
  it('marks an axis with round numbers that include zero', () => {
    expect(ticks(-13, 21, 4)).toEqual([-10, 0, 10, 20]);
    expect(ticks(0, 1, 4)).toEqual([0, 0.5, 1]);
  });

  it('turns an axis over', () => {
    const y = linear(0, 10, 100, 0);
    expect([y(0), y(5), y(10)]).toEqual([100, 50, 0]);
  });

  it('spans whole decades, from 1 W to at least 1 kW', () => {
    expect(decades([5, 40])).toEqual({ from_w: 1, to_w: 1000 });
    expect(decades([0.4, 2300])).toEqual({ from_w: 0.1, to_w: 10_000 });
    expect(decades([])).toEqual({ from_w: 1, to_w: 1000 });
  });

  it('gives each decade the same room', () => {
    const scale = { from_w: 1, to_w: 10_000 };
    expect(onDecades(0, scale)).toBe(0);
    expect(onDecades(100, scale)).toBeCloseTo(0.5);
    expect(onDecades(1e6, scale)).toBe(1);
  });

  it('interpolates quantiles', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([], 0.5)).toBeNull();
  });
});
