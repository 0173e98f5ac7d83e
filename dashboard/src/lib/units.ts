// Numbers as people read them: in the reader's locale, the unit apart so that it can be drawn small.

/** A number and its unit, each as text. */
export interface Figure {
  value: string;
  unit: string;
}

/** What stands where nothing is known. */
export const NOTHING = '–';

let locale: string | undefined;

/** Takes another locale than the browser's; for tests. */
export function setLocale(name: string | undefined): void {
  locale = name;
  formats.clear();
}

/** The reader's locale. */
export function currentLocale(): string | undefined {
  return locale ?? (typeof navigator === 'undefined' ? undefined : navigator.language);
}

const formats = new Map<string, Intl.NumberFormat>();

function format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let made = formats.get(key);
  if (!made) {
    made = new Intl.NumberFormat(currentLocale(), options);
    formats.set(key, made);
  }
  return made;
}

/** What is shown as 0 is 0: there is no minus zero. */
const unsigned = (value: number, decimals: number): number => (Math.abs(value) < 0.5 * 10 ** -decimals ? 0 : value);

/** A number with so many decimals, and a true minus sign. */
export function number(value: number, decimals = 0, signed = false): string {
  const rounded = unsigned(value, decimals);
  const options: Intl.NumberFormatOptions = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  if (signed) options.signDisplay = 'exceptZero';
  return format(options).format(rounded).replace('-', '−');
}

/** Power of W: below 20 W with a decimal, in kW only where asked for (axes). */
export function watts(power_w: number | null | undefined, signed = false): Figure {
  if (power_w == null || !Number.isFinite(power_w)) return { value: NOTHING, unit: 'W' };
  const decimals = Math.abs(power_w) < 19.95 && power_w !== 0 ? 1 : 0;
  return { value: number(power_w, decimals, signed), unit: 'W' };
}

/** Power on an axis: W below 1 kW of the axis' greatest, else kW. */
export function wattsOnAxis(power_w: number, greatest_w: number): string {
  if (greatest_w < 1000) return `${number(power_w, greatest_w < 10 ? 1 : 0)} W`;
  if (power_w === 0) return '0';
  const kw = power_w / 1000;
  const decimals = Number.isInteger(kw) ? 0 : Number.isInteger(Math.round(kw * 1e6) / 1e5) ? 1 : 2;
  return `${number(kw, decimals)} kW`;
}

/** Energy of kWh: Wh below 0.1 kWh, fewer decimals the more there is, MWh from 10 000 kWh on. */
export function energy(energy_kwh: number | null | undefined): Figure {
  if (energy_kwh == null || !Number.isFinite(energy_kwh)) return { value: NOTHING, unit: 'kWh' };
  const size = Math.abs(energy_kwh);
  if (size === 0) return { value: number(0), unit: 'kWh' };
  if (size < 0.0995) return { value: number(energy_kwh * 1000, size < 0.00995 ? 1 : 0), unit: 'Wh' };
  if (size >= 9_999.5) return { value: number(energy_kwh / 1000, 1), unit: 'MWh' };
  return { value: number(energy_kwh, size < 99.95 ? 2 : size < 999.5 ? 1 : 0), unit: 'kWh' };
}

/** Money in the home's currency; without one, a plain number. */
export function money(
  amount: number | null | undefined,
  currency: string | null | undefined,
  decimals?: number,
): string {
  if (amount == null || !Number.isFinite(amount)) return NOTHING;
  const digits = decimals ?? (Math.abs(amount) >= 999.995 ? 0 : null);
  if (!currency) return number(amount, digits ?? 2);
  try {
    const options: Intl.NumberFormatOptions = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' };
    // Unless said, a currency has as many as it has coins: yen have none.
    if (digits !== null) Object.assign(options, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    const made = format(options);
    return made.format(unsigned(amount, made.resolvedOptions().maximumFractionDigits ?? 2)).replace('-', '−');
  } catch {
    return `${number(amount, digits ?? 2)} ${currency}`;
  }
}

/** A share as percents: 0.125 -> 13 %. */
export function percent(share: number | null | undefined, decimals = 0): string {
  if (share == null || !Number.isFinite(share)) return NOTHING;
  return format({ style: 'percent', minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    .format(unsigned(share, decimals + 2))
    .replace('-', '−');
}

/** A time span of s: the two greatest units that say something ("2 h 14 min"). */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NOTHING;
  const s = Math.round(Math.max(0, seconds));
  if (s < 60) return `${number(s)} s`;
  const minutes = Math.round(s / 60);
  if (s < 600 && s % 60 !== 0) return `${number(Math.floor(s / 60))} min ${number(s % 60)} s`;
  if (minutes < 60) return `${number(minutes)} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${number(hours)} h ${number(minutes % 60)} min` : `${number(hours)} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 && days < 10 ? `${number(days)} d ${number(hours % 24)} h` : `${number(days)} d`;
}

/** Hours as people say them: "41 min", "3.2 h", "161 h". */
export function hours(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  if (value * 60 < 59.5) return `${number(value * 60)} min`;
  return `${number(value, value < 9.95 ? 1 : 0)} h`;
}

/** Bytes as people say them, in steps of 1000. */
export function bytes(size: number | null | undefined): string {
  if (size == null) return NOTHING;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let rest = size;
  let step = 0;
  while (rest >= 999.5 && step < units.length - 1) {
    rest /= 1000;
    step += 1;
  }
  return `${number(rest, step > 0 && rest < 9.95 ? 1 : 0)} ${units[step]}`;
}

/** Half the width of an interval: the number behind "±", with as many decimals as its size deserves. */
export function plusMinus(low: number | null | undefined, high: number | null | undefined): string | null {
  if (low == null || high == null || !Number.isFinite(low) || !Number.isFinite(high)) return null;
  const half = (high - low) / 2;
  return `±${number(half, half < 9.95 ? 1 : 0)}`;
}
