// Stacked bars over nights, days, months or hours; drawn at real size, so that text is never scaled.

import { type KeyboardEvent, useId, useState } from 'react';
import { useWidth } from '../lib/size';
import './bar-chart.css';
import { BarPointer } from './bar-pointer';
import { BarTip } from './bar-tip';
import { barAt, pieces, place, reach, shownLabels, textWidth, ticks, total, type Values } from './chart/bars';

/** What each bar is made of, from the axis outwards. */
export interface BarPart {
  key: string;
  label: string;
  /** A CSS colour or variable. */
  colour: string;
}

export interface ChartBar {
  key: string;
  /** Stands below it, where there is room. */
  label: string;
  /** Its name in full. */
  title: string;
  /** In the order of the parts; `null` where nothing is known: drawn as a gap. */
  values: Values;
  /** Not there yet: left empty. */
  isLater?: boolean;
  /** Not over, or not all of it known: drawn hatched. */
  isIncomplete?: boolean;
  /** What else is to be said of it. */
  notes?: readonly string[];
}

export interface BarChartProps {
  /** What is drawn, for who cannot see it: the gist, not the figures. */
  label: string;
  parts: readonly BarPart[];
  bars: readonly ChartBar[];
  height: number;
  /** A value with its unit. */
  format: (value: number) => string;
  /** A value beside the axis, by the greatest of the axis. */
  axis?: (value: number, greatest: number) => string;
  threshold?: { value: number; label: string } | null;
  /** Without axes and keys, for a small place. */
  compact?: boolean;
  /** The key of the bar that was picked. */
  picked?: string | null;
  onPick?: (key: string) => void;
}

const WIDEST = 48;
const RIGHT = 8;

