// One adapter: whether it is up, since when, what it said last, and what is wrong.

import { useState } from 'react';
import { Card } from '../../components/card';
import { Outside } from '../../components/icons';
import { useNow } from '../../lib/now';
import { ago, instant, moment } from '../../lib/time';
import { number } from '../../lib/units';
import { useZone } from '../../lib/zone';
import { SeriesTable } from './series-table';
import { type Adapter, howOf, pageOf, titleOf } from './words';

export function SourceCard({ source }: { source: Adapter }) {
  const now = useNow(5_000);
  const zone = useZone();
  const [isOpen, open] = useState(false);
  const how = howOf(source);
  const title = titleOf(source);
  const link = pageOf(source);
  const last_ms = instant(source.last_at);
  const heard_ms = instant(source.heard_at);
  const since_ms = instant(source.since);
  return (
    <Card
      title={title}
      sub={title === source.source ? undefined : source.source}
      aside={
        <span className={`how ${how.dot || 'ok'}`}>
          <span className={`dot ${how.dot}`} />
          {how.word} <span aria-hidden="true">{how.mark}</span>
        </span>
      }
    >
      {source.error && (
        <p className={`note ${source.is_up === false ? 'bad' : 'warn'}`} role="status">
          {capital(source.error)}
        </p>
      )}
      <dl className="facts">
        <Fact what={source.is_up == null ? 'Since' : source.is_up ? 'Up since' : 'Down since'}>
          {since_ms == null ? <None>nothing reads it now</None> : moment(since_ms, now, zone)}
        </Fact>
        <Fact what="Last reading">
          {last_ms == null ? <None>none yet</None> : ago(Math.min(last_ms, now), now, zone)}
        </Fact>
        {heard_ms != null && <Fact what="Last heard">{ago(Math.min(heard_ms, now), now, zone)}</Fact>}
        <Fact what="Series">
          {number(source.series)}
          {source.silent > 0 && <small className="warn-text"> {number(source.silent)} silent</small>}
        </Fact>
      </dl>
      <div className="actions">
        {source.series > 0 && (
          <button type="button" className="button" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
            {isOpen ? 'Hide its series' : `Show its ${number(source.series)} series`}
          </button>
        )}
        {link && (
          <a className="button" href={link} target="_blank" rel="noopener noreferrer">
            Open {title}
            <Outside size={15} />
            <span className="visually-hidden"> (in a new tab)</span>
          </a>
        )}
      </div>
      {isOpen && <SeriesTable source={source.source} title={title} />}
    </Card>
  );
}

function Fact({ what, children }: { what: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{what}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const None = ({ children }: { children: React.ReactNode }) => (
  <>
    – <small>{children}</small>
  </>
);

const capital = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;
