// Today, this week, this month, and since anything is known.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import type { Bucket } from '../../api/types';
import { Card } from '../../components/card';
import { Loaded } from '../../components/states';
import { useNow } from '../../lib/now';
import { date, instant, isoDay, MINUTE_MS } from '../../lib/time';
import { energy, money } from '../../lib/units';
import { useZone } from '../../lib/zone';

/** Before anybody measured a home. */
const EVER = '2000-01-01';

export function Summary() {
  const zone = useZone();
  const day = isoDay(useNow(MINUTE_MS), zone);
  const today = useQuery(queries.history('day', day));
  const week = useQuery(queries.history('week', day));
  const month = useQuery(queries.history('month', day));
  const total = useQuery(queries.history('year', EVER));
  const first_ms = instant(total.data?.history[0]?.from);
  return (
    <Card title="So far" sub="energy used, and what it cost">
      <Loaded query={today}>
        {({ meta }) => {
          const row = (name: string, buckets: readonly Bucket[] | undefined) => {
            const figure = energy(sum(buckets, (bucket) => bucket.consumption_kwh));
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="num">
                  {figure.value} <small className="dim">{figure.unit}</small>
                </td>
                {meta.has_tariff && (
                  <td className="num">
                    {money(
                      sum(buckets, (bucket) => bucket.cost),
                      meta.currency,
                    )}
                  </td>
                )}
              </tr>
            );
          };
          return (
            <table className="plain roomy">
              <caption className="visually-hidden">Energy and cost so far</caption>
              <thead className="visually-hidden">
                <tr>
                  <th scope="col">Period</th>
                  <th scope="col">Energy</th>
                  {meta.has_tariff && <th scope="col">Cost</th>}
                </tr>
              </thead>
              <tbody>
                {row('Today', today.data?.history.slice(-1))}
                {row('This week', week.data?.history.slice(-1))}
                {row('This month', month.data?.history.slice(-1))}
                {row('In all', total.data?.history)}
              </tbody>
            </table>
          );
        }}
      </Loaded>
      {first_ms != null && <FirstKnown zone={zone} />}
    </Card>
  );
}

function FirstKnown({ zone }: { zone: string }) {
  const oldest_ms = instant(useQuery(queries.sources()).data?.store.oldest_at);
  return oldest_ms == null ? null : <p className="sub">since {date(oldest_ms, zone)}</p>;
}

/** A sum over what is known; `null` where nothing is. */
function sum(buckets: readonly Bucket[] | undefined, of: (bucket: Bucket) => number | null | undefined): number | null {
  const known = (buckets ?? []).map(of).filter((value) => value != null);
  return known.length === 0 ? null : known.reduce((all, value) => all + value, 0);
}
