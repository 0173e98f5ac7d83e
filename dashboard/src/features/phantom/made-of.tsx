// What the power of a quiet night is made of, the unknown rest named as such.

import type { PhantomLoad } from '../../api/types';
import { Card, Swatch } from '../../components/card';
import { colourOf } from '../../lib/colours';
import { href } from '../../lib/route';
import { energy, money, percent } from '../../lib/units';
import { advice, savedBy10W } from './nights';
import { told, UNKNOWN } from './series';

const HOW: Record<string, string> = {
  measured: 'measured by its own meter',
  learned: 'learned, and on all night',
};

export function MadeOf({ phantom }: { phantom: PhantomLoad }) {
  const { baseline_w: all, known, unknown_w: rest, currency } = phantom;
  const hasCost = phantom.cost_per_year != null;
  const share = (power_w: number) => (all ? power_w / Math.max(all, phantom.known_w) : 0);
  const saved = savedBy10W(phantom);
  const spared = saved && energy(saved.energy_kwh);
  const restCost = hasCost && all && rest != null ? ((phantom.cost_per_year ?? 0) * rest) / all : null;
  return (
    <Card
      title="What it is made of"
      sub={all == null ? 'not known yet' : `${told(all)} at present`}
      aside={
        <a className="chip" href={href('unknown')}>
          Unknown loads
        </a>
      }
    >
      <div className="phantom-whole" aria-hidden="true">
        {known.map((load) => (
          <i key={load.device} style={{ width: `${share(load.power_w) * 100}%`, background: colourOf(load.device) }} />
        ))}
        <i style={{ flex: 1, background: UNKNOWN }} />
      </div>
      <div className="table-wrap phantom-loads">
        <table>
          <caption className="visually-hidden">What draws all night</caption>
          <thead>
            <tr>
              <th scope="col">Draws all night</th>
              <th scope="col" className="wide-only">
                How that is known
              </th>
              <th scope="col" className="num">
                Power
              </th>
              <th scope="col" className="num">
                Share
              </th>
              {hasCost && (
                <th scope="col" className="num">
                  A year
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {known.map((load) => (
              <tr key={load.device}>
                <th scope="row">
                  <Swatch colour={colourOf(load.device)} /> <a href={href('devices', load.device)}>{load.name}</a>
                </th>
                <td className="wide-only dim">{HOW[load.how] ?? load.how}</td>
                <td className="num">{told(load.power_w)}</td>
                <td className="num">{all ? percent(share(load.power_w)) : '–'}</td>
                {hasCost && <td className="num">{money(load.cost_per_year, currency)}</td>}
              </tr>
            ))}
            <tr>
              <th scope="row">
                <Swatch colour={UNKNOWN} /> Not known
              </th>
              <td className="wide-only dim">no entity explains it</td>
              <td className="num">{told(rest)}</td>
              <td className="num">{rest == null ? '–' : percent(share(rest))}</td>
              {hasCost && <td className="num">{money(restCost, currency)}</td>}
            </tr>
          </tbody>
        </table>
      </div>
      <p className="phantom-advice">
        {advice(phantom)}
        {spared && (
          <span className="dim">
            {' '}
            Each 10 W less would save {spared.value} {spared.unit}
            {saved.cost !== null && `, about ${money(saved.cost, currency)},`} a year.
          </span>
        )}
      </p>
    </Card>
  );
}
