import { beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../api/types';
import { setLocale } from '../../lib/units';
import { besideField, isInForce, list, parseWatts, saidOf } from './word';

beforeAll(() => setLocale('en-GB'));

describe("the owner's word", () => {
  it('is told thing by thing, each with what takes only that back', () => {
    const said = saidOf({ name: 'Lamp', power_w: 9, grouped_with: ['light.b'] }, (id) => (id === 'light.b' ? 'B' : id));
    expect(said.map((one) => one.words)).toEqual(['It is called “Lamp”', 'It draws 9.0 W', 'It is one device with B']);
    expect(said.map((one) => one.undo)).toEqual([{ name: null }, { power_w: null }, { grouped_with: null }]);
  });

  it('says nothing where nothing was said', () => {
    expect(saidOf(null, String)).toEqual([]);
    expect(saidOf({ name: null, grouped_with: [] }, String)).toEqual([]);
  });

  it('takes watts as people type them', () => {
    expect(['9', '9.5', '9,5', ' 12 W', '1 200'].map(parseWatts)).toEqual([9, 9.5, 9.5, 12, 1200]);
    expect(['', 'nine', '-3', '1e9', '3 kW'].map(parseWatts)).toEqual([null, null, null, null, null]);
  });

  it('leaves the name of the field out of the error that stands beside it', () => {
    expect(besideField('Power_w: -4 is no power', 'power_w')).toBe('-4 is no power');
    expect(besideField('Name: a name has 1 to 100 characters', 'name')).toBe('A name has 1 to 100 characters');
    expect(besideField('Something else', 'name')).toBe('Something else');
  });

  it('lists names as one says them', () => {
    expect(list(['a'])).toBe('a');
    expect(list(['a', 'b', 'c'])).toBe('a, b and c');
  });

  it('is in force once it was learned after it was said', () => {
    const device = (said_at: string | null) =>
      ({ learned_at: '2026-11-21T12:00:00Z', word: { said_at } }) as unknown as Device;
    expect(isInForce(device('2026-11-21T12:00:05Z'))).toBe(false);
    expect(isInForce(device('2026-11-21T11:59:00Z'))).toBe(true);
    expect(isInForce(device(null))).toBe(true);
  });
});
