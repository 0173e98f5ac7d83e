// Loads that no entity explains: what they look like, when they run, and what they could be called.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import type { UnknownLoad } from '../../api/types';
import { Card } from '../../components/card';
import { Question } from '../../components/icons';
import { PageHead } from '../../components/page-head';
import { Empty, Loaded, Skeleton } from '../../components/states';
import { useNow } from '../../lib/now';
import { date, instant, MINUTE_MS, moment } from '../../lib/time';
import { energy, money, number } from '../../lib/units';
import { useCurrency, useZone } from '../../lib/zone';
import { LoadCard } from './load-card';
import './unknown.css';

/** So many of its runs are told. */
const RUNS = 20;
/** Days of a month. */
const MONTH = 30.4;

export function UnknownPage(_: { part: string | null }) {
  const query = useQuery(queries.unknownLoads(RUNS));
  const tariffs = useQuery(queries.tariffs());
  const zone = useZone();
  const currency = useCurrency();
  const now = useNow(MINUTE_MS);
  const price = tariffs.data?.now?.price_per_kwh ?? null;
  return (
    <>
      <PageHead title="Unknown loads" />
      <Loaded query={query} skeleton={<Waiting />}>
        {({ unknown_loads: loads, meta }) => {
          const looked = instant(meta.computed_at);
          if (looked === null) {
            return (
              <Card>
                <Empty title="Not looked for yet" icon={<Question size={28} />}>
                  <p>
                    Once some days of the house’s power are there, steps that come again and again and that no entity
                    explains show here. It is looked for every hour or so.
                  </p>
                </Empty>
              </Card>
            );
          }
          const from = instant(meta.from);
          const span = `looked for ${from === null ? '' : `since ${date(from, zone)}, `}last ${moment(looked, now, zone)}`;
          if (loads.length === 0) {
            return (
              <Card>
                <Empty title="None found" icon={<Question size={28} />}>
                  <p>
                    No step of the house’s power comes again and again without an entity that explains it. {cap(span)}.
                  </p>
                </Empty>
              </Card>
            );
          }
          return (
            <>
              <p className="unknown-lead">
                {leadWords(loads)}
                {price !== null && (
                  <> At today’s price that is about {money(monthly(loads) * price, currency)} a month.</>
                )}{' '}
                <span className="sub">{cap(span)}.</span>
              </p>
              <div className="grid unknown-loads">
                {loads.map((load) => (
                  <LoadCard
                    key={load.id}
                    load={load}
                    monthly_cost={price === null ? null : load.energy_kwh_per_day * MONTH * price}
                    currency={currency}
                    zone={zone}
                    now={now}
                  />
                ))}
              </div>
            </>
          );
        }}
      </Loaded>
    </>
  );
}

const monthly = (loads: readonly UnknownLoad[]) =>
  loads.reduce((sum, load) => sum + load.energy_kwh_per_day, 0) * MONTH;

const cap = (words: string) => `${words[0]?.toUpperCase()}${words.slice(1)}`;

function leadWords(loads: readonly UnknownLoad[]): string {
  const { value, unit } = energy(monthly(loads) / MONTH);
  return loads.length === 1
    ? `One thing runs that no entity explains; it uses about ${value} ${unit} a day.`
    : `${number(loads.length)} things run that no entity explains; together they use about ${value} ${unit} a day.`;
}

function Waiting() {
  return (
    <div className="grid unknown-loads" role="status" aria-label="Loading">
      {['a', 'b'].map((key) => (
        <Skeleton key={key} height={560} />
      ))}
    </div>
  );
}
