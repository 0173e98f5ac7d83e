// What is kept, how finely, for how long, and how to have a second copy of it.

import type { Schemas } from '../../api/client';
import { Card } from '../../components/card';
import { Snippet } from '../../components/snippet';
import { date, instant } from '../../lib/time';
import { bytes } from '../../lib/units';
import { useZone } from '../../lib/zone';
import { aboutBytes, keptFor, perYear } from './words';

export function StoreCard({ store }: { store: Schemas['Kept'] }) {
  const zone = useZone();
  const from_ms = instant(store.oldest_at);
  const to_ms = instant(store.newest_at);
  const year = perYear(store.size_bytes, from_ms, to_ms);
  const isThinned = from_ms != null && to_ms != null && to_ms - from_ms > (store.keep_raw_s ?? 0) * 1000;
  const [value, unit] = bytes(store.size_bytes).split(' ');
  const tiers: [string, number | null | undefined][] = [
    ['As they were said', store.keep_raw_s],
    ['Means of 1 minute', store.keep_minutes_s],
    ['Means of 10 minutes', store.keep_ten_minutes_s],
  ];
  return (
    <Card title="Store">
      <div className="big stored">
        {value}
        <small>{unit}</small>
      </div>
      <p className="sub">
        {store.size_bytes == null && 'Its files cannot be seen from here. '}
        {from_ms == null || to_ms == null
          ? 'No reading yet.'
          : `Readings from ${date(from_ms, zone)} to ${date(to_ms, zone)}.`}
      </p>
      {year != null ? (
        <p className="sub">
          {capital(aboutBytes(year))} a year{' '}
          {isThinned ? 'so far' : 'at this pace; less once old readings are thinned out'}.
        </p>
      ) : (
        from_ms != null && <p className="sub">How much a year takes can be said after a week.</p>
      )}
      <h3>How long readings are kept</h3>
      <dl className="tiers">
        {tiers.map(([what, keep_s]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{keptFor(keep_s)}</dd>
          </div>
        ))}
      </dl>
      <p className="sub">
        Set by <code>keep_raw</code>, <code>keep_minutes</code> and <code>keep_ten_minutes</code> of{' '}
        <code>[store]</code> in <code>wattribute.toml</code>.
      </p>
      <h3>Backup</h3>
      <p className="sub">
        With a <code>folder</code> in <code>[backup]</code> of <code>wattribute.toml</code> one is made every day. This
        copies the store to a new file at once, also while it runs:
      </p>
      <Snippet text="wattribute backup copy.db" label="Command that copies the store" />
    </Card>
  );
}

const capital = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;
