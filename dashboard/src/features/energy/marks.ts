// Which steps are marked in the chart: those that stand out, and no more than there is room for.

import type { Correlation } from '../../api/types';
import type { Mark } from '../../components/time-chart';

/** Room that a mark takes, px. */
const ROOM_PX = 36;

/** Whether a step stands out of the meter's noise. */
export function standsOut(step: Correlation): boolean {
  const { power_delta_w, standard_error_w } = step;
  return power_delta_w != null && Math.abs(power_delta_w) >= 2 * (standard_error_w ?? 0);
}

export function chosenMarks(steps: readonly Correlation[], width_px: number): Mark[] {
  const most = Math.max(5, Math.floor(width_px / ROOM_PX));
  return steps
    .filter((step) => step.verdict === 'clean' && standsOut(step))
    .sort((a, b) => Math.abs(b.power_delta_w ?? 0) - Math.abs(a.power_delta_w ?? 0))
    .slice(0, most)
    .map((step) => ({ at_ms: Date.parse(step.timestamp), power_w: step.power_delta_w ?? 0, label: step.name }));
}
