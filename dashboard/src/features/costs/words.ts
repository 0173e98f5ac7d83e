// Figures of costs as text. Pure.

import { energy, money, NOTHING, number, percent } from '../../lib/units';

/** Energy with its unit. */
export function told(energy_kwh: number | null | undefined): string {
  const { value, unit } = energy(energy_kwh);
  return `${value} ${unit}`;
}

/** Of how much of the time the energy is known; `null` where of all. */
export function coveredWords(covered: number): string | null {
  if (covered >= 0.995) return null;
  return covered < 0.01 ? 'hardly any of the time known' : `${percent(covered)} of the time known`;
}

/** kWh beside an axis; its steps are whole above 12.5. */
export function energyOnAxis(value: number, greatest: number): string {
  if (value === 0) return '0';
  return `${number(value, greatest > 12.5 ? 0 : greatest > 1.25 ? 1 : 2)} kWh`;
}

/** Money beside an axis. */
export function moneyOnAxis(value: number, greatest: number, currency: string | null): string {
  return value === 0 ? '0' : money(value, currency, greatest > 12.5 ? 0 : 2);
}

/** A share of the whole; small ones are not nothing. */
export function shareWords(share: number | null): string {
  if (share === null) return NOTHING;
  return share > 0 && share < 0.0005 ? `< ${percent(0.001, 1)}` : percent(share, 1);
}
