// A contract as it is typed, and as the API takes it.

import type { Contract, Rate } from '../../../api/types';
import { currentLocale } from '../../../lib/units';

/** How the price of import is said. */
export type Kind = 'fixed' | 'rates' | 'entity';
/** How the price of export is said. */
export type ExportKind = 'none' | 'fixed' | 'entity';
export type Day = NonNullable<Rate['days']>[number];

export interface RateDraft {
  /** Stays with the row while rows come and go. */
  key: number;
  name: string;
  price: string;
  days: Day[];
  from: string;
  to: string;
  first_day: string;
  last_day: string;
}

export interface Draft {
  name: string;
  from: string;
  kind: Kind;
  price: string;
  rates: RateDraft[];
  entity: string;
  factor: string;
  surcharge: string;
  settlement: '15' | '30' | '60';
  standing: string;
  exportKind: ExportKind;
  exportPrice: string;
  exportEntity: string;
  exportFactor: string;
  exportSurcharge: string;
}

/** What is wrong, by the field it stands in (`price`, `rates.2.from`). */
export type Wrongs = Record<string, string>;

let lastKey = 0;

export function newRate(more: Partial<RateDraft> = {}): RateDraft {
  lastKey += 1;
  return { key: lastKey, name: '', price: '', days: [], from: '', to: '', first_day: '', last_day: '', ...more };
}

/** A number as it is typed in the reader's locale, without what groups thousands. */
export function typed(value: number | null | undefined): string {
  if (value == null) return '';
  return new Intl.NumberFormat(currentLocale(), { useGrouping: false, maximumFractionDigits: 10 }).format(value);
}

