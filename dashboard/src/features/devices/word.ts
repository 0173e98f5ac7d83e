// The owner's word: what is said of a device, in words, and how each is taken back.

import type { Schemas } from '../../api/client';
import type { Device } from '../../api/types';
import { watts } from '../../lib/units';

export type Patch = Schemas['WordPatch'];
type Word = Schemas['Word'];

/** One thing that is said, and what takes it back. */
export interface Said {
  field: keyof Patch;
  words: string;
  undo: Patch;
}

/** All that is said of a device now; `name` turns an id into what people call it. */
export function saidOf(word: Word | null | undefined, name: (entity_id: string) => string): Said[] {
  if (!word) return [];
  const found: Said[] = [];
  if (word.name != null) found.push({ field: 'name', words: `It is called “${word.name}”`, undo: { name: null } });
  if (word.has_load === false)
    found.push({ field: 'has_load', words: 'It switches no load', undo: { has_load: null } });
  if (word.has_load === true) found.push({ field: 'has_load', words: 'It switches a load', undo: { has_load: null } });
  if (word.power_w != null) {
    const { value, unit } = watts(word.power_w);
    found.push({ field: 'power_w', words: `It draws ${value} ${unit}`, undo: { power_w: null } });
  }
  if (word.grouped_with?.length) {
    const words = `It is one device with ${list(word.grouped_with.map(name))}`;
    found.push({ field: 'grouped_with', words, undo: { grouped_with: null } });
  }
  if (word.apart_from?.length) {
    const words = `It is not one device with ${list(word.apart_from.map(name))}`;
    found.push({ field: 'apart_from', words, undo: { apart_from: null } });
  }
  return found;
}

/** "a, b and c" */
export function list(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** A power as people type it, "9", "9,5" or "1 200 W"; `null` where it is none. */
export function parseWatts(text: string): number | null {
  const plain = text
    .trim()
    .replace(/\s*w$/i, '')
    .replace(/[\s\u00a0\u202f]/g, '')
    .replace(',', '.');
  if (!/^\d+(\.\d+)?$/.test(plain)) return null;
  return Number(plain);
}

/** An error in the words of the server, less the field that it stands beside anyway. */
export function besideField(message: string, field: string): string {
  const found = new RegExp(`^${field}:\\s*`, 'i').exec(message);
  const rest = found ? message.slice(found[0].length) : message;
  return `${rest[0]?.toUpperCase() ?? ''}${rest.slice(1)}`;
}

/** What is known of it, in one phrase, to say what changed. */
export function inShort(device: Device): string {
  if (device.verdict === 'no_load') return 'no load';
  const { value, unit } = watts(device.power_w);
  if (device.power_w != null) {
    return device.grouped_with.length > 0 ? `${value} ${unit} together` : `${value} ${unit}`;
  }
  return device.verdict === 'varies' ? 'power that varies' : device.verdict === 'measured' ? 'measured' : 'not known';
}

/** Whether what is learned rests on what was said. */
export function isInForce(device: Device): boolean {
  const said_at = device.word?.said_at;
  return !said_at || Date.parse(device.learned_at) >= Date.parse(said_at);
}
