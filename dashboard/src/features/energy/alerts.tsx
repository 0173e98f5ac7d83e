// What should be known now.

import { useLive } from '../../api/live';
import { Bell } from '../../components/icons';
import { useNow } from '../../lib/now';
import { href } from '../../lib/route';
import { MINUTE_MS, moment } from '../../lib/time';
import { useZone } from '../../lib/zone';

export function ActiveAlerts() {
  const alerts = useLive((state) => state.alerts);
  const zone = useZone();
  const now_ms = useNow(MINUTE_MS);
  if (alerts.length === 0) return null;
  return (
    <ul className="alerts" aria-label="Alerts">
      {alerts.map((alert) => (
        <li key={alert.id} className="banner">
          <Bell />
          <p>
            {alert.entity_id ? (
              <a className="plain-link" href={href('devices', alert.entity_id)}>
                {alert.message}
              </a>
            ) : (
              <span>{alert.message}</span>
            )}
            <span className="dim">since {moment(Date.parse(alert.since), now_ms, zone)}</span>
          </p>
        </li>
      ))}
    </ul>
  );
}
