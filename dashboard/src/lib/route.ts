// Where in the dashboard one is: the part of the address after `#`, so that it works under any path.

import { useSyncExternalStore } from 'react';

export const PAGES = ['energy', 'devices', 'phantom', 'unknown', 'costs', 'sources', 'settings', 'more'] as const;
export type Page = (typeof PAGES)[number];

/** A page, and what of it (`devices/light.hall`). */
export interface Route {
  page: Page;
  part: string | null;
}

/** The route that a hash says; what is not known is the first page. */
export function parseRoute(hash: string): Route {
  const [name = '', ...rest] = hash.replace(/^#\/?/, '').split('/');
  const page = PAGES.find((known) => known === name);
  if (!page) return { page: 'energy', part: null };
  let part: string | null = rest.join('/') || null;
  try {
    part = part && decodeURIComponent(part);
  } catch {
    part = null;
  }
  return { page, part };
}

/** The address of a page. */
export function href(page: Page, part?: string): string {
  return part ? `#${page}/${encodeURIComponent(part)}` : `#${page}`;
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
}

/** Where one is. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => window.location.hash));
}
