// What was told and is to be told: alerts, from when on a night is too much, and where they go.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import * as queries from '../../api/queries';
import type { Alert } from '../../api/types';
import { Card } from '../../components/card';
import { Bell } from '../../components/icons';
import { Snippet } from '../../components/snippet';
import { Empty, Loaded, Skeleton, SkeletonList } from '../../components/states';
import { useNow } from '../../lib/now';
import { href } from '../../lib/route';
import { instant, moment } from '../../lib/time';
import { duration, number, watts } from '../../lib/units';
import { useZone } from '../../lib/zone';
import { Feedback } from './feedback';
import { NumberField } from './field';
import { read, typed } from './tariff/draft';
import { kindWords } from './words';

const WAYS = `[alerts]
high_consumption_w = 10000.0
quiet_hours = "22:00-07:00"   # local time
home_assistant = true         # events wattribute_alert
mqtt = true                   # messages on wattribute/alert

[[alerts.webhooks]]           # any address, such as ntfy
url = "https://ntfy.sh/my-secret-topic"
content_type = "text/plain; charset=utf-8"
body = "{message}"`;

export function AlertsSection() {
  return (
    <div className="grid halves">
      <Alerts />
      <div className="stack">
        <Threshold />
        <Card title="Where they go" sub="set in wattribute.toml, then start it again">
          <ul className="plain">
            <li>
              <strong>Home Assistant</strong>: an event that automations act on.
            </li>
            <li>
              <strong>MQTT</strong>, where a broker is set.
            </li>
            <li>
              <strong>Webhooks</strong>: ntfy, Telegram, any address.
            </li>
          </ul>
          <Snippet text={WAYS} label="Alerts in wattribute.toml" />
          <p className="sub">
            Each is told once when it begins and once when it is over. What begins in quiet hours is told when they end,
            if it is still so.
          </p>
        </Card>
      </div>
    </div>
  );
}

function Alerts() {
  const asked = useQuery(queries.alerts());
  const zone = useZone();
  const now = useNow(30_000);
  return (
    <Card
      title="Alerts"
      sub={asked.data ? (asked.data.meta.active > 0 ? `${number(asked.data.meta.active)} on now` : 'none is on') : '…'}
    >
      <Loaded query={asked} skeleton={<SkeletonList rows={5} height={44} />}>
        {({ alerts, meta }) =>
          alerts.length === 0 ? (
            <Empty title="Nothing to tell" icon={<Bell size={28} />}>
              <p>
                You are told of high consumption, high phantom load, what was left on, and meters that fall silent. A
                device’s usual time is known after five runs.
              </p>
            </Empty>
          ) : (
            <>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled by keys too */}
              <section className="long" tabIndex={0} aria-label="Alerts, the last first">
                <ul className="rows">
                  {alerts.map((alert) => (
                    <AlertItem key={alert.id} alert={alert} now={now} zone={zone} />
                  ))}
                </ul>
              </section>
              {meta.total > alerts.length && (
                <p className="sub">
                  The last {number(alerts.length)} of {number(meta.total)}.
                </p>
              )}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

function AlertItem({ alert, now, zone }: { alert: Alert; now: number; zone: string }) {
  const began = instant(alert.began) ?? 0;
  const ended = instant(alert.ended);
  const since = instant(alert.since);
  const when = [
    moment(began, now, zone),
    since != null && Math.abs(began - since) > 60_000 && `so since ${moment(since, now, zone)}`,
    ended != null && `over ${moment(ended, now, zone)}, after ${duration((ended - began) / 1000)}`,
  ].filter(Boolean);
  return (
    <li>
      <span className={`dot ${alert.is_on ? 'warn' : 'off'}`} />
      <div>
        <div>
          {alert.entity_id && alert.kind === 'left_on' ? (
            <a href={href('devices', alert.entity_id)}>{alert.message}</a>
          ) : (
            alert.message
          )}
        </div>
        <div className="sub">
          {kindWords(alert.kind)} · {when.join(' · ')}
        </div>
      </div>
      {alert.is_on ? <span className="chip warn">on</span> : <span className="chip">over</span>}
    </li>
  );
}

function Threshold() {
  const home = useQuery(queries.home());
  return (
    <Card title="Phantom load" sub="from how much on you are told of a night">
      <Loaded query={home} skeleton={<Skeleton height={110} />}>
        {(data) =>
          data.phantom_threshold_from === 'config' ? (
            <p>
              {number(data.phantom_threshold_w)} W, as <code>[alerts]</code> in <code>wattribute.toml</code> says; it is
              changed there.
            </p>
          ) : (
            <ThresholdForm
              threshold_w={data.phantom_threshold_w}
              night={data.night}
              isSaid={data.phantom_threshold_from === 'api'}
            />
          )
        }
      </Loaded>
    </Card>
  );
}

interface ThresholdProps {
  threshold_w: number;
  night: { from: string; to: string };
  /** Whether it was said here, and so can be taken back. */
  isSaid: boolean;
}

function ThresholdForm({ threshold_w, night, isSaid }: ThresholdProps) {
  const patch = queries.usePatchHome();
  const [text, setText] = useState<string | null>(null);
  const value = text === null ? threshold_w : read(text);
  const wrong = value === null || Number.isNaN(value) || value <= 0 ? 'Say a number of watts above zero.' : undefined;
  const shown = watts(threshold_w);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!wrong) patch.mutate({ phantom_threshold_w: value }, { onSuccess: () => setText(null) });
  };
  return (
    <form onSubmit={submit} noValidate>
      <p className="sub">
        Now {shown.value} {shown.unit}, between {night.from} and {night.to} with nothing in use.
      </p>
      <div className="row wrap ask">
        <NumberField
          label="Threshold"
          unit="W"
          value={text ?? typed(threshold_w)}
          onChange={setText}
          wrong={text === null ? undefined : wrong}
        />
        <button type="submit" className="button" disabled={text === null || !!wrong || patch.isPending}>
          Save
        </button>
        {isSaid && (
          <button
            type="button"
            className="button quiet"
            disabled={patch.isPending}
            onClick={() => patch.mutate({ phantom_threshold_w: null }, { onSuccess: () => setText(null) })}
          >
            As usual
          </button>
        )}
      </div>
      <Feedback of={patch} done="Saved." />
    </form>
  );
}
