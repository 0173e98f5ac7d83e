// A day of the year without a year: 11-01.

import { useId, useState } from 'react';
import { currentLocale } from '../../../lib/units';

const two = (value: number) => String(value).padStart(2, '0');

export function SeasonDay({
  label,
  value,
  onChange,
  wrong,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  wrong?: string;
}) {
  const id = useId();
  // One half may be said before the other.
  const [month, setMonth] = useState(value.slice(0, 2));
  const [day, setDay] = useState(value.slice(3));
  const names = new Intl.DateTimeFormat(currentLocale(), { month: 'long', timeZone: 'UTC' });
  const set = (nextMonth: string, nextDay: string) => {
    // A month is said to begin with its first day until another is chosen.
    const of_month = nextMonth && !nextDay ? '01' : nextDay;
    setMonth(nextMonth);
    setDay(nextMonth ? of_month : '');
    onChange(nextMonth ? `${nextMonth}-${of_month}` : '');
  };
  const length = month ? new Date(Date.UTC(2024, Number(month), 0)).getUTCDate() : 31;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="season-day">
        <select
          id={id}
          value={month}
          aria-invalid={wrong ? true : undefined}
          onChange={(e) => set(e.target.value, day)}
        >
          <option value="">–</option>
          {Array.from({ length: 12 }, (_, index) => (
            <option key={two(index + 1)} value={two(index + 1)}>
              {names.format(Date.UTC(2024, index, 1))}
            </option>
          ))}
        </select>
        <select
          value={day}
          aria-label={`${label}, day of the month`}
          disabled={!month}
          onChange={(e) => set(month, e.target.value)}
        >
          {!month && <option value="">–</option>}
          {Array.from({ length }, (_, index) => (
            <option key={two(index + 1)} value={two(index + 1)}>
              {index + 1}
            </option>
          ))}
        </select>
      </div>
      {wrong && <p className="wrong">{wrong}</p>}
    </div>
  );
}
