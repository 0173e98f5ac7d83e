// What of the list is shown, and in which order.

import { useId } from 'react';
import type { Device } from '../../api/types';
import { number } from '../../lib/units';
import { verdictWords } from '../../lib/words';
import { SORTS, type Sort, type Wanted } from './known';

interface Props {
  devices: readonly Device[];
  wanted: Wanted;
  onWanted: (wanted: Wanted) => void;
  sort: Sort;
  onSort: (sort: Sort) => void;
  found: number;
}

export function Filters({ devices, wanted, onWanted, sort, onSort, found }: Props) {
  const id = useId();
  const verdicts = [...new Set(devices.map((one) => one.verdict))];
  const areas = [...new Set(devices.flatMap((one) => one.area ?? []))].sort((a, b) => a.localeCompare(b));
  const isFiltered = wanted.text !== '' || wanted.verdict !== '' || wanted.area !== '';
  return (
    <search className="filters">
      <div className="find">
        <label className="visually-hidden" htmlFor={`${id}text`}>
          Search devices
        </label>
        <input
          id={`${id}text`}
          type="search"
          placeholder="Search devices"
          value={wanted.text}
          onChange={(event) => onWanted({ ...wanted, text: event.target.value })}
        />
      </div>
      <Choose
        label="How sure"
        value={wanted.verdict}
        onChange={(verdict) => onWanted({ ...wanted, verdict })}
        options={[
          { value: '', label: 'Any verdict' },
          ...verdicts.map((value) => ({ value, label: sentence(verdictWords(value)) })),
        ]}
      />
      {areas.length > 0 && (
        <Choose
          label="Area"
          value={wanted.area}
          onChange={(area) => onWanted({ ...wanted, area })}
          options={[{ value: '', label: 'Any area' }, ...areas.map((value) => ({ value, label: value }))]}
        />
      )}
      <Choose
        label="Sort by"
        value={sort}
        onChange={(value) => onSort(SORTS.find((one) => one.value === value)?.value ?? 'energy')}
        options={SORTS.map(({ value, label }) => ({ value, label: `By ${label.toLowerCase()}` }))}
      />
      <span className={isFiltered ? 'sub' : 'visually-hidden'} role="status">
        {isFiltered ? `${number(found)} of ${number(devices.length)}` : ''}
      </span>
    </search>
  );
}

function Choose({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
}) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      {options.map((one) => (
        <option key={one.value} value={one.value}>
          {one.label}
        </option>
      ))}
    </select>
  );
}

const sentence = (words: string) => `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}`;
