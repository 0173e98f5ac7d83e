// What uses most: power with its interval, hours, energy, cost a month.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import type { Consumer } from '../../api/types';
import { Bar, Card, Swatch } from '../../components/card';
import { Empty, Loaded, SkeletonList } from '../../components/states';
import { colourAll, colourOf } from '../../lib/colours';
import { href } from '../../lib/route';
import { energy, hours, money, plusMinus, watts } from '../../lib/units';
import { useCurrency } from '../../lib/zone';

const DAYS = 7;
const MOST = 8;

export function TopConsumers() {
  const query = useQuery(queries.topConsumers(DAYS, MOST));
  return (
    <Card title="Top consumers" sub={`last ${DAYS} days, and what a month of them costs`}>
      <Loaded query={query} skeleton={<SkeletonList rows={6} height={34} />}>
        {(rows) => <List rows={rows.filter((row) => (row.energy_kwh ?? 0) > 0)} />}
      </Loaded>
    </Card>
  );
}

function List({ rows }: { rows: Consumer[] }) {
  const currency = useCurrency();
  if (rows.length === 0) {
    return (
      <Empty title="Nothing learned yet">
        <p>Devices appear here when they have been switched some times. Most lamps need about ten switches.</p>
      </Empty>
    );
  }
  colourAll(rows.map((row) => row.entity_id));
  const most = Math.max(...rows.map((row) => row.energy_kwh ?? 0));
  return (
    <ol className="consumers">
      {rows.map((row) => {
        const share = (row.energy_kwh ?? 0) / most;
        const interval = relative(row);
        const used = energy(row.energy_kwh);
        return (
          <li key={row.entity_id}>
            <div className="row">
              <Swatch colour={colourOf(row.entity_id)} />
              <a className="name plain-link" href={href('devices', row.entity_id)}>
                {row.name}
              </a>
              <span className="spacer" />
              <strong className="num">
                {row.estimated_monthly_cost == null
                  ? `${used.value} ${used.unit}`
                  : money(row.estimated_monthly_cost, currency)}
              </strong>
            </div>
            <Bar
              share={share}
              low={interval && interval[0] * share}
              high={interval && interval[1] * share}
              colour={colourOf(row.entity_id)}
            />
            <div className="row sub" style={{ gap: 8 }}>
              <span className="name">{draws(row)}</span>
              <span className="spacer" />
              <span className="num">
                {hours(row.hours_on)} · {used.value} {used.unit}
              </span>
            </div>
          </li>
        );
      })}
    </ol>
  );
}

/** The interval of the power as shares of it. */
function relative(row: Consumer): [number, number] | null {
  const { power_w, power_low_w, power_high_w } = row;
  if (power_w == null || power_w <= 0 || power_low_w == null || power_high_w == null) return null;
  return [power_low_w / power_w, power_high_w / power_w];
}

function draws(row: Consumer): string {
  const power_w = row.power_w ?? row.average_power_on_w;
  if (power_w == null) return 'power not known';
  const { value, unit } = watts(power_w);
  const half = row.power_w == null ? null : plusMinus(row.power_low_w, row.power_high_w);
  return row.power_w == null ? `${value} ${unit} on average` : `${value} ${half ?? ''} ${unit}`.replace('  ', ' ');
}
