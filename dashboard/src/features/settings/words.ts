// What was said of devices and of alerts, in words.

import type { Alert, Device } from '../../api/types';
import { duration, watts } from '../../lib/units';

/** What the owner said of a device beside its name; empty where nothing. */
export function saidWords(word: Device['word']): string {
  if (!word) return '';
  const power = word.power_w == null ? null : watts(word.power_w);
  return [
    word.has_load === false && 'has no load',
    word.has_load === true && power == null && 'has a load',
    power && `draws ${power.value} ${power.unit}`,
    word.grouped_with?.length && `one device with ${word.grouped_with.join(', ')}`,
    word.apart_from?.length && `apart from ${word.apart_from.join(', ')}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

const KINDS: Record<Alert['kind'], string> = {
  high_consumption: 'High consumption',
  phantom_load: 'Phantom load',
  left_on: 'Left on',
  no_data: 'No data',
};

export const kindWords = (kind: Alert['kind']): string => KINDS[kind] ?? String(kind).replaceAll('_', ' ');

/** What the interval of a meter means for what can be told. */
export function intervalWords(interval_s: number): string {
  if (interval_s <= 3) return 'Often enough to tell small lamps.';
  if (interval_s <= 12) return 'Often enough for most devices; very small lamps may stay unknown.';
  if (interval_s <= 45) return 'Enough for what stays on for minutes; small or short loads may stay unknown.';
  return 'Seldom: only large loads that stay on for minutes can be told. A meter that reports every few seconds would help most.';
}

/** How long after a switch the meter shows it. */
export function lagWords(lag_s: number): string {
  return lag_s < 0.5 ? 'A switch shows at once.' : `A switch shows about ${duration(Math.round(lag_s))} later.`;
}
