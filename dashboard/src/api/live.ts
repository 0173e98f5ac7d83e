// What happens, as it happens: one stream for all pages, and what it makes of the state that they share.

import type { QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { root, toLogin } from './client';
import { LEARNED } from './queries';
import type { Alert, LiveAlert, LiveCorrelation, LiveHello, LiveReading } from './types';

/** How the stream is. */
export type Link = 'connecting' | 'live' | 'down';

export interface LiveState {
  link: Link;
  /** Since when the link is as it is, ms. */
  since_ms: number;
  /** Power of the house, W; `null` while it is not known. */
  power_w: number | null;
  /** When that was said, ms. */
  power_at_ms: number | null;
  /** Grows with every reading of the house, so that one can see that it came. */
  beats: number;
  /** Correlations of the last minutes by their id, in order of time. */
  correlations: ReadonlyMap<string, LiveCorrelation>;
  alerts: Alert[];
  isDemo: boolean;
}

const RETRY_MS = [1_000, 2_000, 5_000, 10_000];
/** What became old is asked anew at most so often. */
const INVALIDATE_EVERY_MS = 3_000;
/** A stream is not opened anew more often than that. */
const REOPEN_MS = 5_000;

let state: LiveState = {
  link: 'connecting',
  since_ms: Date.now(),
  power_w: null,
  power_at_ms: null,
  beats: 0,
  correlations: new Map(),
  alerts: [],
  isDemo: false,
};
const listeners = new Set<() => void>();

function set(change: Partial<LiveState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A part of the live state; whoever uses it is drawn anew only when that part changes. */
export function useLive<T>(part: (state: LiveState) => T): T {
  return useSyncExternalStore(subscribe, () => part(state));
}

function linked(link: Link): void {
  if (state.link !== link) set({ link, since_ms: Date.now() });
}

/** Opens the stream and keeps it open; returns what closes it. */
export function listen(queries: QueryClient): () => void {
  let stream: EventSource | null = null;
  let failures = 0;
  let timer = 0;
  let house: number | null = null;
  let known = new Set<number>();
  let opened_ms = 0;
  let isClosed = false;
  const old = new Set<string>();
  let oldTimer = 0;

  // Many events at a time make one question.
  const invalidate = (...keys: string[]) => {
    for (const key of keys) old.add(key);
    if (oldTimer) return;
    oldTimer = window.setTimeout(() => {
      oldTimer = 0;
      for (const key of old) queries.invalidateQueries({ queryKey: [key] });
      old.clear();
    }, INVALIDATE_EVERY_MS);
  };

  // What the house is can change while we listen: its meter was found, or another was chosen. Only a new stream says so.
  const again = () => {
    if (isClosed || Date.now() - opened_ms < REOPEN_MS) return;
    stream?.close();
    open();
  };

  const takeReading = (reading: LiveReading) => {
    if (!known.has(reading.series)) again();
    if (reading.series !== house) return;
    const at_ms = Date.parse(reading.at);
    const power_w = reading.value ?? null;
    set({ power_w, power_at_ms: at_ms, beats: state.beats + 1 });
  };

  const on = <T>(name: string, take: (data: T) => void) => {
    stream?.addEventListener(name, (event) => take(JSON.parse((event as MessageEvent<string>).data) as T));
  };

  const open = () => {
    opened_ms = Date.now();
    stream = new EventSource(`${root()}/api/v1/live`);
    on<LiveHello>('hello', (hello) => {
      const wasAway = state.link === 'down';
      failures = 0;
      house = hello.house ?? null;
      known = new Set(hello.readings.map((reading) => reading.series));
      const correlations = new Map(hello.correlations.map((one) => [one.id, one]));
      set({ link: 'live', since_ms: Date.now(), correlations, alerts: hello.alerts, isDemo: hello.is_demo });
      for (const reading of hello.readings) takeReading(reading);
      if (wasAway) queries.invalidateQueries();
    });
    on<LiveReading>('reading', takeReading);
    on<LiveCorrelation>('correlation', (said) => {
      const correlations = new Map(state.correlations);
      if (said.change === 'retracted') correlations.delete(said.id);
      else correlations.set(said.id, said);
      while (correlations.size > 200) {
        const first = correlations.keys().next().value;
        if (first === undefined) break;
        correlations.delete(first);
      }
      set({ correlations });
      invalidate('correlations', 'devices');
    });
    on<LiveAlert>('alert', ({ alert, change }) => {
      const others = state.alerts.filter((one) => one.id !== alert.id);
      set({ alerts: change === 'retracted' || !alert.is_on ? others : [alert, ...others] });
      invalidate('alerts');
    });
    on('profiles', () => {
      invalidate(...LEARNED, 'statistics');
      again();
    });
    on('lagged', () => invalidate('correlations', 'alerts'));
    stream.onerror = () => {
      if (isClosed) return;
      // The browser tries again by itself only where the answer was a stream; we do in all cases, at our own pace.
      stream?.close();
      linked('down');
      failures += 1;
      const wait = RETRY_MS[Math.min(failures, RETRY_MS.length) - 1];
      window.clearTimeout(timer);
      timer = window.setTimeout(retry, wait);
    };
  };

  const retry = async () => {
    // A stream does not tell why it failed: who was logged out sees that here.
    const status = await fetch(`${root()}/api/v1/energy/current`).then(
      (response) => response.status,
      () => 0,
    );
    if (isClosed) return;
    if (status === 401) toLogin();
    else open();
  };

  open();
  return () => {
    isClosed = true;
    window.clearTimeout(timer);
    window.clearTimeout(oldTimer);
    stream?.close();
  };
}
