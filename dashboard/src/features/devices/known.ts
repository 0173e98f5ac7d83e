// What is known of a device, as a list tells it: which heading it stands under, what it draws, in which order.

import type { Bucket, Consumer, Device } from '../../api/types';
import { VERDICTS } from '../../lib/words';

/** Headings of the list. */
export type Kind = 'known' | 'together' | 'unknown' | 'no_load';

export const KINDS: readonly { kind: Kind; title: string; sub: string }[] = [
  {
    kind: 'known',
    title: 'Known',
    sub: 'power with its 90 % interval; energy and hours over all that was learned from',
  },
  { kind: 'together', title: 'Known only together', sub: 'always switched as one, so only their sum shows' },
  { kind: 'unknown', title: 'Cannot tell', sub: 'and what would help' },
  { kind: 'no_load', title: 'No load', sub: 'switching them changes nothing that the meter sees' },
];

/** One line of the list: a device, or those that are known only together. */
export interface Row {
  key: string;
  kind: Kind;
  devices: Device[];
  /** The one whose figures stand for all. */
  lead: Device;
}

export function kindOf(device: Device): Kind {
  if (device.verdict === 'no_load') return 'no_load';
  if (!VERDICTS[device.verdict]?.tells) return 'unknown';
  return device.verdict === 'grouped' || device.grouped_with.length > 0 ? 'together' : 'known';
}

/** Who of a group is told of for all of them: the first of them by name of entity. Of any other, itself. */
export function leadOf(device: Device): string {
  const all = kindOf(device) === 'together' ? [device.entity_id, ...device.grouped_with] : [];
  return all.sort()[0] ?? device.entity_id;
}

/** Lines of the list: who is known only together stands in one line, so that nothing is counted twice. */
export function toRows(devices: readonly Device[]): Row[] {
  const rows: Row[] = [];
  const placed = new Set<string>();
  for (const device of devices) {
    if (placed.has(device.entity_id)) continue;
    const kind = kindOf(device);
    const others = kind === 'together' ? device.grouped_with : [];
    const all = devices.filter((one) => one === device || others.includes(one.entity_id));
    const first = leadOf(device);
    const lead = all.find((one) => one.entity_id === first) ?? device;
    for (const one of all) placed.add(one.entity_id);
    rows.push({ key: lead.entity_id, kind, devices: [lead, ...all.filter((one) => one !== lead)], lead });
  }
  return rows;
}

export const SORTS = [
  { value: 'energy', label: 'Energy' },
  { value: 'power', label: 'Power' },
  { value: 'sure', label: 'How sure' },
  { value: 'name', label: 'Name' },
] as const;
export type Sort = (typeof SORTS)[number]['value'];

/** What a device draws, and in what sense. */
export type Drawn =
  | { kind: 'power' | 'mean'; power_w: number; low_w: number | null; high_w: number | null }
  | { kind: 'none' | 'unknown'; high_w: number | null };

/** What it draws: its power, else what it drew on average while it was on, else what it could be at most. */
export function drawn(device: Device, meanOn_w?: number | null): Drawn {
  const { power_w, power_low_w = null, power_high_w = null, energy_kwh, hours_on } = device;
  if (device.verdict === 'no_load') return { kind: 'none', high_w: power_high_w };
  if (!VERDICTS[device.verdict]?.tells) return { kind: 'unknown', high_w: power_high_w };
  if (power_w != null) return { kind: 'power', power_w, low_w: power_low_w, high_w: power_high_w };
  if (device.verdict === 'varies' && energy_kwh != null && hours_on > 0) {
    const perHour = (kwh: number | null | undefined) => (kwh == null ? null : (kwh * 1000) / hours_on);
    return {
      kind: 'mean',
      power_w: (energy_kwh * 1000) / hours_on,
      low_w: perHour(device.energy_low_kwh),
      high_w: perHour(device.energy_high_kwh),
    };
  }
  if (meanOn_w != null) return { kind: 'mean', power_w: meanOn_w, low_w: null, high_w: null };
  return { kind: 'unknown', high_w: power_high_w };
}

/** Width of the interval over the power: the smaller, the surer. */
function vagueness(device: Device): number {
  const { power_w, power_low_w, power_high_w } = device;
  if (!power_w || power_low_w == null || power_high_w == null) return Number.POSITIVE_INFINITY;
  return (power_high_w - power_low_w) / power_w;
}

const descending = (a: number | null | undefined, b: number | null | undefined) =>
  (b ?? Number.NEGATIVE_INFINITY) === (a ?? Number.NEGATIVE_INFINITY)
    ? 0
    : (b ?? Number.NEGATIVE_INFINITY) - (a ?? Number.NEGATIVE_INFINITY);

export function sorted(rows: readonly Row[], by: Sort, locale?: string): Row[] {
  const names = (a: Row, b: Row) => a.lead.name.localeCompare(b.lead.name, locale, { numeric: true });
  const power = (row: Row) => {
    const draws = drawn(row.lead);
    return 'power_w' in draws ? draws.power_w : draws.high_w;
  };
  const sure = (row: Row) => [row.lead.strength, vagueness(row.lead)] as const;
  return [...rows].sort((a, b) => {
    switch (by) {
      case 'energy':
        return descending(a.lead.energy_kwh, b.lead.energy_kwh) || names(a, b);
      case 'power':
        return descending(power(a), power(b)) || names(a, b);
      case 'sure': {
        const [strengthA, vagueA] = sure(a);
        const [strengthB, vagueB] = sure(b);
        return strengthB - strengthA || (vagueA === vagueB ? 0 : vagueA - vagueB) || names(a, b);
      }
      default:
        return names(a, b);
    }
  });
}

/** What is looked for. Empty means all. */
export interface Wanted {
  text: string;
  verdict: string;
  area: string;
}

export function matches(row: Row, wanted: Wanted): boolean {
  const text = wanted.text.trim().toLocaleLowerCase();
  return row.devices.some(
    (one) =>
      (!wanted.verdict || one.verdict === wanted.verdict) &&
      (!wanted.area || (one.area ?? '') === wanted.area) &&
      (!text || `${one.name} ${one.entity_id} ${one.area ?? ''}`.toLocaleLowerCase().includes(text)),
  );
}

/** Energy of each device in each bucket, kWh; 0 where it is in none of what a bucket tells. */
export function series(buckets: readonly Bucket[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  buckets.forEach((bucket, index) => {
    for (const one of bucket.devices) {
      const values = found.get(one.entity_id) ?? new Array<number>(buckets.length).fill(0);
      values[index] = one.energy_kwh;
      found.set(one.entity_id, values);
    }
  });
  return found;
}

/** Of a line: what any of its devices has. A group is told under its first. */
export function ofRow<T>(row: Row, by: ReadonlyMap<string, T>): T | undefined {
  for (const one of row.devices) {
    const found = by.get(one.entity_id);
    if (found !== undefined) return found;
  }
  return undefined;
}

export const consumersById = (all: readonly Consumer[]) => new Map(all.map((one) => [one.entity_id, one]));
