// Short names of what the API answers.

import type { Schemas } from './client';

export type Device = Schemas['Device'];
export type DevicePage = Schemas['DevicePage'];
export type Evidence = Schemas['Evidence'];
export type Activation = Schemas['Activation'];
export type Consumer = Schemas['DeviceImpact'];
export type Correlation = Schemas['CorrelationRow'];
export type LiveCorrelation = Schemas['LiveCorrelation'];
export type LiveReading = Schemas['LiveReading'];
export type LiveHello = Schemas['LiveHello'];
export type LiveAlert = Schemas['LiveAlert'];
export type Alert = Schemas['AlertRow'];
export type Bucket = Schemas['Bucket'];
export type PhantomLoad = Schemas['PhantomLoad'];
export type UnknownLoad = Schemas['UnknownLoadRow'];
export type Source = Schemas['Source'];
export type TariffAnswer = Schemas['TariffAnswer'];
export type Contract = Schemas['Contract'];
export type Rate = Schemas['Rate'];
export type Token = Schemas['TokenRow'];
export type SeriesRow = Schemas['SeriesRow'];
export type SeriesReadings = Schemas['SeriesReadings'];

export type Attribution = Schemas['Attribution'];
export type AttributedDevice = Schemas['DevicePower'];

/** What is known and set of the home. */
export interface Home {
  name: string | null;
  is_demo: boolean;
  time_zone: string | null;
  currency: string | null;
  night: { from: string; to: string };
  phantom_threshold_w: number;
  meter: {
    said: string | null;
    from: 'config' | 'api' | null;
    in_force: string | null;
    why: string | null;
    interval_s: number | null;
    lag_s: number | null;
    candidates: { entity_id: string; name: string | null; power_w: number | null; reason: string | null }[];
  };
  version: string;
  uptime_s: number;
  learned_at: string | null;
}
