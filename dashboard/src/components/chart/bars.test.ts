import { describe, expect, it } from 'vitest';
import { barAt, pieces, place, reach, shownLabels, textWidth, ticks, total } from './bars';

describe('pieces', () => {
  it('stack upwards, and downwards below zero', () => {
    expect(pieces([2, -1, null, 3, -2])).toEqual([
      { part: 0, from: 0, to: 2 },
      { part: 1, from: 0, to: -1 },
      { part: 3, from: 2, to: 5 },
      { part: 4, from: -1, to: -3 },
    ]);
  });

  it('are none where nothing is known', () => {
    expect(pieces(null)).toEqual([]);
    expect(total(null)).toBeNull();
    expect(total([null, null])).toBeNull();
    expect(total([0, null])).toBe(0);
  });
});

describe('the axis', () => {
  it('holds all bars, zero and the threshold', () => {
    expect(reach([[1, 2], null, [-4, 1]])).toEqual({ low: -4, high: 3 });
    expect(reach([[1, 2]], 10)).toEqual({ low: 0, high: 10 });
  });

  it.each([
    [0, 523, 4, [0, 200, 400, 600]],
    [0, 7.4, 4, [0, 2, 4, 6, 8]],
    [0, 0.29, 3, [0, 0.1, 0.2, 0.3]],
    [-1.2, 4.4, 4, [-2, 0, 2, 4, 6]],
    [0, 100, 4, [0, 25, 50, 75, 100]],
  ])('has round ticks from %f to %f', (low, high, about, expected) => {
    expect(ticks(low, high, about)).toEqual(expected);
  });

  it('stands where there is nothing', () => {
    expect(ticks(0, 0, 4)).toEqual([0, 1]);
  });
});

describe('labels', () => {
  it('never touch', () => {
    for (const [label, count, width] of [
      ['21 Nov', 30, 300],
      ['7', 31, 280],
      ['September', 12, 330],
      ['Nov', 365, 900],
    ] as const) {
      const apart = width / count;
      const shown = shownLabels(Array<string>(count).fill(label), apart);
      const at = shown.flatMap((is, i) => (is ? [i * apart] : []));
      expect(shown.at(-1)).toBe(true);
      for (let i = 1; i < at.length; i += 1) {
        expect((at[i] ?? 0) - (at[i - 1] ?? 0)).toBeGreaterThan(textWidth(label));
      }
    }
  });

  it('are all shown where there is room', () => {
    expect(shownLabels(['1', '2', '3'], 40)).toEqual([true, true, true]);
  });
});

describe('bars', () => {
  it('lie side by side within the plot', () => {
    for (const count of [1, 5, 30, 365]) {
      for (let i = 0; i < count; i += 1) {
        const { x, width } = place(i, count, 300, 48);
        expect(width).toBeGreaterThan(0);
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x + width).toBeLessThanOrEqual(300 + 1e-9);
        expect(barAt(x + width / 2, count, 300)).toBe(i);
      }
    }
  });

  it('are not found beside the plot', () => {
    expect(barAt(-1, 5, 100)).toBeNull();
    expect(barAt(101, 5, 100)).toBeNull();
    expect(barAt(100, 5, 100)).toBe(4);
  });
});
