// What the home draws when nothing is in use: night by night, what it is made of, and what that costs.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import * as queries from '../../api/queries';
import type { PhantomLoad } from '../../api/types';
import { Card, FigureCard } from '../../components/card';
import { Moon } from '../../components/icons';
import { PageHead } from '../../components/page-head';
import { Empty, Loaded, SkeletonPage } from '../../components/states';
import { href } from '../../lib/route';
import { energy, money, watts } from '../../lib/units';
import { MadeOf } from './made-of';
import { trendWords, windowWords } from './nights';
import './phantom.css';
import { type Count, Series } from './series';

export function PhantomPage(_: { part: string | null }) {
  const [count, setCount] = useState<Count>('30');
  const query = useQuery({ ...queries.phantom(Number(count)), placeholderData: (before) => before });
  return (
    <>
      <PageHead title="Phantom load" />
      <Loaded query={query} skeleton={<SkeletonPage heights={[390, 240]} />}>
        {(phantom) =>
          phantom.nights.length === 0 ? (
            <Card>
              <Empty title="No night yet" icon={<Moon size={28} />}>
                <p>
                  What is drawn from {windowWords(phantom.window)} when nothing is in use shows here after the first
                  night of which the house’s meter tells enough.
                </p>
              </Empty>
            </Card>
          ) : (
            <div className={`stack ${query.isPlaceholderData ? 'stale' : ''}`}>
              <Figures phantom={phantom} />
              <Series phantom={phantom} count={count} onCount={setCount} />
              <MadeOf phantom={phantom} />
            </div>
          )
        }
      </Loaded>
    </>
  );
}

function Figures({ phantom }: { phantom: PhantomLoad }) {
  const last = phantom.nights.at(-1)?.baseline_w;
  const present = phantom.baseline_w;
  const hasCost = phantom.cost_per_year != null;
  return (
    <div className="grid cards">
      <FigureCard
        label="Last night"
        figure={watts(last)}
        sub={
          present == null
            ? 'no night is known well enough'
            : `${watts(present).value} W in the middle of the last seven nights`
        }
      />
      <FigureCard
        label="In a year"
        figure={energy(phantom.energy_kwh_per_year)}
        sub={present == null ? 'not known' : `${watts(present).value} W all day and night`}
      />
      <FigureCard
        label="Costs in a year"
        figure={{ value: money(phantom.cost_per_year, phantom.currency), unit: '' }}
        sub={
          hasCost ? 'at the mean price of what you buy' : <a href={href('settings')}>Say what a kilowatt-hour costs</a>
        }
      />
      <FigureCard
        label="Change in a month"
        figure={watts(phantom.trend_w_per_month, true)}
        sub={trendWords(phantom.trend_w_per_month)}
      />
    </div>
  );
}
