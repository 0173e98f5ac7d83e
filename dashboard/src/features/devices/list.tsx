// Every device: what it draws, how sure that is, and what it came to.

import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import * as queries from '../../api/queries';
import type { Device } from '../../api/types';
import { Card } from '../../components/card';
import { PageHead } from '../../components/page-head';
import { Empty, Failed, Skeleton } from '../../components/states';
import { colourAll } from '../../lib/colours';
import { useNow } from '../../lib/now';
import { href } from '../../lib/route';
import { useWidth } from '../../lib/size';
import { dayStart, isoDay, MINUTE_MS } from '../../lib/time';
import { currentLocale, number } from '../../lib/units';
import { useZone } from '../../lib/zone';
import { RowCards } from './cards';
import { Filters } from './filters';
import { consumersById, drawn, KINDS, matches, ofRow, type Row, type Sort, series, sorted, toRows } from './known';
import { RowTable } from './rows';
import { decades } from './scale';

/** A table needs so much room, px. */
const WIDE_PX = 700;
const DAYS = 30;

/** What a line shows beside its device. */
export interface Beside {
  daily_kwh: number[] | undefined;
  monthlyCost: number | null;
  meanOn_w: number | null;
}

export function DeviceList() {
  const query = useQuery(queries.devices());
  const [holder, width] = useWidth<HTMLDivElement>();
  return (
    <>
      <PageHead title="Devices" after={query.data && <Count devices={query.data.devices} />} />
      <div ref={holder} className="stack">
        {query.isError && !query.data && (
          <Card title="All devices">
            <Failed error={query.error} retry={() => void query.refetch()} />
          </Card>
        )}
        {query.isPending && <Waiting />}
        {query.data?.meta.notes.map((note) => (
          <p className="note" key={note}>
            {note}
          </p>
        ))}
        {query.data &&
          (query.data.devices.length === 0 ? <NothingYet /> : <Lists devices={query.data.devices} width={width} />)}
      </div>
    </>
  );
}

function Count({ devices }: { devices: Device[] }) {
  const rows = devices.length;
  if (rows === 0) return null;
  const on = devices.filter((one) => (one.power_now_w ?? 0) > 0).length;
  return (
    <span className="sub">
      {number(rows)} {rows === 1 ? 'device' : 'devices'}
      {on > 0 && `, ${number(on)} drawing now`}
    </span>
  );
}

function Lists({ devices, width }: { devices: Device[]; width: number }) {
  const [wanted, setWanted] = useState({ text: '', verdict: '', area: '' });
  const [sort, setSort] = useState<Sort>('energy');
  const zone = useZone();
  const today = isoDay(dayStart(useNow(10 * MINUTE_MS), zone, -(DAYS - 1)), zone);
  const history = useQuery(queries.history('day', today, undefined, { devices: true }));
  const consumers = useQuery(queries.topConsumers(7, 50));

  const daily = useMemo(() => series(history.data?.history ?? []), [history.data]);
  const byId = useMemo(() => consumersById(consumers.data ?? []), [consumers.data]);
  const all = useMemo(() => {
    colourAll(devices.filter((one) => one.energy_kwh).map((one) => one.entity_id));
    return toRows(devices);
  }, [devices]);
  const rows = useMemo(
    () =>
      sorted(
        all.filter((row) => matches(row, wanted)),
        sort,
        currentLocale(),
      ),
    [all, wanted, sort],
  );
  const scale = useMemo(
    () =>
      decades(
        devices.flatMap((one) => {
          const draws = drawn(one);
          return 'power_w' in draws ? draws.power_w : [];
        }),
      ),
    [devices],
  );
  const beside = (row: Row): Beside => {
    const consumer = ofRow(row, byId);
    return {
      daily_kwh: ofRow(row, daily),
      monthlyCost: consumer?.estimated_monthly_cost ?? null,
      meanOn_w: consumer?.average_power_on_w ?? null,
    };
  };
  const currency = history.data?.meta.currency ?? null;
  const List = width > 0 && width < WIDE_PX ? RowCards : RowTable;

  return (
    <>
      <Filters
        devices={devices}
        wanted={wanted}
        onWanted={setWanted}
        sort={sort}
        onSort={setSort}
        found={rows.reduce((sum, row) => sum + row.devices.length, 0)}
      />
      {rows.length === 0 && (
        <Card title="Nothing found">
          <Empty title="No device is like that">
            <button type="button" className="button" onClick={() => setWanted({ text: '', verdict: '', area: '' })}>
              Show all
            </button>
          </Empty>
        </Card>
      )}
      {KINDS.map(({ kind, title, sub }) => {
        const some = rows.filter((row) => row.kind === kind);
        return (
          some.length > 0 && (
            <Card key={kind} title={title} sub={sub} className="devices">
              <List rows={some} kind={kind} scale={scale} beside={beside} currency={currency} width={width} />
            </Card>
          )
        );
      })}
    </>
  );
}

function NothingYet() {
  return (
    <Card title="No devices yet">
      <Empty title="Waiting for your first events">
        <p>
          Devices appear here as soon as Home Assistant says that something was switched. Switch a lamp or the kettle on
          and off a few times, a minute apart: after some tens of switches it is known what each draws.
        </p>
        <a className="button" href={href('sources')}>
          See whether sources are up
        </a>
      </Empty>
    </Card>
  );
}

function Waiting() {
  return (
    <div className="stack" role="status" aria-label="Loading">
      <Skeleton height={38} />
      <Skeleton height={560} />
    </div>
  );
}
