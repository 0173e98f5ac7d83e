// Axes with text at its real size, in the home's time zone and the reader's locale.

import type uPlot from 'uplot';
import { clock, clockSeconds, day, HOUR_MS, local, MINUTE_MS, monthShort, year } from '../../lib/time';
import { wattsOnAxis } from '../../lib/units';

/** Whole pixels only: uPlot scales the first whole number that it finds to the screen's. */
export const FONT = '12px "Inter Variable", system-ui, sans-serif';

/** What stands at an instant of the axis, by how far apart the marks are. */
export function timeLabel(at_ms: number, apart_ms: number, zone: string): string {
  const { hour, minute, second, day: of_month, month } = local(at_ms, zone);
  const isMidnight = hour === 0 && minute === 0 && second === 0;
  if (apart_ms < MINUTE_MS) return clockSeconds(at_ms, zone);
  if (apart_ms < 20 * HOUR_MS) return isMidnight ? day(at_ms, zone) : clock(at_ms, zone);
  if (apart_ms < 27 * 24 * HOUR_MS) return day(at_ms, zone);
  return month === 1 && of_month <= 2 ? year(at_ms, zone) : monthShort(at_ms, zone);
}

export function timeAxis(zone: string, stroke: string, grid: string, narrow: boolean): uPlot.Axis {
  return {
    stroke,
    font: FONT,
    grid: { show: false },
    ticks: { show: true, stroke: grid, size: 4 },
    size: 30,
    gap: 4,
    space: narrow ? 56 : 74,
    values: (_, splits) => {
      const apart_ms = splits.length > 1 ? ((splits[1] ?? 0) - (splits[0] ?? 0)) * 1000 : HOUR_MS;
      return splits.map((s) => timeLabel(s * 1000, apart_ms, zone));
    },
  };
}

export function wattsAxis(stroke: string, grid: string, narrow: boolean): uPlot.Axis {
  return {
    scale: 'w',
    stroke,
    font: FONT,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    size: narrow ? 48 : 56,
    gap: narrow ? 5 : 8,
    space: 52,
    values: (_, splits) => {
      const greatest = Math.max(0, ...splits.map((value) => value ?? 0));
      return splits.map((value) => wattsOnAxis(value, greatest));
    },
  };
}
