import { beforeAll, expect, it } from 'vitest';
import { setLocale } from '../../lib/units';
import { coveredWords, energyOnAxis, moneyOnAxis, shareWords } from './words';

beforeAll(() => setLocale('en-GB'));

it('says of how much of the time something is known, unless of all', () => {
  expect(coveredWords(1)).toBeNull();
  expect(coveredWords(0.92)).toBe('92% of the time known');
  expect(coveredWords(0.001)).toBe('hardly any of the time known');
});

it('does not call a small share nothing', () => {
  expect(shareWords(0.0001)).toBe('< 0.1%');
  expect(shareWords(0)).toBe('0.0%');
  expect(shareWords(null)).toBe('–');
});

it('rounds no step of an axis away', () => {
  expect([0, 2.5, 5, 7.5, 10].map((value) => moneyOnAxis(value, 10, 'EUR'))).toEqual([
    '0',
    '€2.50',
    '€5.00',
    '€7.50',
    '€10.00',
  ]);
  expect(energyOnAxis(0.25, 1)).toBe('0.25 kWh');
  expect(energyOnAxis(20, 40)).toBe('20 kWh');
});
