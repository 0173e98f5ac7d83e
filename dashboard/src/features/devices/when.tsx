// When it runs: each hour of the week, the darker the more of it it was on.

import { useMemo } from 'react';
import type { DevicePage } from '../../api/types';
import { useWidth } from '../../lib/size';
import { currentLocale, NOTHING, number, percent } from '../../lib/units';
import { useZone } from '../../lib/zone';
import { DAYS, MOST_ACTIVATIONS } from './device';
import { TableBeside } from './table-beside';
import { week } from './week';

const LEFT = 34;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/** Names of the days, Monday first; 1 January 2024 was one. */
function days(style: 'short' | 'long'): string[] {
  const format = new Intl.DateTimeFormat(currentLocale(), { weekday: style, timeZone: 'UTC' });
  return Array.from({ length: 7 }, (_, day) => format.format(Date.UTC(2024, 0, 1 + day)));
}

export function WhenItRuns({ page, colour }: { page: DevicePage; colour: string }) {
  const zone = useZone();
  const [holder, width] = useWidth<HTMLDivElement>();
  const { activations, meta } = page;
  const shares = useMemo(() => {
    const oldest = activations.at(-1);
    const isCut = activations.length >= MOST_ACTIVATIONS && oldest !== undefined;
    return week(activations, Date.parse(isCut ? oldest.from : meta.from), Date.parse(meta.to), zone);
  }, [activations, meta.from, meta.to, zone]);
  const most = Math.max(0, ...shares.flat().map((share) => share ?? 0));
  const short = days('short');
  const long = days('long');
  const cell = Math.max(6, (width - LEFT) / 24);
  const tall = Math.min(20, Math.max(15, cell));
  const height = 7 * tall + 20;
  let top = { day: 0, hour: 0, share: -1 };
  shares.forEach((hours, day) => {
    hours.forEach((share, hour) => {
      if ((share ?? 0) > top.share) top = { day, hour, share: share ?? 0 };
    });
  });
  if (activations.length === 0) {
    return (
      <div className="when">
        <h3>When it runs</h3>
        <p className="sub">It was not on in the last {number(DAYS)} days.</p>
      </div>
    );
  }
  return (
    <div className="when">
      <h3>When it runs</h3>
      <p className="sub">
        share of each hour, last {number(DAYS)} days; the most is {percent(most)}
      </p>
      <div ref={holder} style={{ height }}>
        {width > 0 && (
          <svg
            width={width}
            height={height}
            viewBox={`0 0 ${width} ${height}`}
            role="img"
            aria-label={`Most on ${long[top.day]} between ${top.hour}:00 and ${top.hour + 1}:00: ${percent(top.share)} of that hour`}
          >
            {shares.map((hours, day) => (
              <g key={short[day]}>
                <text x="0" y={day * tall + tall / 2 + 4}>
                  {short[day]}
                </text>
                {HOURS.map((hour) => {
                  const share = hours[hour] ?? 0;
                  return (
                    <rect
                      key={hour}
                      x={LEFT + hour * cell + 0.75}
                      y={day * tall + 0.75}
                      width={cell - 1.5}
                      height={tall - 1.5}
                      rx="2.5"
                      fill={share > 0 ? colour : 'var(--line)'}
                      opacity={share > 0 ? 0.22 + 0.78 * Math.sqrt(share / most) : 0.65}
                    >
                      <title>{`${long[day]} ${hour}:00: ${percent(hours[hour])}`}</title>
                    </rect>
                  );
                })}
              </g>
            ))}
            {[0, 6, 12, 18].map((hour) => (
              <text key={hour} x={LEFT + hour * cell + 1} y={height - 4}>
                {String(hour).padStart(2, '0')}
              </text>
            ))}
          </svg>
        )}
      </div>
      <TableBeside label="Share of each hour of the week">
        <thead>
          <tr>
            <th scope="col">Hour</th>
            {short.map((name) => (
              <th key={name} scope="col" className="num">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {HOURS.map((hour) => (
            <tr key={hour}>
              <th scope="row">{hour}:00</th>
              {short.map((name, day) => {
                const share = shares[day]?.[hour];
                return (
                  <td key={name} className="num">
                    {share == null ? NOTHING : percent(share)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </TableBeside>
    </div>
  );
}
