// The list on a phone: a few lines for each device.

import { colourOf } from '../../lib/colours';
import { energy, hours, money } from '../../lib/units';
import { stateWords } from '../../lib/words';
import { DrawnWords, Marks, PowerBar, Spark, say } from './bits';
import { drawn } from './known';
import { type ListProps, Names, Sure } from './rows';

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
                  <div className="sub">
                    {(lead.power_now_w ?? 0) > 0 ? (
                      <span className="ok">{say(lead.power_now_w ?? 0)} now</span>
                    ) : (
                      stateWords(lead.state)
                    )}
                  </div>
                </div>
              </div>
              <PowerBar draws={draws} scale={scale} colour={colour} width={dots} />
              {tells ? (
                <div className="row bottom">
                  <div>
                    <Sure row={row} />
                    <p className="sub">
                      {[
                        `${used.value} ${used.unit}`,
                        hours(lead.hours_on),
                        monthlyCost != null && `${money(monthlyCost, currency)} a month`,
                      ]
                        .filter(Boolean)
                        .join(' · ')}
                    </p>
                  </div>
                  <span className="spacer" />
                  {daily_kwh && <Spark values={daily_kwh} colour={colour} width={72} />}
                </div>
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
