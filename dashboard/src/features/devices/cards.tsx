// The list on a phone: a few lines for each device.

import { colourOf } from '../../lib/colours';
import { energy, hours, money } from '../../lib/units';
import { DrawnWords, Marks, PowerBar, Spark } from './bits';
import { drawn } from './known';
import { type ListProps, Names, Now, Sure } from './rows';

export function RowCards({ rows, kind, scale, beside, currency, width }: ListProps) {
  const tells = kind === 'known' || kind === 'together';
  const dots = Math.max(140, Math.min(360, width - 34));
  return (
    <>
      <Marks scale={scale} width={dots} />
      <ul className="device-cards">
        {rows.map((row) => {
          const { lead } = row;
          const colour = tells ? colourOf(lead.entity_id) : 'var(--others)';
          const { daily_kwh, monthlyCost, meanOn_w } = beside(row);
          const draws = drawn(lead, meanOn_w);
          const used = energy(lead.energy_kwh);
          return (
            <li key={row.key}>
              <div className="row top">
                <Names row={row} colour={colour} />
                <span className="spacer" />
                <div className="num">
                  <DrawnWords draws={draws} />
                </div>
              </div>
              <PowerBar draws={draws} scale={scale} colour={colour} width={dots} />
              <div className="row bottom">
                <Sure row={row} />
                <span className="spacer" />
                {daily_kwh && tells && <Spark values={daily_kwh} colour={colour} width={76} />}
              </div>
              {tells ? (
                <dl className="figures">
                  <div>
                    <dt>Energy</dt>
                    <dd>
                      {used.value} {used.unit}
                    </dd>
                  </div>
                  <div>
                    <dt>On</dt>
                    <dd>{hours(lead.hours_on)}</dd>
                  </div>
                  {monthlyCost != null && (
                    <div>
                      <dt>A month</dt>
                      <dd>{money(monthlyCost, currency)}</dd>
                    </div>
                  )}
                  <div>
                    <dt>Now</dt>
                    <dd>
                      <Now row={row} />
                    </dd>
                  </div>
                </dl>
              ) : (
                <p className="sub">{lead.reason}</p>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}
