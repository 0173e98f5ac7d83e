// How this browser shows it, and what this is.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import { Card, Segments } from '../../components/card';
import { setTheme, type Theme, useTheme } from '../../lib/theme';
import { duration } from '../../lib/units';
import { useCurrency, useZone } from '../../lib/zone';

const THEMES: readonly { value: Theme; label: string }[] = [
  { value: 'auto', label: 'As the device' },
  { value: 'dark', label: 'Dark' },
  { value: 'light', label: 'Light' },
];

export function AppearanceSection() {
  const theme = useTheme();
  const health = useQuery(queries.health());
  const zone = useZone();
  const currency = useCurrency();
  return (
    <div className="grid halves">
      <Card title="Appearance" sub="in this browser only">
        <Segments label="Theme" options={THEMES} value={theme} onChange={setTheme} />
        <dl className="key-value">
          <dt>Numbers and dates</dt>
          <dd>{navigator.language}, as this browser is set</dd>
          <dt>Time zone</dt>
          <dd>{zone.replaceAll('_', ' ')}, that of the home</dd>
          <dt>Currency</dt>
          <dd>{currency ?? '– not known'}</dd>
        </dl>
        <p className="sub">
          Where zone or currency are wrong, <code>time_zone</code> and <code>currency</code> of <code>[home]</code> in{' '}
          <code>wattribute.toml</code> set them.
        </p>
      </Card>
      <Card title="About">
        <dl className="key-value">
          <dt>Wattribute</dt>
          <dd>{health.data ? `version ${health.data.version}` : '–'}</dd>
          <dt>Running for</dt>
          <dd>{duration(health.data?.uptime_seconds)}</dd>
          <dt>Licence</dt>
          <dd>MIT or Apache 2.0, as you like</dd>
          <dt>For programs</dt>
          <dd>
            <a href="docs">The API, described</a>
          </dd>
        </dl>
      </Card>
    </div>
  );
}
