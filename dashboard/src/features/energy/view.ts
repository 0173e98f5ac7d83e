// What the chart shows, kept while one looks at other pages.

import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Span } from '../../components/time-chart';
import { at, moved, type RangeName, rangeView, spanView, type View } from '../../lib/ranges';

/** So near to now is now, ms. */
const JUST_MS = 1_000;

let view: View = rangeView('day', Date.now());
const listeners = new Set<() => void>();

function set(next: View): void {
  view = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const show = (name: RangeName) => set(rangeView(name, Date.now()));
export const zoomTo = (span: Span) => set(spanView(span.from_ms, span.to_ms, Date.now()));
export const move = (steps: number) => set(moved(at(view, Date.now()), steps, Date.now()));

/** Back to now: the length that was chosen last, or a day after zooming. */
export const backToNow = () => set(rangeView(view.name ?? 'day', Date.now()));

/** What is shown, moving with now every so many ms while it follows. */
export function useView(every_ms: (view: View) => number): View {
  const kept = useSyncExternalStore(subscribe, () => view);
  const [now_ms, setNow] = useState(Date.now);
  const every = every_ms(kept);
  useEffect(() => {
    // A view that was just chosen is of now already: asking for it again some milliseconds later would only cost.
    const now = Date.now();
    setNow((before) => (now - Math.max(before, kept.to_ms) > JUST_MS ? now : before));
    if (!kept.follows) return;
    const timer = window.setInterval(() => setNow(Date.now()), every);
    return () => window.clearInterval(timer);
  }, [kept, every]);
  return at(kept, Math.max(now_ms, kept.to_ms));
}
