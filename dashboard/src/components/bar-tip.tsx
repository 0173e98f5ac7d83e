// What is said of the bar that is pointed at.

import type { BarPart, ChartBar } from './bar-chart';
import { Swatch } from './card';
import { total } from './chart/bars';

/** Below this width there is no room for it beside the bar, px. */
const NARROW = 560;

export function BarTip({
  bar,
  parts,
  format,
  x,
  away,
  width,
}: {
  bar: ChartBar;
  parts: readonly BarPart[];
  format: (value: number) => string;
  /** Middle of the bar, px. */
  x: number;
  /** How far from there it stands, px. */
  away: number;
  /** Width of the chart, px. */
  width: number;
}) {
  const sum = total(bar.values);
  const shown = parts.flatMap((part, i) => {
    const value = bar.values?.[i];
    return value ? [{ ...part, value }] : [];
  });
  const isLeft = x < width / 2;
  const near = isLeft ? { left: x + away } : { right: width - x + away };
  const edge = isLeft ? { right: 0 } : { left: 0 };
  return (
    <div className="tip" style={width < NARROW ? edge : near} aria-hidden="true">
      <div className="dim">{bar.title}</div>
      <div className="sum">{sum === null ? (bar.isLater ? 'Not yet' : 'Nothing known') : format(sum)}</div>
      {shown.length > 1 && (
        <ul>
          {shown.map((part) => (
            <li key={part.key} className="row">
              <span>
                <Swatch colour={part.colour} />
                <span className="name">{part.label}</span>
              </span>
              <span className="num">{format(part.value)}</span>
            </li>
          ))}
        </ul>
      )}
      {bar.notes?.map((note) => (
        <div key={note} className="note">
          {note}
        </div>
      ))}
    </div>
  );
}
