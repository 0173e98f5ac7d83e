// What runs like an unknown load, by what such things usually do. Words to click, never an answer. Pure.

import type { UnknownLoad } from '../../api/types';

type Shape = Pick<UnknownLoad, 'power_w' | 'duration_s' | 'runs_per_day'>;
type Range = readonly [least: number, most: number];

interface Kind {
  names: readonly string[];
  power_w: Range;
  minutes: Range;
  a_day: Range;
}

const KINDS: readonly Kind[] = [
  { names: ['Fridge', 'Freezer'], power_w: [40, 200], minutes: [7, 45], a_day: [8, 80] },
  { names: ['Dehumidifier'], power_w: [180, 500], minutes: [10, 120], a_day: [2, 40] },
  { names: ['Heating pump'], power_w: [20, 130], minutes: [20, 600], a_day: [1, 30] },
  { names: ['Ventilation'], power_w: [10, 120], minutes: [5, 600], a_day: [1, 60] },
  { names: ['Water pump'], power_w: [300, 1400], minutes: [0.2, 10], a_day: [1, 60] },
  { names: ['Coffee machine'], power_w: [700, 1600], minutes: [0.3, 5], a_day: [1, 60] },
  { names: ['Microwave'], power_w: [900, 1700], minutes: [0.5, 10], a_day: [0.3, 10] },
  { names: ['Kettle'], power_w: [1700, 3000], minutes: [1, 6], a_day: [0.5, 15] },
  { names: ['Toaster'], power_w: [700, 1300], minutes: [1.5, 5], a_day: [0.2, 4] },
  { names: ['Hair dryer'], power_w: [900, 2300], minutes: [2, 15], a_day: [0.1, 4] },
  { names: ['Hob', 'Oven'], power_w: [800, 3500], minutes: [0.2, 20], a_day: [2, 100] },
  { names: ['Water heater'], power_w: [1000, 4000], minutes: [10, 240], a_day: [0.3, 20] },
  { names: ['Electric heater'], power_w: [400, 3000], minutes: [10, 600], a_day: [0.3, 30] },
  { names: ['Car charger'], power_w: [1300, 23_000], minutes: [45, 900], a_day: [0.05, 3] },
  { names: ['TV', 'Computer'], power_w: [40, 350], minutes: [40, 600], a_day: [0.3, 6] },
  { names: ['Light'], power_w: [3, 90], minutes: [1, 400], a_day: [0.3, 12] },
];

const MOST = 4;

const within = (value: number, [least, most]: Range) => value >= least && value <= most;

/** Names that fit, those that are most particular about it first. */
export function guesses(load: Shape): string[] {
  const minutes = load.duration_s / 60;
  return KINDS.filter(
    (kind) =>
      within(load.power_w, kind.power_w) && within(minutes, kind.minutes) && within(load.runs_per_day, kind.a_day),
  )
    .flatMap((kind) => kind.names)
    .slice(0, MOST);
}

/** A load's title and what stands below it: its name and all of the summary, or the summary in two parts. */
export function described({ name, summary }: Pick<UnknownLoad, 'name' | 'summary'>): { title: string; sub: string } {
  if (name) return { title: name, sub: summary };
  const [first = '', ...more] = summary.split(', ');
  return { title: `${first.slice(0, 1).toUpperCase()}${first.slice(1)}`, sub: more.join(', ') };
}
