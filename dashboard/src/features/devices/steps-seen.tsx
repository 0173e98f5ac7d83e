// How large the steps were, and where in them the learned power lies.

import { useMemo } from 'react';
import { useWidth } from '../../lib/size';
import { number } from '../../lib/units';
import { type Bin, stepBins } from './bins';
import { say } from './bits';
import type { Choice } from './evidence';
import { linear, median, ticks } from './scale';
import { TableBeside } from './table-beside';

const HEIGHT = 168;

interface Props {
  choice: Choice;
  colour: string;
  /** The power is the owner's word: the steps need not lie around it. */
  isSaid: boolean;
}

export function StepsSeen({ choice, colour, isSaid }: Props) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const { power_w, low_w, high_w } = choice;
  const values = useMemo(() => choice.steps.flatMap((step) => step.delta_w ?? []), [choice]);
  const { bins, below, above } = useMemo(() => stepBins(values, isSaid ? null : power_w), [values, power_w, isSaid]);
  const first = bins[0];
  const last = bins.at(-1);
  if (!first || !last) return <p className="sub">No step could be read yet.</p>;
  const x = linear(first.from, last.to, 2, width - 2);
  const isInside = (w: number) => x(w) > 20 && x(w) < width - 20;
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  const bottom = HEIGHT - 24;
  const gist = `${values.length} steps, ${say(median(values) ?? 0)} in the middle${power_w == null ? '' : `; ${isSaid ? 'you said' : 'learned'}: ${say(power_w)}`}`;
  const beyond = [below > 0 && `${number(below)} smaller`, above > 0 && `${number(above)} larger`].filter(Boolean);
  return (
    <div className="steps-seen">
      <div ref={holder} style={{ height: HEIGHT }}>
        {width > 0 && (
          <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={gist}>
            {bins.map((bin) => {
              const height = (bin.count / most) * (bottom - 22);
              return (
                <rect
                  key={bin.from}
                  x={x(bin.from) + 1.5}
                  width={Math.max(1, x(bin.to) - x(bin.from) - 3)}
                  y={bottom - Math.max(1, height)}
                  height={Math.max(1, height)}
                  rx={Math.min(3, height / 2)}
                  fill={bin.count === 0 || bin.isFar ? 'var(--rest)' : colour}
                />
              );
            })}
            {power_w != null && power_w >= first.from && power_w <= last.to && (
              <Learned
                x={x(power_w)}
                low={low_w == null ? null : x(low_w)}
                high={high_w == null ? null : x(high_w)}
                bottom={bottom}
                width={width}
                words={`${isSaid ? 'you said' : 'learned'} ${say(power_w)}`}
              />
            )}
            {ticks(first.from, last.to, Math.max(2, width / 64))
              .filter(isInside)
              .map((w) => (
                <text key={w} x={x(w)} y={HEIGHT - 6} textAnchor="middle">
                  {number(w, digits(bins))} W
                </text>
              ))}
          </svg>
        )}
      </div>
      {beyond.length > 0 && <p className="sub">Not in the picture: {beyond.join(', ')}; something unseen moved too.</p>}
      <TableBeside label="Sizes of steps">
        <thead>
          <tr>
            <th scope="col">Watts</th>
            <th scope="col" className="num">
              Switches
            </th>
          </tr>
        </thead>
        <tbody>
          {bins.map((bin) => (
            <tr key={bin.from}>
              <th scope="row">
                {number(bin.from, digits(bins))} to {number(bin.to, digits(bins))}
              </th>
              <td className="num">{number(bin.count)}</td>
            </tr>
          ))}
        </tbody>
      </TableBeside>
    </div>
  );
}

function Learned({
  x,
  low,
  high,
  bottom,
  width,
  words,
}: {
  x: number;
  low: number | null;
  high: number | null;
  bottom: number;
  width: number;
  words: string;
}) {
  const anchor = x < 60 ? 'start' : x > width - 60 ? 'end' : 'middle';
  return (
    <g>
      {low != null && high != null && high > low && (
        <path d={`M${low} 15v6M${low} 18H${high}M${high} 15v6`} stroke="var(--ink)" strokeWidth="1.4" fill="none" />
      )}
      <line x1={x} x2={x} y1={16} y2={bottom} stroke="var(--ink)" strokeWidth="1.4" strokeDasharray="3 3" />
      <text x={x} y="10" textAnchor={anchor} className="strong">
        {words}
      </text>
    </g>
  );
}

function digits(bins: readonly Bin[]): number {
  const width = (bins[0]?.to ?? 1) - (bins[0]?.from ?? 0);
  return width >= 0.999 ? 0 : width >= 0.0999 ? 1 : 2;
}
