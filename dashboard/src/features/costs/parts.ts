// What the bars are made of: devices, bands of the tariff, or what came from and went to the grid. Pure but for colours.

import type { Bucket } from '../../api/types';
import type { BarPart } from '../../components/bar-chart';
import { colourOf } from '../../lib/colours';
import { type Sums, sum } from './sums';

export type By = 'device' | 'band' | 'home';
export type Unit = 'money' | 'energy';

/** A part of the bars, and how much of it a period has. */
export interface Part extends BarPart {
  of: (bucket: Bucket) => number | null;
}

/** So many devices have a piece of their own. */
const OWN = 7;

export const REST = 'var(--rest)';
export const OTHERS = 'var(--others)';

// What is no device takes a tone that no device has: all devices together have all the colours.
export const SUN = 'var(--sun)';
const GRID = 'var(--down)';
const SOLD = 'var(--ok)';
/** Bands are tones of what comes from the grid, the dearest the strongest. */
export function bandColour(band: string, bands: Sums['bands']): string {
  const dearest = bands.toSorted((a, b) => b.cost / (b.energy_kwh || 1) - a.cost / (a.energy_kwh || 1));
  const at = Math.max(
    0,
    dearest.findIndex((one) => one.band === band),
  );
  const tone = bands.length > 1 ? 100 - (at / (bands.length - 1)) * 68 : 100;
  return tone === 100 ? GRID : `color-mix(in srgb, ${GRID} ${Math.round(tone)}%, var(--card))`;
}

/** "fixed" -> "Fixed price". */
export function bandName(band: string): string {
  if (band === 'fixed') return 'Fixed price';
  if (band === 'dynamic') return 'Dynamic price';
  return band;
}

export function partsOf(by: By, unit: Unit, all: Sums): Part[] {
  if (by === 'band') return bands(unit, all);
  return by === 'home' ? home(unit, all) : devices(unit, all);
}

function devices(unit: Unit, all: Sums): Part[] {
  const isMoney = unit === 'money';
  const size = (one: { energy_kwh: number; cost?: number | null }) => (isMoney ? (one.cost ?? 0) : one.energy_kwh);
  const sorted = all.devices.toSorted((a, b) => size(b) - size(a));
  // One more device takes no more room than "others" would.
  const own = sorted.length <= OWN + 1 ? sorted : sorted.slice(0, OWN);
  const ids = new Set(own.map((device) => device.entity_id));
  const parts: Part[] = own.map((device) => ({
    key: device.entity_id,
    label: device.name,
    colour: colourOf(device.entity_id),
    of: (bucket) => {
      const found = bucket.devices.find((one) => one.entity_id === device.entity_id);
      return found ? size(found) : null;
    },
  }));
  if (own.length < sorted.length) {
    parts.push({
      key: 'others',
      label: `${sorted.length - own.length} other devices`,
      colour: OTHERS,
      of: (bucket) => sum(bucket.devices.filter((one) => !ids.has(one.entity_id)).map(size)),
    });
  }
  parts.push({
    key: 'rest',
    label: 'Not attributed',
    colour: REST,
    of: (bucket) => (isMoney ? bucket.unattributed_cost : bucket.unattributed_kwh) ?? null,
  });
  if (isMoney && (all.self_use_saved ?? 0) > 0) {
    parts.push({
      key: 'sun',
      label: 'Own sun, not bought',
      colour: SUN,
      of: (bucket) => negative(bucket.self_use_saved),
    });
  }
  return parts;
}

function bands(unit: Unit, all: Sums): Part[] {
  const parts: Part[] = all.bands.map(({ band }) => ({
    key: band,
    label: bandName(band),
    colour: bandColour(band, all.bands),
    of: (bucket) => {
      const found = bucket.bands.find((one) => one.band === band);
      return found ? (unit === 'money' ? found.cost : found.energy_kwh) : null;
    },
  }));
  if (unit === 'energy' && all.unpriced_kwh > 0) {
    parts.push({ key: 'unpriced', label: 'No price known', colour: OTHERS, of: (bucket) => bucket.unpriced_kwh });
  }
  return parts;
}

function home(unit: Unit, all: Sums): Part[] {
  const parts: Part[] =
    unit === 'money'
      ? [
          { key: 'import', label: 'Bought', colour: GRID, of: (bucket) => bucket.import_cost ?? null },
          { key: 'standing', label: 'Standing charge', colour: OTHERS, of: (bucket) => bucket.standing_charge ?? null },
          { key: 'export', label: 'Sold', colour: SOLD, of: (bucket) => negative(bucket.export_revenue) },
        ]
      : [
          {
            key: 'import',
            label: all.import_kwh === null ? 'Used' : 'From the grid',
            colour: GRID,
            of: (bucket) => bucket.import_kwh ?? bucket.consumption_kwh ?? null,
          },
          { key: 'sun', label: 'Own sun, used', colour: SUN, of: (bucket) => bucket.self_use_kwh ?? null },
          { key: 'export', label: 'To the grid', colour: SOLD, of: (bucket) => negative(bucket.export_kwh) },
        ];
  const isThere: Record<string, boolean> = {
    import: true,
    standing: (all.standing_charge ?? 0) > 0,
    sun: (all.self_use_kwh ?? 0) > 0,
    export: ((unit === 'money' ? all.export_revenue : all.export_kwh) ?? 0) > 0,
  };
  return parts.filter((part) => isThere[part.key]);
}

function negative(value: number | null | undefined): number | null {
  return value == null ? null : -value;
}
