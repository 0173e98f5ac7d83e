import { beforeAll, describe, expect, it } from 'vitest';
import type { Evidence } from '../../api/types';
import { setLocale } from '../../lib/units';
import { choices, held, middle, window_w } from './evidence';

beforeAll(() => setLocale('en-GB'));

const level = (mode: string, power_w: number | null, fraction: number | null = null) => ({ mode, power_w, fraction });
const step = (from: string, to: string, power_delta_w: number, more: Partial<Evidence> = {}): Evidence => ({
  at: '2026-11-21T12:00:00Z',
  previous_state: from,
  state: to,
  level_before: from === 'off' ? 0 : 1,
  level_after: to === 'off' ? 0 : 1,
  power_delta_w,
  verdict: 'clean',
  offset_s: [-60, 2],
  power_w: [0, power_delta_w],
  ...more,
});

describe('evidence', () => {
  it('turns steps that go off over, so that all go up', () => {
    const [choice] = choices([step('off', 'on', 100), step('on', 'off', -98)], [level('on', 99)]);
    expect(choice?.steps.map((one) => [one.sign, one.delta_w])).toEqual([
      [1, 100],
      [-1, 98],
    ]);
    expect(choice?.steps[1]?.power_w[1]).toBe(98);
    expect(choice?.power_w).toBe(99);
  });

  it('does not turn a step over because of what else happened then', () => {
    const [choice] = choices([step('off', 'on', -2000)], [level('on', 10)]);
    expect(choice?.steps[0]?.delta_w).toBe(-2000);
  });

  it('keeps modes apart and expects the difference between two', () => {
    const levels = [level('idle', 34), level('playing', 97)];
    const all = choices([step('off', 'idle', 30), step('playing', 'idle', -60), step('idle', 'playing', 64)], levels);
    expect(all.map((one) => [one.label, one.power_w, one.steps.length])).toEqual([
      ['off ↔ idle', 34, 1],
      ['idle ↔ playing', 63, 2],
    ]);
    expect(all[1]?.steps[0]?.delta_w).toBe(60);
  });

  it('puts a dimmer to the level that it was switched to, whatever the house did', () => {
    const levels = [level('on', 21, 0.6), level('on', 41, 1)];
    const dimmed = step('on', 'off', -39, { level_before: 0.55 });
    const all = choices([step('off', 'on', 20), dimmed, step('on', 'on', -19)], levels);
    expect(all.map((one) => one.label)).toEqual(['100%', '60%', 'Between levels']);
    expect(all[2]?.steps[0]?.delta_w).toBe(19);
  });

  it('holds a value until the next, and nothing in a gap or past the last', () => {
    const [choice] = choices(
      [step('off', 'on', 5, { offset_s: [-60, -10, 3, 20], power_w: [0, 1, null, 5] })],
      [level('on', 5)],
    );
    const one = choice?.steps[0];
    if (!one) throw new Error('no step');
    expect([-70, -20, 2.9, 10, 20, 21].map((at_s) => held(one, at_s))).toEqual([null, 0, 1, null, 5, null]);
  });

  it('takes the median of what at least half of the steps say', () => {
    const make = (w: number, until: number) => step('off', 'on', w, { offset_s: [-60, 0, until], power_w: [0, w, w] });
    const [choice] = choices([make(10, 30), make(12, 30), make(500, 5)], [level('on', 11)]);
    const line = middle(choice?.steps ?? [], -1, 31);
    expect(line.map((one) => one.power_w).slice(0, 2)).toEqual([0, 12]);
    expect(line.find((one) => one.at_s === 10)?.power_w).toBe(11);
    expect(line.at(-1)?.at_s).toBe(30);
  });

  it('draws the step large, however much others moved the house', () => {
    const quiet = Array.from({ length: 9 }, () => step('off', 'on', 6, { offset_s: [-20, 2, 20], power_w: [1, 6, 7] }));
    const loud = step('off', 'on', 6, { offset_s: [-20, 2, 20], power_w: [-2000, 6, 2000] });
    const [choice] = choices([...quiet, loud], [level('on', 6)]);
    const { low_w, high_w } = window_w(choice?.steps ?? [], 6, -30, 60);
    expect(low_w).toBeGreaterThan(-20);
    expect(low_w).toBeLessThan(0);
    expect(high_w).toBeGreaterThan(7);
    expect(high_w).toBeLessThan(30);
  });
});
