import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../api/types';
import { bandColour, partsOf } from './parts';
import { price, sum, sums } from './sums';

const device = (entity_id: string, energy_kwh: number, cost: number | null) => ({
  entity_id,
  name: entity_id,
  energy_kwh,
  cost,
  estimated: false,
});

function bucket(more: Partial<Bucket> = {}): Bucket {
  return {
    from: '2026-11-19T23:00:00.000Z',
    to: '2026-11-20T23:00:00.000Z',
    is_partial: false,
    consumption_kwh: 10,
    import_kwh: 10,
    export_kwh: null,
    solar_kwh: null,
    self_use_kwh: null,
    cost: 3.5,
    import_cost: 3,
    export_revenue: null,
    standing_charge: 0.5,
    bands: [{ band: 'fixed', energy_kwh: 10, cost: 3 }],
    unpriced_kwh: 0,
    covered: 1,
    estimated: false,
    devices: [device('switch.kettle', 4, 1.2), device('light.hall', 1, 0.3)],
    unattributed_kwh: 5,
    unattributed_cost: 1.5,
    self_use_saved: null,
    ...more,
  };
}

const now = Date.parse('2026-11-21T11:00:00Z');
const sunny = bucket({
  import_kwh: 6,
  import_cost: 1.8,
  self_use_kwh: 4,
  solar_kwh: 5,
  export_kwh: 1,
  cost: 2.3,
  self_use_saved: 1.2,
});

describe('a sum', () => {
  it('of nothing known is not known, not zero', () => {
    expect(sum([null, undefined])).toBeNull();
    expect(sum([0, null])).toBe(0);
    const all = sums([bucket({ cost: null, import_cost: null, bands: [] })], now);
    expect(all.cost).toBeNull();
    expect(all.price_per_kwh).toBeNull();
    expect(all.solar_kwh).toBeNull();
  });

  it('adds up devices and bands over periods', () => {
    const all = sums([bucket(), bucket({ devices: [device('light.hall', 6, null)] })], now);
    expect(all.devices.map((one) => [one.entity_id, one.energy_kwh, one.cost])).toEqual([
      ['light.hall', 7, 0.3],
      ['switch.kettle', 4, 1.2],
    ]);
    expect(all.bands).toEqual([{ band: 'fixed', energy_kwh: 20, cost: 6 }]);
  });

  it('is known for the share of the time that has passed', () => {
    const today = bucket({
      from: '2026-11-20T23:00:00.000Z',
      to: '2026-11-21T23:00:00.000Z',
      is_partial: true,
      covered: 0.5,
    });
    const all = sums([bucket(), today], now);
    expect(all.isPartial).toBe(true);
    // 24 h wholly known, 12 h half known.
    expect(all.covered).toBeCloseTo(30 / 36);
    // Days before anything was known were not known either.
    expect(sums([bucket(), today], now, 72 * 3_600_000).covered).toBeCloseTo(30 / 72);
  });
});

describe('the price', () => {
  it('is not known where nothing of it is priced', () => {
    expect(price(bucket({ unpriced_kwh: 10 }))).toBeNull();
  });
});

describe('bars', () => {
  const values = (by: 'device' | 'band' | 'home', unit: 'money' | 'energy', one: Bucket) => {
    const parts = partsOf(by, unit, sums([one], now));
    return Object.fromEntries(parts.map((part) => [part.key, part.of(one)]));
  };

  it('by device add up to what was bought', () => {
    for (const one of [bucket(), sunny]) {
      const found = values('device', 'money', one);
      expect(sum(Object.values(found))).toBeCloseTo(one.import_cost ?? 0);
    }
    expect(values('device', 'money', sunny).sun).toBeCloseTo(-1.2);
    expect('sun' in values('device', 'money', bucket())).toBe(false);
  });

  it('by device add up to what was used', () => {
    expect(sum(Object.values(values('device', 'energy', bucket())))).toBe(10);
  });

  it('of the home add up to its cost', () => {
    const earned = bucket({ export_kwh: 3, export_revenue: 0.2, cost: 3.3 });
    expect(values('home', 'money', earned)).toEqual({ import: 3, standing: 0.5, export: -0.2 });
    expect(values('home', 'energy', sunny)).toEqual({ import: 6, sun: 4, export: -1 });
  });

  it('by band say what has no price', () => {
    expect(values('band', 'energy', bucket({ unpriced_kwh: 2 }))).toEqual({ fixed: 10, unpriced: 2 });
  });

  it('keep the small devices together', () => {
    const many = bucket({ devices: Array.from({ length: 12 }, (_, i) => device(`light.${i}`, 12 - i, 1)) });
    const parts = partsOf('device', 'energy', sums([many], now));
    expect(parts.map((part) => part.label)).toContain('5 other devices');
    expect(parts.find((part) => part.key === 'others')?.of(many)).toBe(5 + 4 + 3 + 2 + 1);
  });

  it('have a colour of their own for each band, the dearest the strongest', () => {
    const bands = ['night', 'day', 'peak'].map((band, i) => ({ band, energy_kwh: 10, cost: i + 1 }));
    const found = bands.map(({ band }) => bandColour(band, bands));
    expect(new Set(found).size).toBe(3);
    expect(found[2]).toBe('var(--down)');
  });
});
