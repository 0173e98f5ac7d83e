// Selecting without dragging: from and until as text.

import { useState } from 'react';
import type { Span } from '../../components/time-chart';
import { fromLocal, local } from '../../lib/time';

interface Props {
  view: { from_ms: number; to_ms: number };
  zone: string;
  onSelect: (span: Span) => void;
}

export function SpanForm({ view, zone, onSelect }: Props) {
  const [wrong, setWrong] = useState<string | null>(null);
  const submit = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const from_ms = parse(String(said.get('from')), zone);
    const to_ms = parse(String(said.get('to')), zone);
    if (from_ms == null || to_ms == null) setWrong('Both are needed, such as 2026-11-21 17:50.');
    else if (to_ms <= from_ms) setWrong('The end must be after the beginning.');
    else {
      setWrong(null);
      onSelect({ from_ms, to_ms });
    }
  };
  return (
    <details className="table-toggle">
      <summary>Select by time</summary>
      <form className="row wrap span-form" onSubmit={submit}>
        <label className="field">
          <span className="label">From</span>
          <input
            type="datetime-local"
            name="from"
            defaultValue={text(view.from_ms, zone)}
            aria-invalid={wrong ? true : undefined}
          />
        </label>
        <label className="field">
          <span className="label">Until</span>
          <input
            type="datetime-local"
            name="to"
            defaultValue={text(view.to_ms, zone)}
            aria-invalid={wrong ? true : undefined}
          />
        </label>
        <button type="submit" className="button">
          Select
        </button>
        {wrong && (
          <p className="bad" role="alert">
            {wrong}
          </p>
        )}
      </form>
    </details>
  );
}

/** 2026-11-21T17:50, as the field wants it. */
function text(at_ms: number, zone: string): string {
  const { year, month, day, hour, minute } = local(at_ms, zone);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}`;
}

function parse(said: string, zone: string): number | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(said);
  if (!found) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = found.slice(1).map(Number);
  return fromLocal(year, month, day, zone, hour, minute);
}
