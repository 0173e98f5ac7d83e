// The prices of today and tomorrow as steps; what is over is pale, now is a line.

import { useWidth } from '../../../lib/size';
import { clock, dayStart, weekday } from '../../../lib/time';
import { distinct, fullHours, price, type Step, scaleOf } from './words';

const HEIGHT = 176;
const TOP = 12;
const BOTTOM = 40;
const RIGHT = 4;

export function PriceChart({
  steps,
  now,
  zone,
  currency,
}: {
  steps: readonly Step[];
  now: number;
  zone: string;
  currency: string | null;
}) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const first = steps[0];
  const last = steps.at(-1);
  const known = steps.filter((step) => step.price != null);
  if (!first || !last || known.length === 0) return null;
  const cheap = known.reduce((a, b) => ((b.price ?? 0) < (a.price ?? 0) ? b : a));
  const dear = known.reduce((a, b) => ((b.price ?? 0) > (a.price ?? 0) ? b : a));
  const gist = `${distinct(steps)} prices of a kWh today and tomorrow, from ${price(cheap.price, currency)} to ${price(dear.price, currency)}`;
  const scale = scaleOf(steps);
  const left = 12 + Math.max(...scale.ticks.map((tick) => price(tick, currency).length)) * 6.6;
  const x = (at: number) => left + ((at - first.from_ms) / (last.to_ms - first.from_ms)) * (width - left - RIGHT);
  const y = (value: number) =>
    TOP + (1 - (value - scale.low) / (scale.high - scale.low || 1)) * (HEIGHT - TOP - BOTTOM);
  const days = [dayStart(now, zone), dayStart(now, zone, 1)].filter((at) => at < last.to_ms);
  const apart = width < 560 ? 12 : 6;
  return (
    <div ref={holder} className="price-chart" style={{ height: HEIGHT }}>
      {width > 0 && (
        <svg width={width} height={HEIGHT} role="img" aria-label={gist}>
          {scale.ticks.map((tick) => (
            <g key={tick}>
              <line x1={left} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} className="grid-line" />
              <text x={left - 8} y={y(tick) + 4} textAnchor="end">
                {price(tick, currency)}
              </text>
            </g>
          ))}
          {steps.map((step) =>
            step.price == null ? (
              <rect
                key={step.from_ms}
                className="gap"
                x={x(step.from_ms)}
                y={TOP}
                width={Math.max(0, x(step.to_ms) - x(step.from_ms))}
                height={HEIGHT - TOP - BOTTOM}
              />
            ) : (
              <g key={step.from_ms} className={step.to_ms <= now ? 'over' : step.from_ms <= now ? 'now' : ''}>
                <rect
                  className="step"
                  x={x(step.from_ms)}
                  y={Math.min(y(step.price), y(0))}
                  width={Math.max(0, x(step.to_ms) - x(step.from_ms) - 1)}
                  height={Math.abs(y(step.price) - y(0))}
                />
                <line
                  className="edge"
                  x1={x(step.from_ms)}
                  x2={x(step.to_ms) - 1}
                  y1={y(step.price)}
                  y2={y(step.price)}
                />
              </g>
            ),
          )}
          {days.map((midnight) => (
            <g key={midnight}>
              {midnight > first.from_ms && (
                <line className="day-line" x1={x(midnight)} x2={x(midnight)} y1={TOP} y2={HEIGHT - 4} />
              )}
              <text className="day-name" x={x(midnight) + (midnight > first.from_ms ? 6 : 0)} y={HEIGHT - 6}>
                {weekday(midnight, zone)}
              </text>
              {fullHours(midnight, apart, zone)
                .filter((at) => at < last.to_ms)
                .map((at) => (
                  <text
                    key={at}
                    x={x(at)}
                    y={HEIGHT - BOTTOM + 16}
                    textAnchor={at === first.from_ms ? 'start' : 'middle'}
                  >
                    {clock(at, zone)}
                  </text>
                ))}
            </g>
          ))}
          {first.from_ms <= now && now < last.to_ms && (
            <line className="now-line" x1={x(now)} x2={x(now)} y1={TOP - 4} y2={HEIGHT - BOTTOM} />
          )}
        </svg>
      )}
    </div>
  );
}
