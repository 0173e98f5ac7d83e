// Which others it is one device with, or is not: chosen from all, by search.

import { useId, useState } from 'react';
import type { Device } from '../../api/types';
import { Cross } from '../../components/icons';
import { besideField, list } from './word';
import type { FormProps } from './word-forms';

const MOST = 6;

const WORDS = {
  grouped_with: {
    label: 'It is one device with',
    hint: 'they are always learned as one',
    done: (names: string) => `Saved: it is one device with ${names}.`,
  },
  apart_from: {
    label: 'It is not one device with',
    hint: 'though they are usually switched together',
    done: (names: string) => `Saved: it is not one device with ${names}.`,
  },
} as const;

export function Others({
  field,
  device,
  all,
  onSay,
  isBusy,
}: FormProps & { field: keyof typeof WORDS; all: readonly Device[] }) {
  const id = useId();
  const [text, setText] = useState('');
  const [added, setAdded] = useState<string[]>([]);
  const [wrong, setWrong] = useState<string | null>(null);
  const words = WORDS[field];
  const already = device.word?.[field] ?? [];
  const name = (entity_id: string) => all.find((one) => one.entity_id === entity_id)?.name ?? entity_id;
  const wanted = text.trim().toLocaleLowerCase();
  const taken = new Set([device.entity_id, ...already, ...added]);
  const free = all.filter((one) => !taken.has(one.entity_id));
  // Who is known only together with it is who one would want to part it from.
  const near = free.filter((one) => device.grouped_with.includes(one.entity_id));
  const found = wanted
    ? free.filter((one) => `${one.name} ${one.entity_id} ${one.area ?? ''}`.toLocaleLowerCase().includes(wanted))
    : near;
  const save = async () => {
    const refused = await onSay({ [field]: [...already, ...added] }, words.done(list(added.map(name))));
    setWrong(refused && besideField(refused, field));
    if (refused) return;
    setAdded([]);
    setText('');
  };
  return (
    <details className="others">
      <summary>
        {words.label} … <span className="sub">{words.hint}</span>
      </summary>
      <div className="field">
        <label htmlFor={id} className="visually-hidden">
          {words.label}: search devices
        </label>
        <input
          id={id}
          type="search"
          placeholder="Search devices"
          value={text}
          autoComplete="off"
          aria-describedby={wrong ? `${id}wrong` : undefined}
          onChange={(event) => {
            setText(event.target.value);
            setWrong(null);
          }}
        />
        {found.length > 0 && (
          <ul className="found" aria-label="Found devices">
            {found.slice(0, MOST).map((one) => (
              <li key={one.entity_id}>
                <button
                  type="button"
                  className="chip add"
                  aria-label={`Add ${one.name}`}
                  onClick={() => {
                    setAdded([...added, one.entity_id]);
                    setText('');
                  }}
                >
                  <span aria-hidden="true">+</span>
                  {one.name}
                </button>
              </li>
            ))}
            {found.length > MOST && <li className="sub">and {found.length - MOST} more</li>}
          </ul>
        )}
        {wanted !== '' && found.length === 0 && <span className="hint">No device is called that.</span>}
        {added.length > 0 && (
          <div className="row wrap">
            {added.map((one) => (
              <button
                key={one}
                type="button"
                className="chip chosen"
                aria-label={`Leave out ${name(one)}`}
                onClick={() => setAdded(added.filter((other) => other !== one))}
              >
                {name(one)}
                <Cross size={12} />
              </button>
            ))}
            <button
              type="button"
              className="button"
              aria-label={`Save: ${words.label}`}
              disabled={isBusy}
              onClick={save}
            >
              Save
            </button>
          </div>
        )}
        {wrong && (
          <span className="wrong" id={`${id}wrong`} role="alert">
            {wrong}
          </span>
        )}
      </div>
    </details>
  );
}
