// What draws while nobody is awake, in short.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import type { PhantomLoad } from '../../api/types';
import { Big, Card } from '../../components/card';
import { Empty, Loaded, SkeletonList } from '../../components/states';
import { href } from '../../lib/route';
import { useWidth } from '../../lib/size';
import { money, number, watts } from '../../lib/units';

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
  const [holder, width] = useWidth<HTMLDivElement>();
  if (load.baseline_w == null) {
    return (
      <Empty title="No night yet">
        <p>After the first night with a meter, what is always on appears here.</p>
      </Empty>
    );
  }
  const greatest = Math.max(load.threshold_w, ...load.nights.map((night) => night.baseline_w ?? 0), 1);
  // One night with the heating on would flatten all others: the scale is that of an ordinary night.
  const usual =
    [...load.nights.map((night) => night.baseline_w ?? 0)].sort((a, b) => a - b)[
      Math.floor(load.nights.length * 0.8)
    ] ?? greatest;
  const top = Math.min(greatest, Math.max(load.threshold_w, usual) * 1.25);
  const step = width / Math.max(1, load.nights.length);
  const size = (power_w: number) => (Math.min(power_w, top) / top) * HEIGHT_PX;
  return (
    <div ref={holder}>
      <Big figure={watts(load.baseline_w)} />
      <p className="sub">
        {[
          load.cost_per_year != null && `${money(load.cost_per_year, load.currency, 0)} a year`,
          load.is_high
            ? `above your limit of ${number(load.threshold_w)} W`
            : `${number(load.threshold_w)} W is your limit`,
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      <svg
        width={width}
        height={HEIGHT_PX}
        style={{ display: 'block', marginTop: 14 }}
        role="img"
        aria-label={`Baseline of the last ${load.nights.length} nights, mostly about ${number(load.baseline_w)} W`}
      >
        {load.nights.map((night, index) => {
          if (night.baseline_w == null) return null;
          const known = size(Math.min(load.known_w, night.baseline_w));
          const all = size(night.baseline_w);
          const x = index * step;
          const wide = Math.max(1, step - 3);
          return (
            <g key={night.date}>
              <rect
                x={x}
                y={HEIGHT_PX - all}
                width={wide}
                height={Math.max(0, all - known - 1)}
                rx={1.5}
                fill="var(--rest)"
              />
              <rect x={x} y={HEIGHT_PX - known} width={wide} height={known} rx={1.5} fill="var(--c7)" />
            </g>
          );
        })}
      </svg>
      <ul className="legend">
        <li>
          <i className="swatch" style={{ background: 'var(--c7)' }} />
          Known {number(load.known_w)} W
        </li>
        <li>
          <i className="swatch" style={{ background: 'var(--rest)' }} />
          Unknown {number(load.unknown_w ?? 0)} W
        </li>
      </ul>
    </div>
  );
}
