import { describe, expect, it } from 'vitest';
import { href, PAGES, parseRoute } from './route';

describe('a route', () => {
  it('is read from what stands behind the #', () => {
    expect(parseRoute('#devices')).toEqual({ page: 'devices', part: null });
    expect(parseRoute('#devices/light.hall')).toEqual({ page: 'devices', part: 'light.hall' });
    expect(parseRoute('#/settings/tariff')).toEqual({ page: 'settings', part: 'tariff' });
    expect(parseRoute('#devices/')).toEqual({ page: 'devices', part: null });
  });

  it('is the first page where nothing is known', () => {
    for (const hash of ['', '#', '#/', '#nowhere', '#nowhere/light.hall', '#ENERGY', '#__proto__', '#devices%20']) {
      expect(parseRoute(hash)).toEqual({ page: 'energy', part: null });
    }
  });

  it('has no part where that cannot be read', () => {
    expect(parseRoute('#devices/%E0%A4%A')).toEqual({ page: 'devices', part: null });
  });

  it('comes back from its address, whatever the id is', () => {
    const ids = [
      'light.hall',
      'sensor.grid_power + sensor.solar_power',
      'a/b/c',
      '#50%',
      '100%25',
      'küche',
      '電気',
      'a?b=c&d',
      '  ',
      '\'"<>',
      '👩‍🍳',
    ];
    for (const page of PAGES) {
      expect(parseRoute(href(page))).toEqual({ page, part: null });
      for (const id of ids) expect(parseRoute(href(page, id))).toEqual({ page, part: id });
    }
  });

  it('has an address without anything that ends it early', () => {
    expect(href('devices', 'a b#c"d')).toBe('#devices/a%20b%23c%22d');
    expect(href('devices', '')).toBe('#devices');
  });

  it('reads an id with slashes that somebody wrote by hand', () => {
    expect(parseRoute('#devices/a/b')).toEqual({ page: 'devices', part: 'a/b' });
  });
});
