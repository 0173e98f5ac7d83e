// The owner's word: what learning cannot know, said here, and taken back here.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import * as queries from '../../api/queries';
import type { Device } from '../../api/types';
import { Card } from '../../components/card';
import { MINUTE_MS } from '../../lib/time';
import { deviceQuery } from './device';
import { inShort, isInForce, type Patch, saidOf } from './word';
import { NameForm, NoLoad, PowerForm } from './word-forms';
import { Others } from './word-others';

/** How often it is looked whether it was learned anew, ms. */
const LOOK_MS = 3_000;

/** Says something; resolves to `null` when it was taken, else to what was wrong with it. */
export type Say = (patch: Patch, done: string) => Promise<string | null>;

const isNameOnly = (patch: Patch) => Object.keys(patch).every((field) => field === 'name');

export function YourWord({ device }: { device: Device }) {
  const say = queries.useSayOfDevice(device.entity_id);
  const unsay = queries.useUnsayOfDevice(device.entity_id);
  const all = useQuery(queries.devices()).data?.devices ?? [];
  const [done, setDone] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const [before, setBefore] = useState<string | null>(null);
  const isPending = !isInForce(device);
  useQuery({ ...deviceQuery(device.entity_id), refetchInterval: isPending ? LOOK_MS : MINUTE_MS });

  const name = (id: string) => all.find((one) => one.entity_id === id)?.name ?? id;
  const said = saidOf(device.word, name);
  const now = inShort(device);
  const isBusy = say.isPending || unsay.isPending;

  /** A name changes nothing that is learned. */
  const tell = async (send: () => Promise<unknown>, words: string, isName: boolean): Promise<string | null> => {
    setWrong(null);
    const was = inShort(device);
    try {
      await send();
      setBefore((kept) => (isPending ? (kept ?? was) : isName ? null : was));
      setDone(words);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : 'That could not be saved.';
    }
  };
  const onSay: Say = (patch, words) => tell(() => say.mutateAsync(patch), words, isNameOnly(patch));
  const takeBack = async (send: () => Promise<unknown>, patch: Patch = { power_w: null }) =>
    setWrong(await tell(send, 'Taken back.', isNameOnly(patch)));

  const outcome =
    before == null || isPending
      ? ''
      : before === now
        ? ` It is still ${now}.`
        : ` It was ${before}, and is ${now} now.`;
  const status = isBusy
    ? 'Saving …'
    : done
      ? `${done}${isPending ? ' It is learned anew; that takes some seconds to a minute.' : outcome}`
      : isPending
        ? 'What you said is being learned.'
        : '';
  return (
    <Card title="Your word" sub="what learning cannot know" className="word">
      {said.length > 0 && (
        <ul className="said" aria-label="What you said">
          {said.map((one) => (
            <li key={one.field} className="row">
              <span>{one.words}</span>
              <span className="spacer" />
              <button
                type="button"
                className="button quiet"
                aria-label={`Undo: ${one.words}`}
                disabled={isBusy}
                onClick={() => takeBack(() => say.mutateAsync(one.undo), one.undo)}
              >
                Undo
              </button>
            </li>
          ))}
        </ul>
      )}
      <p role="status" className={`said-status ${isPending ? 'is-pending' : ''}`}>
        {status}
      </p>
      {wrong && (
        <p className="wrong" role="alert">
          {wrong}
        </p>
      )}
      <PowerForm device={device} onSay={onSay} isBusy={isBusy} />
      <NameForm device={device} onSay={onSay} isBusy={isBusy} />
      <NoLoad device={device} onSay={onSay} isBusy={isBusy} />
      <Others field="grouped_with" device={device} all={all} onSay={onSay} isBusy={isBusy} />
      <Others field="apart_from" device={device} all={all} onSay={onSay} isBusy={isBusy} />
      {said.length > 1 && (
        <div className="actions">
          <button
            type="button"
            className="button danger"
            disabled={isBusy}
            onClick={() => takeBack(() => unsay.mutateAsync(undefined))}
          >
            Take all back
          </button>
        </div>
      )}
    </Card>
  );
}
