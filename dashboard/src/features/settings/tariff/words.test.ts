import { beforeEach, describe, expect, it } from 'vitest';
import type { Contract } from '../../../api/types';
import { setLocale } from '../../../lib/units';
import {
  allDays,
  distinct,
  fullHours,
  importWords,
  inForce,
  price,
  scaleOf,
  spanWords,
  steps,
  whenWords,
} from './words';

beforeEach(() => setLocale('en-GB'));

const contracts: Contract[] = [
  { name: 'A', from: null, price_per_kwh: 0.3 },
  { name: 'B', from: '2026-03-01', entity: 'sensor.price' },
];

describe('a rate', () => {
  it('says when it holds', () => {
    expect(whenWords({ days: ['weekdays'], from: '22:00', to: '06:00' })).toBe('Mon to Fri · 22:00 to 06:00');
    expect(whenWords({ days: ['sat', 'sun'] })).toBe('Sat, Sun');
    expect(whenWords({ days: ['mon', 'wed', 'fri'], first_day: '11-01', last_day: '02-29' })).toBe(
      'Mon, Wed, Fri · 1 Nov to 29 Feb',
    );
    expect(whenWords({ days: [] })).toBe('at all other times');
  });

  it('means each day of its weekdays and weekend once', () => {
    expect(allDays(['weekend', 'sat', 'mon'])).toEqual(['mon', 'sat', 'sun']);
  });
});

describe('contracts', () => {
  it('say from when until when they apply', () => {
    expect(spanWords(contracts, 0)).toBe('at first until 28 Feb 2026');
    expect(spanWords(contracts, 1)).toBe('from 1 Mar 2026');
    expect(spanWords(contracts.slice(0, 1), 0)).toBe('always');
  });

  it('are in force by their first day', () => {
    expect(inForce(contracts, '2026-02-28')).toBe(0);
    expect(inForce(contracts, '2026-03-01')).toBe(1);
    expect(inForce(contracts.slice(1), '2026-02-28')).toBeNull();
  });

  it('say how they tell the price', () => {
    expect(importWords({ name: 'A', price_per_kwh: 0.3215 }, 'EUR')).toBe('€0.3215 a kWh at all times');
    expect(importWords({ name: 'B', entity: 'sensor.price' }, 'EUR')).toContain('sensor.price');
  });

  it('show as many digits of a price as it has', () => {
    expect(price(0.32, 'EUR')).toBe('€0.32');
    expect(price(0.2875, 'EUR')).toBe('€0.2875');
    expect(price(null, 'EUR')).toBe('–');
  });
});

describe('the prices of a day', () => {
  const spans = [
    { from: '2026-11-20T23:00:00Z', to: '2026-11-21T05:00:00Z', price_per_kwh: 0.211, band: 'night' },
    { from: '2026-11-21T05:00:00Z', to: '2026-11-21T05:00:00Z', price_per_kwh: 9, band: 'none' },
    { from: '2026-11-21T05:00:00Z', to: '2026-11-21T23:00:00Z', price_per_kwh: null, band: null },
  ];

  it('are steps; one without a length is none', () => {
    expect(steps(spans)).toHaveLength(2);
    expect(distinct(steps(spans))).toBe(1);
  });

  it('have the hours that the clock shows, also where it changes', () => {
    const hours = (midnight: string) =>
      fullHours(Date.parse(midnight), 6, 'Europe/Berlin').map((at) => new Date(at).toISOString().slice(11, 16));
    expect(hours('2026-11-20T23:00:00Z')).toEqual(['23:00', '05:00', '11:00', '17:00']);
    expect(hours('2026-03-28T23:00:00Z')).toEqual(['23:00', '04:00', '10:00', '16:00']);
    expect(hours('2026-10-24T22:00:00Z')).toEqual(['22:00', '05:00', '11:00', '17:00']);
  });

  it('have a scale of round steps from zero on, or below', () => {
    const of = (...prices: number[]) => scaleOf(prices.map((p) => ({ from_ms: 0, to_ms: 1, price: p, band: null })));
    expect(of(0.21, 0.33).ticks).toEqual([0, 0.2, 0.4]);
    expect(of(-0.04, 0.12).ticks).toEqual([-0.1, 0, 0.1, 0.2]);
    expect(of(0).ticks).toEqual([0]);
  });
});
