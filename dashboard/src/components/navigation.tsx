// Where one can go: a column beside the page, tabs below it on a phone.

import { useQuery } from '@tanstack/react-query';
import { useLive } from '../api/live';
import * as queries from '../api/queries';
import { href, type Page } from '../lib/route';
import { number } from '../lib/units';
import { VERDICTS } from '../lib/words';
import { Logo, PAGE_ICONS } from './icons';

export const PLACES: readonly { page: Page; label: string }[] = [
  { page: 'energy', label: 'Energy' },
  { page: 'devices', label: 'Devices' },
  { page: 'phantom', label: 'Phantom load' },
  { page: 'unknown', label: 'Unknown loads' },
  { page: 'costs', label: 'Costs' },
  { page: 'sources', label: 'Sources' },
  { page: 'settings', label: 'Settings' },
];

const TABS: readonly { page: Page; label: string }[] = [
  { page: 'energy', label: 'Energy' },
  { page: 'devices', label: 'Devices' },
  { page: 'phantom', label: 'Phantom' },
  { page: 'costs', label: 'Costs' },
  { page: 'more', label: 'More' },
];

export function Navigation({ page }: { page: Page }) {
  const isUnderMore = !TABS.some((tab) => tab.page === page);
  return (
    <>
      <nav className="side" aria-label="Main">
        <a className="brand" href={href('energy')}>
          <Logo size={22} />
          Wattribute
        </a>
        <ul>
          {PLACES.map((place) => (
            <li key={place.page}>
              <Place {...place} isHere={place.page === page} />
            </li>
          ))}
        </ul>
        <Foot />
      </nav>
      <nav className="tabs" aria-label="Main, below">
        <ul>
          {TABS.map((tab) => (
            <li key={tab.page}>
              <Place {...tab} isHere={tab.page === page || (tab.page === 'more' && isUnderMore)} />
            </li>
          ))}
        </ul>
      </nav>
    </>
  );
}

function Place({ page, label, isHere }: { page: Page; label: string; isHere: boolean }) {
  const Icon = PAGE_ICONS[page];
  const alerts = useLive((live) => (page === 'energy' ? live.alerts.length : 0));
  return (
    <a href={href(page)} aria-current={isHere ? 'page' : undefined}>
      <Icon />
      {label}
      {alerts > 0 && (
        <span className="count">
          {number(alerts)}
          <span className="visually-hidden"> {alerts === 1 ? 'alert' : 'alerts'}</span>
        </span>
      )}
    </a>
  );
}

function Foot() {
  const home = useQuery(queries.home());
  const devices = useQuery(queries.devices());
  const meter = home.data?.meter;
  const all = devices.data?.devices;
  const learned = all?.filter((one) => VERDICTS[one.verdict]?.tells).length;
  return (
    <div className="foot">
      {meter?.interval_s != null && (
        <div>
          Meter every {number(meter.interval_s, meter.interval_s < 9.95 ? 1 : 0)} s
          {meter.lag_s != null && `, lag ${number(meter.lag_s, 1)} s`}
        </div>
      )}
      {all && (
        <div>
          {number(learned ?? 0)} devices learned of {number(all.length)}
        </div>
      )}
    </div>
  );
}
