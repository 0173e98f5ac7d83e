// The boxes that pages are made of.

import { type ReactNode, useId } from 'react';
import type { Figure as Number_ } from '../lib/units';

interface CardProps {
  title?: string;
  sub?: ReactNode;
  /** What stands right of the title: buttons, a link. */
  aside?: ReactNode;
  className?: string;
  children?: ReactNode;
}

/** A titled part of a page. */
export function Card({ title, sub, aside, className = '', children }: CardProps) {
  const id = useId();
  return (
    <section className={`card ${className}`} aria-labelledby={title ? id : undefined}>
      {title && (
        <header>
          <div>
            <h2 id={id}>{title}</h2>
            {sub && <div className="sub">{sub}</div>}
          </div>
          {aside && <span className="spacer" />}
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

/** A figure with its unit small beside it. */
export function Big({ figure, small }: { figure: Number_; small?: ReactNode }) {
  return (
    <div className="big">
      {figure.value}
      <small>
        {figure.unit}
        {small}
      </small>
    </div>
  );
}

/** A card of one figure: what, how much, and what that means. */
export function FigureCard({
  label,
  figure,
  small,
  sub,
  className = '',
}: {
  label: string;
  figure: Number_;
  small?: ReactNode;
  sub?: ReactNode;
  className?: string;
}) {
  const id = useId();
  return (
    <section className={`card figure ${className}`} aria-labelledby={id}>
      <h2 className="label" id={id}>
        {label}
      </h2>
      <Big figure={figure} small={small} />
      {sub && <div className="sub">{sub}</div>}
    </section>
  );
}

/** A colour's patch. */
export function Swatch({ colour }: { colour: string }) {
  return <i className="swatch" style={{ background: colour }} aria-hidden="true" />;
}

/** A bar with the interval as a bracket; all are shares of the longest bar, 0 to 1. */
export function Bar({
  share,
  low,
  high,
  colour,
}: {
  share: number;
  low?: number | null;
  high?: number | null;
  colour: string;
}) {
  const at = (x: number) => `${Math.min(1, Math.max(0, x)) * 100}%`;
  const hasBracket = low != null && high != null && high > low;
  return (
    <div className="bar" aria-hidden="true">
      <i style={{ width: at(share), background: colour }} />
      {hasBracket && (
        <b style={{ left: at(low), width: `max(3px, ${Math.max(0, Math.min(1, high) - Math.max(0, low)) * 100}%)` }} />
      )}
    </div>
  );
}

/** One of a few, all of them seen. */
export function Segments<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly { value: T; label: string; title?: string }[];
  value: T | null;
  onChange: (value: T) => void;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would draw a frame and a legend of its own
    <div className="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          title={option.title}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
