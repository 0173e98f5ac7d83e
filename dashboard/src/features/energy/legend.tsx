// Which colour is what.

import type { Attribution } from '../../api/types';
import { Swatch } from '../../components/card';
import { colourOf } from '../../lib/colours';
import { href } from '../../lib/route';

export function Legend({ data }: { data: Attribution }) {
  const devices = data.devices.filter((device) => device.energy_kwh > 0);
  return (
    <ul className="legend" aria-label="Colours">
      {devices.map((device) => (
        <li key={device.entity_id}>
          <Swatch colour={colourOf(device.entity_id)} />
          <a className="plain-link" href={href('devices', device.entity_id)}>
            {device.name}
          </a>
        </li>
      ))}
      {data.others_w.some((value) => (value ?? 0) > 0) && (
        <li>
          <Swatch colour="var(--others)" />
          Other devices
        </li>
      )}
      <li>
        <Swatch colour="var(--rest)" />
        Not attributed
      </li>
      <li>
        <i className="line-swatch" aria-hidden="true" />
        House
      </li>
      <li>
        <i className="line-swatch dashed" aria-hidden="true" />
        kWh so far
      </li>
    </ul>
  );
}
