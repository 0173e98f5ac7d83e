// What it draws at each of its levels: a curve over the brightness of a dimmer, bars for modes.

import type { DevicePage } from '../../api/types';
import { Bar, Card } from '../../components/card';
import { useWidth } from '../../lib/size';
import { number, percent, plusMinus, watts } from '../../lib/units';
import { stateWords } from '../../lib/words';
import { say } from './bits';
import { linear, ticks } from './scale';

type Level = DevicePage['levels'][number];
type Told = Level & { power_w: number };
const HEIGHT = 180;

export function Levels({ page, colour }: { page: DevicePage; colour: string }) {
  const told = page.levels.filter((one): one is Told => one.power_w != null);
  const most = Math.max(...told.map((one) => one.power_high_w ?? one.power_w), 1e-9);
  const dimmed = told.filter((one) => one.fraction != null);
  const isCurve = dimmed.length > 1 && new Set(dimmed.map((one) => one.mode)).size === 1;
  const inOrder = [...told].sort((a, b) => b.power_w - a.power_w);
  const name = (one: Told) =>
    one.fraction == null
      ? stateWords(one.mode)
      : `${isCurve ? '' : `${stateWords(one.mode)}, `}${percent(one.fraction)}`;
  return (
    <Card
      title={isCurve ? (page.device.domain === 'light' ? 'By brightness' : 'By level') : 'By mode'}
      sub={isCurve ? 'what it draws the brighter it is' : 'what it draws in each'}
    >
      {isCurve && <Curve points={dimmed} colour={colour} />}
      <ul className="levels">
        {inOrder.map((one) => {
          const { value, unit } = watts(one.power_w);
          return (
            <li key={`${one.mode} ${one.fraction}`}>
              <div className="row">
                <span className="name">{name(one)}</span>
                <span className="spacer" />
                <span className="drawn">
                  <b>{value}</b>{' '}
                  <small>
                    {plusMinus(one.power_low_w, one.power_high_w)} {unit}
                  </small>
                </span>
              </div>
              <Bar
                share={one.power_w / most}
                low={one.power_low_w == null ? null : one.power_low_w / most}
                high={one.power_high_w == null ? null : one.power_high_w / most}
                colour={colour}
              />
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function Curve({ points, colour }: { points: Told[]; colour: string }) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const sorted = [...points].sort((a, b) => (a.fraction ?? 0) - (b.fraction ?? 0));
  const most = Math.max(...sorted.map((one) => one.power_high_w ?? one.power_w));
  const x = linear(0, 1, 48, Math.max(60, width - 16));
  const y = linear(0, most * 1.08, HEIGHT - 26, 8);
  const line = [`M${x(0)} ${y(0)}`, ...sorted.map((one) => `L${x(one.fraction ?? 0)} ${y(one.power_w)}`)].join('');
  return (
    <div ref={holder} style={{ height: HEIGHT }}>
      {width > 0 && (
        <svg
          width={width}
          height={HEIGHT}
          viewBox={`0 0 ${width} ${HEIGHT}`}
          role="img"
          aria-label={sorted.map((one) => `${percent(one.fraction)}: ${say(one.power_w)}`).join(', ')}
        >
          {ticks(0, most * 1.08, 4).map((w) => (
            <g key={w}>
              <line x1="44" x2={width} y1={y(w)} y2={y(w)} stroke="var(--line)" />
              <text x="38" y={y(w) + 4} textAnchor="end">
                {number(w)} W
              </text>
            </g>
          ))}
          {[0, 0.25, 0.5, 0.75, 1].map((share) => (
            <text key={share} x={x(share)} y={HEIGHT - 6} textAnchor={share === 1 ? 'end' : 'middle'}>
              {percent(share)}
            </text>
          ))}
          <path d={line} fill="none" stroke={colour} strokeWidth="1.4" strokeDasharray="4 4" opacity="0.8" />
          {sorted.map((one) => {
            const at = x(one.fraction ?? 0);
            const low = y(one.power_low_w ?? one.power_w);
            const high = y(one.power_high_w ?? one.power_w);
            return (
              <g key={one.fraction}>
                <path
                  d={`M${at - 6} ${low}h12M${at} ${low}V${high}M${at - 6} ${high}h12`}
                  stroke={colour}
                  strokeWidth="1.5"
                  fill="none"
                />
                <circle cx={at} cy={y(one.power_w)} r="3" fill={colour} />
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}
