// State changes on the house's line: a triangle up or down where the step is, and its watts while there is room.

import type uPlot from 'uplot';
import { watts } from '../../lib/units';

interface Mark {
  at_ms: number;
  power_w: number;
}

/** How far two written steps are apart at least, px. */
const APART_PX = 64;
const SIZE_PX = 4;

/** Colours of steps up and down, and of the ground behind the words. */
interface Colours {
  up: string;
  down: string;
  ground: string;
}

export function drawMarks(
  plot: uPlot,
  marks: readonly Mark[],
  line: (number | null)[] | undefined,
  colours: Colours,
): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  const times = plot.data[0];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `600 ${10.5 * ratio}px "Inter Variable", system-ui, sans-serif`;
  ctx.textAlign = 'center';
  const drawn: number[] = [];
  const written: number[] = [];
  // The greatest are written first; the others where there is room.
  for (const mark of [...marks].sort((a, b) => Math.abs(b.power_w) - Math.abs(a.power_w))) {
    const x = plot.valToPos(mark.at_ms / 1000, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    // What a greater one covers would only make it unreadable.
    if (drawn.some((other) => Math.abs(x - other) < 2 * SIZE_PX * ratio)) continue;
    drawn.push(x);
    const index = at(times, mark.at_ms / 1000);
    const power = line?.[index] ?? line?.[index + 1] ?? null;
    const isUp = mark.power_w > 0;
    const edge = power == null ? bbox.top + bbox.height : plot.valToPos(power, 'w', true);
    const size = SIZE_PX * ratio;
    const y = Math.min(Math.max(edge - 3 * ratio, bbox.top + 16 * ratio), bbox.top + bbox.height - 2);
    ctx.fillStyle = isUp ? colours.up : colours.down;
    ctx.beginPath();
    ctx.moveTo(x, y - (isUp ? size * 1.7 : 0));
    ctx.lineTo(x - size, y - (isUp ? 0 : size * 1.7));
    ctx.lineTo(x + size, y - (isUp ? 0 : size * 1.7));
    ctx.closePath();
    ctx.fill();
    const isNear = written.some((other) => Math.abs(x - other) < APART_PX * ratio);
    const fits = x - bbox.left > 30 * ratio && bbox.left + bbox.width - x > 30 * ratio;
    if (isNear || !fits) continue;
    written.push(x);
    const { value, unit } = watts(mark.power_w, true);
    // Words stand on a rim of the ground's colour, so that they are read on any layer.
    ctx.strokeStyle = colours.ground;
    ctx.lineWidth = 3 * ratio;
    ctx.lineJoin = 'round';
    ctx.strokeText(`${value} ${unit}`, x, y - size * 2.4);
    ctx.fillText(`${value} ${unit}`, x, y - size * 2.4);
  }
  ctx.restore();
}

/** The stretch that an instant lies in. */
function at(times: ArrayLike<number>, time: number): number {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((times[middle] ?? 0) <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}
