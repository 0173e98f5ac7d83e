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
export type Home = Schemas['HomeAnswer'];
