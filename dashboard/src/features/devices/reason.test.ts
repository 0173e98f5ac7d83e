import { expect, it } from 'vitest';
import { cut } from './reason';

it('tells why apart from what would help', () => {
  const [why, help] = cut('Only 2 of 7 state changes could be used. Switch it on and off a few times. Wait between.');
  expect(why).toBe('Only 2 of 7 state changes could be used.');
  expect(help).toBe('Switch it on and off a few times. Wait between.');
});

it('does not cut within a number or an id', () => {
  expect(cut('Measured by sensor.dishwasher_power at 2.5 W.')).toEqual([
    'Measured by sensor.dishwasher_power at 2.5 W.',
    '',
  ]);
});
