// Dark, light, or as the device says; kept in this browser.

import { useSyncExternalStore } from 'react';

export type Theme = 'auto' | 'dark' | 'light';
const KEY = 'wattribute.theme';
const listeners = new Set<() => void>();
const dark = typeof window === 'undefined' ? null : window.matchMedia('(prefers-color-scheme: dark)');

function kept(): Theme {
  try {
    const said = localStorage.getItem(KEY);
    return said === 'dark' || said === 'light' ? said : 'auto';
  } catch {
    return 'auto';
  }
}

let chosen: Theme = kept();

function shown(): 'dark' | 'light' {
  if (chosen !== 'auto') return chosen;
  return dark?.matches === false ? 'light' : 'dark';
}

function apply(): void {
  document.documentElement.dataset.theme = shown();
  for (const listener of listeners) listener();
}

/** Puts the theme on the page, and follows the device. */
export function startTheme(): void {
  dark?.addEventListener('change', apply);
  apply();
}

export function setTheme(theme: Theme): void {
  chosen = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is left.
  }
  apply();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What was chosen. */
export const useTheme = (): Theme => useSyncExternalStore(subscribe, () => chosen);

/** What is shown; charts are drawn anew when it changes. */
export const useShownTheme = (): 'dark' | 'light' => useSyncExternalStore(subscribe, shown);
