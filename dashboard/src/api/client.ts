// The one client: typed by the API's own description, addressed relative to the page.

import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

/** The page's folder, without the slash: whatever path a proxy put before ours. */
export function root(): string {
  return new URL('.', document.baseURI).href.replace(/\/$/, '');
}

/** An answer that is none: what was wrong, in the server's words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const client = createClient<paths>({ baseUrl: typeof document === 'undefined' ? '' : root() });

/** Goes to the login page; it comes back to where one was. */
export function toLogin(): void {
  window.location.assign(`login?next=${encodeURIComponent(`./${window.location.hash}`)}`);
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What was asked for, or an `ApiError` that says why not. Who is not let in is sent to the login page. */
export async function answer<T>(asked: Promise<Answer<T>>): Promise<T> {
  let got: Answer<T>;
  try {
    got = await asked;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'Wattribute cannot be reached.');
  }
  const { data, error, response } = got;
  if (response.status === 401) {
    toLogin();
    throw new ApiError(401, 'Please log in.');
  }
  if (!response.ok) throw new ApiError(response.status, detail(error) ?? `The server answered ${response.status}.`);
  return data as T;
}

function detail(error: unknown): string | null {
  const said = error as { detail?: unknown; title?: unknown } | null | undefined;
  const text = said?.detail ?? said?.title;
  return typeof text === 'string' && text ? `${text[0]?.toUpperCase()}${text.slice(1)}` : null;
}
