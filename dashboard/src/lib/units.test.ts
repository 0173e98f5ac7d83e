import { afterEach, describe, expect, it } from 'vitest';
import {
  bytes,
  duration,
  energy,
  hours,
  money,
  number,
  percent,
  plusMinus,
  setLocale,
  watts,
  wattsOnAxis,
} from './units';

afterEach(() => setLocale(undefined));

/** What locales put between thousands and before units: all kinds of space are shown as one that can be seen. */
const seen = (text: string) => text.replaceAll('\u202f', '_').replaceAll('\u00a0', '~');
const text = ({ value, unit }: { value: string; unit: string }) => `${value} ${unit}`;
const inLocale = <T>(name: string, make: () => T): T => {
  setLocale(name);
  return make();
};

describe('a number', () => {
  it('is written as the reader’s locale has it', () => {
    expect(inLocale('en-GB', () => number(12345.67, 1))).toBe('12,345.7');
    expect(inLocale('en-US', () => number(12345.67, 1))).toBe('12,345.7');
    expect(inLocale('de-DE', () => number(12345.67, 1))).toBe('12.345,7');
    expect(seen(inLocale('fr-FR', () => number(12345.67, 1)))).toBe('12_345,7');
  });

  it('has a true minus sign in each of them', () => {
    for (const name of ['en-GB', 'en-US', 'de-DE', 'fr-FR']) expect(inLocale(name, () => number(-5))).toBe('−5');
  });

  it('has a plus sign only where asked for, and none at zero', () => {
    setLocale('en-GB');
    expect(number(11.8, 1, true)).toBe('+11.8');
    expect(number(-11.8, 1, true)).toBe('−11.8');
    expect(number(0, 1, true)).toBe('0.0');
    expect(number(0.04, 1, true)).toBe('0.0');
    expect(number(11.8, 1)).toBe('11.8');
  });

  it('is never minus zero', () => {
    setLocale('en-GB');
    expect(number(-0)).toBe('0');
    expect(number(-0.4)).toBe('0');
    expect(number(-0.04, 1)).toBe('0.0');
    expect(number(-0.5)).toBe('−1');
  });
});

describe('power', () => {
  it('has a decimal below 20 W only', () => {
    setLocale('en-GB');
    expect(text(watts(11.84))).toBe('11.8 W');
    expect(text(watts(19.94))).toBe('19.9 W');
    expect(text(watts(19.96))).toBe('20 W');
    expect(text(watts(-19.96))).toBe('−20 W');
    expect(text(watts(2101.3))).toBe('2,101 W');
  });

  it('is 0 where it is 0, and a dash where it is not known', () => {
    setLocale('en-GB');
    expect(text(watts(0))).toBe('0 W');
    expect(text(watts(null))).toBe('– W');
    expect(text(watts(undefined))).toBe('– W');
    expect(text(watts(Number.NaN))).toBe('– W');
    expect(text(watts(Number.POSITIVE_INFINITY))).toBe('– W');
  });

  it('has its sign where it is a step', () => {
    setLocale('en-GB');
    expect(text(watts(2107, true))).toBe('+2,107 W');
    expect(text(watts(-2101, true))).toBe('−2,101 W');
    expect(text(watts(0, true))).toBe('0 W');
  });

  it('is in kW on an axis that reaches 1 kW', () => {
    setLocale('en-GB');
    expect([0, 250, 500].map((w) => wattsOnAxis(w, 500))).toEqual(['0 W', '250 W', '500 W']);
    expect([0, 500, 1000].map((w) => wattsOnAxis(w, 1000))).toEqual(['0', '0.5 kW', '1 kW']);
    expect([1500, 250, -1250].map((w) => wattsOnAxis(w, 4500))).toEqual(['1.5 kW', '0.25 kW', '−1.25 kW']);
    expect([0.5, 2].map((w) => wattsOnAxis(w, 5))).toEqual(['0.5 W', '2.0 W']);
  });

  it('is in the reader’s locale on an axis', () => {
    expect(inLocale('de-DE', () => wattsOnAxis(1500, 4500))).toBe('1,5 kW');
  });
});

describe('energy', () => {
  it('is in Wh below 0.1 kWh and in MWh from 10 000 kWh on', () => {
    setLocale('en-GB');
    expect(text(energy(0.00123))).toBe('1.2 Wh');
    expect(text(energy(0.0123))).toBe('12 Wh');
    expect(text(energy(9999))).toBe('9,999 kWh');
    expect(text(energy(12_345))).toBe('12.3 MWh');
  });

  it('does not show three digits where it changes units or decimals', () => {
    setLocale('en-GB');
    expect(text(energy(0.0994))).toBe('99 Wh');
    expect(text(energy(0.0995))).toBe('0.10 kWh');
    expect(text(energy(0.00994))).toBe('9.9 Wh');
    expect(text(energy(0.00995))).toBe('10 Wh');
    expect(text(energy(99.949))).toBe('99.95 kWh');
    expect(text(energy(99.96))).toBe('100.0 kWh');
    expect(text(energy(999.4))).toBe('999.4 kWh');
    expect(text(energy(999.96))).toBe('1,000 kWh');
    expect(text(energy(9999.7))).toBe('10.0 MWh');
  });

  it('is 0 where it is 0, negative where it was given, and a dash where it is not known', () => {
    setLocale('en-GB');
    expect(text(energy(0))).toBe('0 kWh');
    expect(text(energy(-1.5))).toBe('−1.50 kWh');
    expect(text(energy(-0.05))).toBe('−50 Wh');
    expect(text(energy(null))).toBe('– kWh');
    expect(text(energy(Number.NaN))).toBe('– kWh');
  });

  it('has a comma where the reader has one', () => {
    expect(text(inLocale('de-DE', () => energy(7.42)))).toBe('7,42 kWh');
  });
});

