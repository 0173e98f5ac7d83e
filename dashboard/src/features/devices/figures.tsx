// Four figures of a device: what it draws, what that was learned from, what it came to, how strong the evidence is.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useId } from 'react';
import * as queries from '../../api/queries';
import type { Device, DevicePage } from '../../api/types';
import { FigureCard } from '../../components/card';
import { useNow } from '../../lib/now';
import { isoDay, MINUTE_MS, monthStart } from '../../lib/time';
import { energy, type Figure, hours, money, number, percent, plusMinus, watts } from '../../lib/units';
import { strengthWords } from '../../lib/words';
import { useZone } from '../../lib/zone';
import { Strength, say, sayEnergy } from './bits';
import { MOST_ACTIVATIONS } from './device';
import { drawn, kindOf, leadOf } from './known';
import { hoursOn } from './week';

export function DeviceFigures({ page, colour }: { page: DevicePage; colour: string }) {
  return (
    <div className="grid cards">
      <Draws page={page} />
      <LearnedFrom device={page.device} />
      <ThisMonth page={page} />
      <StrengthCard device={page.device} colour={colour} />
    </div>
  );
}

/** A card whose figure is words. */
function WordsCard({ label, words, sub }: { label: string; words: ReactNode; sub?: ReactNode }) {
  const id = useId();
  return (
    <section className="card figure" aria-labelledby={id}>
      <h2 className="label" id={id}>
        {label}
      </h2>
      <div className="big words">{words}</div>
      {sub && <div className="sub">{sub}</div>}
    </section>
  );
}

function meanOn(page: DevicePage): number | null {
  const { energy_kwh, hours_on } = page.total;
  return energy_kwh != null && hours_on > 0 ? (energy_kwh * 1000) / hours_on : null;
}

function Draws({ page }: { page: DevicePage }) {
  const { device } = page;
  const draws = drawn(device, meanOn(page));
  if (draws.kind === 'none') {
    const isSaid = device.word?.has_load === false;
    return (
      <WordsCard
        label="Draws"
        words="Nothing"
        sub={isSaid ? 'as you said' : draws.high_w != null ? `at most ${say(draws.high_w)}` : device.reason}
      />
    );
  }
  if (draws.kind === 'unknown') {
    const sub =
      draws.high_w != null
        ? `at most ${say(draws.high_w)}`
        : device.verdict === 'not_enough_events'
          ? 'not switched often enough yet'
          : device.reason;
    return <WordsCard label="Draws" words="Cannot tell" sub={sub} />;
  }
  if (!('power_w' in draws)) return null;
  const figure = watts(draws.power_w);
  if (draws.kind === 'mean') {
    return (
      <FigureCard
        label="Draws, on average"
        figure={figure}
        sub={
          device.verdict === 'measured' ? 'while on, by its own meter' : 'while on; it works by itself, so it varies'
        }
      />
    );
  }
  const off = plusMinus(draws.low_w, draws.high_w);
  const unit = device.verdict !== 'stated' && off ? `${off.replace('±', '± ')} W` : 'W';
  return <FigureCard label={label(device)} figure={{ value: figure.value, unit }} sub={sense(page)} />;
}

const label = (device: Device) => (kindOf(device) === 'together' ? 'Draw together' : 'Draws');

/** In what sense it draws that. */
function sense(page: DevicePage): string {
  const { device, levels } = page;
  if (device.verdict === 'stated') return 'as you said';
  if (device.verdict === 'measured') return 'by its own meter';
  if (kindOf(device) === 'together') return 'only their sum is known';
  if (levels.some((one) => one.fraction != null))
    return device.domain === 'light' ? 'at full brightness' : 'at full level';
  const top = levels.reduce<(typeof levels)[number] | null>(
    (best, one) => ((one.power_w ?? 0) > (best?.power_w ?? -1) ? one : best),
    null,
  );
  return levels.length > 1 && top ? `while ${top.mode.replaceAll('_', ' ')}` : 'above what it draws when off';
}

function LearnedFrom({ device }: { device: Device }) {
  const { events_used, events_total, verdict } = device;
  const left = events_total - events_used;
  const figure: Figure = { value: number(events_used), unit: `of ${number(events_total)}` };
  if (verdict === 'measured') {
    return <WordsCard label="Learned from" words="Its own meter" sub={device.reason.replace(/\.$/, '')} />;
  }
  if (verdict === 'stated') {
    return <WordsCard label="Learned from" words="Your word" sub={`${number(events_total)} switches seen`} />;
  }
  if (device.word?.has_load === false) {
    return <WordsCard label="Learned from" words="Your word" sub="its switches are not looked at" />;
  }
  const sub =
    left > 0 ? `switches; ${number(left)} left out: the house was not calm` : 'switches; none had to be left out';
  return <FigureCard label="Learned from" figure={figure} sub={sub} />;
}

function ThisMonth({ page }: { page: DevicePage }) {
  const { device, meta } = page;
  const zone = useZone();
  const now = useNow(5 * MINUTE_MS);
  const start = monthStart(now, zone);
  const history = useQuery(queries.history('month', isoDay(start, zone), undefined, { device: leadOf(device) }));
  const bucket = history.data?.history.at(-1);
  const isWhole = page.activations.length < MOST_ACTIVATIONS;
  const on = isWhole ? `${hours(hoursOn(page.activations, start, Date.parse(meta.to)))} on` : null;
  if (kindOf(device) === 'unknown') {
    const most =
      device.power_high_w != null && isWhole
        ? `at most ${sayEnergy((device.power_high_w * hoursOn(page.activations, start, Date.parse(meta.to))) / 1000)}`
        : 'its power is not known';
    return <WordsCard label="This month" words="Cannot tell" sub={[most, on].filter(Boolean).join(' · ')} />;
  }
  const parts = [meta.has_tariff && bucket?.cost != null && money(bucket.cost, meta.currency), on];
  const sub = parts.filter(Boolean).join(' · ');
  const title = kindOf(device) === 'together' ? 'This month, together' : 'This month';
  return (
    <FigureCard
      label={title}
      figure={energy(bucket?.consumption_kwh)}
      sub={history.isError && !bucket ? 'the month cannot be had now' : sub}
    />
  );
}

function StrengthCard({ device, colour }: { device: Device; colour: string }) {
  const words = strengthWords(device.strength);
  const isLooked = device.verdict !== 'measured' && device.verdict !== 'stated' && device.word?.has_load !== false;
  if (!isLooked) {
    return (
      <WordsCard
        label="Strength of evidence"
        words="Not needed"
        sub={device.verdict === 'measured' ? 'it is measured, not learned' : 'you said so'}
      />
    );
  }
  if (device.verdict === 'no_load') {
    return (
      <WordsCard
        label="Strength of evidence"
        words="No step seen"
        sub="in all its switches together, the house stood still"
      />
    );
  }
  const chance = 1 - device.strength;
  const sub =
    device.verdict === 'not_enough_events'
      ? 'too few switches to say more'
      : device.verdict === 'varies'
        ? 'the house moves when it is switched'
        : chance <= 0.0005
          ? 'at other times, the house never moved so much'
          : `at ${percent(chance)} of other times, the house moved as much`;
  return (
    <WordsCard
      label="Strength of evidence"
      words={
        <>
          {`${words[0]?.toUpperCase() ?? ''}${words.slice(1)}`}
          <Strength strength={device.strength} colour={colour} />
        </>
      }
      sub={sub}
    />
  );
}
