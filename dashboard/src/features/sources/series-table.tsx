// What an adapter reads, one row a series; asked for only when somebody wants to see it.

import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import * as queries from '../../api/queries';
import type { SeriesRow } from '../../api/types';
import { Loaded, SkeletonList } from '../../components/states';
import { useNow } from '../../lib/now';
import { ago, instant } from '../../lib/time';
import { number } from '../../lib/units';
import { useZone } from '../../lib/zone';
import { found, lastOf, whatOf } from './words';

/** So many rows at first: a home has some hundreds. */
const FIRST = 100;
/** From so many on, one wants to search. */
const MANY = 10;

export function SeriesTable({ source, title }: { source: string; title: string }) {
  const asked = useQuery({ ...queries.series(), refetchInterval: 10_000 });
  return (
    <div className="series">
      <Loaded query={asked} skeleton={<SkeletonList rows={6} height={26} />}>
        {(data) => <Rows rows={data.series.filter((row) => row.source === source)} title={title} />}
      </Loaded>
    </div>
  );
}

function Rows({ rows, title }: { rows: SeriesRow[]; title: string }) {
  const id = useId();
  const now = useNow(5_000);
  const zone = useZone();
  const [words, setWords] = useState('');
  const [onlySilent, setOnlySilent] = useState(false);
  const [isWhole, setWhole] = useState(false);
  const silent = rows.filter((row) => row.is_silent).length;
  const kept = found(rows, words, onlySilent && silent > 0);
  const shown = isWhole ? kept : kept.slice(0, FIRST);
  return (
    <>
      {rows.length > MANY && (
        <div className="row wrap search">
          <label className="visually-hidden" htmlFor={id}>
            Search the series of {title}
          </label>
          <input
            id={id}
            type="search"
            placeholder="Search by name"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
          {silent > 0 && (
            <label className="check">
              <input type="checkbox" checked={onlySilent} onChange={(event) => setOnlySilent(event.target.checked)} />
              Only the {number(silent)} silent
            </label>
          )}
        </div>
      )}
      {kept.length === 0 ? (
        <p className="sub">No series has these words.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled by keys too
        <section className="table-wrap tall" tabIndex={0} aria-label={`Series of ${title}`}>
          <table>
            <caption className="visually-hidden">Series of this source</caption>
            <thead>
              <tr>
                <th scope="col">Series</th>
                <th scope="col" className="num">
                  Last value
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => (
                <Row key={row.id} row={row} now={now} zone={zone} />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {shown.length < kept.length && (
        <button type="button" className="button" onClick={() => setWhole(true)}>
          Show all {number(kept.length)}
        </button>
      )}
    </>
  );
}

function Row({ row, now, zone }: { row: SeriesRow; now: number; zone: string }) {
  const last = lastOf(row);
  const at_ms = instant(row.last_at);
  return (
    <tr>
      <th scope="row">
        <div>{row.name ?? row.device}</div>
        <div className="sub">
          {whatOf(row)}
          {row.name && ` · ${row.device}`}
        </div>
      </th>
      <td className="num">
        <div>
          {row.is_silent ? (
            <span className="warn-text">silent</span>
          ) : (
            <>
              {last.value} <small className="dim">{last.unit}</small>
            </>
          )}
        </div>
        <div className="sub">{at_ms == null ? 'never' : ago(Math.min(at_ms, now), now, zone)}</div>
      </td>
    </tr>
  );
}
