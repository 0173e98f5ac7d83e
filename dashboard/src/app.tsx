// The frame: where one can go, how the connection is, and the page one is on.

import { useQuery } from '@tanstack/react-query';
import { type ComponentType, lazy, Suspense, useEffect, useRef } from 'react';
import { useLive } from './api/live';
import * as queries from './api/queries';
import { Banners } from './components/banners';
import { Boundary } from './components/boundary';
import { Keys } from './components/keys';
import { Navigation } from './components/navigation';
import { Skeleton } from './components/states';
import { EnergyPage } from './features/energy/page';
import { colourAll } from './lib/colours';
import { type Page, useRoute } from './lib/route';

const loads: (() => Promise<unknown>)[] = [];

const page = <T extends string>(load: () => Promise<Record<T, ComponentType<{ part: string | null }>>>, name: T) => {
  loads.push(load);
  return lazy(() => load().then((module) => ({ default: module[name] })));
};

const SetUpPage = page(() => import('./features/setup/page'), 'SetUpPage');
const REST: Record<Exclude<Page, 'energy'>, ComponentType<{ part: string | null }>> = {
  devices: page(() => import('./features/devices/page'), 'DevicesPage'),
  phantom: page(() => import('./features/phantom/page'), 'PhantomPage'),
  unknown: page(() => import('./features/unknown/page'), 'UnknownPage'),
  costs: page(() => import('./features/costs/page'), 'CostsPage'),
  sources: page(() => import('./features/sources/page'), 'SourcesPage'),
  settings: page(() => import('./features/settings/page'), 'SettingsPage'),
  more: page(() => import('./components/more'), 'MorePage'),
};

/** When the pages that are not shown are fetched, ms. */
const FETCH_REST_MS = 2_000;

const TITLES: Record<Page, string> = {
  energy: 'Energy',
  devices: 'Devices',
  phantom: 'Phantom load',
  unknown: 'Unknown loads',
  costs: 'Costs',
  sources: 'Sources',
  settings: 'Settings',
  more: 'More',
};

export function App() {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const isDemo = useLive((live) => live.isDemo);
  const where = `${route.page}/${route.part ?? ''}`;
  const before = useRef(where);
  useEffect(() => {
    document.title = `${TITLES[route.page]} · Wattribute${isDemo ? ' (demo)' : ''}`;
    if (before.current === where) return;
    before.current = where;
    // Who listens to the page hears that it is another one.
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [where, route.page, isDemo]);

  // Once the first page is there the others are fetched, so that they open at once, and also while the server is away.
  useEffect(() => {
    const timer = window.setTimeout(() => Promise.allSettled(loads.map((load) => load())), FETCH_REST_MS);
    return () => window.clearTimeout(timer);
  }, []);

  // Before any source was ever heard there is nothing to show anywhere but in the settings.
  const sources = useQuery(queries.sources());
  const isUnset =
    sources.data !== undefined && !sources.data.sources.some((source) => source.last_at ?? source.heard_at);
  // Colours are given out once, to those that use most first, and before anything is drawn in them.
  const devices = useQuery(queries.devices());
  if (devices.data) colourAll(devices.data.devices.map((device) => device.entity_id));
  const Shown = route.page === 'energy' ? EnergyPage : REST[route.page];
  const needsSource = route.page !== 'settings' && route.page !== 'sources' && route.page !== 'more';

  return (
    <div className="app">
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <Navigation page={route.page} />
      <main ref={main} tabIndex={-1} aria-label={TITLES[route.page]}>
        <Banners />
        <Boundary key={where}>
          <Suspense fallback={<Skeleton height={320} />}>
            {!devices.isFetched ? (
              <Skeleton height={320} />
            ) : isUnset && needsSource ? (
              <SetUpPage part={null} />
            ) : (
              <Shown part={route.part} />
            )}
          </Suspense>
        </Boundary>
      </main>
      <Keys />
    </div>
  );
}
