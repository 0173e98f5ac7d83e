// The head of a page: its name, how live it is, and what belongs to it.

import type { ReactNode } from 'react';
import { useLive } from '../api/live';
import { useNow } from '../lib/now';
import { duration } from '../lib/units';

/** A reading that is older is no longer called live, ms (the house may be read every minute only). */
const LIVE_MS = 120_000;

export function PageHead({
  title,
  before,
  after,
  children,
}: {
  title: string;
  before?: ReactNode;
  after?: ReactNode;
  children?: ReactNode;
}) {
  const isDemo = useLive((live) => live.isDemo);
  return (
    <div className="head">
      {before}
      <h1>{title}</h1>
      {after}
      <span className="spacer" />
      {children}
      {isDemo && (
        <span className="chip warn" title="Everything shown here is made up">
          Demo house
        </span>
      )}
    </div>
  );
}

/** Whether figures come, and when the last one did. */
export function LiveIndicator() {
  const now = useNow(1000);
  const link = useLive((live) => live.link);
  const at_ms = useLive((live) => live.power_at_ms);
  const beats = useLive((live) => live.beats);
  const age_s = at_ms == null ? null : Math.max(0, Math.round((now - at_ms) / 1000));
  const isLive = link === 'live' && age_s != null && age_s * 1000 <= LIVE_MS;
  const words =
    link === 'down'
      ? 'Not connected'
      : link === 'connecting'
        ? 'Connecting'
        : age_s == null
          ? 'Waiting for the meter'
          : isLive
            ? `Live, ${age_s < 1 ? 'now' : `${duration(age_s)} ago`}`
            : `Last reading ${duration(age_s)} ago`;
  return (
    <span className="live" data-link={isLive ? 'live' : link === 'down' ? 'down' : 'stale'}>
      <span key={beats} className={`dot ${isLive ? 'beat' : link === 'down' ? 'bad' : 'warn'}`} />
      {words}
    </span>
  );
}
