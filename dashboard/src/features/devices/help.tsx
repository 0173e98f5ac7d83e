// What would help, where nothing can be told, or not of one alone.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import type { DevicePage } from '../../api/types';
import { Card } from '../../components/card';
import { Question } from '../../components/icons';
import { href } from '../../lib/route';
import { number } from '../../lib/units';
import { say } from './bits';
import { cut } from './reason';

export function Help({ page }: { page: DevicePage }) {
  const { device } = page;
  const [why, help] = cut(device.reason);
  return (
    <Card className="help">
      <Question size={26} />
      <div>
        <h2>It cannot be told yet what this draws</h2>
        <p>{why}</p>
        {help && (
          <p>
            {!help.includes('would help') && <b>What would help: </b>}
            {help}
          </p>
        )}
        <ul>
          {device.power_high_w != null && (
            <li>
              The best that is known: it draws <b>at most {say(device.power_high_w)}</b>.
            </li>
          )}
          {device.verdict !== 'not_enough_events' && (
            <li>
              {number(device.events_used)} of {number(device.events_total)} switches could be used so far.
            </li>
          )}
          <li>If you know its power, say so below, in “Your word”.</li>
        </ul>
      </div>
    </Card>
  );
}

/** Of what it is known only together with, and what would part them. */
export function Together({ page }: { page: DevicePage }) {
  const { device } = page;
  const all = useQuery(queries.devices()).data?.devices ?? [];
  const [, help] = cut(device.reason);
  return (
    <Card className="help">
      <Question size={26} />
      <div>
        <h2>Only the sum is known</h2>
        <p>
          It is always switched together with{' '}
          {device.grouped_with.map((id, k) => (
            <span key={id}>
              {k > 0 && (k === device.grouped_with.length - 1 ? ' and ' : ', ')}
              <a href={href('devices', id)}>{all.find((one) => one.entity_id === id)?.name ?? id}</a>
            </span>
          ))}
          , so the meter shows them as one: what follows is of them together.
        </p>
        {help && (
          <p>
            <b>What would help: </b>
            {help}
          </p>
        )}
      </div>
    </Card>
  );
}
