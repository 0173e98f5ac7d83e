// What each device used and cost, and the rest that none explains.

import { Bar, Card, Swatch } from '../../components/card';
import { colourOf } from '../../lib/colours';
import { href } from '../../lib/route';
import { money } from '../../lib/units';
import { REST, SUN } from './parts';
import type { Sums } from './sums';
import { shareWords, told } from './words';

export function DeviceTable({
  sums,
  currency,
  hasTariff,
}: {
  sums: Sums;
  currency: string | null;
  hasTariff: boolean;
}) {
  const used = sums.consumption_kwh;
  const share = (energy_kwh: number | null) => (used && energy_kwh !== null ? energy_kwh / used : null);
  const longest = Math.max(sums.devices[0]?.energy_kwh ?? 0, sums.unattributed_kwh ?? 0, 1e-9);
  const rows = [
    ...sums.devices.map((device) => ({
      key: device.entity_id,
      name: <a href={href('devices', device.entity_id)}>{device.name}</a>,
      colour: colourOf(device.entity_id),
      energy_kwh: device.energy_kwh as number | null,
      cost: money(device.cost, currency),
      estimated: device.estimated,
    })),
    {
      key: '',
      name: 'Not attributed',
      colour: REST,
      energy_kwh: sums.unattributed_kwh,
      cost: money(sums.unattributed_cost, currency),
      estimated: false,
    },
  ];
  const saved = sums.self_use_saved ?? 0;
  return (
    <Card
      title="Devices"
      sub={hasTariff ? 'costs at the price of what was bought at the same time' : 'what each is thought to have used'}
    >
      <div className="table-wrap">
        <table className="costs-devices">
          <caption className="visually-hidden">Cost by device</caption>
          <thead>
            <tr>
              <th scope="col">Device</th>
              <th scope="col" className="wide-only">
                <span className="visually-hidden">Drawn as a bar</span>
              </th>
              <th scope="col" className="num">
                Energy
              </th>
              <th scope="col" className="num wide-only">
                Share
              </th>
              {hasTariff && (
                <th scope="col" className="num">
                  Cost
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.key}>
                <th scope="row">
                  <Swatch colour={row.colour} /> {row.name}
                  {row.estimated && <span className="sub"> estimated</span>}
                </th>
                <td className="wide-only costs-bar-cell">
                  <Bar share={(row.energy_kwh ?? 0) / longest} colour={row.colour} />
                </td>
                <td className="num">{told(row.energy_kwh)}</td>
                <td className="num dim wide-only">{shareWords(share(row.energy_kwh))}</td>
                {hasTariff && <td className="num">{row.cost}</td>}
              </tr>
            ))}
            {hasTariff && saved > 0 && (
              <tr>
                <th scope="row">
                  <Swatch colour={SUN} /> Own sun, not bought
                  <span className="sub costs-under">{told(sums.self_use_kwh)} of the above</span>
                </th>
                <td className="wide-only" />
                <td />
                <td className="wide-only" />
                <td className="num">{money(-saved, currency)}</td>
              </tr>
            )}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">
                All
                {hasTariff && sums.cost !== sums.import_cost && (
                  <span className="sub costs-all"> as bought, before other charges</span>
                )}
              </th>
              <td className="wide-only" />
              <td className="num">{told(used)}</td>
              <td className="wide-only" />
              {hasTariff && <td className="num">{money(sums.import_cost, currency)}</td>}
            </tr>
          </tfoot>
        </table>
      </div>
      {saved > 0 && hasTariff && (
        <p className="sub costs-note">
          Devices cost what they would have cost from the grid; what the sun gave of that is taken off below.
        </p>
      )}
    </Card>
  );
}
