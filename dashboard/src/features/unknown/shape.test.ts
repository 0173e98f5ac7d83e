import { expect, it } from 'vitest';
import { asked, calmest, margin, trace } from './shape';

const from = Date.parse('2026-11-21T12:00:00Z');
const run = { from: '2026-11-21T12:00:00Z', to: '2026-11-21T12:01:00Z', power_w: 85, energy_kwh: 0.001 };
const at = Array.from({ length: 18 }, (_, i) => from + (i - 6) * 10_000);

it('shows as much around a run as half of it, between one and five minutes', () => {
  expect(margin(20)).toBe(60_000);
  expect(margin(240)).toBe(120_000);
  expect(margin(3600)).toBe(300_000);
  expect(asked(run, 60)).toEqual({ from_ms: from - 60_000, to_ms: from + 120_000, max_points: 120 });
});

it('takes off what was drawn before it, and begins it at zero', () => {
  const mean = at.map((t) => (t >= from && t < from + 60_000 ? 285 : 200));
  const found = trace(run, 85, at, mean);
  expect(found?.at_s[6]).toBe(0);
  expect(found?.power_w[0]).toBe(0);
  expect(found?.power_w[6]).toBe(85);
  expect(found?.off_w).toBe(0);
});

it('leaves gaps, and tells nothing where the house said nothing before', () => {
  const mean = at.map((t) => (t < from ? null : 285));
  expect(trace(run, 85, at, mean)).toBeNull();
  const gap = at.map((_, i) => (i === 8 ? null : 200));
  expect(trace(run, 85, at, gap)?.power_w[8]).toBeNull();
});

it('prefers runs in which nothing else went on', () => {
  const one = (from_ms: number, off_w: number) => ({ from_ms, off_w, at_s: [], power_w: [] });
  const found = calmest([one(3, 1), one(1, 900), one(2, 5), one(4, 2)], 3);
  expect(found.map((each) => each.from_ms)).toEqual([2, 3, 4]);
});
