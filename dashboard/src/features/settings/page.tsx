// What the owner says: prices, the meter, names, alerts, who gets in, and how this browser shows it.

import type { ComponentType } from 'react';
import { PageHead } from '../../components/page-head';
import { href } from '../../lib/route';
import { AlertsSection } from './alerts';
import { AppearanceSection } from './appearance';
import { MeterSection } from './meter';
import { NamesSection } from './names';
import { TariffSection } from './tariff/section';
import { TokensSection } from './tokens';
import './settings.css';

const SECTIONS: readonly { part: string; label: string; Section: ComponentType }[] = [
  { part: 'tariff', label: 'Tariff', Section: TariffSection },
  { part: 'meter', label: 'Meter', Section: MeterSection },
  { part: 'names', label: 'Names', Section: NamesSection },
  { part: 'alerts', label: 'Alerts', Section: AlertsSection },
  { part: 'tokens', label: 'Tokens', Section: TokensSection },
  { part: 'appearance', label: 'Appearance', Section: AppearanceSection },
];

export function SettingsPage({ part }: { part: string | null }) {
  const shown = SECTIONS.find((section) => section.part === part) ?? SECTIONS[0];
  return (
    <div className="settings">
      <PageHead title="Settings" />
      <nav className="sections" aria-label="Settings">
        <ul>
          {SECTIONS.map((section) => (
            <li key={section.part}>
              <a href={href('settings', section.part)} aria-current={section === shown ? 'page' : undefined}>
                {section.label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {shown && <shown.Section />}
    </div>
  );
}
