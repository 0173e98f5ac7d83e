// Where readings come from, how that goes, and what is kept of them.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import { Card } from '../../components/card';
import { Waves } from '../../components/icons';
import { PageHead } from '../../components/page-head';
import { Empty, Loaded, Skeleton } from '../../components/states';
import { href } from '../../lib/route';
import { number } from '../../lib/units';
import { HealthCard } from './health-card';
import { SourceCard } from './source-card';
import { StoreCard } from './store-card';
import './sources.css';

const LOADING = (
  <div className="grid two">
    <div className="stack">
      <Skeleton height={210} />
      <Skeleton height={210} />
    </div>
    <div className="stack">
      <Skeleton height={330} />
      <Skeleton height={260} />
    </div>
  </div>
);

export function SourcesPage(_: { part: string | null }) {
  const asked = useQuery(queries.sources());
  const all = asked.data?.sources ?? [];
  const isRead = all.filter((one) => one.is_up != null);
  const isUp = isRead.filter((one) => one.is_up).length;
  return (
    <>
      <PageHead
        title="Sources"
        after={isRead.length > 0 && <span className="sub">{`${number(isUp)} of ${number(isRead.length)} up`}</span>}
      />
      <Loaded query={asked} skeleton={LOADING}>
        {({ sources, store, problems }) => (
          <div className="grid two sources">
            <div className="stack">
              {sources.length === 0 && (
                <Card>
                  <Empty title="No source is set up" icon={<Waves size={28} />}>
                    <p>
                      Wattribute runs, but nothing tells it what the house draws. It starts with your Home Assistant.
                    </p>
                    <a className="button primary" href={href('energy')}>
                      Set it up
                    </a>
                  </Empty>
                </Card>
              )}
              {sources.map((source) => (
                <SourceCard key={source.source} source={source} />
              ))}
              {problems.length > 0 && <Problems problems={problems} />}
            </div>
            <div className="stack">
              <StoreCard store={store} />
              <HealthCard />
            </div>
          </div>
        )}
      </Loaded>
    </>
  );
}

function Problems({ problems }: { problems: string[] }) {
  return (
    <Card title="What does not work" sub={problems.length === 1 ? 'one thing' : `${number(problems.length)} things`}>
      <ul className="problems">
        {problems.map((problem) => (
          <li key={problem}>
            <span className="dot bad" />
            <span>{sentence(problem)}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** "source: no source is set up" -> "No source is set up": the name of the part says nothing to its owner. */
function sentence(problem: string): string {
  const words = problem.replace(/^[a-z_]+: /, '');
  return `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}`;
}
