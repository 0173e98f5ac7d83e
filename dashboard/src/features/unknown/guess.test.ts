import { expect, it } from 'vitest';
import { described, guesses } from './guess';

it.each([
  ['a fridge', 85, 16, 31, 'Fridge'],
  ['a pump in the well', 740, 1, 9, 'Water pump'],
  ['a kettle', 2200, 3, 6, 'Kettle'],
  ['a water heater', 2000, 60, 2, 'Water heater'],
  ['a car', 11_000, 180, 0.5, 'Car charger'],
])('knows what runs like %s', (_, power_w, minutes, runs_per_day, name) => {
  expect(guesses({ power_w, duration_s: minutes * 60, runs_per_day })).toContain(name);
});

it('offers a fridge for nothing that runs all day, nor for what is too strong', () => {
  expect(guesses({ power_w: 85, duration_s: 8 * 3600, runs_per_day: 2 })).not.toContain('Fridge');
  expect(guesses({ power_w: 900, duration_s: 900, runs_per_day: 30 })).not.toContain('Fridge');
});

it('offers few, or nothing where nothing fits', () => {
  expect(guesses({ power_w: 1000, duration_s: 180, runs_per_day: 3 }).length).toBeLessThanOrEqual(4);
  expect(guesses({ power_w: 0.5, duration_s: 10, runs_per_day: 500 })).toEqual([]);
});

it('is called what its owner calls it, else what it draws', () => {
  const summary = 'about 85 W, 31 times a day, 16 minutes';
  expect(described({ name: null, summary })).toEqual({ title: 'About 85 W', sub: '31 times a day, 16 minutes' });
  expect(described({ name: 'Fridge', summary })).toEqual({ title: 'Fridge', sub: summary });
});
