import { describe, expect, it } from 'vitest';
import { stepBins, timeBins } from './bins';

const sum = (bins: readonly { count: number }[]) => bins.reduce((all, bin) => all + bin.count, 0);

describe('histograms', () => {
  it('counts every step once, also those beyond the picture', () => {
    const values = [9.8, 9.9, 10, 10, 10.1, 10.2, 10.4, 2000, -300];
    const { bins, below, above } = stepBins(values, 10);
    expect(sum(bins) + below + above).toBe(values.length);
    expect([below, above]).toEqual([1, 1]);
  });

  it('marks what lies far from the learned power', () => {
    const { bins } = stepBins([9, 10, 10, 10, 11], 10);
    expect(bins[0]?.isFar).toBe(true);
    expect(bins.find((bin) => bin.from <= 10 && 10 < bin.to)?.isFar).toBe(false);
  });

  it('has nothing to draw without steps', () => {
    expect(stepBins([], null).bins).toEqual([]);
  });

  it('counts every run once, in bins of even width where they are alike', () => {
    const { bins, isGrowing } = timeBins([100, 120, 130, 150, 180, 200]);
    expect(isGrowing).toBe(false);
    expect(sum(bins)).toBe(6);
    const widths = new Set(bins.map((bin) => bin.to - bin.from));
    expect(widths.size).toBe(1);
  });

  it('lets bins grow where runs last from seconds to days', () => {
    const runs = [3, 20, 70, 600, 4000, 30_000, 200_000];
    const { bins, isGrowing } = timeBins(runs);
    expect(isGrowing).toBe(true);
    expect(sum(bins)).toBe(runs.length);
    expect(bins.length).toBeLessThan(22);
  });
});
