// The figures of a stretch: what was used, what it cost, at which price, what the sun gave.

import type { ReactNode } from 'react';
import type { Bucket } from '../../api/types';
import { FigureCard } from '../../components/card';
import { href } from '../../lib/route';
import { energy, money, number, percent } from '../../lib/units';
import type { View } from './span';
import { type Sums, sum } from './sums';
import { coveredWords, told } from './words';

export function Figures({
  sums,
  currency,
  hasTariff,
  whole,
  view,
}: {
  sums: Sums;
  currency: string | null;
  hasTariff: boolean;
  /** Those of its periods that are over and wholly known. */
  whole: Bucket[];
  view: View;
}) {
  const hasSun = (sums.solar_kwh ?? 0) > 0 || (sums.self_use_kwh ?? 0) > 0;
  const price = sums.price_per_kwh;
  const each = { day: 'a day', week: 'a week', month: 'a month', year: 'a year' }[view];
  const used = sum(whole.map((bucket) => bucket.consumption_kwh));
  const mean = used === null ? null : used / whole.length;
  return (
    <div className="grid cards">
      <FigureCard label="Used" figure={energy(sums.consumption_kwh)} sub={usedWords(sums)} />
      <FigureCard
        label="Cost"
        figure={{ value: money(sums.cost, currency), unit: '' }}
        sub={hasTariff ? costWords(sums, currency) : <a href={href('settings')}>Set the tariff</a>}
      />
      <FigureCard
        label="Mean price"
        figure={{ value: price === null ? '–' : money(price, currency, 3), unit: '/ kWh' }}
        sub={price === null ? 'no price is known' : 'of what was bought'}
      />
      {hasSun ? (
        <FigureCard label="From the sun" figure={energy(sums.solar_kwh)} sub={sunWords(sums)} />
      ) : (
        <FigureCard
          label={`Used ${each}`}
          figure={energy(mean)}
          sub={mean === null ? 'none is wholly known' : `mean of ${number(whole.length)} that are over and known`}
        />
      )}
    </div>
  );
}

function usedWords(sums: Sums): ReactNode {
  const words = [sums.isPartial ? 'so far' : null, coveredWords(sums.covered)].filter((one) => one !== null);
  if (sums.estimated) words.push('a part is estimated');
  return words.length > 0 ? words.join(', ') : 'all of the time known';
}

function costWords(sums: Sums, currency: string | null): string {
  const words = [];
  if (sums.standing_charge) words.push(`${money(sums.standing_charge, currency)} standing charge in it`);
  if (sums.export_revenue) words.push(`${money(sums.export_revenue, currency)} earned taken off`);
  if (sums.unpriced_kwh > 0.005) words.push(`${told(sums.unpriced_kwh)} without a price not in it`);
  return words.join(', ') || 'for what came from the grid';
}

function sunWords(sums: Sums): string {
  const { self_use_kwh: used, solar_kwh: made, export_kwh: sold } = sums;
  if (used === null) return sold === null ? 'what of it was used is not known' : `${told(sold)} to the grid`;
  const share = made ? ` (${percent(Math.min(1, used / made))})` : '';
  return `${told(used)}${share} used here${sold === null ? '' : `, ${told(sold)} to the grid`}`;
}
