// Nothing is set up: what to do, and what happens then. It goes on by itself when a source appears.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import { Card } from '../../components/card';
import { Logo } from '../../components/icons';
import { Snippet } from '../../components/snippet';
import { useNow } from '../../lib/now';
import { duration } from '../../lib/units';
import './setup.css';

/** How often it looks whether a source has come, ms; App shows the page that was asked for as soon as one has. */
const LOOK_EVERY_MS = 4_000;

const ENVIRONMENT = `HOME_ASSISTANT_URL=http://homeassistant.local:8123 \\
HOME_ASSISTANT_TOKEN=… \\
wattribute run`;

const FILE = `[home_assistant]
url = "http://homeassistant.local:8123"
token_file = "/path/to/the/token"
# meter = "sensor.house_power"   # only where it is not found by itself`;

const NEXT: readonly [string, string][] = [
  ['At once', 'The power of the house, live. The last ten days of Home Assistant’s history are fetched.'],
  ['First minutes', 'What was switched often in these days gets its watts, and says how sure that is.'],
  ['First nights', 'Phantom load: what the house draws when nothing is in use.'],
  ['Two to four weeks', 'Most of what can be told is told. What cannot says why, and what would help.'],
];

export function SetUpPage(_: { part: string | null }) {
  return (
    <div className="setup">
      <header className="welcome">
        <Logo size={34} />
        <h1>Know what every device draws</h1>
        <p>
          Wattribute learns it from the steps that switches make in the one meter of your house. It runs; now it needs
          to hear your home.
        </p>
        <Looking />
      </header>
      <div className="grid two">
        <Card title="Your Home Assistant" sub="with one sensor of the whole house’s power in it">
          <ol className="steps">
            <li>
              <h3>Make a token</h3>
              <p>
                In Home Assistant: your profile (your name, bottom left), <em>Security</em>, at the end{' '}
                <em>Long-lived access tokens</em>, <em>Create token</em>. It is shown only once.
              </p>
            </li>
            <li>
              <h3>Say where Home Assistant is, and start again</h3>
              <p>In the environment:</p>
              <Snippet text={ENVIRONMENT} label="Start with Home Assistant in the environment" />
              <p>
                or in <code>wattribute.toml</code>, beside where it is started:
              </p>
              <Snippet text={FILE} label="Home Assistant in wattribute.toml" />
            </li>
            <li>
              <h3>If nothing comes</h3>
              <p>This tries every connection and says what would help:</p>
              <Snippet text="wattribute check" label="Command that tries every connection" />
            </li>
          </ol>
        </Card>
        <div className="stack">
          <Card title="Just looking?">
            <p className="sub">A made-up house with thirty days of history, live. It has a store of its own.</p>
            <Snippet text="wattribute demo" label="Command that shows the demo house" />
          </Card>
          <Card title="What happens then">
            <ol className="next">
              {NEXT.map(([when, what]) => (
                <li key={when}>
                  <h3>{when}</h3>
                  <p>{what}</p>
                </li>
              ))}
            </ol>
          </Card>
          <Card title="A history as a file?">
            <p className="sub">
              A copy of Home Assistant’s database, CSV or Parquet goes in with <code>wattribute import</code>. The API
              is described at <a href="docs">docs</a>.
            </p>
          </Card>
        </div>
      </div>
    </div>
  );
}

/** That it looks, and when it did last. */
function Looking() {
  const asked = useQuery({ ...queries.sources(), refetchInterval: LOOK_EVERY_MS });
  const now = useNow(1_000);
  const age_s = Math.max(0, Math.round((now - asked.dataUpdatedAt) / 1000));
  const isHeard = !asked.isError && asked.data !== undefined;
  const wrong = asked.data?.sources.flatMap((source) => source.error ?? []) ?? [];
  return (
    <p className="looking">
      <span className={`dot ${isHeard ? 'warn' : 'bad'}`} />
      <span role="status">{isHeard ? (wrong[0] ?? 'Waiting for a source') : 'Wattribute does not answer'}</span>
      {isHeard && (
        <span className="sub">
          {age_s < 2 ? 'looked just now' : `looked ${duration(age_s)} ago`}; goes on by itself
        </span>
      )}
    </p>
  );
}
