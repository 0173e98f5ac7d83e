// The four figures that one looks at in passing.

import { useQuery } from '@tanstack/react-query';
import { useLive } from '../../api/live';
import * as queries from '../../api/queries';
import type { Device } from '../../api/types';
import { FigureCard } from '../../components/card';
import { useNow } from '../../lib/now';
import { clock, dayStart, HOUR_MS, instant, isoDay, MINUTE_MS, weekday } from '../../lib/time';
import { energy, money, number, percent, watts } from '../../lib/units';
import { usualByNow } from '../../lib/usual';
import { VERDICTS } from '../../lib/words';
import { useZone } from '../../lib/zone';

const WEEKS = 5;

export function Cards() {
  return (
    <div className="grid cards">
      <CurrentPower />
      <Today />
      <Peak />
      <Found />
    </div>
  );
}

/** Power of all devices that can be told now, W; of those that are only known together, once. */
export function knownNow(devices: readonly Device[]): number {
  const counted = new Set<string>();
  let sum = 0;
  for (const device of devices) {
    if (device.power_now_w == null || counted.has(device.entity_id)) continue;
    for (const other of device.grouped_with) counted.add(other);
    sum += device.power_now_w;
  }
  return sum;
}

function CurrentPower() {
  const live = useLive((state) => state.power_w);
  const link = useLive((state) => state.link);
  const beats = useLive((state) => state.beats);
  const statistics = useQuery(queries.statistics());
  const devices = useQuery(queries.devices());
  const power_w = link === 'live' ? live : (live ?? statistics.data?.current_power_w ?? null);
  const sub =
    power_w == null ? 'the meter says nothing now' : devices.data ? knownWords(devices.data.devices, power_w) : ' ';
  return (
    <FigureCard
      key={beats % 2}
      className={link === 'live' ? 'flash' : 'stale'}
      label="Current power"
      figure={watts(power_w)}
      sub={sub}
    />
  );
}

/** How much of the power is known; of what works by itself only a mean is, so that the sum is about right at best. */
function knownWords(devices: readonly Device[], power_w: number): string {
  const known_w = knownNow(devices);
  const about = devices.some((device) => device.verdict === 'varies' && (device.power_now_w ?? 0) > 0) ? 'about ' : '';
  if (known_w >= power_w && power_w > 0) return 'about all of it known';
  return `${about}${number(known_w)} W known, ${number(Math.max(0, power_w - known_w))} W not`;
}

function Today() {
  const zone = useZone();
  const now_ms = useNow(MINUTE_MS);
  const statistics = useQuery(queries.statistics());
  const today = useQuery(queries.history('day', isoDay(now_ms, zone))).data;
  const hours = useQuery({
    ...queries.history('hour', isoDay(dayStart(now_ms, zone, -7 * WEEKS), zone)),
    staleTime: HOUR_MS,
    refetchInterval: HOUR_MS,
  }).data;
  const bucket = today?.history.at(-1);
  const kwh = bucket?.consumption_kwh ?? statistics.data?.daily_kwh ?? null;
  const usual = hours ? usualByNow(hours.history, now_ms, zone) : null;
  const parts: string[] = [];
  if (bucket?.cost != null) parts.push(money(bucket.cost, today?.meta.currency));
  if (usual != null && usual > 0.05 && kwh != null) {
    const share = kwh / usual - 1;
    const name = weekday(now_ms, zone);
    parts.push(
      Math.abs(share) < 0.03
        ? `like a usual ${name}`
        : `${percent(Math.abs(share))} ${share < 0 ? 'below' : 'above'} a usual ${name}`,
    );
  }
  if (kwh == null) parts.push('not known yet');
  return <FigureCard label="Today" figure={energy(kwh)} sub={parts.join(' · ') || ' '} />;
}

function Peak() {
  const zone = useZone();
  const statistics = useQuery(queries.statistics()).data;
  const at_ms = instant(statistics?.peak_time);
  const around = useQuery({
    ...queries.attribution((at_ms ?? 0) - MINUTE_MS, (at_ms ?? 0) + MINUTE_MS, 8, 5),
    enabled: at_ms != null,
    placeholderData: undefined,
  }).data;
  const names = around ? mainly(around) : null;
  const sub = at_ms == null ? 'nothing known yet' : [clock(at_ms, zone), names].filter(Boolean).join(', ');
  return <FigureCard label="Peak, 24 h" figure={watts(statistics?.peak_power_w)} sub={sub} />;
}

/** The two devices that a peak was made of, where they made a good part of it. */
function mainly(around: {
  total: { energy_kwh?: number | null };
  devices: { name: string; energy_kwh: number }[];
}): string | null {
  const whole = around.total.energy_kwh ?? 0;
  const main = around.devices.filter((device) => device.energy_kwh > 0.15 * whole).slice(0, 2);
  if (whole <= 0 || main.length === 0) return null;
  return main.map((device) => device.name).join(' and ');
}

function Found() {
  const statistics = useQuery(queries.statistics()).data;
  const devices = useQuery(queries.devices()).data?.devices;
  const learned = devices?.filter((one) => VERDICTS[one.verdict]?.tells).length;
  const sub = devices
    ? `${number(learned ?? 0)} devices learned, ${number(devices.length - (learned ?? 0))} cannot be told`
    : ' ';
  const found = statistics?.total_correlations;
  return (
    <FigureCard
      label="Correlations found"
      figure={{ value: found == null ? '–' : number(found), unit: 'in 24 h' }}
      sub={sub}
    />
  );
}
