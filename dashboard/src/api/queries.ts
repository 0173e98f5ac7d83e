// What the pages ask, by name. Keys begin with the route, so that live events can say what has become old.

import { keepPreviousData, QueryClient, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { HOUR_MS, MINUTE_MS } from '../lib/time';
import { ApiError, answer, client, type Schemas } from './client';
import type { Contract } from './types';

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        gcTime: 30 * MINUTE_MS,
        // A server that is gone is asked again by the interval of each query; a wrong question never gets better.
        retry: (failures, error) =>
          failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
        retryDelay: (failures) => Math.min(8_000, 500 * 2 ** failures),
        refetchOnWindowFocus: true,
        networkMode: 'always',
      },
      mutations: { networkMode: 'always' },
    },
  });
}

const iso = (at_ms: number) => new Date(at_ms).toISOString();

export const statistics = () =>
  queryOptions({
    queryKey: ['statistics'],
    queryFn: () => answer(client.GET('/api/v1/energy/statistics', { params: { query: { hours: 24 } } })),
    refetchInterval: 20_000,
  });

/** The house and its devices between two instants, in at most so many points. */
export const attribution = (from_ms: number, to_ms: number, points: number, devices: number, every_ms?: number) =>
  queryOptions({
    queryKey: ['attribution', from_ms, to_ms, points, devices],
    queryFn: () =>
      answer(
        client.GET('/api/v1/energy/attribution', {
          params: { query: { from: iso(from_ms), to: iso(to_ms), max_points: points, devices } },
        }),
      ),
    placeholderData: keepPreviousData,
    staleTime: every_ms ?? 60_000,
    gcTime: 2 * MINUTE_MS,
  });

export const correlations = (from_ms: number, to_ms: number, min_delta: number, limit: number) =>
  queryOptions({
    queryKey: ['correlations', from_ms, to_ms, min_delta, limit],
    queryFn: () =>
      answer(
        client.GET('/api/v1/energy/correlations', {
          params: { query: { from: iso(from_ms), to: iso(to_ms), min_delta, limit } },
        }),
      ),
    placeholderData: keepPreviousData,
    gcTime: 2 * MINUTE_MS,
  });

export const recent = (limit: number) =>
  queryOptions({
    queryKey: ['correlations', 'recent', limit],
    queryFn: () =>
      answer(client.GET('/api/v1/energy/correlations', { params: { query: { hours: 168, min_delta: 0, limit } } })),
    refetchInterval: MINUTE_MS,
  });

export const topConsumers = (days: number, limit: number) =>
  queryOptions({
    queryKey: ['top-consumers', days, limit],
    queryFn: () => answer(client.GET('/api/v1/energy/top-consumers', { params: { query: { days, limit } } })),
    refetchInterval: 30_000,
  });

export const circuits = () =>
  queryOptions({
    queryKey: ['circuits'],
    queryFn: () => answer(client.GET('/api/v1/energy/circuits', { params: { query: { hours: 1 } } })),
    refetchInterval: MINUTE_MS,
  });

export const phantom = (nights: number) =>
  queryOptions({
    queryKey: ['phantom-load', nights],
    queryFn: () => answer(client.GET('/api/v1/energy/phantom-load', { params: { query: { nights } } })),
    refetchInterval: 10 * MINUTE_MS,
  });

export type Period = Schemas['Period'];

/** Energy and cost by period, from a local day (2026-11-21) on. */
export const history = (
  period: Period,
  from?: string,
  to?: string,
  more: { device?: string; devices?: boolean } = {},
) =>
  queryOptions({
    queryKey: ['history', period, from, to, more.device, more.devices],
    queryFn: () => answer(client.GET('/api/v1/energy/history', { params: { query: { period, from, to, ...more } } })),
    placeholderData: keepPreviousData,
    refetchInterval: 2 * MINUTE_MS,
  });

export const devices = () =>
  queryOptions({
    queryKey: ['devices'],
    queryFn: () => answer(client.GET('/api/v1/devices')),
    refetchInterval: 30_000,
  });

export const device = (entity_id: string, days = 30, limit = 1000, evidence = 60) =>
  queryOptions({
    queryKey: ['device', entity_id, days, limit, evidence],
    queryFn: () => {
      const from = iso(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - days * 24 * HOUR_MS);
      const params = { path: { entity_id }, query: { from, limit, evidence } };
      return answer(client.GET('/api/v1/devices/{entity_id}', { params }));
    },
    placeholderData: (before) => (before?.device.entity_id === entity_id ? before : undefined),
    refetchInterval: MINUTE_MS,
  });

