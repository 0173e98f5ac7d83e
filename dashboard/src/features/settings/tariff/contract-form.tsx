// A contract is written: a new one from a day on, or one that is there.

import { type FormEvent, useEffect, useRef, useState } from 'react';
import { ApiError } from '../../../api/client';
import * as queries from '../../../api/queries';
import type { TariffAnswer } from '../../../api/types';
import { Card } from '../../../components/card';
import { errorWords } from '../feedback';
import { Choice, Field, NumberField } from '../field';
import { contractOf, type Draft, type Kind, newRate, placed, type Wrongs, wrongsOf } from './draft';
import { ExportFields } from './export-fields';
import { RateRows } from './rate-rows';
import { spanWords } from './words';

const KINDS: readonly { value: Kind; label: string; words: string }[] = [
  { value: 'fixed', label: 'One price', words: 'at all times' },
  { value: 'rates', label: 'By time', words: 'of day, week or season' },
  { value: 'entity', label: 'Dynamic', words: 'an entity of Home Assistant says it' },
];

const SETTLEMENTS = [
  { value: '15', label: '15 min' },
  { value: '30', label: '30 min' },
  { value: '60', label: '60 min' },
] as const;

interface Props {
  answer: TariffAnswer;
  /** Which contract is changed; `null` for a new one. */
  index: number | null;
  draft: Draft;
  today: string;
  onClose: () => void;
}

export function ContractForm({ answer, index, draft: begun, today, onClose }: Props) {
  const put = queries.usePutTariffs();
  const [draft, setDraft] = useState(begun);
  const [wrongs, setWrongs] = useState<Wrongs>({});
  const [problem, setProblem] = useState<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const contracts = answer.tariffs.contracts ?? [];
  const unit = answer.currency ?? undefined;
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  // Whoever asked for the form is taken to it.
  useEffect(() => {
    form.current?.scrollIntoView({ block: 'nearest' });
    form.current?.querySelector('input')?.focus();
  }, []);
  // And after a mistake to the first field that has one.
  useEffect(() => {
    if (Object.keys(wrongs).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrongs]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { contract, wrongs: found } = contractOf(draft);
    setWrongs(found);
    setProblem(Object.keys(found).length > 0 ? 'Some fields need another look.' : null);
    if (Object.keys(found).length > 0) return;
    put.mutate(placed(contracts, contract, index), {
      onSuccess: onClose,
      onError: (error) => {
        setProblem(errorWords(error));
        if (error instanceof ApiError && error.status === 422) setWrongs(wrongsOf(error.message, contract.name));
      },
    });
  };
  const changeKind = (kind: Kind) =>
    change(kind === 'rates' && draft.rates.length === 0 ? { kind, rates: [newRate(), newRate()] } : { kind });

  return (
    <Card title={index === null ? 'New contract' : `Change ${begun.name}`} className="contract-form">
      {index !== null && (
        <p className="note">
          This changes what was paid {spanWords(contracts, index)}: costs of that time are counted anew. For a new
          price, add a contract from its first day instead.
        </p>
      )}
      {problem && (
        <p className="note bad" role="alert">
          {problem}
        </p>
      )}
      <form ref={form} onSubmit={submit} noValidate className="stack">
        <div className="fields">
          <Field
            label="Name"
            value={draft.name}
            onChange={(name) => change({ name })}
            placeholder="Supplier, tariff"
            wrong={wrongs.name}
          />
          <Field
            label="From"
            type="date"
            value={draft.from}
            onChange={(from) => change({ from })}
            hint={fromHint(contracts.length, index, draft.from, today)}
            wrong={wrongs.from}
          />
        </div>
        <Choice legend="Price of a kWh" options={KINDS} value={draft.kind} onChange={changeKind} isRow />
        {draft.kind === 'fixed' && (
          <div className="fields">
            <NumberField
              label="Price per kWh"
              unit={unit}
              value={draft.price}
              onChange={(price) => change({ price })}
              wrong={wrongs.price}
            />
          </div>
        )}
        {draft.kind === 'rates' && (
          <RateRows rates={draft.rates} unit={unit} wrongs={wrongs} onChange={(rates) => change({ rates })} />
        )}
        {draft.kind === 'entity' && (
          <>
            <div className="fields">
              <Field
                label="Entity"
                value={draft.entity}
                onChange={(entity) => change({ entity })}
                placeholder="sensor.electricity_price"
                spellCheck={false}
                autoCapitalize="off"
                wrong={wrongs.entity}
              />
              <NumberField
                label="Factor"
                value={draft.factor}
                onChange={(factor) => change({ factor })}
                placeholder="1"
                hint="taxes: 1.19; cents: 0.01"
                wrong={wrongs.factor}
              />
              <NumberField
                label="Surcharge per kWh"
                unit={unit}
                value={draft.surcharge}
                onChange={(surcharge) => change({ surcharge })}
                placeholder="0"
                hint="fees of the grid, added after the factor"
                wrong={wrongs.surcharge}
              />
            </div>
            <Choice
              legend="How long one price stands"
              options={SETTLEMENTS}
              value={draft.settlement}
              onChange={(settlement) => change({ settlement })}
              isRow
            />
          </>
        )}
        <div className="fields">
          <NumberField
            label="Standing charge per day"
            unit={unit}
            value={draft.standing}
            onChange={(standing) => change({ standing })}
            placeholder="0"
            wrong={wrongs.standing}
          />
        </div>
        <ExportFields draft={draft} unit={unit} wrongs={wrongs} onChange={change} />
        <div className="row wrap">
          <button type="submit" className="button primary" disabled={put.isPending}>
            Save
          </button>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Card>
  );
}

function fromHint(count: number, index: number | null, from: string, today: string): string {
  if (!from) return count === 0 || (index === 0 && count > 0) ? 'Empty: always before.' : 'The first day it applies.';
  if (index === null && from < today) return 'Days from then on are counted anew.';
  return index === null ? 'Earlier days keep their price.' : 'The first day it applies.';
}
