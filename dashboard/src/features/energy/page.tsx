// The first page: what the house draws now, where it goes, and what changed.

import './energy.css';
import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import { LiveIndicator, PageHead } from '../../components/page-head';
import { money } from '../../lib/units';
import { ActiveAlerts } from './alerts';
import { Cards } from './cards';
import { RecentChanges } from './changes';
import { Circuits } from './circuits';
import { TopConsumers } from './consumers';
import { PhantomCard } from './phantom-card';
import { PowerCard } from './power-card';
import { Summary } from './summary';

export function EnergyPage(_: { part: string | null }) {
  const tariffs = useQuery(queries.tariffs()).data;
  return (
    <>
      <PageHead title="Energy" after={<LiveIndicator />}>
        {tariffs?.now && (
          <span className="chip wide-only" title={tariffs.now.band}>
            {money(tariffs.now.price_per_kwh, tariffs.currency)} / kWh
          </span>
        )}
      </PageHead>
      <ActiveAlerts />
      <div className="stack">
        <Cards />
        <div className="grid two">
          <PowerCard />
          <TopConsumers />
        </div>
        <div className="grid two">
          <RecentChanges />
          <div className="stack">
            <Summary />
            <PhantomCard />
            <Circuits />
          </div>
        </div>
      </div>
    </>
  );
}
