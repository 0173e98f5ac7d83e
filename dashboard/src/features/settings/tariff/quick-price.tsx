// For who has just one price: a number and a day.

import { type FormEvent, useState } from 'react';
import * as queries from '../../../api/queries';
import type { TariffAnswer } from '../../../api/types';
import { Card } from '../../../components/card';
import { Feedback } from '../feedback';
import { Field, NumberField } from '../field';
import { read, typed, withPrice } from './draft';
import { dayWords, price } from './words';

export function QuickPrice({ answer, today }: { answer: TariffAnswer; today: string }) {
  const put = queries.usePutTariffs();
  const [text, setText] = useState('');
  const [from, setFrom] = useState(today);
  const [said, say] = useState('');
  const contracts = answer.tariffs.contracts ?? [];
  const value = read(text);
  const wrong =
    value === null
      ? undefined
      : Number.isNaN(value) || value < 0
        ? 'Say a number such as 0.30.'
        : value > 5 && answer.currency && LARGE.has(answer.currency)
          ? `That is ${price(value, answer.currency)} for one kWh. Is it meant in cents?`
          : undefined;
  const isWrong = value === null || Number.isNaN(value) || value < 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isWrong) return;
    // What Home Assistant says has its name; another price is not its own any more.
    const name = answer.from === 'home_assistant' ? 'Electricity' : undefined;
    const asked = withPrice(contracts, value, from || today, name);
    put.mutate(asked, {
      onSuccess: () => {
        say(`${price(value, answer.currency)} a kWh ${contracts.length > 0 ? `from ${dayWords(from || today)}` : ''}.`);
        setText('');
      },
    });
  };
  return (
    <Card title="Just one price" sub="per kWh, at all times">
      <form className="stack" onSubmit={submit} noValidate>
        <NumberField
          label="Price per kWh"
          unit={answer.currency ?? undefined}
          value={text}
          onChange={setText}
          wrong={wrong}
          placeholder={typed(answer.now?.price_per_kwh)}
          hint="with taxes and fees, as on the bill"
        />
        {contracts.length > 0 && (
          <Field
            label="From"
            type="date"
            value={from}
            onChange={setFrom}
            hint="Earlier days keep their price."
            required
          />
        )}
        <div className="row wrap">
          <button type="submit" className="button primary" disabled={isWrong || put.isPending}>
            Save
          </button>
        </div>
        <Feedback of={put} done={`Saved: ${said}`} />
      </form>
    </Card>
  );
}

/** Currencies in which nobody pays five for a kWh. */
const LARGE = new Set(['EUR', 'USD', 'GBP', 'CHF', 'CAD', 'AUD', 'NZD']);
