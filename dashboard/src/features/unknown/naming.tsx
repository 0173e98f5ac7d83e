// The owner's name for an unknown load.

import { type FormEvent, useId, useState } from 'react';
import { useNameUnknownLoad } from '../../api/queries';
import type { UnknownLoad } from '../../api/types';
import { guesses } from './guess';

export function Naming({ load }: { load: UnknownLoad }) {
  const [text, setText] = useState(load.name ?? '');
  const say = useNameUnknownLoad();
  const id = useId();
  const offered = guesses(load);
  const name = text.trim();
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (name && name !== load.name) say.mutate({ id: load.id, name });
  };
  return (
    <form className="unknown-naming" onSubmit={save}>
      <label htmlFor={id}>{load.name ? 'Its name' : 'Do you know what it is?'}</label>
      <div className="row">
        <input
          id={id}
          value={text}
          maxLength={80}
          autoComplete="off"
          placeholder="A name of yours"
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="button" disabled={!name || name === load.name || say.isPending}>
          Save
        </button>
      </div>
      {!load.name && offered.length > 0 && (
        <div className="unknown-offered">
          <span className="sub">Things that often run like this:</span>
          {offered.map((word) => (
            <button key={word} type="button" className="chip" onClick={() => setText(word)}>
              {word}
            </button>
          ))}
        </div>
      )}
      {load.name && (
        <button
          type="button"
          className="button quiet unknown-undo"
          disabled={say.isPending}
          onClick={() => say.mutate({ id: load.id, name: null })}
        >
          Take the name away
        </button>
      )}
      {say.isError && (
        <p className="bad" role="alert">
          {say.error instanceof Error ? say.error.message : 'It could not be saved.'}
        </p>
      )}
    </form>
  );
}
