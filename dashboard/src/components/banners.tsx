// What must be known on every page: that nothing new comes, and what is on alert.

import { useQuery } from '@tanstack/react-query';
import { useLive } from '../api/live';
import * as queries from '../api/queries';
import { useNow } from '../lib/now';
import { href } from '../lib/route';
import { clock } from '../lib/time';
import { useZone } from '../lib/zone';

/** A short break is no news, ms. */
const PATIENCE_MS = 4_000;

export function Banners() {
  const link = useLive((live) => live.link);
  const since_ms = useLive((live) => live.since_ms);
  const now = useNow(1000);
  const zone = useZone();
  const health = useQuery(queries.health());
  const isGone = link === 'down' && now - since_ms > PATIENCE_MS;
  const isSetUp =
    useQuery(queries.sources()).data?.sources.some((source) => source.last_at ?? source.heard_at) ?? false;
  // Before anything is set up, the set-up page says what is missing.
  const wrong = isSetUp ? Object.entries(health.data?.details ?? {}) : [];
  return (
    <div role="status">
      {isGone && (
        <p className="banner bad">
          Wattribute has not answered since {clock(since_ms, zone)}. What you see is from then; it goes on by itself
          when it is back.
        </p>
      )}
      {!isGone && wrong.length > 0 && (
        <p className="banner">
          <span>{wrong.length === 1 ? wrong[0]?.[1] : `${wrong.length} things do not work.`}</span>
          <a href={href('sources')}>See sources</a>
        </p>
      )}
    </div>
  );
}
