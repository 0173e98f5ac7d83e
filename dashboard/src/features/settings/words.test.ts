import { beforeAll, describe, expect, it } from 'vitest';
import { setLocale } from '../../lib/units';
import { intervalWords, kindWords, lagWords, saidWords } from './words';

beforeAll(() => setLocale('en-GB'));

describe('what the owner said', () => {
  it('is told in words, without the name', () => {
    expect(saidWords(null)).toBe('');
    expect(saidWords({ name: 'Reading lamp' })).toBe('');
    expect(saidWords({ has_load: false })).toBe('has no load');
    expect(saidWords({ has_load: true, power_w: 9 })).toBe('draws 9.0 W');
    expect(saidWords({ grouped_with: ['switch.b'], apart_from: [] })).toBe('one device with switch.b');
  });
});

describe('the meter', () => {
  it('is said to be good for less the more seldom it reports', () => {
    const words = [2, 10, 30, 60].map(intervalWords);
    expect(new Set(words).size).toBe(4);
    expect(words[3]).toContain('large loads');
  });

  it('shows a switch at once or later', () => {
    expect(lagWords(0.2)).toBe('A switch shows at once.');
    expect(lagWords(1.8)).toBe('A switch shows about 2 s later.');
  });
});

describe('an alert', () => {
  it('has its kind in words', () => {
    expect(kindWords('left_on')).toBe('Left on');
  });
});
