// The bill: what was bought by band, what is charged and what was earned.

import { Card, Swatch } from '../../components/card';
import { href } from '../../lib/route';
import { money } from '../../lib/units';
import { bandColour, bandName } from './parts';
import type { Sums } from './sums';
import { told } from './words';

export function Bill({
  sums,
  all,
  currency,
  hasTariff,
  notes,
}: {
  sums: Sums;
  /** Of the whole stretch, for the bands' colours. */
  all: Sums;
  currency: string | null;
  hasTariff: boolean;
  notes: string[];
}) {
  const hasExport = (sums.export_kwh ?? 0) > 0;
  if (!hasTariff) {
    return (
      <Card title="The bill">
        <p className="dim">
          {told(sums.import_kwh ?? sums.consumption_kwh)} came from the grid
          {hasExport && `, ${told(sums.export_kwh)} went to it`}. Say what a kilowatt-hour costs, and what that comes to
          is told here, for the past too.
        </p>
        <div className="actions">
          <a className="button" href={href('settings')}>
            Set the tariff
          </a>
        </div>
      </Card>
    );
  }
  return (
    <Card title="The bill" sub="what comes from the grid, by band of the tariff">
      <ul className="costs-bill">
        {sums.bands.map(({ band, energy_kwh, cost }) => (
          <li key={band}>
            <span className="row">
              <Swatch colour={bandColour(band, all.bands)} />
              <span className="name">{bandName(band)}</span>
            </span>
            <span className="num">{money(cost, currency)}</span>
            <span className="sub">
              {told(energy_kwh)}
              {energy_kwh > 0.0005 && ` at ${money(cost / energy_kwh, currency, 3)}`}
            </span>
          </li>
        ))}
        {sums.unpriced_kwh > 0.005 && (
          <li>
            <span>No price known</span>
            <span className="num">–</span>
            <span className="sub">{told(sums.unpriced_kwh)}, in no cost</span>
          </li>
        )}
        {(sums.standing_charge ?? 0) > 0 && (
          <li>
            <span>Standing charge</span>
            <span className="num">{money(sums.standing_charge, currency)}</span>
          </li>
        )}
        {hasExport && (
          <li>
            <span>To the grid</span>
            <span className="num">{sums.export_revenue === null ? '–' : money(-sums.export_revenue, currency)}</span>
            <span className="sub">
              {told(sums.export_kwh)}
              {sums.export_revenue === null && ', no price is set for it'}
            </span>
          </li>
        )}
        <li className="costs-total">
          <span>{sums.isPartial ? 'So far' : 'Total'}</span>
          <span className="num">{money(sums.cost, currency)}</span>
        </li>
      </ul>
      {notes.map((note) => (
        <p key={note} className="sub costs-note">
          {note}
        </p>
      ))}
    </Card>
  );
}