describe('money', () => {
  it('stands where the reader’s locale has it', () => {
    expect(inLocale('en-GB', () => money(2.3, 'EUR'))).toBe('€2.30');
    expect(seen(inLocale('de-DE', () => money(2.3, 'EUR')))).toBe('2,30~€');
    expect(seen(inLocale('fr-FR', () => money(1.5, 'EUR')))).toBe('1,50~€');
    expect(inLocale('en-US', () => money(2.3, 'USD'))).toBe('$2.30');
  });

  it('has no cents from a thousand on, and those that are asked for', () => {
    setLocale('en-GB');
    expect(money(999.99, 'EUR')).toBe('€999.99');
    expect(money(1234.5, 'EUR')).toBe('€1,235');
    expect(money(0.2871, 'EUR', 4)).toBe('€0.2871');
    expect(money(31.4, 'JPY')).toBe('¥31');
  });

  it('is never rounded to a thousand with cents, nor to minus zero', () => {
    setLocale('en-GB');
    expect(money(999.996, 'EUR')).toBe('€1,000');
    expect(money(-0.001, 'EUR')).toBe('€0.00');
    expect(money(-1.5, 'EUR')).toBe('−€1.50');
  });

  it('is a plain number without a currency, and has its name where the browser does not know it', () => {
    setLocale('en-GB');
    expect(money(2.3, null)).toBe('2.30');
    expect(money(2.3, 'no currency')).toBe('2.30 no currency');
  });

  it('is a dash where it is not known', () => {
    expect(money(null, 'EUR')).toBe('–');
    expect(money(undefined, 'EUR')).toBe('–');
    expect(money(Number.NaN, 'EUR')).toBe('–');
  });
});

describe('a share', () => {
  it('is in percents', () => {
    expect(inLocale('en-GB', () => percent(0.125))).toBe('13%');
    expect(seen(inLocale('de-DE', () => percent(0.125, 1)))).toBe('12,5~%');
    expect(inLocale('en-GB', () => percent(-0.12))).toBe('−12%');
    expect(inLocale('en-GB', () => percent(-0.001))).toBe('0%');
    expect(percent(null)).toBe('–');
  });
});

describe('a time span', () => {
  it('says the two greatest units that say something', () => {
    setLocale('en-GB');
    expect([0, 1, 59.4].map(duration)).toEqual(['0 s', '1 s', '59 s']);
    expect([60, 75, 599].map(duration)).toEqual(['1 min', '1 min 15 s', '9 min 59 s']);
    expect([600, 2_460, 3_569].map(duration)).toEqual(['10 min', '41 min', '59 min']);
    expect([3_600, 8_040, 172_740].map(duration)).toEqual(['1 h', '2 h 14 min', '47 h 59 min']);
    expect([172_800, 180_000, 864_000 + 7_200].map(duration)).toEqual(['2 d', '2 d 2 h', '10 d']);
  });

  it('never says sixty of a unit', () => {
    setLocale('en-GB');
    expect(duration(59.7)).toBe('1 min');
    expect(duration(599.7)).toBe('10 min');
    expect(duration(3_599)).toBe('1 h');
    expect(duration(7_199)).toBe('2 h');
  });

  it('is not below zero, and a dash where it is not known', () => {
    expect(duration(-5)).toBe('0 s');
    expect(duration(null)).toBe('–');
    expect(duration(Number.NaN)).toBe('–');
  });
});

describe('hours', () => {
  it('are minutes below one', () => {
    setLocale('en-GB');
    expect([0.683, 3.21, 161.4].map(hours)).toEqual(['41 min', '3.2 h', '161 h']);
    expect(hours(0)).toBe('0 min');
    expect(hours(null)).toBe('–');
  });

  it('never say sixty minutes or two digits with a decimal', () => {
    setLocale('en-GB');
    expect(hours(0.9999)).toBe('1.0 h');
    expect(hours(9.97)).toBe('10 h');
  });
});

describe('bytes', () => {
  it('go by thousands', () => {
    setLocale('en-GB');
    expect([0, 999, 1_000, 8_859_560, 99_960_000].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '8.9 MB', '100 MB']);
    expect(bytes(999_600)).toBe('1.0 MB');
    expect(bytes(null)).toBe('–');
  });
});

describe('an interval', () => {
  it('is half its width behind a plus-minus', () => {
    setLocale('en-GB');
    expect(plusMinus(11.4, 12.2)).toBe('±0.4');
    expect(plusMinus(2_080, 2_120)).toBe('±20');
    expect(plusMinus(0, 19.9)).toBe('±10');
  });

  it('is nothing where a bound is not known', () => {
    expect(plusMinus(null, 12)).toBeNull();
    expect(plusMinus(11, undefined)).toBeNull();
    expect(plusMinus(11, Number.NaN)).toBeNull();
  });
});
