// What a kWh costs now and today.

import type { TariffAnswer } from '../../../api/types';
import { Card } from '../../../components/card';
import { instant, moment, span } from '../../../lib/time';
import { PriceChart } from './price-chart';
import { distinct, price, steps } from './words';

export function InForce({ answer, now }: { answer: TariffAnswer; now: number }) {
  const { now: price_now, currency, time_zone: zone } = answer;
  const all = steps(answer.import_prices);
  const exported = answer.export_prices.find((one) => {
    const [from, to] = [instant(one.from), instant(one.to)];
    return from != null && to != null && from <= now && now < to;
  });
  const next = all.find((step) => step.from_ms > now && step.price !== price_now?.price_per_kwh);
  const isSteady = distinct(all) <= 1;
  const hasContract = (answer.tariffs.contracts ?? []).length > 0;
  return (
    <Card title="A kWh now" sub={price_now && !isSteady ? price_now.band : undefined}>
      <div className="big price">
        {price(price_now?.price_per_kwh, currency)}
        <small>per kWh</small>
      </div>
      <p className="sub">
        {!price_now &&
          (hasContract ? 'No price is known for now.' : 'Say a price, and everything shows what it costs.')}
        {price_now && isSteady && 'The same all day.'}
        {price_now && next && `${price(next.price, currency)} from ${moment(next.from_ms, now, zone)}.`}
        {exported?.price_per_kwh != null && ` ${price(exported.price_per_kwh, currency)} is paid for a kWh given.`}
        {price_now && !currency && ' The currency is not known: [home] currency sets it.'}
      </p>
      {!isSteady && (
        <>
          <PriceChart steps={all} now={now} zone={zone} currency={currency ?? null} />
          <details className="table-toggle">
            <summary>As a table</summary>
            <div className="table-wrap">
              <table>
                <caption className="visually-hidden">Prices of today</caption>
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">Band</th>
                    <th scope="col" className="num">
                      Per kWh
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {all.map((step) => (
                    <tr key={step.from_ms}>
                      <td>{span(step.from_ms, step.to_ms, zone)}</td>
                      <td>{step.band ?? 'not known yet'}</td>
                      <td className="num">{price(step.price, currency)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </details>
        </>
      )}
    </Card>
  );
}
