// Contracts in words.

import type { Contract, Rate, TariffAnswer } from '../../../api/types';
import { DAY_MS, date, fromLocal, instant, local } from '../../../lib/time';
import { currentLocale, money } from '../../../lib/units';
import type { Day } from './draft';

/** Monday first, as the API names them. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** A price of a kWh has four digits where those of the currency do not say it. */
export function price(value: number | null | undefined, currency: string | null | undefined): string {
  const needed = value != null && Math.abs(value * 100 - Math.round(value * 100)) > 1e-6 ? 4 : undefined;
  return money(value, currency, needed);
}

/** Mon, in the reader's language. */
export function dayName(day: (typeof DAYS)[number]): string {
  // 2024-01-01 was a Monday.
  const at = Date.UTC(2024, 0, 1) + DAYS.indexOf(day) * DAY_MS;
  return new Intl.DateTimeFormat(currentLocale(), { weekday: 'short', timeZone: 'UTC' }).format(at);
}

/** A local day of the API (2026-03-16), as the reader writes it. */
export function dayWords(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(at) ? date(at, 'UTC') : day;
}

/** 1 Nov, of 11-01. */
export function seasonDay(day: string): string {
  const at = Date.parse(`2024-${day}T00:00:00Z`);
  if (!Number.isFinite(at)) return day;
  return new Intl.DateTimeFormat(currentLocale(), { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(at);
}

/** Each day that is meant, Monday first. */
export function allDays(days: readonly Day[]): (typeof DAYS)[number][] {
  const meant = new Set<string>(
    days.flatMap((day) => (day === 'weekdays' ? DAYS.slice(0, 5) : day === 'weekend' ? DAYS.slice(5) : [day])),
  );
  return DAYS.filter((day) => meant.has(day));
}

type Times = Pick<Rate, 'days' | 'from' | 'to' | 'first_day' | 'last_day'>;

/** When a rate holds: "Mon to Fri · 22:00 to 06:00 · 1 Nov to 28 Feb"; at all times that are left where it says nothing. */
export function whenWords(rate: Times, isFirst = false): string {
  const days = allDays(rate.days ?? []);
  const first = DAYS.indexOf(days[0] ?? 'mon');
  const isRow = days.length > 2 && DAYS.indexOf(days.at(-1) ?? 'mon') - first === days.length - 1;
  const names = days.map(dayName);
  const parts = [
    days.length > 0 && days.length < 7 && (isRow ? `${names[0]} to ${names.at(-1)}` : names.join(', ')),
    rate.from && rate.to && `${rate.from} to ${rate.to}`,
    rate.first_day && rate.last_day && `${seasonDay(rate.first_day)} to ${seasonDay(rate.last_day)}`,
  ].filter(Boolean);
  if (parts.length === 0) return isFirst ? 'at all times' : 'at all other times';
  return parts.join(' · ');
}

/** What a contract says of the price of import. */
export function importWords(contract: Contract, currency: string | null | undefined): string {
  if (contract.entity) return `the price that ${contract.entity} says`;
  if (contract.rates?.length) return `${contract.rates.length} prices by time`;
  return `${price(contract.price_per_kwh, currency)} a kWh at all times`;
}

/** From when to when each contract applies: "from the beginning until 15 Mar 2026". */
export function spanWords(contracts: readonly Contract[], index: number): string {
  const from = contracts[index]?.from;
  const next = contracts[index + 1]?.from;
  const begins = from ? `from ${dayWords(from)}` : next ? 'at first' : 'always';
  if (!next) return begins;
  const last = new Date(Date.parse(`${next}T00:00:00Z`) - DAY_MS).toISOString().slice(0, 10);
  return `${begins} until ${dayWords(last)}`;
}

/** The contract that applies on a local day; `null` for none. */
export function inForce(contracts: readonly Contract[], today: string): number | null {
  const index = contracts.findLastIndex((one) => !one.from || one.from <= today);
  return index < 0 ? null : index;
}

/** A stretch of one price, ms. */
export interface Step {
  from_ms: number;
  to_ms: number;
  price: number | null;
  band: string | null;
}

export function steps(spans: TariffAnswer['import_prices']): Step[] {
  return spans.flatMap((span) => {
    const from_ms = instant(span.from);
    const to_ms = instant(span.to);
    if (from_ms == null || to_ms == null || to_ms <= from_ms) return [];
    return [{ from_ms, to_ms, price: span.price_per_kwh ?? null, band: span.band ?? null }];
  });
}

/** How many prices there are among the steps; what is not known is none. */
export function distinct(all: readonly Step[]): number {
  return new Set(all.flatMap((step) => (step.price == null ? [] : [step.price]))).size;
}

/** A scale of prices: from zero (or below) to above the greatest, at round steps. */
export function scaleOf(all: readonly Step[]): { low: number; high: number; ticks: number[] } {
  const prices = all.flatMap((step) => (step.price == null ? [] : [step.price]));
  const least = Math.min(0, ...prices);
  const greatest = Math.max(0, ...prices);
  const rough = (greatest - least || 1) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const apart = ([1, 2, 5, 10].find((times) => times * power >= rough * 0.999) ?? 10) * power;
  const first = Math.floor(least / apart + 1e-9);
  const last = Math.ceil(greatest / apart - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, step) => Number(((first + step) * apart).toPrecision(12)));
  return { low: first * apart, high: last * apart, ticks };
}

/** Every so many hours of the local day that begins at `midnight`, where its clock shows them, also on days of 23 or 25 hours. */
export function fullHours(midnight: number, apart: number, zone: string): number[] {
  const { year, month, day } = local(midnight, zone);
  return Array.from({ length: 24 / apart }, (_, step) => fromLocal(year, month, day, zone, step * apart));
}
