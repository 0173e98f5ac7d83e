// What would help, where nothing can be told.

import type { DevicePage } from '../../api/types';
import { Card } from '../../components/card';
import { Question } from '../../components/icons';
import { number } from '../../lib/units';
import { say } from './bits';

export function Help({ page }: { page: DevicePage }) {
  const { device } = page;
  // What could be said is on its own line; the reason begins with why.
  const [why = device.reason, ...help] = device.reason.split(/(?<=\.)\s+/);
  return (
    <Card className="help">
      <Question size={26} />
      <div>
        <h2>It cannot be told yet what this draws</h2>
        <p>{why}</p>
        {help.length > 0 && (
          <p>
            <b>What would help: </b>
            {help.join(' ')}
          </p>
        )}
        <ul>
          {device.power_high_w != null && (
            <li>
              The best that is known: it draws <b>at most {say(device.power_high_w)}</b>.
            </li>
          )}
          <li>
            {number(device.events_used)} of {number(device.events_total)} switches could be used so far.
          </li>
          <li>If you know its power, say so below: it is then counted at once.</li>
        </ul>
      </div>
    </Card>
  );
}
