import { beforeAll, describe, expect, it } from 'vitest';
import type { SeriesRow } from '../../api/types';
import { DAY_MS } from '../../lib/time';
import { setLocale } from '../../lib/units';
import {
  type Adapter,
  aboutBytes,
  found,
  howOf,
  keptFor,
  lastOf,
  pageOf,
  perYear,
  readable,
  titleOf,
  whatOf,
} from './words';

beforeAll(() => setLocale('en-GB'));

const source = (more: Partial<Adapter> = {}): Adapter => ({ source: 'home_assistant', series: 3, silent: 0, ...more });
const row = (more: Partial<SeriesRow> = {}): SeriesRow => ({
  id: 1,
  source: 'demo',
  device: 'sensor.house',
  quantity: 'power_w',
  unit: 'W',
  hold: 'until_next',
  is_silent: false,
  ...more,
});

describe('a source', () => {
  it('has its own title, else its name made readable', () => {
    expect(titleOf(source({ title: 'P1 meter' }))).toBe('P1 meter');
    expect(titleOf(source())).toBe('Home Assistant');
    expect(readable('shelly_pro_em')).toBe('Shelly pro em');
    expect(readable('tasmota_mqtt')).toBe('Tasmota MQTT');
  });

  it('is up, faulty, down or not known', () => {
    expect(howOf(source({ is_up: true })).word).toBe('Up');
    expect(howOf(source({ is_up: true, error: 'slow' })).word).toBe('Up, with a fault');
    expect(howOf(source({ is_up: false })).word).toBe('Down');
    expect(howOf(source({ is_up: null })).word).toBe('Not read');
  });

  it('links only to pages', () => {
    expect(pageOf(source({ link: 'http://192.168.1.5/' }))).toBe('http://192.168.1.5/');
    expect(pageOf(source({ link: 'javascript:alert(1)' }))).toBeNull();
    expect(pageOf(source())).toBeNull();
  });
});

describe('a series', () => {
  it('says what it tells', () => {
    expect(whatOf(row({ role: 'whole_house' }))).toBe('power · whole house');
    expect(whatOf(row({ quantity: 'reactive_power_var' }))).toBe('reactive power var');
  });

  it('says its last value with its unit, and a state as a word', () => {
    expect(lastOf(row({ last_value: 181.1 }))).toEqual({ value: '181', unit: 'W' });
    expect(lastOf(row({ last_value: null }))).toEqual({ value: '–', unit: 'W' });
    expect(lastOf(row({ quantity: 'level', unit: null, last_value: 1, last_state: 'not_home' }))).toEqual({
      value: 'not home',
      unit: '',
    });
    expect(lastOf(row({ quantity: 'energy_import_kwh', unit: 'kWh', last_value: 12345.67 }))).toEqual({
      value: '12,345.7',
      unit: 'kWh',
    });
    expect(lastOf(row({ quantity: 'price_per_kwh', unit: 'EUR/kWh', last_value: 0.2871 })).value).toBe('0.2871');
  });

  it('is found by all words of name, id and what it tells', () => {
    const rows = [row({ name: 'Kettle', quantity: 'level' }), row({ name: 'House', is_silent: true })];
    expect(found(rows, 'kettle state', false)).toHaveLength(1);
    expect(found(rows, 'kettle power', false)).toHaveLength(0);
    expect(found(rows, '', true).map((one) => one.name)).toEqual(['House']);
  });
});

describe('the store', () => {
  it('says how long it keeps what', () => {
    expect(keptFor(null)).toBe('for ever');
    expect(keptFor(90 * 86_400)).toBe('for 90 days');
    expect(keptFor(36 * 3_600)).toBe('for 36 h');
    expect(keptFor(10 * 365 * 86_400)).toBe('for 10 years');
  });

  it('tells of a year only after a week', () => {
    expect(perYear(8_000_000, 0, 6 * DAY_MS)).toBeNull();
    expect(perYear(null, 0, 60 * DAY_MS)).toBeNull();
    expect(perYear(8_000_000, 0, 73 * DAY_MS)).toBe(40_000_000);
  });

  it('rounds a guess to two digits', () => {
    expect(aboutBytes(107_612_345)).toBe('about 110 MB');
    expect(aboutBytes(1_234)).toBe('about 1.2 kB');
  });
});
