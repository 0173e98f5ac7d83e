// What takes the pointer and the keys of a bar chart.

import type { KeyboardEvent, PointerEvent } from 'react';

interface PointerProps {
  label: string;
  count: number;
  at: number | null;
  says: string;
  style: { left: number; top: number; width: number; height: number };
  picks: boolean;
  isKeyed: boolean;
  onPoint: (x: number | null) => void;
  onKeyDown: (event: KeyboardEvent) => void;
  onClick: (x: number) => void;
}

/** Bars are too thin to be buttons on a phone: it is one control that goes through them. */
export function BarPointer({
  label,
  count,
  at,
  says,
  style,
  picks,
  isKeyed,
  onPoint,
  onKeyDown,
  onClick,
}: PointerProps) {
  const x = (event: { clientX: number; currentTarget: Element }) =>
    event.clientX - event.currentTarget.getBoundingClientRect().left;
  const pointer = {
    style,
    onPointerMove: (event: PointerEvent) => onPoint(x(event)),
    onPointerDown: (event: PointerEvent) => onPoint(x(event)),
    // After a touch what was touched stays, until something else is.
    onPointerLeave: (event: PointerEvent) => event.pointerType !== 'touch' && onPoint(null),
  };
  if (!isKeyed) return <div className="bar-pointer" aria-hidden="true" {...pointer} />;
  return (
    <div
      className={`bar-pointer ${picks ? 'picks' : ''}`}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, count - 1)}
      aria-valuenow={at ?? 0}
      aria-valuetext={says}
      {...pointer}
      onBlur={() => onPoint(null)}
      onKeyDown={onKeyDown}
      onClick={(event) => onClick(x(event))}
    />
  );
}
