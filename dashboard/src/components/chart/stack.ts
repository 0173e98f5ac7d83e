// Columns as uPlot takes them.

import type uPlot from 'uplot';

type Column = (number | null)[];

/** Each layer on those below it: running sums, null where the layer and all below are null. */
export function stacked(layers: readonly { values: Column }[]): Column[] {
  let below: Column = [];
  return layers.map(({ values }) => {
    below = values.map((value, index) => {
      const under = below[index] ?? null;
      return value == null ? under : (under ?? 0) + value;
    });
    return below;
  });
}

/** All columns, time first (s). The last stretch is ended, so that a stepped line is drawn to its end. */
export function columns(
  at: readonly number[],
  interval_ms: number,
  layers: readonly { values: Column }[],
  line?: Column,
  extremes?: { min: Column; max: Column },
  sum?: Column,
): uPlot.AlignedData {
  const last = at.at(-1);
  const times = at.map((ms) => ms / 1000);
  if (last !== undefined) times.push((last + interval_ms) / 1000);
  const ended = (column: Column): Column => (last === undefined ? [] : [...column, column.at(-1) ?? null]);
  const drawn = stacked(layers).map(ended);
  if (extremes) drawn.push(ended(extremes.min), ended(extremes.max));
  if (line) drawn.push(ended(line));
  if (sum) drawn.push(ended(sum));
  return [times, ...drawn] as uPlot.AlignedData;
}

/** Energy of each stretch added up; null before anything is known, held over gaps. */
export function runningSum(values: Column): Column {
  let sum: number | null = null;
  return values.map((value) => {
    if (value != null) sum = (sum ?? 0) + value;
    return sum;
  });
}
