// How Wattribute itself is, part by part.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import { Card } from '../../components/card';
import { Loaded, Skeleton } from '../../components/states';
import { duration } from '../../lib/units';
import { readable } from './words';

const OVERALL = {
  healthy: ['All is well', ''],
  degraded: ['Works in part', 'warn'],
  unhealthy: ['Does not work', 'bad'],
} as const;

export function HealthCard() {
  const asked = useQuery(queries.health());
  return (
    <Card title="Wattribute itself">
      <Loaded query={asked} skeleton={<Skeleton height={190} />}>
        {(health) => {
          const [words, dot] = OVERALL[health.status];
          return (
            <>
              <p className="how-line">
                <span className={`dot ${dot}`} />
                <strong>{words}</strong>
              </p>
              <p className="sub">
                Version {health.version}, running for {duration(health.uptime_seconds)}
              </p>
              <ul className="parts">
                {Object.entries(health.dependencies).map(([name, how]) => (
                  <li key={name}>
                    <span className={`dot ${how === 'ok' ? '' : 'bad'}`} />
                    <div>
                      <div className="row">
                        <span>{readable(name)}</span>
                        <span className="spacer" />
                        <span className={how === 'ok' ? 'dim' : 'bad'}>{how === 'ok' ? 'works' : 'does not work'}</span>
                      </div>
                      {health.details[name] && <div className="sub">{capital(health.details[name])}</div>}
                    </div>
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

const capital = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;