export function BarChart(props: BarChartProps) {
  const { label, parts, bars, height, format, threshold, compact = false, picked = null, onPick } = props;
  const [holder, width] = useWidth<HTMLDivElement>();
  const [at, point] = useState<number | null>(null);
  const id = useId();

  const { low, high } = reach(
    bars.map((bar) => bar.values),
    threshold?.value,
  );
  const lines = compact ? [Math.min(0, low), high > 0 ? high * 1.02 : 1] : ticks(low, high, Math.max(2, height / 56));
  const bottom = lines[0] ?? 0;
  const greatest = lines.at(-1) ?? 1;
  const told = lines.map((value) => (compact ? '' : (props.axis ?? format)(value, greatest)));
  const left = compact ? 0 : Math.max(0, ...told.map(textWidth)) + 8;
  const inner = Math.max(0, width - left - (compact ? 0 : RIGHT));
  const top = compact ? 1 : 8;
  const deep = height - top - (compact ? 0 : 24);
  const y = (value: number) => top + ((greatest - value) / (greatest - bottom)) * deep;
  const band = inner / Math.max(1, bars.length);
  const isLabelled = shownLabels(
    bars.map((bar) => bar.label),
    band,
    RIGHT,
  );
  const pointed = at === null ? undefined : bars[at];

  const pick = (index: number | null) => {
    const bar = index === null ? undefined : bars[index];
    if (bar?.values) onPick?.(bar.key);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = bars.length - 1;
    const next: Record<string, number | null> = {
      ArrowRight: Math.min(last, at === null ? 0 : at + 1),
      ArrowLeft: Math.max(0, at === null ? last : at - 1),
      Home: 0,
      End: last,
      Escape: null,
    };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in next) point(next[event.key] ?? null);
    else if (onPick && (event.key === 'Enter' || event.key === ' ')) pick(at);
    else return;
    event.preventDefault();
    // The page has keys of its own.
    event.stopPropagation();
  };

  return (
    <div className={`bar-chart ${compact ? 'compact' : ''}`} ref={holder} style={{ height }}>
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={label}>
          <defs>
            <pattern id={`${id}gap`} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect width="2" height="6" fill="var(--line)" />
            </pattern>
            <pattern id={`${id}open`} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect width="2.2" height="5" fill="var(--card)" opacity="0.45" />
            </pattern>
          </defs>
          {!compact &&
            lines.map((value, i) => (
              <g key={value}>
                <line
                  className={value === 0 ? 'zero-line' : 'grid-line'}
                  x1={left}
                  x2={left + inner}
                  y1={Math.round(y(value)) + 0.5}
                  y2={Math.round(y(value)) + 0.5}
                />
                <text x={left - 8} y={y(value) + 4} textAnchor="end">
                  {told[i]}
                </text>
              </g>
            ))}
          {at !== null && <rect className="pointed" x={left + at * band} y={top} width={band} height={deep} rx="3" />}
          <g transform={`translate(${left} 0)`}>
            {bars.map((bar, index) => {
              const { x, width: wide } = place(index, bars.length, inner, WIDEST);
              if (bar.isLater) return null;
              if (!bar.values) {
                return (
                  <rect key={bar.key} x={x} y={top} width={wide} height={deep} fill={`url(#${id}gap)`} opacity="0.8" />
                );
              }
              return (
                <g key={bar.key} className={picked !== null && picked !== bar.key ? 'aside' : undefined}>
                  {pieces(bar.values).map((piece) => {
                    const upper = y(Math.max(piece.from, piece.to));
                    const tall = Math.abs(y(piece.from) - y(piece.to));
                    // A hair of the ground between pieces, where there is room for it.
                    const hair = tall > 3 && piece.from !== 0 ? 1 : 0;
                    return (
                      <rect
                        key={piece.part}
                        x={x}
                        y={piece.to < piece.from ? upper + hair : upper}
                        width={wide}
                        height={Math.max(0.5, tall - hair)}
                        rx={tall > 4 ? Math.min(2, wide / 4) : 0}
                        fill={parts[piece.part]?.colour}
                      />
                    );
                  })}
                  {bar.isIncomplete && (
                    <rect
                      x={x}
                      y={y(Math.max(0, reach([bar.values]).high))}
                      width={wide}
                      height={y(reach([bar.values]).low) - y(reach([bar.values]).high)}
                      fill={`url(#${id}open)`}
                    />
                  )}
                  {picked === bar.key && <rect className="picked" x={x} y={y(bottom) + 1} width={wide} height="3" />}
                </g>
              );
            })}
          </g>
          {!compact &&
            bars.map((bar, index) => {
              if (!isLabelled[index]) return null;
              const half = textWidth(bar.label) / 2;
              const x = Math.min(width - half, Math.max(half, left + (index + 0.5) * band));
              return (
                <text key={bar.key} x={x} y={height - 5} textAnchor="middle">
                  {bar.label}
                </text>
              );
            })}
          {threshold && (
            <>
              <line className="limit" x1={left} x2={left + inner} y1={y(threshold.value)} y2={y(threshold.value)} />
              {!compact && (
                <text className="limit-label" x={left + inner} y={y(threshold.value) - 6} textAnchor="end">
                  {threshold.label}
                </text>
              )}
            </>
          )}
        </svg>
      )}
      <BarPointer
        label={onPick ? `${label} Arrow keys go through it, Enter picks.` : `${label} Arrow keys go through it.`}
        count={bars.length}
        at={at}
        says={pointed ? [pointed.title, said(pointed, format), ...(pointed.notes ?? [])].join(', ') : 'none'}
        style={{ left, top, width: inner, height: Math.max(0, deep) + (compact ? 0 : 24) }}
        picks={!!onPick}
        isKeyed={!compact}
        onPoint={(x) => point(x === null ? null : barAt(x, bars.length, inner))}
        onKeyDown={onKeyDown}
        onClick={(x) => pick(barAt(x, bars.length, inner))}
      />
      {at !== null && pointed && (
        <BarTip
          bar={pointed}
          parts={parts}
          format={format}
          x={left + (at + 0.5) * band}
          away={Math.min(WIDEST, band) / 2 + 10}
          width={width}
        />
      )}
    </div>
  );
}

function said(bar: ChartBar, format: (value: number) => string): string {
  const sum = total(bar.values);
  return sum === null ? (bar.isLater ? 'not yet' : 'not known') : format(sum);
}
