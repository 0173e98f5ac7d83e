import { describe, expect, test } from 'vitest';
import type { Correlation, Device } from '../../api/types';
import { knownNow } from './cards';
import { merged } from './changes';
import { chosenMarks, standsOut } from './marks';

const device = (entity_id: string, power_now_w: number | null, grouped_with: string[] = []) =>
  ({ entity_id, power_now_w, grouped_with }) as unknown as Device;

const step = (entity_id: string, timestamp: string, power_delta_w: number | null, more: Partial<Correlation> = {}) =>
  ({
    entity_id,
    timestamp,
    power_delta_w,
    standard_error_w: 2,
    verdict: 'clean',
    stage: 'final',
    name: entity_id,
    ...more,
  }) as Correlation;

describe('what is known now', () => {
  test('counts devices that are only known together once', () => {
    const devices = [device('a', 55, ['b']), device('b', 55, ['a']), device('c', 10), device('d', null)];
    expect(knownNow(devices)).toBe(65);
  });
});

describe('recent changes', () => {
  test('takes what came last for a step, newest first', () => {
    const asked = [
      step('a', '2026-11-21T10:00:00Z', 10, { stage: 'provisional' }),
      step('b', '2026-11-21T09:00:00Z', 5),
    ];
    const came = [step('c', '2026-11-21T11:00:00Z', 7), step('a', '2026-11-21T10:00:00Z', 12)];
    expect(merged(asked, came).map((row) => [row.entity_id, row.power_delta_w])).toEqual([
      ['c', 7],
      ['a', 12],
      ['b', 5],
    ]);
  });
});

describe('marks', () => {
  test('stand for steps that are twice their error, alone in their window', () => {
    expect(standsOut(step('a', '', 4))).toBe(true);
    expect(standsOut(step('a', '', -3.9))).toBe(false);
    expect(standsOut(step('a', '', null))).toBe(false);
    const steps = [
      step('a', '2026-11-21T10:00:00Z', 50),
      step('b', '2026-11-21T10:01:00Z', 90, { verdict: 'overlapping' }),
    ];
    expect(chosenMarks(steps, 800).map((mark) => mark.label)).toEqual(['a']);
  });
  test('are the greatest where there is no room for all', () => {
    const steps = Array.from({ length: 100 }, (_, n) => step(`e${n}`, '2026-11-21T10:00:00Z', n + 10));
    const marks = chosenMarks(steps, 360);
    expect(marks).toHaveLength(10);
    expect(Math.min(...marks.map((mark) => mark.power_w))).toBe(100);
  });
});
