// What the API's words mean to a person.

/** Verdicts of devices. */
export const VERDICTS: Record<string, { short: string; tells: boolean }> = {
  learned: { short: 'learned', tells: true },
  measured: { short: 'measured by its own meter', tells: true },
  stated: { short: 'as you said', tells: true },
  varies: { short: 'varies: energy known', tells: true },
  grouped: { short: 'known only together', tells: true },
  no_load: { short: 'no load', tells: false },
  too_small: { short: 'below what this meter shows', tells: false },
  not_enough_events: { short: 'not seen often enough yet', tells: false },
};

/** A device's verdict in a few words. */
export function verdictWords(verdict: string): string {
  return VERDICTS[verdict]?.short ?? verdict.replaceAll('_', ' ');
}

/** Verdicts of a single step. */
export function stepWords(verdict: string): string {
  switch (verdict) {
    case 'clean':
      return 'alone in the window';
    case 'overlapping':
      return 'something else switched too';
    case 'noisy':
      return 'the house moved too much';
    case 'no_data':
      return 'the meter was silent, or there was no room between two switches';
    default:
      return verdict.replaceAll('_', ' ');
  }
}

/** Home Assistant's states, readable: `not_home` -> "not home". */
export function stateWords(state: string | null | undefined): string {
  return state ? state.replaceAll('_', ' ') : '–';
}

/** How strong the evidence is, 0 to 1, in a word. */
export function strengthWords(strength: number): string {
  if (strength >= 0.95) return 'beyond doubt';
  if (strength >= 0.8) return 'strong';
  if (strength >= 0.5) return 'fair';
  if (strength > 0.1) return 'weak';
  return 'none';
}
