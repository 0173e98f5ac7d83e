// One unknown load: what it draws, how sure that is, when it runs, and its name.

import type { UnknownLoad } from '../../api/types';
import { BarChart } from '../../components/bar-chart';
import { Bar, Card } from '../../components/card';
import { colourOf } from '../../lib/colours';
import { clock, instant, moment } from '../../lib/time';
import { duration, energy, money, number, percent, plusMinus, watts } from '../../lib/units';
import { strengthWords } from '../../lib/words';
import { described } from './guess';
import { Naming } from './naming';
import { Shapes } from './shapes';

export function LoadCard({
  load,
  monthly_cost,
  currency,
  zone,
  now,
}: {
  load: UnknownLoad;
  monthly_cost: number | null;
  currency: string | null;
  zone: string;
  now: number;
}) {
  const colour = colourOf(`unknown:${load.id}`);
  const power = watts(load.power_w);
  const sure = plusMinus(load.power_low_w, load.power_high_w);
  const words = described(load);
  const used = energy(load.energy_kwh_per_day);
  return (
    <Card
      title={words.title}
      sub={words.sub}
      aside={
        <div className="unknown-sure" title="Share of its runs that would not have come about by chance">
          <span>{`Evidence: ${strengthWords(load.strength)}`}</span>
          <Bar share={load.strength} colour={colour} />
        </div>
      }
    >
      <dl className="unknown-figures">
        <div>
          <dt>Draws</dt>
          <dd>
            {power.value} <small>{sure ? `${sure} W` : 'W'}</small>
          </dd>
        </div>
        <div>
          <dt>Runs a day</dt>
          <dd>{number(load.runs_per_day, load.runs_per_day < 9.95 ? 1 : 0)}</dd>
        </div>
        <div>
          <dt>Energy a day</dt>
          <dd>
            {used.value} <small>{used.unit}</small>
          </dd>
        </div>
        {monthly_cost !== null && (
          <div>
            <dt>Cost a month</dt>
            <dd>
              {money(monthly_cost, currency)} <small>at today’s price</small>
            </dd>
          </div>
        )}
      </dl>
      <Shapes load={load} colour={colour} />
      <Hours load={load} colour={colour} />
      <Naming key={load.name ?? ''} load={load} />
      <Runs load={load} zone={zone} now={now} />
    </Card>
  );
}

/** Hours of a clock, in the reader's way to write them; the day is any. */
const hour = (h: number) => clock(Date.UTC(2026, 0, 1, h), 'UTC');

function Hours({ load, colour }: { load: UnknownLoad; colour: string }) {
  const all = load.hours_of_day.reduce((sum, runs) => sum + runs, 0);
  const most = load.hours_of_day.indexOf(Math.max(...load.hours_of_day));
  return (
    <div className="unknown-hours">
      <h3>When it begins</h3>
      <BarChart
        compact
        label={`Runs by hour of the day: ${number(all)} seen, most from ${hour(most)} to ${hour(most + 1)}.`}
        parts={[{ key: 'runs', label: 'Runs', colour }]}
        bars={load.hours_of_day.map((runs, h) => ({
          key: String(h),
          label: '',
          title: `${hour(h)} to ${hour(h + 1)}`,
          values: [runs],
          notes: all > 0 ? [`${percent(runs / all)} of those seen`] : [],
        }))}
        height={54}
        format={(runs) => `${number(runs)} ${runs === 1 ? 'run' : 'runs'}`}
      />
      <div className="unknown-clock" aria-hidden="true">
        {[0, 6, 12, 18].map((h) => (
          <span key={h}>{hour(h)}</span>
        ))}
      </div>
    </div>
  );
}

function Runs({ load, zone, now }: { load: UnknownLoad; zone: string; now: number }) {
  const runs = load.recent_runs.toReversed();
  const last = instant(load.last_run);
  return (
    <details className="table-toggle">
      <summary>
        Its latest runs
        {last !== null && `, the last ${moment(last, now, zone)}`}
      </summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with keys */}
      <section className="table-wrap" tabIndex={0} aria-label={`Latest runs: ${described(load).title}`}>
        <table>
          <caption className="visually-hidden">Its latest runs</caption>
          <thead>
            <tr>
              <th scope="col">Began</th>
              <th scope="col" className="num">
                For
              </th>
              <th scope="col" className="num">
                Power
              </th>
              <th scope="col" className="num">
                Energy
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => {
              const from = instant(run.from) ?? 0;
              const { value, unit } = energy(run.energy_kwh);
              return (
                <tr key={run.from}>
                  <th scope="row">{moment(from, now, zone)}</th>
                  <td className="num">{duration(((instant(run.to) ?? from) - from) / 1000)}</td>
                  <td className="num">{watts(run.power_w).value} W</td>
                  <td className="num">
                    {value} {unit}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
      <p className="sub unknown-note">
        {number(load.runs_seen)} runs were seen; with those hidden behind other things about {number(load.runs)}.
      </p>
    </details>
  );
}
