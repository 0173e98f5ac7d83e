// What energy was used and what it cost, by day, week, month and year.

import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import * as queries from '../../api/queries';
import type { Bucket } from '../../api/types';
import { Card, Segments } from '../../components/card';
import { Cross, Left, Right } from '../../components/icons';
import { PageHead } from '../../components/page-head';
import { Failed, SkeletonPage } from '../../components/states';
import { useNow } from '../../lib/now';
import { href } from '../../lib/route';
import { instant, isoDay, MINUTE_MS } from '../../lib/time';
import { useZone } from '../../lib/zone';
import { Bill } from './bill';
import { Nothing } from './blank';
import './costs.css';
import { DeviceTable } from './device-table';
import { Figures } from './figures';
import { History } from './history';
import type { Unit } from './parts';
import { keyOf, pageOf, type Slot, type Span, slots, slotTitle, spanOf, spanTitle, type View } from './span';
import { sums } from './sums';

const VIEWS: readonly { value: View; label: string }[] = [
  { value: 'day', label: 'Days' },
  { value: 'week', label: 'Weeks' },
  { value: 'month', label: 'Months' },
  { value: 'year', label: 'Years' },
];

interface Shown {
  view: View;
  span: Span;
  buckets: Bucket[];
  currency: string | null;
  hasTariff: boolean;
  notes: string[];
}

export function CostsPage(_: { part: string | null }) {
  const zone = useZone();
  const now = useNow(MINUTE_MS);
  const [view, setView] = useState<View>('day');
  const [page, setPage] = useState(0);
  const [picked, pick] = useState<string | null>(null);
  const [unit, setUnit] = useState<Unit>('money');
  const span = spanOf(view, page, now, zone);
  const query = useQuery(
    queries.history(view, isoDay(span.from_ms, zone), isoDay(span.to_ms, zone), { devices: true }),
  );
  const first = useFirst(now, zone);

  // What was shown stays, with its own stretch, until what was asked for is there.
  const kept = useRef<Shown | null>(null);
  if (query.data && !query.isPlaceholderData) {
    const { history, meta } = query.data;
    const hasTariff = meta.has_tariff;
    kept.current = {
      view,
      span,
      buckets: history,
      currency: meta.currency ?? null,
      hasTariff,
      notes: meta.notes,
    };
  }
  const shown = kept.current;

  const go = (to: View, at: number) => {
    setView(to);
    setPage(at);
    pick(null);
  };
  const places = shown ? slots(shown.view, shown.span, shown.buckets, now, zone) : [];
  const one = places.find((place) => keyOf(place) === picked);
  const hasBefore = view !== 'year' && first !== null && span.from_ms > first;
  const isShown = shown?.view === view && shown.span.from_ms === span.from_ms;
  const whole = spanTitle(view, span, isShown ? places : [], zone);
  const title = one && shown ? slotTitle(shown.view, one, zone) : whole;

  return (
    <>
      <PageHead title="Costs" />
      <div className="costs-bar">
        <div className="row wrap">
          <button
            type="button"
            className="icon-button"
            aria-label="Earlier"
            disabled={!hasBefore}
            onClick={() => go(view, page - 1)}
          >
            <Left />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Later"
            disabled={page === 0}
            onClick={() => go(view, page + 1)}
          >
            <Right />
          </button>
          <h2 className="costs-title" aria-live="polite">
            {title}
          </h2>
          {one && (
            <button
              type="button"
              className="icon-button"
              aria-label={`Back to all of it: ${whole}`}
              title={whole}
              onClick={() => pick(null)}
            >
              <Cross size={16} />
            </button>
          )}
          {one && (view === 'month' || view === 'year') && (
            <button
              type="button"
              className="button"
              onClick={() => {
                const inner = view === 'year' ? 'month' : 'day';
                go(inner, pageOf(inner, one.from_ms, now, zone));
              }}
            >
              {view === 'year' ? 'Its months' : 'Its days'}
            </button>
          )}
        </div>
        <span className="spacer" />
        <Segments label="One bar is" options={VIEWS} value={view} onChange={(to) => go(to, 0)} />
      </div>
      {shown === null ? (
        query.isError ? (
          <Card>
            <Failed error={query.error} retry={() => void query.refetch()} />
          </Card>
        ) : (
          <SkeletonPage heights={[430, 420]} />
        )
      ) : shown.buckets.length === 0 ? (
        <Card>
          <Nothing isEver={first === null} title={whole} />
        </Card>
      ) : (
        <div className={`stack ${query.isPlaceholderData ? 'stale' : ''}`}>
          {!shown.hasTariff && (
            <p className="banner">
              <span>What a kilowatt-hour costs is not known yet, so energy is shown.</span>
              <a href={href('settings')}>Set the tariff</a>
            </p>
          )}
          <Body
            shown={shown}
            places={places}
            one={one ?? null}
            unit={shown.hasTariff ? unit : 'energy'}
            onUnit={setUnit}
            onPick={(key) => pick(key === picked ? null : key)}
            now={now}
            zone={zone}
          />
        </div>
      )}
    </>
  );
}

function Body({
  shown,
  places,
  one,
  unit,
  onUnit,
  onPick,
  now,
  zone,
}: {
  shown: Shown;
  places: Slot[];
  one: Slot | null;
  unit: Unit;
  onUnit: (unit: Unit) => void;
  onPick: (key: string) => void;
  now: number;
  zone: string;
}) {
  const { view, buckets, currency, hasTariff } = shown;
  const passed = places.map((place) => Math.max(0, Math.min(now, place.to_ms) - place.from_ms));
  const whole_ms = passed.reduce((sum, ms) => sum + ms, 0);
  const all = sums(buckets, now, whole_ms);
  const chosen = one?.bucket ? sums([one.bucket], now) : all;
  return (
    <>
      <Figures
        sums={chosen}
        currency={currency}
        hasTariff={hasTariff}
        whole={one ? [] : buckets.filter(isWhole)}
        view={view}
      />
      <History
        view={view}
        places={places}
        all={all}
        unit={unit}
        onUnit={hasTariff ? onUnit : null}
        currency={currency}
        picked={one ? keyOf(one) : null}
        onPick={onPick}
        zone={zone}
      />
      <div className="grid two costs-two">
        <DeviceTable sums={chosen} currency={currency} hasTariff={hasTariff} />
        <Bill sums={chosen} all={all} currency={currency} hasTariff={hasTariff} notes={shown.notes} />
      </div>
    </>
  );
}

/** Whether a period is over and as good as wholly known, so that it says what a usual one is. */
const isWhole = (bucket: Bucket) => !bucket.is_partial && bucket.covered > 0.95;

/** The first instant of which anything is known, to the month; `null` while that is not known. */
function useFirst(now: number, zone: string): number | null {
  const { from_ms } = spanOf('year', 0, now, zone);
  const query = useQuery({ ...queries.history('month', isoDay(from_ms, zone)), staleTime: 60 * MINUTE_MS });
  return instant(query.data?.history[0]?.from);
}