export const unknownLoads = (runs = 60) =>
  queryOptions({
    queryKey: ['unknown-loads', runs],
    queryFn: () => answer(client.GET('/api/v1/unknown-loads', { params: { query: { runs } } })),
    refetchInterval: 5 * MINUTE_MS,
  });

export const readings = (query: {
  series?: string;
  device?: string;
  quantity?: string;
  from_ms: number;
  to_ms: number;
  max_points?: number;
}) =>
  queryOptions({
    queryKey: ['readings', query],
    queryFn: () => {
      const { from_ms, to_ms, ...rest } = query;
      return answer(
        client.GET('/api/v1/readings', { params: { query: { ...rest, from: iso(from_ms), to: iso(to_ms) } } }),
      );
    },
    staleTime: 5 * MINUTE_MS,
  });

export const series = () =>
  queryOptions({
    queryKey: ['series'],
    queryFn: () => answer(client.GET('/api/v1/series', { params: { query: {} } })),
  });

export const sources = () =>
  queryOptions({
    queryKey: ['sources'],
    queryFn: () => answer(client.GET('/api/v1/sources')),
    refetchInterval: 10_000,
  });

export const tariffs = () =>
  queryOptions({
    queryKey: ['tariffs'],
    queryFn: () => answer(client.GET('/api/v1/tariffs')),
    refetchInterval: 5 * MINUTE_MS,
  });

export const alerts = (active?: boolean) =>
  queryOptions({
    queryKey: ['alerts', active],
    queryFn: () => answer(client.GET('/api/v1/alerts', { params: { query: { active, limit: 100 } } })),
    refetchInterval: MINUTE_MS,
  });

export const tokens = () => queryOptions({ queryKey: ['tokens'], queryFn: () => answer(client.GET('/api/v1/tokens')) });

export const health = () =>
  queryOptions({
    queryKey: ['health'],
    // Unhealthy is an answer too.
    queryFn: async () => {
      const { data, error, response } = await client.GET('/health');
      if (response.status === 503 && error) return error as Schemas['HealthReport'];
      return answer(Promise.resolve({ data, error, response }));
    },
    refetchInterval: 10_000,
  });

export const home = () =>
  queryOptions({ queryKey: ['home'], queryFn: () => answer(client.GET('/api/v1/home')), refetchInterval: MINUTE_MS });

/** All that rests on what was learned. */
export const LEARNED = [
  'attribution',
  'devices',
  'device',
  'top-consumers',
  'history',
  'phantom-load',
  'unknown-loads',
  'correlations',
  'home',
];

/** Says something and asks anew for what rests on it. */
function useSay<Said, Got>(say: (said: Said) => Promise<Got>, old: string[]) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: say,
    onSuccess: () => Promise.all(old.map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
}

/** The owner's word on a device. */
export const useSayOfDevice = (entity_id: string) =>
  useSay(
    (body: Schemas['WordPatch']) =>
      answer(client.PATCH('/api/v1/devices/{entity_id}', { params: { path: { entity_id } }, body })),
    LEARNED,
  );

/** Takes the owner's word on a device back. */
export const useUnsayOfDevice = (entity_id: string) =>
  useSay(
    (_: undefined) => answer(client.DELETE('/api/v1/devices/{entity_id}/word', { params: { path: { entity_id } } })),
    LEARNED,
  );

/** Names an unknown load, or takes the name away. */
export const useNameUnknownLoad = () =>
  useSay(
    ({ id, name }: { id: string; name: string | null }) =>
      answer(client.PATCH('/api/v1/unknown-loads/{id}', { params: { path: { id } }, body: { name } })),
    ['unknown-loads'],
  );

/** Replaces all contracts. */
export const usePutTariffs = () =>
  useSay(
    (contracts: Contract[]) => answer(client.PUT('/api/v1/tariffs', { body: { contracts } })),
    ['tariffs', 'history', 'top-consumers', 'phantom-load', 'device', 'attribution', 'statistics'],
  );

/** Makes a token; it is told this once. */
export const useMakeToken = () =>
  useSay((body: Schemas['NewToken']) => answer(client.POST('/api/v1/tokens', { body })), ['tokens']);

/** Revokes a token. */
export const useRevokeToken = () =>
  useSay((name: string) => answer(client.DELETE('/api/v1/tokens/{name}', { params: { path: { name } } })), ['tokens']);

/** Sets what the owner says of the home. */
export const usePatchHome = () =>
  useSay((body: Schemas['HomePatch']) => answer(client.PATCH('/api/v1/home', { body })), [...LEARNED, 'statistics']);
