// What draws while nobody is awake, in short.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import type { PhantomLoad } from '../../api/types';
import { BarChart } from '../../components/bar-chart';
import { Big, Card, Swatch } from '../../components/card';
import { Empty, Loaded, SkeletonList } from '../../components/states';
import { href } from '../../lib/route';
import { weekdayDay } from '../../lib/time';
import { money, number, watts } from '../../lib/units';
import { useZone } from '../../lib/zone';

const NIGHTS = 30;
const HEIGHT_PX = 64;

export function PhantomCard() {
  const query = useQuery(queries.phantom(NIGHTS));
  return (
    <Card
      title="Phantom load"
      sub={query.data ? `nights, ${query.data.window}` : 'nights'}
      aside={
        <a className="chip" href={href('phantom')}>
          More
        </a>
      }
    >
      <Loaded query={query} skeleton={<SkeletonList rows={4} height={24} />}>
        {(load) => <Nights load={load} />}
      </Loaded>
    </Card>
  );
}

function Nights({ load }: { load: PhantomLoad }) {
  const zone = useZone();
  if (load.baseline_w == null) {
    return (
      <Empty title="No night yet">
        <p>After the first night with a meter, what is always on appears here.</p>
      </Empty>
    );
  }
  const bars = load.nights.map((night) => {
    const known_w = Math.min(load.known_w, night.baseline_w ?? 0);
    return {
      key: night.date,
      label: '',
      title: weekdayDay(Date.parse(night.from), zone),
      values: night.baseline_w == null ? null : [known_w, night.baseline_w - known_w],
    };
  });
  return (
    <>
      <Big figure={watts(load.baseline_w)} />
      <p className="sub" style={{ marginBottom: 12 }}>
        {[
          load.cost_per_year != null && `${money(load.cost_per_year, load.currency, 0)} a year`,
          load.is_high
            ? `above your limit of ${number(load.threshold_w)} W`
            : `${number(load.threshold_w)} W is your limit`,
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      <BarChart
        compact
        label={`Baseline of the last ${load.nights.length} nights, mostly about ${number(load.baseline_w)} W`}
        parts={[
          { key: 'known', label: 'Known', colour: 'var(--c7)' },
          { key: 'unknown', label: 'Not known', colour: 'var(--rest)' },
        ]}
        bars={bars}
        height={HEIGHT_PX}
        format={(value) => `${number(value)} W`}
      />
      <ul className="legend">
        <li>
          <Swatch colour="var(--c7)" />
          Known {number(load.known_w)} W
        </li>
        <li>
          <Swatch colour="var(--rest)" />
          Not known {number(load.unknown_w ?? 0)} W
        </li>
      </ul>
    </>
  );
}
