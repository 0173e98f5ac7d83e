import { DeviceView } from './device';
import './devices.css';
import { DeviceList } from './list';

/** All devices, or all of one device. */
export function DevicesPage({ part }: { part: string | null }) {
  return part ? <DeviceView key={part} entity_id={part} /> : <DeviceList />;
}
