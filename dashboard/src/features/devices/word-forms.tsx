// Its power, its name, and that it has no load: a field each, with what is wrong beside it.

import { type FormEvent, type ReactNode, useId, useState } from 'react';
import type { Device } from '../../api/types';
import { number, watts } from '../../lib/units';
import { besideField, parseWatts } from './word';
import type { Say } from './word-card';

export interface FormProps {
  device: Device;
  onSay: Say;
  isBusy: boolean;
}

/** One field with its button. */
function OneField({
  label,
  hint,
  wrong,
  value,
  onChange,
  onSubmit,
  isBusy,
  unit,
  numeric,
}: {
  label: string;
  hint?: string;
  wrong: string | null;
  value: string;
  onChange: (value: string) => void;
  onSubmit: () => void;
  isBusy: boolean;
  unit?: ReactNode;
  numeric?: boolean;
}) {
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className="field one" onSubmit={submit} noValidate>
      <label htmlFor={id}>{label}</label>
      <div className="row">
        <input
          id={id}
          value={value}
          inputMode={numeric ? 'decimal' : 'text'}
          autoComplete="off"
          onChange={(event) => onChange(event.target.value)}
          aria-invalid={wrong != null}
          aria-describedby={wrong ? `${id}wrong` : hint ? `${id}hint` : undefined}
        />
        {unit}
        <button type="submit" className="button" aria-label={`Save: ${label}`} disabled={isBusy || value.trim() === ''}>
          Save
        </button>
      </div>
      {wrong ? (
        <span className="wrong" id={`${id}wrong`} role="alert">
          {wrong}
        </span>
      ) : (
        hint && (
          <span className="hint" id={`${id}hint`}>
            {hint}
          </span>
        )
      )}
    </form>
  );
}

export function PowerForm({ device, onSay, isBusy }: FormProps) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const save = async () => {
    const power_w = parseWatts(text);
    if (power_w == null) {
      setWrong('Say its watts as a number, such as 9 or 9.5.');
      return;
    }
    const { value, unit } = watts(power_w);
    const refused = await onSay({ power_w }, `Saved: it draws ${value} ${unit}.`);
    setWrong(refused && besideField(refused, 'power_w'));
    if (!refused) setText('');
  };
  return (
    <OneField
      label="It draws"
      hint="at full level, as its plate or a plug-in meter says"
      value={text}
      onChange={(value) => {
        setText(value);
        setWrong(null);
      }}
      wrong={wrong}
      onSubmit={save}
      isBusy={isBusy}
      unit={<span className="dim">W</span>}
      numeric
      key={device.entity_id}
    />
  );
}

export function NameForm({ device, onSay, isBusy }: FormProps) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const save = async () => {
    const name = text.trim();
    const refused = await onSay({ name }, `Saved: it is called “${name}” here.`);
    setWrong(refused && besideField(refused, 'name'));
    if (!refused) setText('');
  };
  return (
    <OneField
      label="A better name"
      hint={`instead of ${device.name}; up to ${number(100)} characters`}
      value={text}
      onChange={(value) => {
        setText(value);
        setWrong(null);
      }}
      wrong={wrong}
      onSubmit={save}
      isBusy={isBusy}
    />
  );
}

export function NoLoad({ device, onSay, isBusy }: FormProps) {
  const [wrong, setWrong] = useState<string | null>(null);
  if (device.word?.has_load === false) return null;
  return (
    <div className="field">
      <div className="row">
        <div>
          <div className="label">It switches no load</div>
          <div className="hint sub">a scene, a mode, an empty plug: it is no longer looked at</div>
        </div>
        <span className="spacer" />
        <button
          type="button"
          className="button"
          disabled={isBusy}
          onClick={async () => {
            const refused = await onSay({ has_load: false }, 'Saved: it switches no load.');
            setWrong(refused && besideField(refused, 'has_load'));
          }}
        >
          No load
        </button>
      </div>
      {wrong && (
        <span className="wrong" role="alert">
          {wrong}
        </span>
      )}
    </div>
  );
}
