// Sums over periods; what is not known is left out and said, never filled. Pure.

import type { Bucket } from '../../api/types';
import { instant } from '../../lib/time';

export interface DeviceSum {
  entity_id: string;
  name: string;
  energy_kwh: number;
  cost: number | null;
  estimated: boolean;
}

export interface Sums {
  consumption_kwh: number | null;
  import_kwh: number | null;
  export_kwh: number | null;
  solar_kwh: number | null;
  self_use_kwh: number | null;
  cost: number | null;
  import_cost: number | null;
  export_revenue: number | null;
  standing_charge: number | null;
  unattributed_kwh: number | null;
  unpriced_kwh: number;
  /** What one kWh of import cost; `null` without a price. */
  price_per_kwh: number | null;
  /** Share of the time that has passed for which the energy is known. */
  covered: number;
  isPartial: boolean;
  estimated: boolean;
  bands: { band: string; energy_kwh: number; cost: number }[];
  devices: DeviceSum[];
  /** What no device explains, at the price of import. */
  unattributed_cost: number | null;
  /** What the sun saved: its use at the price of import. */
  self_use_saved: number | null;
}

/** The sum of what is known; `null` where nothing is. */
export function sum(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value != null);
  return known.length > 0 ? known.reduce((all, value) => all + value, 0) : null;
}

/** What one kWh of import cost in a period. */
export function price(bucket: Pick<Bucket, 'import_cost' | 'import_kwh' | 'unpriced_kwh'>): number | null {
  const priced_kwh = (bucket.import_kwh ?? 0) - bucket.unpriced_kwh;
  return bucket.import_cost != null && priced_kwh > 0.0005 ? bucket.import_cost / priced_kwh : null;
}

/** All of these periods together; `whole_ms` is how long they all are, with those of which nothing is known, as far as it has passed. */
export function sums(buckets: readonly Bucket[], now_ms: number, whole_ms = 0): Sums {
  const of = (key: keyof Bucket) => sum(buckets.map((bucket) => bucket[key] as number | null | undefined));
  const passed = buckets.map((bucket) => {
    const from_ms = instant(bucket.from) ?? 0;
    return Math.max(0, Math.min(now_ms, instant(bucket.to) ?? 0) - from_ms);
  });
  const all_ms = Math.max(whole_ms, sum(passed) ?? 0);
  const known_ms = sum(buckets.map((bucket, i) => bucket.covered * (passed[i] ?? 0))) ?? 0;
  const bought = {
    import_cost: of('import_cost'),
    import_kwh: of('import_kwh'),
    unpriced_kwh: of('unpriced_kwh') ?? 0,
  };
  return {
    ...bought,
    consumption_kwh: of('consumption_kwh'),
    export_kwh: of('export_kwh'),
    solar_kwh: of('solar_kwh'),
    self_use_kwh: of('self_use_kwh'),
    cost: of('cost'),
    export_revenue: of('export_revenue'),
    standing_charge: of('standing_charge'),
    unattributed_kwh: of('unattributed_kwh'),
    price_per_kwh: price(bought),
    covered: all_ms > 0 ? known_ms / all_ms : 0,
    isPartial: buckets.some((bucket) => bucket.is_partial),
    estimated: buckets.some((bucket) => bucket.estimated),
    bands: bandSums(buckets),
    devices: deviceSums(buckets),
    unattributed_cost: of('unattributed_cost'),
    self_use_saved: of('self_use_saved'),
  };
}

function bandSums(buckets: readonly Bucket[]): Sums['bands'] {
  const found = new Map<string, Sums['bands'][number]>();
  for (const { band, energy_kwh, cost } of buckets.flatMap((bucket) => bucket.bands)) {
    const before = found.get(band);
    found.set(band, {
      band,
      energy_kwh: (before?.energy_kwh ?? 0) + energy_kwh,
      cost: (before?.cost ?? 0) + cost,
    });
  }
  return [...found.values()].sort((a, b) => b.energy_kwh - a.energy_kwh);
}

function deviceSums(buckets: readonly Bucket[]): DeviceSum[] {
  const found = new Map<string, DeviceSum>();
  for (const device of buckets.flatMap((bucket) => bucket.devices)) {
    const before = found.get(device.entity_id);
    found.set(device.entity_id, {
      entity_id: device.entity_id,
      name: device.name,
      energy_kwh: (before?.energy_kwh ?? 0) + device.energy_kwh,
      cost: sum([before?.cost, device.cost]),
      estimated: device.estimated || !!before?.estimated,
    });
  }
  return [...found.values()].sort((a, b) => b.energy_kwh - a.energy_kwh);
}
