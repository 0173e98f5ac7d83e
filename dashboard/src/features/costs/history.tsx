// The periods as bars, by what made them.

import { useState } from 'react';
import { BarChart, type ChartBar } from '../../components/bar-chart';
import { Card, Segments, Swatch } from '../../components/card';
import { instant } from '../../lib/time';
import { money, percent } from '../../lib/units';
import { type By, partsOf, type Unit } from './parts';
import { keyOf, type Slot, slotLabel, slotTitle, type View } from './span';
import type { Sums } from './sums';
import { coveredWords, energyOnAxis, moneyOnAxis, told } from './words';

const BY: readonly { value: By; label: string }[] = [
  { value: 'device', label: 'By device' },
  { value: 'band', label: 'By tariff' },
  { value: 'home', label: 'Whole home' },
];

const SUB: Record<By, Record<Unit, string>> = {
  device: {
    money: 'what each device cost at the price of what was bought',
    energy: 'what each device used',
  },
  band: { money: 'what was bought, by band of the tariff', energy: 'what came from the grid, by band of the tariff' },
  home: { money: 'bought, standing charge and sold', energy: 'from the grid, from the own sun, to the grid' },
};

export function History({
  view,
  places,
  all,
  unit,
  onUnit,
  currency,
  picked,
  onPick,
  zone,
}: {
  view: View;
  places: Slot[];
  all: Sums;
  unit: Unit;
  /** Without a tariff there is nothing to choose. */
  onUnit: ((unit: Unit) => void) | null;
  currency: string | null;
  picked: string | null;
  onPick: (key: string) => void;
  zone: string;
}) {
  const [by, setBy] = useState<By>('device');
  const parts = partsOf(by, unit, all);
  const bars = places.map((place) => barOf(place, view, zone, (bucket) => parts.map((part) => part.of(bucket))));
  const format = (value: number) => (unit === 'money' ? money(value, currency) : told(value));
  const hasGaps = bars.some((bar) => !bar.values && !bar.isLater);
  const hasOpen = bars.some((bar) => bar.isIncomplete);
  return (
    <Card
      title={unit === 'money' ? 'What it cost' : 'What was used'}
      sub={SUB[by][unit]}
      aside={
        <div className="row wrap">
          <Segments label="What the bars are made of" options={BY} value={by} onChange={setBy} />
          {onUnit && (
            <Segments
              label="In"
              options={[
                { value: 'money', label: currency ?? 'Cost' },
                { value: 'energy', label: 'kWh' },
              ]}
              value={unit}
              onChange={onUnit}
            />
          )}
        </div>
      }
    >
      <BarChart
        label={`${unit === 'money' ? 'Cost' : 'Energy'} of each ${view}: ${unit === 'money' ? money(all.cost, currency) : told(all.consumption_kwh)} in all.`}
        parts={parts}
        bars={bars}
        height={280}
        format={format}
        axis={unit === 'money' ? (value, greatest) => moneyOnAxis(value, greatest, currency) : energyOnAxis}
        picked={picked}
        onPick={onPick}
      />
      <ul className="legend">
        {parts.map((part) => (
          <li key={part.key}>
            <Swatch colour={part.colour} />
            {part.label}
          </li>
        ))}
        {hasOpen && (
          <li>
            <i className="swatch hatched full" aria-hidden="true" />
            Not over, or not wholly known
          </li>
        )}
        {hasGaps && (
          <li>
            <i className="swatch hatched" aria-hidden="true" />
            Nothing known
          </li>
        )}
      </ul>
      <Table places={places} view={view} currency={currency} zone={zone} picked={picked} onPick={onPick} />
    </Card>
  );
}

function barOf(
  place: Slot,
  view: View,
  zone: string,
  valuesOf: (bucket: NonNullable<Slot['bucket']>) => (number | null)[],
): ChartBar {
  const { bucket, isLater } = place;
  const shared = {
    key: keyOf(place),
    label: slotLabel(view, place, zone),
    title: slotTitle(view, place, zone),
    isLater,
  };
  if (!bucket) return { ...shared, values: null };
  const values = valuesOf(bucket);
  const notes: string[] = [];
  if (bucket.is_partial) notes.push('not over yet');
  const covered = coveredWords(bucket.covered);
  if (covered) notes.push(covered);
  if (bucket.estimated) notes.push('a part is estimated');
  if (bucket.unpriced_kwh > 0.005) notes.push(`${told(bucket.unpriced_kwh)} without a price`);
  return {
    ...shared,
    values: values.some((value) => value !== null) ? values : null,
    isIncomplete: bucket.is_partial || bucket.covered < 0.95,
    notes,
  };
}

function Table({
  places,
  view,
  currency,
  zone,
  picked,
  onPick,
}: {
  places: Slot[];
  view: View;
  currency: string | null;
  zone: string;
  picked: string | null;
  onPick: (key: string) => void;
}) {
  const known = places.filter((place) => place.bucket !== null).toReversed();
  return (
    <details className="table-toggle">
      <summary>As a table</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with keys */}
      <section className="table-wrap" tabIndex={0} aria-label="Energy and cost of each period">
        <table>
          <caption className="visually-hidden">Cost by period</caption>
          <thead>
            <tr>
              {['From', 'Used', 'Cost', 'Bought', 'To the grid', 'Known'].map((head, i) => (
                <th key={head} scope="col" className={i > 0 ? 'num' : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {known.map(({ bucket, ...place }) =>
              bucket ? (
                <tr key={place.from_ms}>
                  <th scope="row">
                    <button
                      type="button"
                      className="costs-pick"
                      aria-pressed={picked === keyOf(place)}
                      onClick={() => onPick(keyOf(place))}
                    >
                      {slotTitle(view, { from_ms: instant(bucket.from) ?? 0, to_ms: place.to_ms }, zone)}
                    </button>
                  </th>
                  <td className="num">{told(bucket.consumption_kwh)}</td>
                  <td className="num">{money(bucket.cost, currency)}</td>
                  <td className="num">{told(bucket.import_kwh)}</td>
                  <td className="num">{told(bucket.export_kwh)}</td>
                  <td className="num">
                    {bucket.is_partial ? 'not over, ' : ''}
                    {percent(bucket.covered)}
                    {bucket.estimated ? ', estimated' : ''}
                  </td>
                </tr>
              ) : null,
            )}
          </tbody>
        </table>
      </section>
    </details>
  );
}
