// Whether its power changes over the months: ageing, dirt, another bulb.

import type { DevicePage } from '../../api/types';
import { Card } from '../../components/card';
import { useWidth } from '../../lib/size';
import { day, month } from '../../lib/time';
import { NOTHING, number, watts } from '../../lib/units';
import { useZone } from '../../lib/zone';
import { say } from './bits';
import { linear, ticks } from './scale';
import { TableBeside } from './table-beside';

const HEIGHT = 196;
type Told = DevicePage['drift'][number] & { power_w: number };

export function DriftCard({ page, colour }: { page: DevicePage; colour: string }) {
  const zone = useZone();
  const [holder, width] = useWidth<HTMLDivElement>();
  const told = page.drift.filter((one): one is Told => one.power_w != null);
  const first = told[0];
  const last = told.at(-1);
  if (!first || !last || told.length < 2) return null;
  const isWeekly = Date.parse(first.to) - Date.parse(first.from) < 10 * 86_400_000;
  const at = (one: Told) => (Date.parse(one.from) + Date.parse(one.to)) / 2;
  const lows = told.map((one) => one.power_low_w ?? one.power_w);
  const highs = told.map((one) => one.power_high_w ?? one.power_w);
  const room = Math.max(0.02 * last.power_w, 0.25 * (Math.max(...highs) - Math.min(...lows)), 0.5);
  const least = Math.min(...lows, ...told.map((one) => one.power_w));
  const from_w = least < 0 ? least - room : Math.max(0, least - room);
  const to_w = Math.max(...highs) + room;
  const x = linear(at(first), at(last), 72, Math.max(90, width - 30));
  const y = linear(from_w, to_w, HEIGHT - 28, 8);
  const marks = ticks(from_w, to_w, 5);
  const digits = marks.some((w) => Math.abs(w - Math.round(w)) > 1e-6) ? 1 : 0;
  const every = Math.ceil(told.length / Math.max(2, Math.floor(width / 64)));
  const band = [
    ...told.map((one, k) => `${k === 0 ? 'M' : 'L'}${x(at(one))} ${y(one.power_high_w ?? one.power_w)}`),
    ...[...told].reverse().map((one) => `L${x(at(one))} ${y(one.power_low_w ?? one.power_w)}`),
    'Z',
  ].join('');
  const line = told.map((one, k) => `${k === 0 ? 'M' : 'L'}${x(at(one))} ${y(one.power_w)}`).join('');
  const name = (one: Told) => (isWeekly ? day(Date.parse(one.from), zone) : month(Date.parse(one.from), zone));
  return (
    <Card title="Over time" sub={`median of its steps by ${isWeekly ? 'week' : 'month'}`}>
      <p className="say">{verdict(told)} The band holds the middle half of the steps.</p>
      <div ref={holder} style={{ height: HEIGHT }}>
        {width > 0 && (
          <svg
            width={width}
            height={HEIGHT}
            viewBox={`0 0 ${width} ${HEIGHT}`}
            role="img"
            aria-label={`${say(first.power_w)} at first, ${say(last.power_w)} last`}
          >
            {marks.map((w) => (
              <g key={w}>
                <line x1="62" x2={width} y1={y(w)} y2={y(w)} stroke="var(--line)" />
                <text x="56" y={y(w) + 4} textAnchor="end">
                  {number(w, digits)} W
                </text>
              </g>
            ))}
            <path d={band} fill={colour} opacity="0.2" />
            <path d={line} fill="none" stroke={colour} strokeWidth="2.2" strokeLinejoin="round" />
            {told.map((one, k) => (
              <g key={one.from}>
                <circle cx={x(at(one))} cy={y(one.power_w)} r="3" fill={colour}>
                  <title>{`${name(one)}: ${say(one.power_w)}, ${number(one.events)} steps`}</title>
                </circle>
                {k % every === 0 && (
                  <text x={x(at(one))} y={HEIGHT - 8} textAnchor="middle">
                    {isWeekly ? day(Date.parse(one.from), zone) : month(Date.parse(one.from), zone).slice(0, 3)}
                  </text>
                )}
              </g>
            ))}
          </svg>
        )}
      </div>
      <TableBeside label="Power over time">
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col" className="num">
              Median
            </th>
            <th scope="col" className="num">
              Middle half
            </th>
            <th scope="col" className="num">
              Steps
            </th>
          </tr>
        </thead>
        <tbody>
          {told.map((one) => (
            <tr key={one.from}>
              <th scope="row">{name(one)}</th>
              <td className="num">{say(one.power_w)}</td>
              <td className="num">
                {one.power_low_w == null ? NOTHING : watts(one.power_low_w).value} to{' '}
                {one.power_high_w == null ? NOTHING : watts(one.power_high_w).value}
              </td>
              <td className="num">{number(one.events)}</td>
            </tr>
          ))}
        </tbody>
      </TableBeside>
    </Card>
  );
}

/** Whether first and last differ by more than both spread. */
function verdict(told: Told[]): string {
  const first = told[0];
  const last = told.at(-1);
  if (!first || !last) return '';
  const apart = (last.power_low_w ?? last.power_w) > (first.power_high_w ?? first.power_w);
  const below = (last.power_high_w ?? last.power_w) < (first.power_low_w ?? first.power_w);
  if (apart) return `It draws more than it did: ${say(first.power_w)} then, ${say(last.power_w)} now.`;
  if (below) return `It draws less than it did: ${say(first.power_w)} then, ${say(last.power_w)} now.`;
  return 'Steady: its steps have not changed beyond their own spread.';
}
