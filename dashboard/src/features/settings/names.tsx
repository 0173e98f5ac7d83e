// What the owner called things and said of them, and how to take it back.

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../api/queries';
import type { Device, UnknownLoad } from '../../api/types';
import { Card, Swatch } from '../../components/card';
import { Squares } from '../../components/icons';
import { Empty, Loaded, SkeletonList } from '../../components/states';
import { colourOf } from '../../lib/colours';
import { href } from '../../lib/route';
import { Feedback } from './feedback';
import { saidWords } from './words';

export function NamesSection() {
  const devices = useQuery(queries.devices());
  const loads = useQuery(queries.unknownLoads());
  return (
    <div className="grid halves">
      <Card title="Devices" sub="names you gave">
        <Loaded query={devices} skeleton={<SkeletonList rows={3} height={34} />}>
          {(data) => <Devices devices={data.devices} />}
        </Loaded>
      </Card>
      <Card title="Unknown loads" sub="names you gave">
        <Loaded query={loads} skeleton={<SkeletonList rows={3} height={34} />}>
          {(data) => <Loads loads={data.unknown_loads} />}
        </Loaded>
      </Card>
    </div>
  );
}

function Devices({ devices }: { devices: Device[] }) {
  const named = devices.filter((device) => device.word?.name);
  const told = devices.filter((device) => !device.word?.name && saidWords(device.word));
  return (
    <>
      {named.length === 0 && (
        <Empty title="No device has a name of yours" icon={<Squares size={28} />}>
          <p>They go by what Home Assistant calls them. A better name is given on a device’s page.</p>
          <a className="button" href={href('devices')}>
            See devices
          </a>
        </Empty>
      )}
      <ul className="rows">
        {named.map((device) => (
          <NamedDevice key={device.entity_id} device={device} />
        ))}
      </ul>
      {told.length > 0 && (
        <>
          <h3>What else you said</h3>
          <ul className="rows">
            {told.map((device) => (
              <li key={device.entity_id}>
                <Swatch colour={colourOf(device.entity_id)} />
                <div>
                  <a href={href('devices', device.entity_id)}>{device.name ?? device.entity_id}</a>
                  <div className="sub">{saidWords(device.word)}</div>
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function NamedDevice({ device }: { device: Device }) {
  const say = queries.useSayOfDevice(device.entity_id);
  const name = device.word?.name ?? '';
  return (
    <li>
      <Swatch colour={colourOf(device.entity_id)} />
      <div>
        <a href={href('devices', device.entity_id)}>{name}</a>
        <div className="sub">
          {device.entity_id}
          {saidWords(device.word) && ` · ${saidWords(device.word)}`}
        </div>
        <Feedback of={say} />
      </div>
      <Undo name={name} isDisabled={say.isPending} onClick={() => say.mutate({ name: null })} />
    </li>
  );
}

function Loads({ loads }: { loads: UnknownLoad[] }) {
  const named = loads.filter((load) => load.name);
  if (named.length === 0) {
    return (
      <Empty title="No unknown load has a name">
        <p>
          {loads.length === 0
            ? 'None was found yet: steps that come again and again and that no device explains.'
            : 'Where you know what one of them is, give it a name: a fridge, a pump.'}
        </p>
        {loads.length > 0 && (
          <a className="button" href={href('unknown')}>
            See unknown loads
          </a>
        )}
      </Empty>
    );
  }
  return (
    <ul className="rows">
      {named.map((load) => (
        <NamedLoad key={load.id} load={load} />
      ))}
    </ul>
  );
}

function NamedLoad({ load }: { load: UnknownLoad }) {
  const name = queries.useNameUnknownLoad();
  return (
    <li>
      <Swatch colour={colourOf(load.id)} />
      <div>
        <a href={href('unknown', load.id)}>{load.name}</a>
        <div className="sub">{load.summary}</div>
        <Feedback of={name} />
      </div>
      <Undo
        name={load.name ?? ''}
        isDisabled={name.isPending}
        onClick={() => name.mutate({ id: load.id, name: null })}
      />
    </li>
  );
}

function Undo({ name, isDisabled, onClick }: { name: string; isDisabled: boolean; onClick: () => void }) {
  return (
    <button type="button" className="button" disabled={isDisabled} onClick={onClick}>
      Undo<span className="visually-hidden"> the name {name}</span>
    </button>
  );
}
