// Selecting with mouse, pen or finger: drag sideways to select, tap or click to clear, twice to go back.
// A finger that moves up or down scrolls the page as ever (`touch-action: pan-y`).

import { useEffect } from 'react';
import type uPlot from 'uplot';

/** A stretch of time, ms; the end is not included. */
export interface Span {
  from_ms: number;
  to_ms: number;
}

interface Latest {
  readonly current: {
    selection?: Span | null;
    onSelect?: (span: Span | null) => void;
    onReset?: () => void;
    onHover?: (index: number | null, left_px: number) => void;
  };
}

/** Less than that is a click, px. */
const LEAST_PX = 6;
/** Two taps within that are one double tap, ms. */
const DOUBLE_MS = 350;

export function usePointer(plot: uPlot | null, latest: Latest): void {
  useEffect(() => {
    if (!plot) return;
    const { over } = plot;
    over.style.touchAction = 'pan-y';
    let begun: { x: number; id: number } | null = null;
    let tapped_ms = 0;

    const left = (event: PointerEvent) => {
      const box = over.getBoundingClientRect();
      return Math.min(box.width, Math.max(0, event.clientX - box.left));
    };
    const show = (a: number, b: number) =>
      plot.setSelect({ left: Math.min(a, b), width: Math.abs(b - a), top: 0, height: over.clientHeight }, false);

    const onDown = (event: PointerEvent) => {
      if (event.button !== 0 || !event.isPrimary) return;
      begun = { x: left(event), id: event.pointerId };
    };
    const onMove = (event: PointerEvent) => {
      if (!begun || event.pointerId !== begun.id) return;
      const x = left(event);
      if (Math.abs(x - begun.x) < LEAST_PX) return;
      if (!over.hasPointerCapture(begun.id)) over.setPointerCapture(begun.id);
      show(begun.x, x);
      if (event.pointerType === 'touch') plot.setCursor({ left: x, top: 10 });
    };
    const onUp = (event: PointerEvent) => {
      if (!begun || event.pointerId !== begun.id) return;
      const [a, b] = [begun.x, left(event)].sort((one, other) => one - other) as [number, number];
      begun = null;
      if (b - a >= LEAST_PX) {
        const from_ms = Math.round(plot.posToVal(a, 'x') * 1000);
        const to_ms = Math.round(plot.posToVal(b, 'x') * 1000);
        latest.current.onSelect?.({ from_ms, to_ms });
        return;
      }
      const now_ms = performance.now();
      if (now_ms - tapped_ms < DOUBLE_MS) {
        tapped_ms = 0;
        latest.current.onReset?.();
        return;
      }
      tapped_ms = now_ms;
      if (latest.current.selection) latest.current.onSelect?.(null);
    };
    const onCancel = () => {
      // The finger scrolls the page: nothing was selected.
      begun = null;
      const kept = latest.current.selection;
      if (kept) show(plot.valToPos(kept.from_ms / 1000, 'x'), plot.valToPos(kept.to_ms / 1000, 'x'));
      else plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    };
    const onLeave = () => latest.current.onHover?.(null, 0);

    over.addEventListener('pointerdown', onDown);
    over.addEventListener('pointermove', onMove);
    over.addEventListener('pointerup', onUp);
    over.addEventListener('pointercancel', onCancel);
    over.addEventListener('pointerleave', onLeave);
    return () => {
      over.removeEventListener('pointerdown', onDown);
      over.removeEventListener('pointermove', onMove);
      over.removeEventListener('pointerup', onUp);
      over.removeEventListener('pointercancel', onCancel);
      over.removeEventListener('pointerleave', onLeave);
    };
  }, [plot, latest]);
}
