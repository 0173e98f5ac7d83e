// Small drawings and words that the list and the device page share.

import type { Device } from '../../api/types';
import { energy, number, plusMinus, watts } from '../../lib/units';
import { strengthWords } from '../../lib/words';
import type { Drawn } from './known';
import { type Decades, onDecades } from './scale';

/** How strong the evidence is, as five bars that fill up. */
export function Strength({ strength, colour = 'var(--ink)' }: { strength: number; colour?: string }) {
  const full = Math.round(strength * 5 * 2) / 2;
  return (
    <svg className="strength" width="34" height="14" viewBox="0 0 34 14" aria-hidden="true" focusable="false">
      {[0, 1, 2, 3, 4].map((k) => {
        const share = Math.min(1, Math.max(0, full - k));
        const height = 5 + k * 2;
        return (
          <g key={k}>
            <rect x={k * 7} y={14 - height} width="5" height={height} rx="1.5" fill="var(--rest)" />
            {share > 0 && <rect x={k * 7} y={14 - height} width={5 * share} height={height} rx="1.5" fill={colour} />}
          </g>
        );
      })}
    </svg>
  );
}

/** The same in words. */
export const strengthSentence = (strength: number) => `evidence ${strengthWords(strength)}`;

/** What it draws as text: the figure, its unit small, how far it may be off. */
export function DrawnWords({ draws }: { draws: Drawn }) {
  if (draws.kind === 'none') return <span className="dim">nothing</span>;
  if (draws.kind === 'unknown') {
    return <span className="dim">{draws.high_w == null ? 'cannot tell' : `at most ${say(draws.high_w)}`}</span>;
  }
  if (!('power_w' in draws)) return null;
  const { value, unit } = watts(draws.power_w);
  const off = draws.kind === 'power' ? plusMinus(draws.low_w, draws.high_w) : null;
  return (
    <span className="drawn">
      <b>
        {draws.kind === 'mean' && <small>about </small>}
        {value}
      </b>
      <small>
        {' '}
        {off && `${off} `}
        {unit}
      </small>
    </span>
  );
}

export const say = (power_w: number) => {
  const { value, unit } = watts(power_w);
  return `${value} ${unit}`;
};

export const sayEnergy = (kwh: number | null | undefined) => {
  const { value, unit } = energy(kwh);
  return kwh == null ? value : `${value} ${unit}`;
};

/** Its power on the scale that all share: a bar with its interval as a bracket; pale for an average, grey for "at most". */
export function PowerBar({
  draws,
  scale,
  colour,
  width,
}: {
  draws: Drawn;
  scale: Decades;
  colour: string;
  width: number;
}) {
  const inner = Math.max(10, width - 12);
  const x = (power_w: number) => 6 + onDecades(power_w, scale) * inner;
  const steps = Math.round(Math.log10(scale.to_w / scale.from_w));
  return (
    <svg
      className="power-bar"
      width={width}
      height="14"
      viewBox={`0 0 ${width} 14`}
      aria-hidden="true"
      focusable="false"
    >
      <line x1="6" x2={width - 6} y1="7" y2="7" stroke="var(--line)" />
      {Array.from({ length: steps + 1 }, (_, k) => scale.from_w * 10 ** k).map((w) => (
        <line key={w} x1={x(w)} x2={x(w)} y1="3.5" y2="10.5" stroke="var(--rest)" />
      ))}
      {'power_w' in draws ? (
        <>
          <rect
            x="6"
            y="4"
            width={Math.max(3, x(draws.power_w) - 6)}
            height="6"
            rx="3"
            fill={colour}
            opacity={draws.kind === 'power' ? 1 : 0.5}
          />
          {draws.low_w != null && draws.high_w != null && <Bracket from={x(draws.low_w)} to={x(draws.high_w)} />}
        </>
      ) : (
        draws.high_w != null && (
          <>
            <rect x="6" y="5" width={Math.max(4, x(draws.high_w) - 6)} height="4" rx="2" fill="var(--rest)" />
            <line
              x1={Math.max(10, x(draws.high_w))}
              x2={Math.max(10, x(draws.high_w))}
              y1="2"
              y2="12"
              stroke="var(--others)"
              strokeWidth="1.5"
            />
          </>
        )
      )}
    </svg>
  );
}

/** The interval; never so narrow that it cannot be seen. */
function Bracket({ from, to }: { from: number; to: number }) {
  const short = Math.max(0, 4 - (to - from)) / 2;
  return (
    <path
      d={`M${(from - short).toFixed(1)} 1.5v11M${(to + short).toFixed(1)} 1.5v11`}
      stroke="var(--ink)"
      strokeWidth="1.4"
      fill="none"
    />
  );
}

/** The scale's own marks, to stand above a column of dots. */
export function Marks({ scale, width }: { scale: Decades; width: number }) {
  const steps = Math.round(Math.log10(scale.to_w / scale.from_w));
  const inner = Math.max(10, width - 12);
  return (
    <svg className="marks" width={width} height="14" viewBox={`0 0 ${width} 14`} aria-hidden="true" focusable="false">
      {Array.from({ length: steps + 1 }, (_, k) => scale.from_w * 10 ** k).map((w, k) => (
        <text
          key={w}
          x={k === 0 ? 0 : k === steps ? width : 6 + (k / steps) * inner}
          y="11"
          textAnchor={k === 0 ? 'start' : k === steps ? 'end' : 'middle'}
        >
          {k === 0 ? `${number(w, w < 1 ? 1 : 0)} W` : w < 1000 ? number(w) : `${number(w / 1000)}k`}
        </text>
      ))}
    </svg>
  );
}

/** Energy of each day as small bars. */
export function Spark({ values, colour, width = 104 }: { values: number[]; colour: string; width?: number }) {
  const most = Math.max(...values);
  const step = width / values.length;
  if (!(most > 0)) return <span className="faint">–</span>;
  return (
    <svg
      className="spark"
      width={width}
      height="26"
      viewBox={`0 0 ${width} 26`}
      role="img"
      aria-label={`Energy of the last ${values.length} days: at most ${sayEnergy(most)} a day`}
    >
      {values.map((kwh, k) => {
        const height = kwh > 0 ? Math.max(1.5, (kwh / most) * 25) : 1;
        return (
          <rect
            key={k}
            x={k * step}
            y={26 - height}
            width={Math.max(1, step - 1)}
            height={height}
            rx="0.8"
            fill={kwh > 0 ? colour : 'var(--line)'}
          />
        );
      })}
    </svg>
  );
}

/** Whether it draws or is on now. */
export function isOn(device: Device): boolean {
  return device.power_now_w != null ? device.power_now_w > 0 : device.state === 'on';
}
