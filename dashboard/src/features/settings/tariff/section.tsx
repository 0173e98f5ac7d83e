// What energy costs: what is in force, the contracts, and a new one.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import * as queries from '../../../api/queries';
import type { TariffAnswer } from '../../../api/types';
import { Card } from '../../../components/card';
import { Snippet } from '../../../components/snippet';
import { Loaded, Skeleton } from '../../../components/states';
import { useNow } from '../../../lib/now';
import { isoDay } from '../../../lib/time';
import { ContractForm } from './contract-form';
import { Contracts } from './contracts';
import { type Draft, draftOf } from './draft';
import { InForce } from './in-force';
import { QuickPrice } from './quick-price';

/** The contract that is being written, and which one it is to replace. */
interface Writing {
  index: number | null;
  draft: Draft;
}

export function TariffSection() {
  const tariffs = useQuery(queries.tariffs());
  return (
    <Loaded
      query={tariffs}
      skeleton={
        <div className="grid two">
          <Skeleton height={420} />
          <Skeleton height={300} />
        </div>
      }
    >
      {(answer) => <Tariff answer={answer} />}
    </Loaded>
  );
}

function Tariff({ answer }: { answer: TariffAnswer }) {
  const [writing, write] = useState<Writing | null>(null);
  const now = useNow(60_000);
  const today = isoDay(now, answer.time_zone);
  const contracts = answer.tariffs.contracts ?? [];
  const isFixed = answer.from === 'config';
  const begin = (index: number | null) => {
    const like = contracts[index ?? contracts.length - 1] ?? null;
    if (index !== null) return write({ index, draft: draftOf(like) });
    const draft = draftOf(like, contracts.length > 0 ? today : '');
    // What Home Assistant says has its name; that of the supplier is not known.
    write({ index, draft: answer.from === 'home_assistant' ? { ...draft, name: '' } : draft });
  };
  return (
    <div className="grid two">
      <div className="stack">
        {writing ? (
          <ContractForm
            // Another contract is another form.
            key={writing.index ?? 'new'}
            answer={answer}
            index={writing.index}
            draft={writing.draft}
            today={today}
            onClose={() => write(null)}
          />
        ) : (
          <InForce answer={answer} now={now} />
        )}
        <Contracts
          answer={answer}
          today={today}
          isReadOnly={isFixed || writing !== null}
          onNew={() => begin(null)}
          onEdit={begin}
        />
      </div>
      <div className="stack">
        {isFixed && <FromConfig />}
        {!isFixed && !writing && <QuickPrice answer={answer} today={today} />}
        <Card title="How it counts">
          <ul className="plain">
            <li>A new price is a new contract from a day on. What was before keeps its price.</li>
            <li>A device’s energy costs what a kWh cost at the time it was used.</li>
            <li>Without a price, costs stay unknown: none is made up.</li>
          </ul>
        </Card>
      </div>
    </div>
  );
}

function FromConfig() {
  return (
    <Card title="Set in the configuration">
      <p className="sub">
        <code>[tariff]</code> of <code>wattribute.toml</code> says the contracts, so they cannot be set here. A new
        price is one more block there:
      </p>
      <Snippet
        text={'[[tariff.contracts]]\nname = "Supplier"\nfrom = "2027-01-01"\nprice_per_kwh = 0.32'}
        label="A contract in wattribute.toml"
      />
    </Card>
  );
}
