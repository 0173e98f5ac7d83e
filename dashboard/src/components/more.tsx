// What does not fit on the tabs of a phone.

import { href } from '../lib/route';
import { PAGE_ICONS } from './icons';
import { PLACES } from './navigation';
import { PageHead } from './page-head';

const HERE = ['unknown', 'sources', 'settings'];

export function MorePage(_: { part: string | null }) {
  return (
    <>
      <PageHead title="More" />
      <ul className="stack">
        {PLACES.filter((place) => HERE.includes(place.page)).map(({ page, label }) => {
          const Icon = PAGE_ICONS[page];
          return (
            <li key={page}>
              <a className="card row plain-link" href={href(page)}>
                <Icon />
                {label}
              </a>
            </li>
          );
        })}
        <li>
          <a className="card row plain-link" href="docs">
            API
          </a>
        </li>
      </ul>
    </>
  );
}
