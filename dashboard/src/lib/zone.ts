// The home's time zone; the browser's until it is known.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../api/queries';

const OWN = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function useZone(): string {
  return useQuery(queries.tariffs()).data?.time_zone ?? OWN;
}

/** The home's currency, ISO 4217. */
export function useCurrency(): string | null {
  return useQuery(queries.tariffs()).data?.currency ?? null;
}
