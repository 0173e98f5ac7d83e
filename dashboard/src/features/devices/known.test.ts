import { describe, expect, it } from 'vitest';
import type { Bucket, Device } from '../../api/types';
import { drawn, kindOf, leadOf, matches, ofRow, series, sorted, toRows } from './known';

const device = (entity_id: string, more: Partial<Device> = {}): Device => ({
  entity_id,
  name: entity_id,
  domain: entity_id.split('.')[0] ?? '',
  verdict: 'learned',
  reason: '',
  events_total: 10,
  events_used: 8,
  grouped_with: [],
  hours_on: 1,
  times_on: 1,
  learned_at: '2026-11-21T12:00:00Z',
  strength: 1,
  ...more,
});
const ids = (rows: ReturnType<typeof toRows>) => rows.map((row) => row.key);

describe('the list of devices', () => {
  it('puts what cannot be told apart from what draws nothing', () => {
    expect(kindOf(device('a.a', { verdict: 'too_small' }))).toBe('unknown');
    expect(kindOf(device('a.a', { verdict: 'not_enough_events' }))).toBe('unknown');
    expect(kindOf(device('a.a', { verdict: 'no_load' }))).toBe('no_load');
    expect(kindOf(device('a.a', { verdict: 'varies' }))).toBe('known');
    expect(kindOf(device('a.a', { verdict: 'something_new' }))).toBe('unknown');
  });

  it('shows those that are known only together in one line', () => {
    const a = device('switch.a', { verdict: 'grouped', grouped_with: ['switch.b'] });
    const b = device('switch.b', { verdict: 'grouped', grouped_with: ['switch.a'] });
    const rows = toRows([a, device('switch.c'), b]);
    expect(ids(rows)).toEqual(['switch.a', 'switch.c']);
    expect(rows[0]?.devices.map((one) => one.entity_id)).toEqual(['switch.a', 'switch.b']);
  });

  it('gives a group the same lead, whichever of it one comes from', () => {
    const a = device('switch.a', { verdict: 'grouped', grouped_with: ['switch.b'] });
    const b = device('switch.b', { verdict: 'grouped', grouped_with: ['switch.a'] });
    expect([leadOf(a), leadOf(b), leadOf(device('switch.c'))]).toEqual(['switch.a', 'switch.a', 'switch.c']);
    expect(ids(toRows([b, a]))).toEqual(['switch.a']);
  });

  it('puts what is not known last when sorted by energy', () => {
    const rows = toRows([
      device('a.none'),
      device('a.little', { energy_kwh: 0.1 }),
      device('a.much', { energy_kwh: 9 }),
    ]);
    expect(ids(sorted(rows, 'energy'))).toEqual(['a.much', 'a.little', 'a.none']);
  });

  it('calls a narrow interval surer where the strength is alike', () => {
    const rows = toRows([
      device('a.vague', { power_w: 10, power_low_w: 5, power_high_w: 15 }),
      device('a.sharp', { power_w: 10, power_low_w: 9.9, power_high_w: 10.1 }),
      device('a.weak', { strength: 0.4, power_w: 10, power_low_w: 10, power_high_w: 10 }),
    ]);
    expect(ids(sorted(rows, 'sure'))).toEqual(['a.sharp', 'a.vague', 'a.weak']);
  });

  it('finds a device by its name, its id or its area, whatever the case', () => {
    const [row] = toRows([device('light.hall', { name: 'Entrance', area: 'Ground floor' })]);
    const wanted = { text: '', verdict: '', area: '' };
    if (!row) throw new Error('no row');
    expect(matches(row, { ...wanted, text: 'ENTR' })).toBe(true);
    expect(matches(row, { ...wanted, text: 'light.h' })).toBe(true);
    expect(matches(row, { ...wanted, text: 'ground' })).toBe(true);
    expect(matches(row, { ...wanted, text: 'kettle' })).toBe(false);
    expect(matches(row, { ...wanted, area: 'Cellar' })).toBe(false);
  });

  it('tells an average for what varies, never as if it were a power', () => {
    const varies = device('a.pump', { verdict: 'varies', energy_kwh: 100, energy_low_kwh: 90, hours_on: 50 });
    expect(drawn(varies)).toEqual({ kind: 'mean', power_w: 2000, low_w: 1800, high_w: null });
  });

  it('says at most what cannot be told could be', () => {
    expect(drawn(device('a.x', { verdict: 'too_small', power_high_w: 4 }))).toEqual({ kind: 'unknown', high_w: 4 });
    expect(drawn(device('a.x', { verdict: 'no_load', power_w: 0, power_high_w: 1 }))).toEqual({
      kind: 'none',
      high_w: 1,
    });
  });

  it('draws a day without energy as nothing, in its place', () => {
    const bucket = (energy_kwh: number | null) =>
      ({ devices: energy_kwh == null ? [] : [{ entity_id: 'a.a', name: '', energy_kwh, estimated: false }] }) as never;
    const all: Bucket[] = [bucket(1), bucket(null), bucket(3)];
    expect(series(all).get('a.a')).toEqual([1, 0, 3]);
  });

  it('takes the figures of a group from whoever of it has them', () => {
    const a = device('switch.a', { verdict: 'grouped', grouped_with: ['switch.b'] });
    const [row] = toRows([device('switch.b', { verdict: 'grouped', grouped_with: ['switch.a'] }), a]);
    if (!row) throw new Error('no row');
    expect(ofRow(row, new Map([['switch.a', 7]]))).toBe(7);
  });
});
