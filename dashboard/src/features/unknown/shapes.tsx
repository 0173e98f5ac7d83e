// What a load looks like: the house's power around some of its runs, laid over each other from where they begin.

import { useQueries } from '@tanstack/react-query';
import { useId, useMemo } from 'react';
import * as queries from '../../api/queries';
import type { UnknownLoad } from '../../api/types';
import { Skeleton } from '../../components/states';
import { useWidth } from '../../lib/size';
import { duration, number } from '../../lib/units';
import { useSeen } from './seen';
import { asked, calmest, margin, scale, type Trace, trace } from './shape';

const HEIGHT = 150;
/** Of so many runs the calmest are shown. */
const ASKED = 12;
const SHOWN = 3;

export function Shapes({ load, colour }: { load: UnknownLoad; colour: string }) {
  const [holder, isSeen] = useSeen<HTMLDivElement>();
  const runs = useMemo(() => load.recent_runs.slice(-ASKED), [load.recent_runs]);
  const found = useQueries({
    queries: runs.map((run) => ({ ...queries.readings(asked(run, load.duration_s)), enabled: isSeen })),
  });
  const isLoading = runs.length > 0 && found.some((one) => one.isPending);
  const traces = calmest(
    found.flatMap((one, i) => {
      const run = runs[i];
      const house = one.data?.series[0];
      const made = run && house?.mean ? trace(run, load.power_w, house.at, house.mean) : null;
      return made ? [made] : [];
    }),
    SHOWN,
  );
  return (
    <div className="unknown-shapes" ref={holder}>
      <h3>What it looks like</h3>
      {isLoading ? (
        <Skeleton height={HEIGHT} />
      ) : traces.length === 0 ? (
        <p className="dim unknown-none" style={{ minHeight: HEIGHT }}>
          The house’s power around its latest runs cannot be shown.
        </p>
      ) : (
        <>
          <Drawing load={load} traces={traces} colour={colour} />
          <p className="sub">
            The house’s power over what it was before, in the {number(traces.length)} calmest of its last{' '}
            {number(runs.length)} runs. What leaves the picture is something else.
          </p>
        </>
      )}
    </div>
  );
}

function Drawing({ load, traces, colour }: { load: UnknownLoad; traces: Trace[]; colour: string }) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const id = useId();
  const around_s = margin(load.duration_s) / 1000;
  const { low, high } = scale(load.power_w);
  const left = 56;
  const bottom = 22;
  const inner = Math.max(0, width - left - 4);
  const deep = HEIGHT - bottom - 4;
  const from_s = -around_s;
  const to_s = Math.max(load.duration_high_s, load.duration_s) + around_s;
  const x = (s: number) => left + ((s - from_s) / (to_s - from_s)) * inner;
  const y = (w: number) => 4 + ((high - w) / (high - low)) * deep;
  const label = `The house's power rises by about ${number(load.power_w)} W for about ${duration(load.duration_s)}, and falls back.`;
  const power = `+${number(load.power_w)} W`;
  return (
    <div ref={holder} style={{ height: HEIGHT }}>
      {width > 0 && (
        <svg width={width} height={HEIGHT} role="img" aria-label={label}>
          <clipPath id={id}>
            <rect x={left} y={4} width={inner} height={deep} />
          </clipPath>
          <rect className="unknown-run" x={x(0)} y={4} width={x(load.duration_s) - x(0)} height={deep} />
          {[
            [0, '0'],
            [load.power_w, power],
          ].map(([value, words]) => (
            <g key={words}>
              <line className="unknown-level" x1={left} x2={left + inner} y1={y(Number(value))} y2={y(Number(value))} />
              <text x={left - 8} y={y(Number(value)) + 4} textAnchor="end">
                {words}
              </text>
            </g>
          ))}
          <g clipPath={`url(#${id})`}>
            {traces.map((one) => (
              <path key={one.from_ms} d={path(one, x, y)} fill="none" stroke={colour} strokeWidth="1.5" opacity="0.8" />
            ))}
          </g>
          <text x={x(0)} y={HEIGHT - 5} textAnchor="middle">
            start
          </text>
          <text x={x(load.duration_s)} y={HEIGHT - 5} textAnchor="middle">
            {duration(load.duration_s)}
          </text>
        </svg>
      )}
    </div>
  );
}

/** A line of steps; gaps stay gaps. */
function path({ at_s, power_w }: Trace, x: (s: number) => number, y: (w: number) => number): string {
  const step = (at_s[1] ?? 0) - (at_s[0] ?? 0);
  let isDown = false;
  return at_s
    .map((s, i) => {
      const w = power_w[i];
      if (w == null) {
        isDown = false;
        return '';
      }
      const to = `${x(s).toFixed(1)} ${y(w).toFixed(1)}H${x(s + step).toFixed(1)}`;
      const said = `${isDown ? 'L' : 'M'}${to}`;
      isDown = true;
      return said;
    })
    .join('');
}
