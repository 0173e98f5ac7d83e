// From figures to pixels.

/** Where a figure lies between two pixels. */
export type Scale = (value: number) => number;

export function linear(from: number, to: number, left: number, right: number): Scale {
  const span = to - from || 1;
  return (value) => left + ((value - from) / span) * (right - left);
}

/** Round numbers from `from` to `to`, about so many. */
export function ticks(from: number, to: number, about: number): number[] {
  const step = roundStep((to - from) / Math.max(1, about));
  if (!(step > 0)) return [from];
  const found: number[] = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + step * 1e-9; k += 1) found.push(k === 0 ? 0 : k * step);
  return found;
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
export function roundStep(least: number): number {
  if (!(least > 0) || !Number.isFinite(least)) return 0;
  const ten = 10 ** Math.floor(Math.log10(least));
  const found = [1, 2, 5, 10].find((k) => k * ten >= least * (1 - 1e-9)) ?? 10;
  return found * ten;
}

/** The value below which a share of them lies; `values` are in order. */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const at = (values.length - 1) * share;
  const low = values[Math.floor(at)] ?? 0;
  const high = values[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

export const inOrder = (values: readonly number[]) => [...values].sort((a, b) => a - b);

export const median = (values: readonly number[]) => quantile(inOrder(values), 0.5);

/** The decades that powers are drawn on, W: from a power of ten to another. */
export interface Decades {
  from_w: number;
  to_w: number;
}

export function decades(powers_w: readonly number[]): Decades {
  const some = powers_w.filter((w) => w > 0);
  const from = Math.min(0, Math.floor(Math.log10(Math.min(...some, 1)) + 1e-9));
  const to = Math.max(3, Math.ceil(Math.log10(Math.max(...some, 1)) - 1e-9));
  return { from_w: 10 ** Math.max(-1, from), to_w: 10 ** to };
}

/** Where a power lies on its decades, 0 to 1. */
export function onDecades(power_w: number, { from_w, to_w }: Decades): number {
  if (power_w <= from_w) return 0;
  return Math.min(1, Math.log10(power_w / from_w) / Math.log10(to_w / from_w));
}
