// The list as a table, where there is room for one.

import { Swatch } from '../../components/card';
import { colourOf } from '../../lib/colours';
import { href } from '../../lib/route';
import { energy, hours, money, NOTHING, watts } from '../../lib/units';
import { stateWords, strengthWords, verdictWords } from '../../lib/words';
import { DrawnWords, isOn, Marks, PowerBar, Spark, Strength } from './bits';
import { drawn, type Kind, type Row } from './known';
import type { Beside } from './list';
import type { Decades } from './scale';

export interface ListProps {
  rows: Row[];
  kind: Kind;
  scale: Decades;
  beside: (row: Row) => Beside;
  currency: string | null;
  width: number;
}

export function RowTable({ rows, kind, scale, beside, currency, width }: ListProps) {
  const tells = kind === 'known' || kind === 'together';
  const hasSpark = width >= 840;
  const isWide = width >= 1040;
  const hasCost = rows.some((row) => beside(row).monthlyCost != null);
  const spark = isWide ? 112 : 90;
  const dots = Math.max(110, Math.min(270, Math.round(width * (isWide ? 0.2 : 0.16))));
  return (
    <table className="device-table">
      <caption className="visually-hidden">What devices draw</caption>
      <colgroup>
        <col style={{ width: '20%' }} />
        <col style={{ width: dots + (isWide ? 26 : 16) }} />
        <col />
        <col style={{ width: isWide ? 92 : 70 }} />
        {tells ? (
          <>
            <col style={{ width: 92 }} />
            {hasCost && <col style={{ width: isWide ? 112 : 100 }} />}
            {hasSpark && <col style={{ width: spark + 16 }} />}
          </>
        ) : (
          <col style={{ width: '33%' }} />
        )}
      </colgroup>
      <thead>
        <tr>
          <th scope="col">Device</th>
          <th scope="col">
            <span className="visually-hidden">Draws</span>
            <Marks scale={scale} width={dots} />
          </th>
          <th scope="col">How sure</th>
          <th scope="col" className="num">
            Now
          </th>
          {tells ? (
            <>
              <th scope="col" className="num">
                Energy
              </th>
              {hasCost && (
                <th scope="col" className="num" title="As the last 7 days went on for a month">
                  Cost a month
                </th>
              )}
              {hasSpark && (
                <th scope="col" className="last">
                  30 days
                </th>
              )}
            </>
          ) : (
            <th scope="col" className="last">
              {kind === 'no_load' ? 'Why' : 'What would help'}
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Line
            key={row.key}
            {...{ row, tells, scale, currency, dots, hasCost }}
            spark={hasSpark ? spark : 0}
            beside={beside(row)}
          />
        ))}
      </tbody>
    </table>
  );
}

function Line({
  row,
  tells,
  scale,
  beside,
  currency,
  dots,
  spark,
  hasCost,
}: {
  row: Row;
  tells: boolean;
  scale: Decades;
  beside: Beside;
  currency: string | null;
  dots: number;
  /** How wide the sparkline is, px; 0 for none. */
  spark: number;
  hasCost: boolean;
}) {
  const { lead } = row;
  const colour = tells ? colourOf(lead.entity_id) : 'var(--others)';
  const draws = drawn(lead, beside.meanOn_w);
  const used = energy(lead.energy_kwh);
  return (
    <tr>
      <th scope="row">
        <Names row={row} colour={colour} />
      </th>
      <td>
        <DrawnWords draws={draws} />
        <PowerBar draws={draws} scale={scale} colour={colour} width={dots} />
      </td>
      <td>
        <Sure row={row} />
      </td>
      <td className="num">
        <Now row={row} />
      </td>
      {tells ? (
        <>
          <td className="num">
            {used.value} <small>{used.unit}</small>
            <div className="sub">{hours(lead.hours_on)}</div>
          </td>
          {hasCost && <td className="num">{money(beside.monthlyCost, currency)}</td>}
          {spark > 0 && (
            <td className="last">
              {beside.daily_kwh ? <Spark values={beside.daily_kwh} colour={colour} width={spark} /> : NOTHING}
            </td>
          )}
        </>
      ) : (
        <td className="last why">{lead.reason}</td>
      )}
    </tr>
  );
}

/** Names that lead to the devices' pages; of one device, the whole line does. */
export function Names({ row, colour }: { row: Row; colour: string }) {
  const { lead } = row;
  const areas = [...new Set(row.devices.flatMap((one) => one.area ?? []))].join(', ');
  return (
    <div className="names">
      <Swatch colour={colour} />
      <div>
        {row.devices.map((one, k) => (
          <span key={one.entity_id}>
            {k > 0 && <span className="dim"> + </span>}
            <a href={href('devices', one.entity_id)} className={k === 0 ? 'cover' : 'over'}>
              {one.name}
            </a>
          </span>
        ))}
        <div className="sub">{areas || lead.domain.replaceAll('_', ' ')}</div>
      </div>
    </div>
  );
}

export function Sure({ row }: { row: Row }) {
  const { lead } = row;
  return (
    <div className="sure">
      {lead.verdict !== 'no_load' && <Strength strength={lead.strength} />}
      <span>
        {verdictWords(lead.verdict)}
        <span className="visually-hidden">, evidence {strengthWords(lead.strength)}</span>
      </span>
    </div>
  );
}

export function Now({ row }: { row: Row }) {
  const { lead } = row;
  const now = watts(lead.power_now_w);
  const isUnderway = isOn(lead);
  return (
    <>
      {isUnderway && lead.power_now_w != null && (
        <div className="drawn">
          <b>{now.value}</b> <small>{now.unit}</small>
        </div>
      )}
      <span className="sub">{stateWords(lead.state)}</span>
    </>
  );
}
