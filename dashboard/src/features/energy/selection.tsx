// What was selected: how much, what it cost, and which devices made it.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import type { Attribution } from '../../api/types';
import { Big, Swatch } from '../../components/card';
import { Cross } from '../../components/icons';
import { Failed, SkeletonList } from '../../components/states';
import type { Span } from '../../components/time-chart';
import { colourOf } from '../../lib/colours';
import { href } from '../../lib/route';
import { span as spanWords } from '../../lib/time';
import { duration, energy, money, number, percent } from '../../lib/units';

const WIDTH_PX = 258;
const AXIS_PX = 56;
/** Narrower charts have it below them. */
const FLOATS_PX = 640;
const DEVICES = 6;

interface Props {
  span: Span;
  view: { from_ms: number; to_ms: number };
  width: number;
  zone: string;
  onZoom: (span: Span) => void;
  onClose: () => void;
}

export function SelectionPanel({ span, view, width, zone, onZoom, onClose }: Props) {
  const query = useQuery({
    ...queries.attribution(span.from_ms, span.to_ms, 100, DEVICES),
    placeholderData: undefined,
  });
  const floats = width >= FLOATS_PX;
  const end = ((span.to_ms - view.from_ms) / (view.to_ms - view.from_ms)) * (width - 2 * AXIS_PX) + AXIS_PX;
  const begin = ((span.from_ms - view.from_ms) / (view.to_ms - view.from_ms)) * (width - 2 * AXIS_PX) + AXIS_PX;
  const left = end + WIDTH_PX + 12 < width ? end + 12 : Math.max(0, begin - WIDTH_PX - 12);
  return (
    <section
      className={floats ? 'selection floats' : 'selection'}
      aria-label="Selected stretch"
      aria-live="polite"
      style={floats ? { left, width: WIDTH_PX } : undefined}
    >
      <div className="row">
        <h3>{spanWords(span.from_ms, span.to_ms, zone)}</h3>
        <span className="spacer" />
        <button type="button" className="icon-button small" aria-label="Clear the selection" onClick={onClose}>
          <Cross size={15} />
        </button>
      </div>
      {query.data ? (
        <Made data={query.data} length_s={(span.to_ms - span.from_ms) / 1000} />
      ) : query.isError ? (
        <Failed error={query.error} />
      ) : (
        <SkeletonList rows={5} height={16} />
      )}
      <button type="button" className="button" onClick={() => onZoom(span)} style={{ marginTop: 10, width: '100%' }}>
        Zoom in
      </button>
    </section>
  );
}

function Made({ data, length_s }: { data: Attribution; length_s: number }) {
  const { total, meta } = data;
  const whole = total.energy_kwh ?? 0;
  const share = (kwh: number) => (whole > 0 ? percent(kwh / whole) : '');
  const devices = data.devices.filter((device) => device.energy_kwh > 0);
  return (
    <>
      <div className="row" style={{ alignItems: 'baseline' }}>
        <div className="selected">
          <Big figure={energy(total.energy_kwh)} />
        </div>
        <span className="spacer" />
        {total.cost != null && <span className="dim">{money(total.cost, meta.currency)}</span>}
      </div>
      <p className="sub">
        {duration(length_s)}
        {total.mean_w != null &&
          ` · ${number(total.min_w ?? 0)} to ${number(total.max_w ?? 0)} W, mean ${number(total.mean_w)} W`}
        {total.covered < 0.98 && ` · ${percent(total.covered)} of it known`}
      </p>
      <table className="plain">
        <caption className="visually-hidden">What made it</caption>
        <thead className="visually-hidden">
          <tr>
            <th>Device</th>
            <th>Energy</th>
            <th>Share</th>
          </tr>
        </thead>
        <tbody>
          {devices.map((device) => (
            <Line
              key={device.entity_id}
              colour={colourOf(device.entity_id)}
              kwh={device.energy_kwh}
              share={share(device.energy_kwh)}
            >
              <a className="plain-link name" href={href('devices', device.entity_id)}>
                {device.name}
              </a>
            </Line>
          ))}
          {total.others_kwh > 0.0005 && (
            <Line colour="var(--others)" kwh={total.others_kwh} share={share(total.others_kwh)}>
              Other devices
            </Line>
          )}
          {total.unattributed_kwh != null && (
            <Line colour="var(--rest)" kwh={total.unattributed_kwh} share={share(total.unattributed_kwh)} dim>
              Not attributed
            </Line>
          )}
        </tbody>
      </table>
    </>
  );
}

interface LineProps {
  colour: string;
  kwh: number;
  share: string;
  dim?: boolean;
  children: React.ReactNode;
}

function Line({ colour, kwh, share, dim = false, children }: LineProps) {
  const { value, unit } = energy(kwh);
  return (
    <tr className={dim ? 'dim' : undefined}>
      <td>
        <span className="row" style={{ gap: 8 }}>
          <Swatch colour={colour} />
          {children}
        </span>
      </td>
      <td className="num">
        {value} <small className="dim">{unit}</small>
      </td>
      <td className="num dim">{share}</td>
    </tr>
  );
}
