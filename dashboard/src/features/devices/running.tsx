// How long it is on at a time.

import { useMemo } from 'react';
import type { DevicePage } from '../../api/types';
import { Card } from '../../components/card';
import { useWidth } from '../../lib/size';
import { duration, number } from '../../lib/units';
import { timeBins } from './bins';
import { TableBeside } from './table-beside';

const HEIGHT = 170;

export function RunningTimes({ page, colour }: { page: DevicePage; colour: string }) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const { running_time: said, activations } = page;
  const { bins } = useMemo(() => timeBins(activations.flatMap((one) => (one.to ? one.duration_s : []))), [activations]);
  if (!said) return null;
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  const bottom = HEIGHT - 24;
  const side = Math.max(16, ...[bins[0]?.from, bins.at(-1)?.to].map((s) => 3.3 * duration(s).length));
  const wide = (width - 2 * side) / Math.max(1, bins.length);
  const edges = [...bins.map((bin) => bin.from), bins.at(-1)?.to ?? 0];
  const every = Math.ceil(
    edges.length / Math.max(2, Math.floor(width / (14 + 6.4 * Math.max(...edges.map((s) => duration(s).length))))),
  );
  /** Within its bin, in proportion. */
  const place = (s: number) => {
    const k = bins.findIndex((bin) => s >= bin.from && s < bin.to);
    const bin = bins[k];
    return bin ? side + (k + (s - bin.from) / (bin.to - bin.from)) * wide : null;
  };
  const middle = place(said.median_s);
  const late = place(said.p90_s);
  return (
    <Card title="How long it runs" sub={`${number(said.count)} times on`}>
      <p className="say">
        Half of the times shorter than <b>{duration(said.median_s)}</b>, nine of ten shorter than{' '}
        <b>{duration(said.p90_s)}</b>; the longest {duration(said.longest_s)}.
      </p>
      <div ref={holder} style={{ height: HEIGHT }}>
        {width > 0 && (
          <svg
            width={width}
            height={HEIGHT}
            viewBox={`0 0 ${width} ${HEIGHT}`}
            role="img"
            aria-label={`Running times: median ${duration(said.median_s)}, nine of ten below ${duration(said.p90_s)}`}
          >
            {bins.map((bin, k) => {
              const height = (bin.count / most) * (bottom - 20);
              return (
                <rect
                  key={bin.from}
                  x={side + k * wide + 1.5}
                  width={Math.max(1, wide - 3)}
                  y={bottom - Math.max(1, height)}
                  height={Math.max(1, height)}
                  rx={Math.min(3, height / 2)}
                  fill={bin.count === 0 ? 'var(--rest)' : colour}
                >
                  <title>{`${duration(bin.from)} to ${duration(bin.to)}: ${number(bin.count)}`}</title>
                </rect>
              );
            })}
            {edges.map((s, k) =>
              k % every === 0 ? (
                <text key={s} x={side + k * wide} y={HEIGHT - 6} textAnchor="middle">
                  {duration(s)}
                </text>
              ) : null,
            )}
            {middle != null && <Line x={middle} bottom={bottom} words="median" anchor="end" />}
            {late != null && late - (middle ?? 0) > 8 && (
              <Line x={late} bottom={bottom} words="9 of 10" anchor="start" />
            )}
          </svg>
        )}
      </div>
      <TableBeside label="Running times">
        <thead>
          <tr>
            <th scope="col">On for</th>
            <th scope="col" className="num">
              Times
            </th>
          </tr>
        </thead>
        <tbody>
          {bins.map((bin) => (
            <tr key={bin.from}>
              <th scope="row">
                {duration(bin.from)} to {duration(bin.to)}
              </th>
              <td className="num">{number(bin.count)}</td>
            </tr>
          ))}
        </tbody>
      </TableBeside>
    </Card>
  );
}

function Line({ x, bottom, words, anchor }: { x: number; bottom: number; words: string; anchor: 'start' | 'end' }) {
  const at = anchor === 'end' && x < 52 ? 'start' : anchor;
  return (
    <g>
      <line x1={x} x2={x} y1="4" y2={bottom} stroke="var(--ink)" strokeWidth="1.2" strokeDasharray="3 3" />
      <text x={x + (at === 'end' ? -4 : 4)} y="12" textAnchor={at}>
        {words}
      </text>
    </g>
  );
}
