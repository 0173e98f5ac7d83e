// What the pointer is on.

import type { Attribution } from '../../api/types';
import { Swatch } from '../../components/card';
import type { Mark } from '../../components/time-chart';
import { colourOf } from '../../lib/colours';
import { clockSeconds, DAY_MS, day, HOUR_MS, span } from '../../lib/time';
import { watts } from '../../lib/units';

const WIDTH_PX = 230;
const AXIS_PX = 56;
/** Less is not worth a line, W. */
const LEAST_W = 0.5;
const MOST_ROWS = 7;

interface Props {
  data: Attribution;
  index: number;
  left_px: number;
  width: number;
  marks: readonly Mark[];
  zone: string;
}

export function Tip({ data, index, left_px, width, marks, zone }: Props) {
  const from_ms = data.at[index];
  if (from_ms === undefined) return null;
  const length_ms = data.meta.interval_s * 1000;
  const house_w = data.house.mean_w[index] ?? null;
  const rows = data.devices
    .map((device) => ({ key: device.entity_id, name: device.name, power_w: device.power_w[index] ?? 0 }))
    .filter((row) => row.power_w >= LEAST_W)
    .sort((a, b) => b.power_w - a.power_w)
    .slice(0, MOST_ROWS);
  const others_w = data.others_w[index] ?? 0;
  const rest_w = data.unattributed_w[index];
  const near = marks
    .filter((mark) => mark.at_ms >= from_ms - length_ms && mark.at_ms < from_ms + 2 * length_ms)
    .slice(0, 3);
  const x = left_px + AXIS_PX;
  const left = x + WIDTH_PX + 20 < width ? x + 14 : Math.max(0, x - WIDTH_PX - 14);
  return (
    <div className="tip" style={{ left, width: WIDTH_PX }} aria-hidden="true">
      <strong>{title(from_ms, length_ms, zone)}</strong>
      <div className="row" style={{ margin: '4px 0 6px' }}>
        <span>House</span>
        <strong>{house_w == null ? 'silent' : power(house_w)}</strong>
      </div>
      {rows.map((row) => (
        <div className="row" key={row.key}>
          <span>
            <Swatch colour={colourOf(row.key)} />
            <span className="name">{row.name}</span>
          </span>
          <span className="num">{power(row.power_w)}</span>
        </div>
      ))}
      {others_w >= LEAST_W && (
        <div className="row">
          <span>
            <Swatch colour="var(--others)" />
            Other devices
          </span>
          <span className="num">{power(others_w)}</span>
        </div>
      )}
      {rest_w != null && (
        <div className="row dim">
          <span>
            <Swatch colour="var(--rest)" />
            Not attributed
          </span>
          <span className="num">{power(rest_w)}</span>
        </div>
      )}
      {near.length > 0 && (
        <div style={{ marginTop: 6 }}>
          {near.map((mark) => (
            <div className="row" key={`${mark.at_ms}${mark.label}`}>
              <span className="dim">
                {clockSeconds(mark.at_ms, zone)} <span className="name">{mark.label}</span>
              </span>
              <span className={`num ${mark.power_w > 0 ? 'up' : 'down'}`}>{power(mark.power_w, true)}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

function power(power_w: number, signed = false): string {
  const { value, unit } = watts(power_w, signed);
  return `${value} ${unit}`;
}

function title(from_ms: number, length_ms: number, zone: string): string {
  if (length_ms < 60_000) return clockSeconds(from_ms, zone);
  if (length_ms < HOUR_MS) return `${day(from_ms, zone)}, ${span(from_ms, from_ms + length_ms, zone)}`;
  if (length_ms < DAY_MS) return span(from_ms, from_ms + length_ms, zone);
  return `${day(from_ms, zone)} to ${day(from_ms + length_ms, zone)}`;
}
