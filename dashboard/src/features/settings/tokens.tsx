// Who gets in: the tokens there are, a new one, and the end of this browser's login.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import * as queries from '../../api/queries';
import type { Token } from '../../api/types';
import { Card } from '../../components/card';
import { Snippet } from '../../components/snippet';
import { Loaded, SkeletonList } from '../../components/states';
import { date, instant } from '../../lib/time';
import { useZone } from '../../lib/zone';
import { Confirm, Feedback } from './feedback';
import { Choice, Field } from './field';

const SCOPES: readonly { value: Token['scope']; label: string; words: string }[] = [
  { value: 'read', label: 'Read', words: 'sees everything, changes nothing: a phone, a tablet on the wall' },
  { value: 'write', label: 'Read and write', words: 'sees and changes everything, tokens too: yourself' },
  { value: 'push', label: 'Push', words: 'only hands in readings: a device or a script' },
];
/** As the server has it. */
const NAME = '[A-Za-z0-9_\\-][A-Za-z0-9._\\-]{0,63}';

export function TokensSection() {
  return (
    <div className="grid halves">
      <div className="stack">
        <NewToken />
        <Card title="This browser">
          <p className="sub">
            Ends the login of this browser, where it has one. On the machine that Wattribute runs on, none is needed.
          </p>
          <form className="actions" method="post" action="logout">
            <button type="submit" className="button">
              Log out
            </button>
          </form>
        </Card>
      </div>
      <Tokens />
    </div>
  );
}

function Tokens() {
  const tokens = useQuery(queries.tokens());
  const zone = useZone();
  const revoke = queries.useRevokeToken();
  const [asked, ask] = useState<string | null>(null);
  return (
    <Card title="Tokens" sub="those of the configuration are not listed">
      <Loaded query={tokens} skeleton={<SkeletonList rows={3} height={34} />}>
        {(all) =>
          all.length === 0 ? (
            <p className="sub">
              None was made yet. Other devices than the machine Wattribute runs on need one to log in.
            </p>
          ) : (
            <ul className="rows">
              {all.map((token) => (
                <li key={token.name}>
                  <div>
                    <div className="name">{token.name}</div>
                    <div className="sub">
                      {SCOPES.find((scope) => scope.value === token.scope)?.label ?? token.scope} · made{' '}
                      {date(instant(token.created_at) ?? 0, zone)}
                    </div>
                  </div>
                  <button
                    type="button"
                    className="button danger"
                    onClick={() => {
                      revoke.reset();
                      ask(token.name);
                    }}
                  >
                    Revoke<span className="visually-hidden"> {token.name}</span>
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {asked && (
        <Confirm
          title={`Revoke ${asked}?`}
          action="Revoke"
          asked={revoke}
          onClose={() => ask(null)}
          onConfirm={() => revoke.mutate(asked, { onSuccess: () => ask(null) })}
        >
          <p>Whatever uses this token is shut out within a second, and so is every login made with it.</p>
        </Confirm>
      )}
    </Card>
  );
}

function NewToken() {
  const make = queries.useMakeToken();
  const [name, setName] = useState('');
  const [scope, setScope] = useState<Token['scope']>('read');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate({ name: name.trim(), scope }, { onSuccess: () => setName('') });
  };
  return (
    <Card title="New token" sub="lets a device or a program in">
      {make.data && (
        <div className="made" role="status">
          <h3>The token of {make.data.name}</h3>
          <Snippet text={make.data.token} label={`Token of ${make.data.name}`} />
          <p className="sub">Copy it now: it is not shown again.</p>
          <button type="button" className="button" onClick={() => make.reset()}>
            I have it
          </button>
        </div>
      )}
      <form className="stack" onSubmit={submit}>
        <Field
          label="Name"
          value={name}
          onChange={setName}
          required
          pattern={NAME}
          title="Letters, digits, point, dash and underscore"
          placeholder="phone"
          hint="Letters, digits, . - and _, such as kitchen-tablet"
          autoCapitalize="off"
          spellCheck={false}
        />
        <Choice legend="What it is good for" options={SCOPES} value={scope} onChange={setScope} />
        <div className="row wrap">
          <button type="submit" className="button primary" disabled={make.isPending}>
            Make it
          </button>
          <Feedback of={make} />
        </div>
      </form>
    </Card>
  );
}
