// What is known of sources and of the store, in words.

import type { SeriesRow, Source } from '../../api/types';
import { DAY_MS } from '../../lib/time';
import { bytes, duration, energy, type Figure, NOTHING, number, watts } from '../../lib/units';
import { stateWords } from '../../lib/words';

/** An adapter; its title and its own page are told by newer servers only. */
export type Adapter = Omit<Source, 'title'> & { title?: string };

/** Words that are no words. */
const NAMES: Record<string, string> = {
  home_assistant: 'Home Assistant',
  homeassistant: 'Home Assistant',
  demo: 'Demo house',
  homewizard: 'HomeWizard',
  electricity_maps: 'Electricity Maps',
  mqtt: 'MQTT',
  sml: 'SML',
  dsmr: 'DSMR',
  http: 'HTTP',
  csv: 'CSV',
  tplink: 'TP-Link',
  whole_house_meter: 'Meter of the house',
  readings: 'Readings',
  store: 'Store',
  source: 'Source',
  publish_memory: 'Memory of what was published',
  home_assistant_publish: 'Telling Home Assistant',
  alerts_webhook: 'Webhooks of alerts',
};

/** A name of programs, readable: `whole_house_meter` -> "Meter of the house". */
export function readable(name: string): string {
  const known = NAMES[name];
  if (known) return known;
  const words = name
    .split(/[_\s]+/)
    .filter(Boolean)
    .map((word) => NAMES[word] ?? word)
    .join(' ');
  return words ? `${words[0]?.toUpperCase()}${words.slice(1)}` : name;
}

export const titleOf = (source: Adapter): string => source.title || readable(source.source);

/** How a source is: in a word, and the mark that goes with it. */
export function howOf(source: Adapter): { word: string; mark: string; dot: string } {
  if (source.is_up === true && source.error) return { word: 'Up, with a fault', mark: '!', dot: 'warn' };
  if (source.is_up === true) return { word: 'Up', mark: '✓', dot: '' };
  if (source.is_up === false) return { word: 'Down', mark: '✕', dot: 'bad' };
  return { word: 'Not read', mark: '–', dot: 'off' };
}

/** A link of a device, only where it leads to a page. */
export function pageOf(source: Adapter): string | null {
  return source.link && /^https?:\/\//i.test(source.link) ? source.link : null;
}

const QUANTITIES: Record<string, string> = {
  power_w: 'power',
  power_phase_1_w: 'power, phase 1',
  power_phase_2_w: 'power, phase 2',
  power_phase_3_w: 'power, phase 3',
  energy_import_kwh: 'energy drawn',
  energy_export_kwh: 'energy given',
  voltage_v: 'voltage',
  current_a: 'current',
  frequency_hz: 'frequency',
  power_factor: 'power factor',
  price_per_kwh: 'price of a kWh',
  level: 'state',
};

const ROLES: Record<string, string> = {
  whole_house: 'whole house',
  circuit: 'circuit',
  device: 'device',
  solar: 'solar',
  battery: 'battery',
  gas: 'gas',
};

/** What a series tells: "power · whole house". */
export function whatOf(row: SeriesRow): string {
  const what = QUANTITIES[row.quantity] ?? row.quantity.replaceAll('_', ' ');
  const role = row.role && (ROLES[row.role] ?? row.role.replaceAll('_', ' '));
  return role ? `${what} · ${role}` : what;
}

/** What a series said last. */
export function lastOf(row: SeriesRow): Figure {
  if (row.quantity === 'level' && row.last_state) return { value: stateWords(row.last_state), unit: '' };
  if (row.last_value == null) return { value: NOTHING, unit: row.unit ?? '' };
  if (row.unit === 'W') return watts(row.last_value);
  if (row.unit === 'kWh' && row.quantity.startsWith('energy')) {
    return row.last_value >= 100 ? { value: number(row.last_value, 1), unit: 'kWh' } : energy(row.last_value);
  }
  return { value: number(row.last_value, decimals(row)), unit: row.unit ?? '' };
}

function decimals(row: SeriesRow): number {
  if (row.quantity === 'price_per_kwh') return 4;
  return row.quantity === 'power_factor' || row.quantity === 'current_a' || row.quantity === 'level' ? 2 : 1;
}

/** Series whose name, id or quantity has all these words; all without words. */
export function found(rows: readonly SeriesRow[], words: string, onlySilent: boolean): SeriesRow[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (onlySilent && !row.is_silent) return false;
    const text = `${row.name ?? ''} ${row.device} ${row.area ?? ''} ${whatOf(row)}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** How long something is kept: "90 days", "for ever". */
export function keptFor(keep_s: number | null | undefined): string {
  if (keep_s == null) return 'for ever';
  const days = keep_s / 86_400;
  if (days < 2) return `for ${duration(keep_s)}`;
  const years = days / 365;
  if (years >= 2 && Number.isInteger(Math.round(years * 100) / 100)) return `for ${number(years)} years`;
  return `for ${number(Math.round(days))} days`;
}

/** A shorter time says nothing of a year, days. */
const LEAST_DAYS = 7;

/** What a year takes at the pace so far, bytes; `null` where too little is known to say so. */
export function perYear(
  size_bytes: number | null | undefined,
  from_ms: number | null,
  to_ms: number | null,
): number | null {
  if (size_bytes == null || from_ms == null || to_ms == null) return null;
  const days = (to_ms - from_ms) / DAY_MS;
  return days < LEAST_DAYS ? null : (size_bytes / days) * 365;
}

/** "about 110 MB": two digits, since it is a guess. */
export function aboutBytes(size: number): string {
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, size))) - 1);
  return `about ${bytes(Math.round(size / digits) * digits)}`;
}
