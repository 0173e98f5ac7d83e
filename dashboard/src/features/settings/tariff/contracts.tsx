// The contracts in their order, each with what it says and when it applies.

import { useState } from 'react';
import * as queries from '../../../api/queries';
import type { Contract, TariffAnswer } from '../../../api/types';
import { Card } from '../../../components/card';
import { Coin } from '../../../components/icons';
import { Empty } from '../../../components/states';
import { money } from '../../../lib/units';
import { Confirm } from '../feedback';
import { importWords, inForce, price, spanWords, whenWords } from './words';

const FROM: Record<string, string> = {
  config: 'set in wattribute.toml',
  api: 'set here',
  home_assistant: 'from Home Assistant’s Energy dashboard',
};

export function Contracts({
  answer,
  today,
  isReadOnly,
  onNew,
  onEdit,
}: {
  answer: TariffAnswer;
  today: string;
  isReadOnly: boolean;
  onNew: () => void;
  onEdit: (index: number) => void;
}) {
  const put = queries.usePutTariffs();
  const [gone, ask] = useState<number | 'all' | null>(null);
  const contracts = answer.tariffs.contracts ?? [];
  const current = inForce(contracts, today);
  const isOurs = answer.from === 'api';
  const asked = (what: number | 'all') => {
    put.reset();
    ask(what);
  };
  return (
    <Card
      title="Contracts"
      sub={answer.from ? (FROM[answer.from] ?? answer.from) : undefined}
      aside={
        !isReadOnly &&
        contracts.length > 0 && (
          <button type="button" className="button primary" onClick={onNew}>
            New contract
          </button>
        )
      }
    >
      {answer.from === 'home_assistant' && (
        <p className="sub">
          Home Assistant says this price. Once a contract is saved here, those here count; what Home Assistant said
          stays for the time before.
        </p>
      )}
      {contracts.length === 0 && (
        <Empty title="No contract yet" icon={<Coin size={28} />}>
          <p>One price, prices by time of day, or one that changes by the hour: say it, and costs are counted.</p>
          {!isReadOnly && (
            <button type="button" className="button primary" onClick={onNew}>
              New contract
            </button>
          )}
        </Empty>
      )}
      <ol className="rows contracts">
        {contracts.map((contract, index) => (
          <li key={`${contract.from} ${contract.name}`}>
            <div>
              <h3>
                {contract.name} {index === current && <span className="chip">in force</span>}
              </h3>
              <div className="sub">{spanWords(contracts, index)}</div>
              <Says contract={contract} currency={answer.currency ?? null} />
            </div>
            {!isReadOnly && isOurs && (
              <div className="row">
                <button type="button" className="button" onClick={() => onEdit(index)}>
                  Edit<span className="visually-hidden"> {contract.name}</span>
                </button>
                <button type="button" className="button danger" onClick={() => asked(index)}>
                  Remove<span className="visually-hidden"> {contract.name}</span>
                </button>
              </div>
            )}
          </li>
        ))}
      </ol>
      {isOurs && !isReadOnly && contracts.length > 0 && (
        <button type="button" className="button quiet" onClick={() => asked('all')}>
          Forget all of these
        </button>
      )}
      {gone !== null && (
        <Confirm
          title={gone === 'all' ? 'Forget all contracts?' : `Remove ${contracts[gone]?.name}?`}
          action={gone === 'all' ? 'Forget them' : 'Remove'}
          asked={put}
          onClose={() => ask(null)}
          onConfirm={() =>
            put.mutate(gone === 'all' ? [] : contracts.filter((_, index) => index !== gone), {
              onSuccess: () => ask(null),
            })
          }
        >
          <p>
            {gone === 'all'
              ? 'Costs are then counted by the price that Home Assistant’s Energy dashboard has, where it has one; else they are unknown.'
              : `This rewrites the past: what was used ${spanWords(contracts, gone)} is then counted by ${
                  contracts[gone - 1] ? `“${contracts[gone - 1]?.name}”` : 'no contract, and its cost is unknown'
                }.`}
          </p>
        </Confirm>
      )}
    </Card>
  );
}

function Says({ contract, currency }: { contract: Contract; currency: string | null }) {
  const exported = contract.export_entity
    ? `${contract.export_entity} says what is paid for energy given`
    : contract.export_price_per_kwh != null && `${price(contract.export_price_per_kwh, currency)} for a kWh given`;
  const made = contract.entity && [
    contract.factor != null && contract.factor !== 1 && `× ${contract.factor}`,
    contract.surcharge_per_kwh && `+ ${price(contract.surcharge_per_kwh, currency)}`,
    `each for ${contract.settlement_minutes} min`,
  ];
  return (
    <div className="says">
      {contract.rates?.length ? (
        <ul>
          {contract.rates.map((rate, index) => (
            <li key={`${rate.name} ${rate.price_per_kwh} ${whenWords(rate)}`}>
              <strong>{price(rate.price_per_kwh, currency)}</strong> {rate.name}{' '}
              <span className="sub">{whenWords(rate, index === 0)}</span>
            </li>
          ))}
        </ul>
      ) : (
        <p>
          {importWords(contract, currency)}
          {made && <span className="sub"> {made.filter(Boolean).join(', ')}</span>}
        </p>
      )}
      <p className="sub">
        {[contract.standing_charge_per_day && `${money(contract.standing_charge_per_day, currency)} a day`, exported]
          .filter(Boolean)
          .join(' · ')}
      </p>
    </div>
  );
}
