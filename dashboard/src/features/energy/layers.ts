// What the chart draws of an attribution.

import type { Attribution } from '../../api/types';
import { runningSum } from '../../components/chart/stack';
import { colourAll, colourOf } from '../../lib/colours';
import { span as spanWords } from '../../lib/time';
import { number } from '../../lib/units';

/** Whether the house said anything at all. */
export function isAnyKnown(data: Attribution): boolean {
  return data.house.mean_w.some((value) => value != null);
}

/** What is stacked: what cannot be named at the bottom, since it is mostly what is always on; then from small to large. */
export function layersOf(data: Attribution) {
  colourAll(data.devices.map((device) => device.entity_id));
  const devices = data.devices.filter((device) => device.energy_kwh > 0);
  const layers = [
    { key: 'rest', label: 'Not attributed', colour: 'var(--rest)', values: data.unattributed_w },
    ...(data.others_w.some((value) => (value ?? 0) > 0)
      ? [{ key: 'others', label: 'Other devices', colour: 'var(--others)', values: data.others_w }]
      : []),
    ...devices
      .map((device) => ({
        key: device.entity_id,
        label: device.name,
        colour: colourOf(device.entity_id),
        values: device.power_w,
      }))
      .reverse(),
  ];
  return {
    layers,
    line: { label: 'House', values: data.house.mean_w },
    // Within an hour everything is on at some time: its extremes say nothing any more.
    extremes: data.meta.interval_s < 1800 ? { min: data.house.min_w, max: data.house.max_w } : undefined,
    sum: { label: 'Energy', unit: 'kWh', values: runningSum(data.house.energy_kwh) },
  };
}

/** The chart in a sentence, for who cannot see it. */
export function gist(data: Attribution, zone: string): string {
  const { min_w, mean_w, max_w } = data.total;
  const from_ms = Date.parse(data.meta.from);
  const to_ms = Date.parse(data.meta.to);
  const range =
    mean_w == null
      ? 'nothing known'
      : `between ${number(min_w ?? 0)} and ${number(max_w ?? 0)} W, ${number(mean_w)} W on average`;
  const most = data.devices[0];
  return `Power of the house, ${spanWords(from_ms, to_ms, zone)}: ${range}${most && most.energy_kwh > 0 ? `; most by ${most.name}` : ''}. The table below has the figures.`;
}
