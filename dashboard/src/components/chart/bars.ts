// Where bars, ticks and labels of a bar chart stand, px.

/** A bar: what it is made of, in the order of the chart's parts; `null` where nothing is known. */
export type Values = readonly (number | null)[] | null;

/** A piece of a bar; what is below zero hangs from the axis. */
export interface Piece {
  part: number;
  from: number;
  to: number;
}

/** A bar's pieces from the axis outwards, those above it and those below each on their own. */
export function pieces(values: Values): Piece[] {
  let above = 0;
  let below = 0;
  return (values ?? []).flatMap((value, part) => {
    if (!value) return [];
    const from = value > 0 ? above : below;
    const to = from + value;
    if (value > 0) above = to;
    else below = to;
    return [{ part, from, to }];
  });
}

/** The sum of what is known of a bar; `null` where nothing is. */
export function total(values: Values): number | null {
  const known = (values ?? []).filter((value) => value != null);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) : null;
}

/** How far up and down the bars reach, zero included. */
export function reach(bars: readonly Values[], threshold?: number | null): { low: number; high: number } {
  let low = 0;
  let high = threshold ?? 0;
  for (const bar of bars) {
    for (const piece of pieces(bar)) {
      low = Math.min(low, piece.to);
      high = Math.max(high, piece.to);
    }
  }
  return { low, high };
}

/** Round numbers that include `low` and `high`, about so many. */
export function ticks(low: number, high: number, about: number): number[] {
  const width = high - low;
  if (!(width > 0)) return [0, 1];
  const rough = width / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  // Rounded, so that 0.30000000000000004 is 0.3.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** About how wide a text of 11.5 px is; figures are all as wide. */
export function textWidth(text: string): number {
  return Math.ceil(text.length * 7);
}

/** Which labels are shown, so that none touches the next: every so many, the last one for sure; it may be moved inwards. */
export function shownLabels(labels: readonly string[], apart: number, room = 0): boolean[] {
  const widest = Math.max(0, ...labels.map(textWidth));
  const moved = Math.max(0, (widest - apart) / 2 - room);
  const least = Math.max(1, Math.ceil((widest + 10 + moved) / Math.max(0.01, apart)));
  const step = [1, 2, 3, 4, 5, 7, 10, 14, 15, 20, 30, 60, 90].find((one) => one >= least) ?? least;
  const last = labels.length - 1;
  return labels.map((label, i) => label !== '' && (last - i) % step === 0);
}

/** Left edge and width of a bar of so many. */
export function place(index: number, count: number, width: number, widest: number): { x: number; width: number } {
  const band = width / Math.max(1, count);
  const gap = band >= 24 ? 6 : band >= 9 ? 3 : band >= 4 ? 1.5 : band >= 2.5 ? 0.6 : 0;
  const bar = Math.min(widest, band - gap);
  return { x: index * band + (band - bar) / 2, width: bar };
}

/** Which bar lies at `x`; `null` beside the plot. */
export function barAt(x: number, count: number, width: number): number | null {
  if (count === 0 || x < 0 || x > width) return null;
  return Math.min(count - 1, Math.floor((x / width) * count));
}
