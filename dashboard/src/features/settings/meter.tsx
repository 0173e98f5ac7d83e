// Which sensor is the house: all that is learned rests on it.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import * as queries from '../../api/queries';
import type { Home } from '../../api/types';
import { Card } from '../../components/card';
import { Snippet } from '../../components/snippet';
import { Loaded, Skeleton } from '../../components/states';
import { number, watts } from '../../lib/units';
import { Feedback } from './feedback';
import { Choice, Field } from './field';
import { intervalWords, lagWords } from './words';

const OTHER = ' other';

export function MeterSection() {
  const home = useQuery(queries.home());
  return (
    <Loaded
      query={home}
      skeleton={
        <div className="grid halves">
          <Skeleton height={330} />
          <Skeleton height={330} />
        </div>
      }
    >
      {({ meter }) => (
        <div className="grid halves">
          <div className="stack">
            <InForce meter={meter} />
            <Check />
          </div>
          {meter.from === 'config' ? <FromConfig said={meter.said ?? null} /> : <Choose meter={meter} />}
        </div>
      )}
    </Loaded>
  );
}

function InForce({ meter }: { meter: Home['meter'] }) {
  return (
    <Card title="The house is" sub={meter.said == null ? 'found by itself' : 'as you said'}>
      <p className="expression">{meter.in_force ?? '– nothing yet'}</p>
      <p className="sub">{meter.why ?? (meter.in_force ? '' : 'No sensor of power or energy was heard yet.')}</p>
      <dl className="facts">
        <div>
          <dt>Reports every</dt>
          <dd>
            {meter.interval_s == null
              ? '–'
              : number(meter.interval_s, meter.interval_s < 9.95 && meter.interval_s % 1 !== 0 ? 1 : 0)}{' '}
            <small>s</small>
          </dd>
          <dd className="sub">{meter.interval_s == null ? 'not known yet' : intervalWords(meter.interval_s)}</dd>
        </div>
        <div>
          <dt>Lags by</dt>
          <dd>
            {meter.lag_s == null ? '–' : number(meter.lag_s, 1)} <small>s</small>
          </dd>
          <dd className="sub">{meter.lag_s == null ? 'known once some switches were seen' : lagWords(meter.lag_s)}</dd>
        </div>
      </dl>
    </Card>
  );
}

function Check() {
  return (
    <Card title="Is it the right one?">
      <ul className="plain">
        <li>Switch a kettle on: the figure on the Energy page rises by about 2000 W within some seconds.</li>
        <li>It is the whole house, not one circuit or one phase.</li>
        <li>
          With solar panels or a battery it is what the house uses, not what comes from the grid:{' '}
          <code>import − export + solar</code>.
        </li>
        <li>Over a day its energy is about what the meter in the cellar says.</li>
      </ul>
    </Card>
  );
}

function FromConfig({ said }: { said: string | null }) {
  return (
    <Card title="Set in the configuration">
      <p className="sub">
        <code>meter</code> of <code>[home_assistant]</code> in <code>wattribute.toml</code> (or{' '}
        <code>WATTRIBUTE__HOME_ASSISTANT__METER</code>) says it, so it cannot be set here. Take that line away to choose
        here.
      </p>
      <Snippet text={`[home_assistant]\nmeter = ${JSON.stringify(said ?? '')}`} label="The meter in wattribute.toml" />
    </Card>
  );
}

function Choose({ meter }: { meter: Home['meter'] }) {
  const patch = queries.usePatchHome();
  const isListed = meter.candidates.some((one) => one.meter === meter.said);
  const [chosen, choose] = useState(meter.said == null ? '' : isListed ? meter.said : OTHER);
  const [written, write] = useState(isListed ? '' : (meter.said ?? ''));
  const said = chosen === '' ? null : chosen === OTHER ? written.trim() : chosen;
  const isSame = said === meter.said;
  const options = [
    { value: '', label: 'Find it by itself', words: 'looks at names, units and the Energy dashboard' },
    ...meter.candidates.map((one) => {
      const power = one.power_w == null ? null : watts(one.power_w);
      return {
        value: one.meter,
        label: (
          <>
            {one.name}
            {power && (
              <span className="now">
                {power.value} <small>{power.unit}</small>
              </span>
            )}
          </>
        ),
        words: [one.meter, one.reason].join(' · '),
      };
    }),
    { value: OTHER, label: 'Another, or a sum of some', words: 'with + and −' },
  ];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    patch.mutate({ meter: said });
  };
  return (
    <Card title="Choose" sub={`${number(meter.candidates.length)} found that could be it`}>
      <form className="stack" onSubmit={submit}>
        <Choice
          legend={<span className="visually-hidden">Meter of the house</span>}
          options={options}
          value={chosen}
          onChange={choose}
        />
        {chosen === OTHER && (
          <Field
            label="Entity or sum"
            value={written}
            onChange={write}
            placeholder="sensor.import - sensor.export + sensor.pv"
            spellCheck={false}
            autoCapitalize="off"
            required
          />
        )}
        <div className="row wrap">
          <button type="submit" className="button primary" disabled={isSame || said === '' || patch.isPending}>
            Save
          </button>
          {meter.said !== null && (
            <button
              type="button"
              className="button"
              disabled={patch.isPending}
              onClick={() => patch.mutate({ meter: null }, { onSuccess: () => choose('') })}
            >
              Back to automatic
            </button>
          )}
        </div>
        <p className="sub">With another meter everything is learned anew.</p>
        <Feedback of={patch} done="Saved. What was learned is worked out anew." />
      </form>
    </Card>
  );
}
