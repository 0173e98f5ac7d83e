// All that is known of one device, and why to believe it.

import { useQuery } from '@tanstack/react-query';
import { ApiError } from '../../api/client';
import * as queries from '../../api/queries';
import type { DevicePage } from '../../api/types';
import { Card } from '../../components/card';
import { Left } from '../../components/icons';
import { PageHead } from '../../components/page-head';
import { Empty, Failed, Skeleton } from '../../components/states';
import { colourOf } from '../../lib/colours';
import { useNow } from '../../lib/now';
import { href } from '../../lib/route';
import { instant, MINUTE_MS, moment } from '../../lib/time';
import { stateWords } from '../../lib/words';
import { useZone } from '../../lib/zone';
import { Activations } from './activations';
import { isOn } from './bits';
import { DriftCard } from './drift';
import { EvidenceCards } from './evidence-card';
import { DeviceFigures } from './figures';
import { Help, Together } from './help';
import { kindOf, leadOf } from './known';
import { Levels } from './levels';
import { RunningTimes } from './running';
import { WhenItRuns } from './when';
import { YourWord } from './word-card';

/** So that the month so far is always within. */
export const DAYS = 31;
export const MOST_ACTIVATIONS = 1000;
const MOST_STEPS = 80;

export const deviceQuery = (entity_id: string) => queries.device(entity_id, DAYS, MOST_ACTIVATIONS, MOST_STEPS);

export function DeviceView({ entity_id }: { entity_id: string }) {
  const query = useQuery(deviceQuery(entity_id));
  const isUnknown = query.error instanceof ApiError && query.error.status === 404 && !query.data;
  if (isUnknown) return <Unknown entity_id={entity_id} />;
  return (
    <>
      <Head entity_id={entity_id} page={query.data} />
      {query.isError && !query.data && (
        <Card title="All that is known of it">
          <Failed error={query.error} retry={() => void query.refetch()} />
        </Card>
      )}
      {query.isPending && <Waiting />}
      {query.data && <OfLead page={query.data} />}
    </>
  );
}

const Back = () => (
  <a className="chip" href={href('devices')}>
    <Left size={13} />
    Devices
  </a>
);

function Head({ entity_id, page }: { entity_id: string; page: DevicePage | undefined }) {
  const zone = useZone();
  const now = useNow(MINUTE_MS);
  const device = page?.device;
  const since_ms = instant(device?.state_since);
  return (
    <PageHead
      title={device?.name ?? entity_id}
      before={<Back />}
      after={
        device && (
          <>
            <span className="chip">{device.entity_id}</span>
            {device.area && <span className="sub">{device.area}</span>}
          </>
        )
      }
    >
      {device?.state && (
        <span className="live">
          <span className={`dot ${isOn(device) ? '' : 'off'}`} />
          {stateWords(device.state)}
          {since_ms != null && ` since ${moment(since_ms, now, zone)}`}
        </span>
      )}
    </PageHead>
  );
}

/** Of a group, steps and energy are told under its lead: the others show those, not nothing. */
function OfLead({ page }: { page: DevicePage }) {
  const { device } = page;
  const lead = leadOf(device);
  const isLead = lead === device.entity_id;
  const query = useQuery({ ...deviceQuery(lead), enabled: !isLead });
  if (isLead || query.isError) return <Body page={page} />;
  return query.data ? <Body page={{ ...query.data, device }} /> : <Waiting />;
}

function Body({ page }: { page: DevicePage }) {
  const { device } = page;
  const colour =
    kindOf(device) === 'known' || kindOf(device) === 'together' ? colourOf(leadOf(device)) : 'var(--others)';
  const hasLevels = page.levels.filter((one) => one.power_w != null).length > 1;
  const hasDrift = page.drift.filter((one) => one.power_w != null).length > 1;
  return (
    <div className="stack device">
      {kindOf(device) === 'unknown' && <Help page={page} />}
      {device.verdict === 'grouped' && device.grouped_with.length > 0 && <Together page={page} />}
      <DeviceFigures page={page} colour={colour} />
      <div className="grid two">
        <EvidenceCards page={page} colour={colour}>
          <WhenItRuns page={page} colour={colour} />
        </EvidenceCards>
      </div>
      {(hasLevels || hasDrift || page.running_time) && (
        <div className="grid fit">
          {hasLevels && <Levels page={page} colour={colour} />}
          {hasDrift && <DriftCard page={page} colour={colour} />}
          <RunningTimes page={page} colour={colour} />
        </div>
      )}
      <div className="grid two">
        <Activations page={page} />
        <YourWord device={device} />
      </div>
    </div>
  );
}

function Unknown({ entity_id }: { entity_id: string }) {
  return (
    <>
      <PageHead title="No such device" before={<Back />} />
      <Card title={entity_id}>
        <Empty title="Nothing is known of it">
          <p>
            Nobody by that name has been heard. It may have been renamed in Home Assistant, or it has not been switched
            since Wattribute began to listen.
          </p>
          <a className="button" href={href('devices')}>
            See all devices
          </a>
        </Empty>
      </Card>
    </>
  );
}

function Waiting() {
  return (
    <div className="stack" role="status" aria-label="Loading">
      <div className="grid cards">
        {['draws', 'from', 'month', 'strength'].map((name) => (
          <Skeleton key={name} height={114} />
        ))}
      </div>
      <div className="grid two">
        <Skeleton height={450} />
        <Skeleton height={450} />
      </div>
    </div>
  );
}
