// The nights, each with what of it is known.

import type { PhantomLoad } from '../../api/types';
import { BarChart } from '../../components/bar-chart';
import { Card, Segments, Swatch } from '../../components/card';
import { instant, weekdayDay } from '../../lib/time';
import { number, watts, wattsOnAxis } from '../../lib/units';
import { above, nightBars, split, windowWords } from './nights';

export type Count = '30' | '90' | '365';

const COUNTS: readonly { value: Count; label: string }[] = [
  { value: '30', label: '30 nights' },
  { value: '90', label: '90' },
  { value: '365', label: 'A year' },
];

export const KNOWN = 'var(--c7)';
export const UNKNOWN = 'var(--rest)';

/** W as text. */
export const told = (power_w: number | null | undefined): string => {
  const { value, unit } = watts(power_w);
  return `${value} ${unit}`;
};

export function Series({
  phantom,
  count,
  onCount,
}: {
  phantom: PhantomLoad;
  count: Count;
  onCount: (count: Count) => void;
}) {
  const { bars, isWeekly } = nightBars(phantom);
  const over = above(phantom);
  const zone = phantom.time_zone;
  const first = instant(phantom.nights[0]?.from);
  const isShort = phantom.nights.length < Number(count) && first !== null;
  const hasGaps = bars.some((bar) => !bar.values);
  const limit = told(phantom.threshold_w);
  return (
    <Card
      title="Night by night"
      sub={`the quietest of ${windowWords(phantom.window)}${isWeekly ? ', the median of each week' : ''}`}
      aside={<Segments label="How many nights" options={COUNTS} value={count} onChange={onCount} />}
    >
      <BarChart
        label={`Power at night: ${told(phantom.baseline_w)} at present, ${number(over.above)} of ${number(over.known)} nights above the limit of ${limit}.`}
        parts={[
          { key: 'known', label: 'Known', colour: KNOWN },
          { key: 'unknown', label: 'Not known', colour: UNKNOWN },
        ]}
        bars={bars}
        height={260}
        format={told}
        axis={wattsOnAxis}
        threshold={{ value: phantom.threshold_w, label: `limit ${limit}` }}
      />
      <ul className="legend">
        <li>
          <Swatch colour={KNOWN} />
          Known, {told(phantom.known_w)} at present
        </li>
        <li>
          <Swatch colour={UNKNOWN} />
          Not known
        </li>
        {hasGaps && (
          <li>
            <i className="swatch hatched" aria-hidden="true" />
            Too little said by the meter
          </li>
        )}
      </ul>
      <p className="sub phantom-says">
        {over.above === 0
          ? `No night was above the limit of ${limit}.`
          : `${number(over.above)} of ${number(over.known)} nights were above the limit of ${limit}.`}{' '}
        What is known is what draws all night at present; it is drawn into each night as if it had been the same then.
        {isShort && ` Nights are known since ${weekdayDay(first, zone)}.`}
      </p>
      <details className="table-toggle">
        <summary>As a table</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with keys */}
        <section className="table-wrap" tabIndex={0} aria-label="Power at night">
          <table>
            <caption className="visually-hidden">Power by night</caption>
            <thead>
              <tr>
                <th scope="col">Night to</th>
                <th scope="col" className="num">
                  Power
                </th>
                <th scope="col" className="num">
                  Not known
                </th>
              </tr>
            </thead>
            <tbody>
              {phantom.nights.toReversed().map((night) => (
                <tr key={night.date}>
                  <th scope="row">{weekdayDay(instant(night.to) ?? 0, zone)}</th>
                  <td className="num">{told(night.baseline_w)}</td>
                  <td className="num">
                    {night.baseline_w == null ? '–' : told(split(night.baseline_w, phantom.known_w)[1])}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </Card>
  );
}
