// Prices by time of day, days of the week and season; the first that holds counts.

import { Field, NumberField } from '../field';
import { newRate, type RateDraft, type Wrongs } from './draft';
import { SeasonDay } from './season-day';
import { allDays, DAYS, dayName, whenWords } from './words';

/** Rates begin and end on the quarter hour, s. */
const QUARTER_S = 900;

export function RateRows({
  rates,
  unit,
  wrongs,
  onChange,
}: {
  rates: RateDraft[];
  unit: string | undefined;
  wrongs: Wrongs;
  onChange: (rates: RateDraft[]) => void;
}) {
  const change = (key: number, part: Partial<RateDraft>) =>
    onChange(rates.map((rate) => (rate.key === key ? { ...rate, ...part } : rate)));
  const move = (index: number) => {
    const moved = [...rates];
    moved.splice(index - 1, 0, ...moved.splice(index, 1));
    onChange(moved);
  };
  return (
    <div className="stack">
      <p className="sub">
        The first that holds counts, so write exceptions first and, last, one without times, days and season for all
        other times.
      </p>
      {wrongs.rates && <p className="wrong">{wrongs.rates}</p>}
      {rates.map((rate, index) => (
        <fieldset key={rate.key} className="rate">
          <legend>
            {index + 1}. {rate.name || 'price'} <span className="sub">{whenWords(rate, index === 0)}</span>
          </legend>
          <div className="fields">
            <Field
              label="Name"
              value={rate.name}
              onChange={(name) => change(rate.key, { name })}
              placeholder={index === rates.length - 1 ? 'day' : 'night'}
              wrong={wrongs[`rates.${index}.name`]}
            />
            <NumberField
              label="Price per kWh"
              unit={unit}
              value={rate.price}
              onChange={(price) => change(rate.key, { price })}
              wrong={wrongs[`rates.${index}.price`]}
            />
            <Field
              label="From"
              type="time"
              step={QUARTER_S}
              value={rate.from}
              onChange={(from) => change(rate.key, { from })}
              wrong={wrongs[`rates.${index}.from`]}
            />
            <Field
              label="To"
              type="time"
              step={QUARTER_S}
              value={rate.to}
              onChange={(to) => change(rate.key, { to })}
              wrong={wrongs[`rates.${index}.to`]}
            />
          </div>
          <Days
            label={`Days of price ${index + 1}; none chosen means all`}
            days={allDays(rate.days)}
            onChange={(days) => change(rate.key, { days })}
          />
          <div className="foot">
            <details open={!!rate.first_day || !!rate.last_day}>
              <summary className="sub">Only in a season</summary>
              <div className="fields">
                <SeasonDay
                  label="First day"
                  value={rate.first_day}
                  onChange={(first_day) => change(rate.key, { first_day })}
                  wrong={wrongs[`rates.${index}.first_day`]}
                />
                <SeasonDay
                  label="Last day, included"
                  value={rate.last_day}
                  onChange={(last_day) => change(rate.key, { last_day })}
                  wrong={wrongs[`rates.${index}.last_day`]}
                />
              </div>
            </details>
            <span className="tools">
              {index > 0 && (
                <button type="button" className="button quiet" onClick={() => move(index)}>
                  Move up<span className="visually-hidden"> price {index + 1}</span>
                </button>
              )}
              <button
                type="button"
                className="button quiet"
                onClick={() => onChange(rates.filter((one) => one.key !== rate.key))}
              >
                Remove<span className="visually-hidden"> price {index + 1}</span>
              </button>
            </span>
          </div>
        </fieldset>
      ))}
      <div>
        <button type="button" className="button" onClick={() => onChange([...rates, newRate()])}>
          Add a price
        </button>
      </div>
    </div>
  );
}

function Days({
  label,
  days,
  onChange,
}: {
  label: string;
  days: (typeof DAYS)[number][];
  onChange: (days: (typeof DAYS)[number][]) => void;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would draw a frame and a legend of its own
    <div className="days" role="group" aria-label={label}>
      {DAYS.map((day) => {
        const isOn = days.includes(day);
        return (
          <button
            key={day}
            type="button"
            className="chip"
            aria-pressed={isOn}
            onClick={() =>
              onChange(
                isOn ? days.filter((one) => one !== day) : DAYS.filter((one) => one === day || days.includes(one)),
              )
            }
          >
            {dayName(day)}
          </button>
        );
      })}
      <span className="sub">{days.length === 0 && 'every day'}</span>
    </div>
  );
}
