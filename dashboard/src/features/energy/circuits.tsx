// Circuits that have a meter of their own, and their share of the house.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import { Bar, Card } from '../../components/card';
import { number, percent } from '../../lib/units';

export function Circuits() {
  const rows = useQuery(queries.circuits()).data ?? [];
  const latest = new Map<string, (typeof rows)[number]>();
  for (const row of rows) {
    const known = latest.get(row.circuit_name);
    if (!known || row.timestamp > known.timestamp) latest.set(row.circuit_name, row);
  }
  const shown = [...latest.values()].sort((a, b) => b.power_w - a.power_w);
  if (shown.length === 0) return null;
  return (
    <Card title="Circuits" sub="mean of the last five minutes, share of the house">
      <ul className="consumers">
        {shown.map((row) => (
          <li key={row.circuit_name}>
            <div className="row">
              <span className="name">{row.circuit_name}</span>
              <span className="spacer" />
              <span className="num">
                {number(row.power_w)} <small className="dim">W</small>
              </span>
              <span className="num dim share">{row.percentage == null ? '' : percent(row.percentage / 100)}</span>
            </div>
            <Bar share={(row.percentage ?? 0) / 100} colour="var(--accent)" />
          </li>
        ))}
      </ul>
    </Card>
  );
}
