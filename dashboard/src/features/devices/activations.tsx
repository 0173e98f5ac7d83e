// The times it was on, newest first, and what each came to.

import { useState } from 'react';
import type { Activation, DevicePage } from '../../api/types';
import { Card } from '../../components/card';
import { Empty } from '../../components/states';
import { useNow } from '../../lib/now';
import { clock, instant, MINUTE_MS, moment } from '../../lib/time';
import { duration, hours, money, number } from '../../lib/units';
import { stateWords } from '../../lib/words';
import { useZone } from '../../lib/zone';
import { sayEnergy } from './bits';
import { DAYS } from './device';
import { kindOf } from './known';

const AT_FIRST = 10;
const MORE = 50;

export function Activations({ page }: { page: DevicePage }) {
  const [count, setCount] = useState(AT_FIRST);
  const zone = useZone();
  const now = useNow(MINUTE_MS);
  const { activations, total, meta, levels } = page;
  const shown = activations.slice(0, count);
  const hasModes = new Set(levels.map((one) => one.mode)).size > 1;
  const hasEstimates = shown.some((one) => one.estimated && one.energy_kwh != null);
  const left = activations.length - shown.length;
  const unlisted = total.times_on - activations.length;
  return (
    <Card
      title="Activations"
      sub={`the last ${number(DAYS)} days${kindOf(page.device) === 'together' ? ', all of them together' : ''}`}
    >
      {activations.length === 0 ? (
        <Empty title={`Not on in the last ${number(DAYS)} days`}>
          <p>Each time it is switched on stands here, with its energy and what that cost.</p>
        </Empty>
      ) : (
        <>
          <div className="table-wrap">
            <table className="activations">
              <caption className="visually-hidden">When it was on</caption>
              <thead>
                <tr>
                  <th scope="col">Start</th>
                  <th scope="col" className="wide-only">
                    Until
                  </th>
                  {hasModes && (
                    <th scope="col" className="wide-only">
                      Mostly
                    </th>
                  )}
                  <th scope="col" className="num">
                    For
                  </th>
                  <th scope="col" className="num">
                    Energy
                  </th>
                  {meta.has_tariff && (
                    <th scope="col" className="num">
                      Cost
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {shown.map((one) => (
                  <Line
                    key={one.from}
                    one={one}
                    zone={zone}
                    now_ms={now}
                    hasModes={hasModes}
                    hasTariff={meta.has_tariff}
                    currency={meta.currency ?? null}
                  />
                ))}
              </tbody>
              <tfoot>
                <tr>
                  <th scope="row">{number(total.times_on)} times</th>
                  <td className="wide-only" />
                  {hasModes && <td className="wide-only" />}
                  <td className="num">{hours(total.hours_on)}</td>
                  <td className="num">{sayEnergy(total.energy_kwh)}</td>
                  {meta.has_tariff && <td className="num">{money(total.cost, meta.currency)}</td>}
                </tr>
              </tfoot>
            </table>
          </div>
          {hasEstimates && (
            <p className="sub">≈ the house's meter was silent for a part: its power times the time it was on.</p>
          )}
          <div className="more">
            {left > 0 && (
              <button type="button" className="button" onClick={() => setCount(count + MORE)}>
                Show {number(Math.min(MORE, left))} more
              </button>
            )}
            <span className="sub" role="status">
              {number(shown.length)} of {number(activations.length)}
              {unlisted > 0 && ` newest; ${number(unlisted)} older are only in the sum`}
            </span>
          </div>
        </>
      )}
    </Card>
  );
}

interface LineProps {
  one: Activation;
  zone: string;
  now_ms: number;
  hasModes: boolean;
  hasTariff: boolean;
  currency: string | null;
}

function Line({ one, zone, now_ms, hasModes, hasTariff, currency }: LineProps) {
  const from_ms = Date.parse(one.from);
  const to_ms = instant(one.to);
  return (
    <tr>
      <th scope="row">{moment(from_ms, now_ms, zone)}</th>
      <td className="wide-only">{to_ms == null ? <span className="ok">still on</span> : clock(to_ms, zone)}</td>
      {hasModes && <td className="wide-only">{stateWords(one.state)}</td>}
      <td className="num">
        {duration(one.duration_s)}
        {to_ms == null && <span className="ok phone-only"> still on</span>}
      </td>
      <td className="num">
        {one.estimated && one.energy_kwh != null && (
          <span title="Estimated">
            ≈<span className="visually-hidden"> estimated</span>{' '}
          </span>
        )}
        {sayEnergy(one.energy_kwh)}
      </td>
      {hasTariff && <td className="num">{cost(one.cost, currency)}</td>}
    </tr>
  );
}

/** What costs less than a hundredth is told finer, so that it is not nothing. */
function cost(amount: number | null | undefined, currency: string | null): string {
  if (amount != null && amount > 0 && amount < 0.0005) return `< ${money(0.001, currency, 3)}`;
  return money(amount, currency, amount != null && amount !== 0 && Math.abs(amount) < 0.095 ? 3 : undefined);
}
