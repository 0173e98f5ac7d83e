import { beforeEach, describe, expect, it } from 'vitest';
import type { Contract } from '../../../api/types';
import { setLocale } from '../../../lib/units';
import { contractOf, draftOf, newRate, placed, read, typed, withPrice, wrongsOf } from './draft';

beforeEach(() => setLocale('en-GB'));

const fixed = (name: string, from: string | null, price_per_kwh: number): Contract => ({
  name,
  from,
  price_per_kwh,
  standing_charge_per_day: 0.42,
  settlement_minutes: 60,
});

describe('a number that is typed', () => {
  it('may have a comma or a point, whatever the locale', () => {
    expect(read('0,3215')).toBe(0.3215);
    expect(read('0.3215')).toBe(0.3215);
    expect(read('1.234,5')).toBe(1234.5);
    expect(read('1,234.5')).toBe(1234.5);
    expect(read('1\u202f234,5')).toBe(1234.5);
    expect(read('−0,02')).toBe(-0.02);
  });

  it('is nothing, or no number', () => {
    expect(read('  ')).toBeNull();
    expect(read('thirty')).toBeNaN();
    expect(read('0.3 ct')).toBeNaN();
    expect(read('.')).toBeNaN();
  });

  it('stands in the field as the reader writes it, and is read back as it was', () => {
    setLocale('de-DE');
    expect(typed(0.3215)).toBe('0,3215');
    for (const value of [0, 0.3215, 1234.5, 1e-6]) expect(read(typed(value))).toBe(value);
  });
});

describe('a contract', () => {
  it('comes out of the form as it went in', () => {
    const contract: Contract = {
      name: 'Day and night',
      from: '2026-03-16',
      rates: [
        {
          name: 'night',
          price_per_kwh: 0.211,
          days: ['weekdays'],
          from: '22:00',
          to: '06:00',
          first_day: null,
          last_day: null,
        },
        { name: 'day', price_per_kwh: 0.334, days: [], from: null, to: null, first_day: null, last_day: null },
      ],
      standing_charge_per_day: 0.46,
      export_price_per_kwh: 0.0803,
      settlement_minutes: 60,
    };
    const { contract: back, wrongs } = contractOf(draftOf(contract));
    expect(wrongs).toEqual({});
    expect(back).toEqual(contract);
  });

  it('keeps only what belongs to the way its price is said', () => {
    const draft = { ...draftOf(null), name: 'Tibber', kind: 'entity' as const, price: '0.3', entity: 'sensor.price' };
    const { contract } = contractOf({ ...draft, settlement: '15', factor: '1.19' });
    expect(contract).toMatchObject({ entity: 'sensor.price', factor: 1.19, settlement_minutes: 15 });
    expect(contract.price_per_kwh).toBeUndefined();
    expect(contract.rates).toBeUndefined();
  });

  it('says by field what is wrong', () => {
    const draft = { ...draftOf(null), kind: 'rates' as const, standing: 'x' };
    const rates = [newRate({ name: 'night', price: '-1', from: '22:00' })];
    expect(Object.keys(contractOf({ ...draft, rates }).wrongs).sort()).toEqual([
      'name',
      'rates.0.price',
      'rates.0.to',
      'standing',
    ]);
  });

  it('lets a surcharge be below zero, but no price', () => {
    const draft = { ...draftOf(null), name: 'A', kind: 'entity' as const, entity: 'sensor.x', surcharge: '-0.02' };
    expect(contractOf(draft).wrongs).toEqual({});
    expect(contractOf({ ...draft, kind: 'fixed', price: '-0.02' }).wrongs).toHaveProperty('price');
  });

  it('stands in its place by its first day', () => {
    const all = [fixed('A', null, 0.3), fixed('C', '2026-09-01', 0.35)];
    expect(placed(all, fixed('B', '2026-03-01', 0.32), null).map((one) => one.name)).toEqual(['A', 'B', 'C']);
    expect(placed(all, fixed('D', null, 0.31), 0).map((one) => one.name)).toEqual(['D', 'C']);
  });
});

describe('one price from a day on', () => {
  it('applies always where nothing was said before', () => {
    expect(withPrice([], 0.3, '2026-11-21')).toMatchObject([{ name: 'Electricity', from: null, price_per_kwh: 0.3 }]);
  });

  it('leaves the past as it is, and keeps the standing charge', () => {
    const all = withPrice([fixed('A', null, 0.3)], 0.33, '2026-11-21');
    expect(all).toMatchObject([
      { name: 'A', from: null, price_per_kwh: 0.3 },
      { name: 'A', from: '2026-11-21', price_per_kwh: 0.33, standing_charge_per_day: 0.42 },
    ]);
  });

  it('has a name of its own where Home Assistant said the one before', () => {
    const all = withPrice([fixed('Home Assistant', null, 0.3)], 0.33, '2026-11-21', 'Electricity');
    expect(all.map((one) => one.name)).toEqual(['Home Assistant', 'Electricity']);
  });

  it('takes the place of a price from the same day', () => {
    const all = [fixed('A', null, 0.3), fixed('B', '2026-11-21', 0.33)];
    expect(withPrice(all, 0.34, '2026-11-21').map((one) => one.price_per_kwh)).toEqual([0.3, 0.34]);
  });

  it('is no other way of saying a price', () => {
    const rates = { ...fixed('A', null, 0), price_per_kwh: null, rates: [{ name: 'x', price_per_kwh: 0.2 }] };
    expect(withPrice([rates], 0.33, '2026-11-21').at(-1)).toMatchObject({ rates: [], price_per_kwh: 0.33 });
  });
});

describe('what the server finds wrong', () => {
  it('stands beside its field', () => {
    const detail =
      'Contract "A": from of rate 1 ("x") is 22:07; rates begin and end on the quarter hour, such as 06:00 or 06:15';
    expect(wrongsOf(detail, 'A')).toEqual({
      'rates.0.from': 'It is 22:07; rates begin and end on the quarter hour, such as 06:00 or 06:15.',
    });
    expect(wrongsOf('contract "A": export_price_per_kwh is -1; a price is a number', 'A')).toHaveProperty(
      'exportPrice',
    );
  });

  it('stands above all where it is about no field, or another contract', () => {
    expect(wrongsOf('contract "A" has no rate for Monday 01-01 at 06:00; add a rate', 'A')).toEqual({});
    expect(wrongsOf('contract "B": factor is 0; a factor is above zero', 'A')).toEqual({});
  });
});
