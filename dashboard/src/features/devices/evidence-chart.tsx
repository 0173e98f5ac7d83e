// The house's power around each switch, laid over each other at the switch. Drawn as the meter said it: a value holds until the next.

import { useId, useMemo } from 'react';
import { useWidth } from '../../lib/size';
import { number } from '../../lib/units';
import { say } from './bits';
import { type Choice, held, middle, type Step, window_w } from './evidence';
import { linear, type Scale, ticks } from './scale';

const FROM_S = -30;
const TO_S = 60;
const NARROW_TO_S = 45;
/** So near the pointer has to be, px. */
const NEAR_PX = 26;

/** What is left out around a switch, since its step may be under way, s. */
interface Guard {
  before_s: number;
  after_s: number;
}

interface Props {
  choice: Choice;
  colour: string;
  guard: Guard | null;
  chosen: number | null;
  onChosen: (index: number | null) => void;
}

export function EvidenceChart({ choice, colour, guard, chosen, onChosen }: Props) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const clip = useId();
  const isNarrow = width < 480;
  const height = isNarrow ? 260 : 364;
  const to_s = isNarrow ? NARROW_TO_S : TO_S;
  const { steps, power_w, low_w, high_w } = choice;
  const median = useMemo(() => middle(steps, FROM_S, to_s), [steps, to_s]);
  const shown = useMemo(() => window_w(steps, power_w, FROM_S, to_s), [steps, power_w, to_s]);

  const marks = ticks(shown.low_w, shown.high_w, isNarrow ? 5 : 7);
  const decimals = marks.some((w) => !Number.isInteger(w)) ? 1 : 0;
  const names = marks.map((w) => `${number(w, decimals, true)} W`);
  const left = 12 + 6.6 * Math.max(...names.map((name) => name.length));
  const right = width - 8;
  const top = 10;
  const bottom = height - 28;
  const x = linear(FROM_S, to_s, left, right);
  const y = linear(shown.low_w, shown.high_w, bottom, top);
  const lines = useMemo(() => {
    const [sx, sy] = [linear(FROM_S, to_s, left, right), linear(shown.low_w, shown.high_w, bottom, top)];
    return steps.map((step) => path(step, sx, sy, to_s, shown));
  }, [steps, to_s, left, right, bottom, shown]);

  const times = isNarrow ? [-30, -15, 15, 30, 45] : [-30, -20, -10, 10, 20, 30, 40, 50, 60];

  const point = (event: React.PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at_s = FROM_S + ((event.clientX - box.left - left) / (right - left)) * (to_s - FROM_S);
    const at_y = event.clientY - box.top;
    let best: number | null = null;
    let nearest = NEAR_PX;
    steps.forEach((step, index) => {
      const w = held(step, at_s);
      const off = w == null ? Number.POSITIVE_INFINITY : Math.abs(y(w) - at_y);
      if (off < nearest) {
        nearest = off;
        best = index;
      }
    });
    if (best !== chosen) onChosen(best);
  };

  const end = median.at(-1)?.power_w;
  const gist =
    end == null
      ? `${steps.length} switches laid over each other`
      : `${steps.length} switches laid over each other: before, the house stays level; after, it is ${say(end)} higher in the median`;
  return (
    <div className="evidence" ref={holder} style={{ height }}>
      {width > 0 && (
        <svg
          width={width}
          height={height}
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={gist}
          onPointerMove={point}
          onPointerDown={point}
          onPointerLeave={(event) => event.pointerType === 'mouse' && onChosen(null)}
        >
          <defs>
            <clipPath id={clip}>
              <rect x={left} y={top} width={Math.max(0, right - left)} height={bottom - top} />
            </clipPath>
          </defs>
          {guard && (
            <rect
              x={x(Math.max(-guard.before_s, FROM_S))}
              y={top}
              width={Math.max(3, x(Math.min(guard.after_s, to_s)) - x(Math.max(-guard.before_s, FROM_S)))}
              height={bottom - top}
              fill="var(--rest)"
              opacity="0.45"
              rx="2"
            />
          )}
          {marks.map((w, k) => (
            <g key={w}>
              <line x1={left} x2={right} y1={y(w)} y2={y(w)} stroke="var(--line)" />
              <text x={left - 8} y={y(w) + 4} textAnchor="end">
                {names[k]}
              </text>
            </g>
          ))}
          <line x1={x(0)} x2={x(0)} y1={top} y2={bottom} stroke="var(--control)" strokeDasharray="2 4" />
          <g clipPath={`url(#${clip})`}>
            {low_w != null && high_w != null && (
              <rect
                x={x(guard?.after_s ?? 0)}
                width={Math.max(0, right - x(guard?.after_s ?? 0))}
                y={y(high_w)}
                height={Math.max(2, y(low_w) - y(high_w))}
                fill={colour}
                opacity="0.22"
              />
            )}
            <g fill="none" stroke={colour} strokeWidth="1" opacity={chosen == null ? 1 : 0.45}>
              {lines.map((d, index) => (
                <path key={`${steps[index]?.at_ms} ${steps[index]?.from}`} d={d} opacity="0.3" />
              ))}
            </g>
            <path
              d={medianPath(median, x, y)}
              fill="none"
              stroke={colour}
              strokeWidth="2.6"
              strokeLinejoin="round"
              opacity={chosen == null ? 1 : 0.6}
            />
            {chosen != null && <path d={lines[chosen] ?? ''} fill="none" stroke="var(--ink)" strokeWidth="1.8" />}
          </g>
          {times.map((s) => (
            <text key={s} x={x(s)} y={height - 8} textAnchor={s === to_s ? 'end' : s === FROM_S ? 'start' : 'middle'}>
              {number(s, 0, true)} s
            </text>
          ))}
          <text x={x(0)} y={height - 8} textAnchor="middle" className="zero">
            {isNarrow ? '0' : 'switched'}
          </text>
        </svg>
      )}
    </div>
  );
}

/** Stepped: what the meter said holds until it says something else. What leaves the picture is left out, with its way there. */
function path(step: Step, x: Scale, y: Scale, to_s: number, shown: { low_w: number; high_w: number }): string {
  let d = '';
  let last: number | null = null;
  const isShown = (w: number | null) => w != null && w >= shown.low_w && w <= shown.high_w;
  for (let k = 0; k < step.offset_s.length; k += 1) {
    const at_s = step.offset_s[k] ?? 0;
    const px = x(Math.min(at_s, to_s)).toFixed(1);
    if (isShown(last)) d += `H${px}`;
    if (at_s > to_s) break;
    const w: number | null = step.power_w[k] ?? null;
    if (w != null && isShown(w)) d += isShown(last) ? `V${y(w).toFixed(1)}` : `M${px} ${y(w).toFixed(1)}`;
    last = w;
  }
  return d;
}

function medianPath(points: { at_s: number; power_w: number }[], x: Scale, y: Scale): string {
  return points
    .map((one, k) => `${k === 0 ? 'M' : 'L'}${x(one.at_s).toFixed(1)} ${y(one.power_w).toFixed(1)}`)
    .join('');
}