/** The number that was typed, with a comma or a point; `null` for nothing, NaN for what is none. */
export function read(text: string): number | null {
  const plain = text.replace(/[\s\u00a0\u202f'’]/g, '').replace('−', '-');
  if (plain === '') return null;
  const last = Math.max(plain.lastIndexOf(','), plain.lastIndexOf('.'));
  const whole = last < 0 ? plain : plain.slice(0, last).replace(/[.,]/g, '');
  const rest = last < 0 ? '' : `.${plain.slice(last + 1)}`;
  return /^-?\d*(\.\d*)?$/.test(whole + rest) && /\d/.test(plain) ? Number(whole + rest) : Number.NaN;
}

/** A contract as it stands, to be changed; or, from a day on, what begins like it. */
export function draftOf(contract: Contract | null, from?: string): Draft {
  const rates = (contract?.rates ?? []).map((rate) =>
    newRate({
      name: rate.name,
      price: typed(rate.price_per_kwh),
      days: [...(rate.days ?? [])],
      from: rate.from ?? '',
      to: rate.to ?? '',
      first_day: rate.first_day ?? '',
      last_day: rate.last_day ?? '',
    }),
  );
  const settlement = String(contract?.settlement_minutes ?? 60);
  return {
    name: contract?.name ?? '',
    from: from ?? contract?.from ?? '',
    kind: contract?.entity ? 'entity' : rates.length > 0 ? 'rates' : 'fixed',
    price: typed(contract?.price_per_kwh),
    rates,
    entity: contract?.entity ?? '',
    factor: typed(contract?.factor),
    surcharge: typed(contract?.surcharge_per_kwh),
    settlement: settlement === '15' || settlement === '30' ? settlement : '60',
    standing: contract?.standing_charge_per_day ? typed(contract.standing_charge_per_day) : '',
    exportKind: contract?.export_entity ? 'entity' : contract?.export_price_per_kwh != null ? 'fixed' : 'none',
    exportPrice: typed(contract?.export_price_per_kwh),
    exportEntity: contract?.export_entity ?? '',
    exportFactor: typed(contract?.export_factor),
    exportSurcharge: typed(contract?.export_surcharge_per_kwh),
  };
}

/** The contract that was typed, or what is wrong with it. */
export function contractOf(draft: Draft): { contract: Contract; wrongs: Wrongs } {
  const wrongs: Wrongs = {};
  const amount = (field: string, text: string, isNeeded: boolean, canBeNegative = false): number | null => {
    const value = read(text);
    if (value === null) {
      if (isNeeded) wrongs[field] = 'Say a number, such as 0.30.';
    } else if (Number.isNaN(value)) wrongs[field] = 'This is no number.';
    else if (value < 0 && !canBeNegative) wrongs[field] = 'It cannot be below zero.';
    return value;
  };
  const text = (field: string, said: string, what: string): string => {
    if (!said.trim()) wrongs[field] = what;
    return said.trim();
  };
  const isEntity = draft.kind === 'entity';
  const contract: Contract = {
    name: text('name', draft.name, 'Give it a name, such as that of the supplier.'),
    from: draft.from || null,
    standing_charge_per_day: amount('standing', draft.standing, false) ?? 0,
    settlement_minutes: isEntity || draft.exportKind === 'entity' ? Number(draft.settlement) : 60,
  };
  if (draft.kind === 'fixed') contract.price_per_kwh = amount('price', draft.price, true);
  if (isEntity) {
    contract.entity = text('entity', draft.entity, 'Say which entity, such as sensor.electricity_price.');
    contract.factor = amount('factor', draft.factor, false);
    contract.surcharge_per_kwh = amount('surcharge', draft.surcharge, false, true);
  }
  if (draft.kind === 'rates') {
    if (draft.rates.length === 0) wrongs.rates = 'Add at least one price.';
    contract.rates = draft.rates.map((rate, index) => {
      const at = (key: string) => `rates.${index}.${key}`;
      if (!!rate.from !== !!rate.to) wrongs[at(rate.from ? 'to' : 'from')] = 'Say both times, or none for all day.';
      if (!!rate.first_day !== !!rate.last_day) {
        wrongs[at(rate.first_day ? 'last_day' : 'first_day')] = 'Say both days, or none for all year.';
      }
      return {
        name: text(at('name'), rate.name, 'Give it a name, such as night.'),
        price_per_kwh: amount(at('price'), rate.price, true) ?? 0,
        days: rate.days,
        from: rate.from || null,
        to: rate.to || null,
        first_day: rate.first_day || null,
        last_day: rate.last_day || null,
      };
    });
  }
  if (draft.exportKind === 'fixed') contract.export_price_per_kwh = amount('exportPrice', draft.exportPrice, true);
  if (draft.exportKind === 'entity') {
    contract.export_entity = text('exportEntity', draft.exportEntity, 'Say which entity, such as sensor.feed_in.');
    contract.export_factor = amount('exportFactor', draft.exportFactor, false);
    contract.export_surcharge_per_kwh = amount('exportSurcharge', draft.exportSurcharge, false, true);
  }
  return { contract, wrongs };
}

/** All contracts with this one in its place by its first day, instead of the one at `index` where there is one. */
export function placed(contracts: readonly Contract[], contract: Contract, index: number | null): Contract[] {
  const others = contracts.filter((_, at) => at !== index);
  return [...others, contract].sort((a, b) => (a.from ?? '').localeCompare(b.from ?? ''));
}

/** One price from a day on: like the contract before it in all but the price of import. */
export function withPrice(contracts: readonly Contract[], price: number, from: string, name?: string): Contract[] {
  const before = contracts.filter((one) => !one.from || one.from <= from).at(-1);
  const made: Contract = {
    ...(before ?? { standing_charge_per_day: 0, settlement_minutes: 60 }),
    name: name ?? before?.name ?? 'Electricity',
    from: contracts.length === 0 ? null : from,
    price_per_kwh: price,
    rates: [],
    entity: null,
    factor: null,
    surcharge_per_kwh: null,
  };
  const same = contracts.findIndex((one) => one.from === made.from);
  return placed(contracts, made, same < 0 ? null : same);
}

/** The field that the server's words are about, where they say one: `contract "A": from of rate 1 ("x") is …`. */
export function wrongsOf(detail: string, name: string): Wrongs {
  const head = `contract ${JSON.stringify(name)}: `;
  if (!detail.toLowerCase().startsWith(head.toLowerCase())) return {};
  const rest = detail.slice(head.length);
  const [, key, rate] = /^(\w+)(?: of rate (\d+) \(".*?"\))?/.exec(rest) ?? [];
  if (!key) return {};
  if (rate) return { [`rates.${Number(rate) - 1}.${RATE_FIELDS[key] ?? key}`]: wording(rest) };
  const field = FIELDS[key];
  return field ? { [field]: wording(rest) } : {};
}

const RATE_FIELDS: Record<string, string> = { price_per_kwh: 'price' };
const FIELDS: Record<string, string> = {
  price_per_kwh: 'price',
  standing_charge_per_day: 'standing',
  entity: 'entity',
  factor: 'factor',
  surcharge_per_kwh: 'surcharge',
  settlement_minutes: 'settlement',
  export_price_per_kwh: 'exportPrice',
  export_entity: 'exportEntity',
  export_factor: 'exportFactor',
  export_surcharge_per_kwh: 'exportSurcharge',
};

/** The server's words without the key they begin with. */
function wording(rest: string): string {
  const words = rest.replace(/^\w+(?: of rate \d+ \(".*?"\))? /, 'It ');
  return /[.!?]$/.test(words) ? words : `${words}.`;
}
