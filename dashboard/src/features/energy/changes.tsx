// The last steps: who was switched, what the house did, and how sure that is.

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useLive } from '../../api/live';
import * as queries from '../../api/queries';
import type { Correlation } from '../../api/types';
import { Card, Swatch } from '../../components/card';
import { Empty, Loaded } from '../../components/states';
import { colourOf } from '../../lib/colours';
import { useNow } from '../../lib/now';
import { href } from '../../lib/route';
import { clockSeconds, dayStart, MINUTE_MS, moment } from '../../lib/time';
import { number, percent, watts } from '../../lib/units';
import { stateWords, stepWords } from '../../lib/words';
import { useZone } from '../../lib/zone';
import { standsOut } from './marks';

const MOST = 15;

export function RecentChanges() {
  const query = useQuery(queries.recent(MOST));
  const live = useLive((state) => state.correlations);
  return (
    <Card title="Recent power changes" sub="what was switched, and what the house's power did">
      <Loaded query={query}>{(rows) => <Changes rows={rows} live={[...live.values()]} />}</Loaded>
    </Card>
  );
}

/** Those that were asked for with those that came since; what came says it better. Newest first. */
export function merged(rows: readonly Correlation[], live: readonly Correlation[]): Correlation[] {
  const all = new Map<string, Correlation>();
  for (const row of [...rows, ...live]) all.set(`${row.entity_id}@${row.timestamp}`, row);
  return [...all.values()].sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp)).slice(0, MOST);
}

function Changes({ rows, live }: { rows: Correlation[]; live: Correlation[] }) {
  const zone = useZone();
  const now_ms = useNow(MINUTE_MS);
  const shown = useMemo(() => merged(rows, live), [rows, live]);
  if (shown.length === 0) {
    return (
      <Empty title="Waiting for your first events">
        <p>
          Switch something that Home Assistant knows, a lamp for example. Its step appears here within some seconds.
        </p>
      </Empty>
    );
  }
  const midnight = dayStart(now_ms, zone);
  return (
    <table className="changes">
      <caption className="visually-hidden">Recent power changes, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Device</th>
          <th scope="col" className="medium-only">
            State
          </th>
          <th scope="col" className="num">
            Change
          </th>
          <th scope="col" className="num wide-only">
            Share
          </th>
          <th scope="col" className="wide-only">
            How sure
          </th>
        </tr>
      </thead>
      <tbody>
        {shown.map((row) => {
          const at_ms = Date.parse(row.timestamp);
          return (
            <tr key={`${row.entity_id}@${row.timestamp}`}>
              <td className="dim num-left">
                {at_ms >= midnight ? clockSeconds(at_ms, zone) : moment(at_ms, now_ms, zone)}
              </td>
              <td>
                <span className="row" style={{ gap: 8 }}>
                  <Swatch colour={colourOf(row.entity_id)} />
                  <a className="name" href={href('devices', row.entity_id)}>
                    {row.name}
                  </a>
                </span>
              </td>
              <td className="dim medium-only">
                {stateWords(row.previous_state)} → {stateWords(row.state)}
              </td>
              <td className="num">
                <Step row={row} />
              </td>
              <td className="num dim wide-only">
                {standsOut(row) && row.power_delta_pct != null ? signedPercent(row.power_delta_pct) : ''}
              </td>
              <td className="sub wide-only">{sure(row)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Step({ row }: { row: Correlation }) {
  if (row.power_delta_w == null || !standsOut(row)) return <span className="dim">cannot tell</span>;
  const { value, unit } = watts(row.power_delta_w, true);
  return (
    <strong className={row.power_delta_w > 0 ? 'up' : 'down'}>
      {value} <small>{unit}</small>
    </strong>
  );
}

function signedPercent(pct: number): string {
  return `${pct > 0 ? '+' : ''}${percent(pct / 100)}`;
}

/** How a step can be read, in words. */
function sure(row: Correlation): string {
  const words: string[] = [];
  if (row.power_delta_w != null && row.standard_error_w != null && standsOut(row)) {
    const error = row.standard_error_w;
    words.push(`±${number(error, error < 9.95 ? 1 : 0)}`);
  }
  words.push(
    row.verdict === 'clean' && !standsOut(row) ? 'below what this meter shows at once' : stepWords(row.verdict),
  );
  if (row.stage === 'provisional') words.push('just now, may still change');
  return words.join(', ');
}
