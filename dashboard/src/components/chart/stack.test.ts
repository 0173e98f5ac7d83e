import { describe, expect, it } from 'vitest';
import { columns, runningSum, stacked } from './stack';

const layers = (...values: (number | null)[][]) => values.map((one) => ({ values: one }));

describe('layers', () => {
  it('stand on those below them', () => {
    expect(stacked(layers([1, 2], [10, 20], [100, 200]))).toEqual([
      [1, 2],
      [11, 22],
      [111, 222],
    ]);
  });

  it('stand on what is below where the one between is not known', () => {
    expect(stacked(layers([1, 1], [null, 5], [2, 2]))).toEqual([
      [1, 1],
      [1, 6],
      [3, 8],
    ]);
  });

  it('are nothing only where all below are nothing, and 0 is not nothing', () => {
    expect(stacked(layers([null, 0], [null, null], [3, null]))).toEqual([
      [null, 0],
      [null, 0],
      [3, 0],
    ]);
  });

  it('leave what they were given as it was', () => {
    const given = layers([1], [2]);
    stacked(given);
    expect(given).toEqual(layers([1], [2]));
  });

  it('may be none', () => {
    expect(stacked([])).toEqual([]);
  });
});

describe('columns', () => {
  it('are time in seconds, layers, least and greatest, the line, the sum', () => {
    const made = columns([0, 60_000], 60_000, layers([1, 2], [1, 1]), [5, 6], { min: [4, 4], max: [7, 8] }, [0.1, 0.2]);
    expect(made).toEqual([
      [0, 60, 120],
      [1, 2, 2],
      [2, 3, 3],
      [4, 4, 4],
      [7, 8, 8],
      [5, 6, 6],
      [0.1, 0.2, 0.2],
    ]);
  });

  it('end the last stretch, also where it is not known', () => {
    expect(columns([0, 60_000], 60_000, layers([1, null]))).toEqual([
      [0, 60, 120],
      [1, null, null],
    ]);
  });

  it('are all as long as time', () => {
    const made = columns([0, 5_000, 10_000], 5_000, layers([1, 2, 3]), [1, 2, 3]);
    expect(made.every((column) => column.length === 4)).toBe(true);
  });

  it('are empty where nothing is known', () => {
    expect(columns([], 60_000, layers([]), [], { min: [], max: [] }, [])).toEqual([[], [], [], [], [], []]);
  });
});

describe('a running sum', () => {
  it('grows, and is held over gaps', () => {
    expect(runningSum([1, null, 2, null])).toEqual([1, 1, 3, 3]);
  });

  it('is nothing before anything is known', () => {
    expect(runningSum([null, null, 0, 2])).toEqual([null, null, 0, 2]);
    expect(runningSum([])).toEqual([]);
  });

  it('falls where energy is given', () => {
    expect(runningSum([2, -3])).toEqual([2, -1]);
  });
});
