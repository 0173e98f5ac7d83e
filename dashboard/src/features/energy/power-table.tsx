// The chart's figures as tables, for who cannot see it or wants to copy them.

import { useState } from 'react';
import type { Attribution } from '../../api/types';
import { DAY_MS, span } from '../../lib/time';
import { energy, hours, money, NOTHING, number } from '../../lib/units';

const MOST_ROWS = 48;

export function PowerTable({ data, zone }: { data: Attribution; zone: string }) {
  const [isOpen, open] = useState(false);
  return (
    <details className="table-toggle" open={isOpen} onToggle={(event) => open(event.currentTarget.open)}>
      <summary>Show as tables</summary>
      {isOpen && (
        <div className="table-wrap">
          <ByDevice data={data} />
          <ByTime data={data} zone={zone} />
        </div>
      )}
    </details>
  );
}

function ByDevice({ data }: { data: Attribution }) {
  const { currency } = data.meta;
  const kwh = (value: number | null | undefined) => {
    const figure = energy(value);
    return `${figure.value} ${figure.unit}`;
  };
  return (
    <table>
      <caption className="visually-hidden">Energy by device</caption>
      <thead>
        <tr>
          <th scope="col">Device</th>
          <th scope="col" className="num">
            Energy
          </th>
          <th scope="col" className="num">
            Cost
          </th>
          <th scope="col" className="num">
            On for
          </th>
        </tr>
      </thead>
      <tbody>
        {data.devices.map((device) => (
          <tr key={device.entity_id}>
            <th scope="row">{device.name}</th>
            <td className="num">{kwh(device.energy_kwh)}</td>
            <td className="num">{money(device.cost, currency)}</td>
            <td className="num">{hours(device.hours_on)}</td>
          </tr>
        ))}
        <tr>
          <th scope="row">Not attributed</th>
          <td className="num">{kwh(data.total.unattributed_kwh)}</td>
          <td />
          <td />
        </tr>
        <tr>
          <th scope="row">House</th>
          <td className="num">{kwh(data.total.energy_kwh)}</td>
          <td className="num">{money(data.total.cost, currency)}</td>
          <td />
        </tr>
      </tbody>
    </table>
  );
}

function ByTime({ data, zone }: { data: Attribution; zone: string }) {
  const every = Math.max(1, Math.ceil(data.at.length / MOST_ROWS));
  const length_ms = data.meta.interval_s * 1000;
  const rows: { from_ms: number; to_ms: number; first: number; end: number }[] = [];
  for (let first = 0; first < data.at.length; first += every) {
    const end = Math.min(data.at.length, first + every);
    const from_ms = data.at[first] ?? 0;
    rows.push({ from_ms, to_ms: (data.at[end - 1] ?? 0) + length_ms, first, end });
  }
  return (
    <table>
      <caption className="visually-hidden">Power of the house over time</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col" className="num">
            Least, W
          </th>
          <th scope="col" className="num">
            Mean, W
          </th>
          <th scope="col" className="num">
            Greatest, W
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ from_ms, to_ms, first, end }) => {
          const known = (column: (number | null)[]) => column.slice(first, end).filter((value) => value != null);
          const mean = known(data.house.mean_w);
          const told = (value: number) => (mean.length === 0 || !Number.isFinite(value) ? NOTHING : number(value));
          return (
            <tr key={from_ms}>
              <th scope="row">
                {length_ms * every < DAY_MS ? span(from_ms, to_ms, zone) : span(from_ms, to_ms, zone)}
              </th>
              <td className="num">{told(Math.min(...known(data.house.min_w)))}</td>
              <td className="num">{told(mean.reduce((sum, value) => sum + value, 0) / mean.length)}</td>
              <td className="num">{told(Math.max(...known(data.house.max_w)))}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
