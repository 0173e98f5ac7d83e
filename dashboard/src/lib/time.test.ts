import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ago,
  clock,
  clockSeconds,
  DAY_MS,
  date,
  day,
  dayStart,
  fromLocal,
  HOUR_MS,
  instant,
  isoDay,
  local,
  MINUTE_MS,
  moment,
  month,
  monthShort,
  monthStart,
  offsetMs,
  span,
  weekday,
  weekdayDay,
  year,
} from './time';
import { setLocale } from './units';

beforeEach(() => setLocale('en-GB'));
afterEach(() => setLocale(undefined));

const BERLIN = 'Europe/Berlin';
const NEW_YORK = 'America/New_York';
const at = (text: string) => Date.parse(text);
const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');
const hoursOf = (from: string, zone: string) => (dayStart(at(from), zone, 1) - dayStart(at(from), zone)) / HOUR_MS;

describe('an instant', () => {
  it('is read from RFC 3339, with or without fractions and zone', () => {
    expect(instant('2026-11-21T15:40:35.677Z')).toBe(1795275635677);
    expect(instant('2026-11-21T16:40:35+01:00')).toBe(1795275635000);
  });

  it('is null where there is none', () => {
    for (const text of [null, undefined, '', 'yesterday']) expect(instant(text)).toBeNull();
  });
});

describe('the home’s clock', () => {
  it('is that of the home, whatever the browser’s zone is', () => {
    const noon = at('2026-11-21T12:00:05Z');
    expect(clock(noon, BERLIN)).toBe('13:00');
    expect(clock(noon, NEW_YORK)).toBe('07:00');
    expect(clockSeconds(noon, 'Asia/Kathmandu')).toBe('17:45:05');
  });

  it('shows midnight as 0 h, not 24 h', () => {
    const midnight = at('2026-11-20T23:00:00Z');
    expect(local(midnight, BERLIN)).toEqual({ year: 2026, month: 11, day: 21, hour: 0, minute: 0, second: 0 });
    expect(clock(midnight, BERLIN)).toBe('00:00');
  });

  it('has half hours and negative offsets', () => {
    const noon = at('2026-07-01T12:00:00Z');
    expect(offsetMs(noon, 'Asia/Kathmandu')).toBe(5.75 * HOUR_MS);
    expect(offsetMs(noon, NEW_YORK)).toBe(-4 * HOUR_MS);
    expect(offsetMs(noon + 677, BERLIN)).toBe(2 * HOUR_MS);
    expect(offsetMs(-1.5, BERLIN)).toBe(HOUR_MS);
  });

  it('is written as the reader’s locale has it', () => {
    const evening = at('2026-11-21T19:58:12Z');
    const all = (name: string) => {
      setLocale(name);
      return [clock(evening, BERLIN), weekdayDay(evening, BERLIN), date(evening, BERLIN)].map((text) =>
        text.replaceAll('\u202f', ' '),
      );
    };
    expect(all('en-GB')).toEqual(['20:58', 'Sat 21 Nov', '21 Nov 2026']);
    expect(all('en-US')).toEqual(['08:58 PM', 'Sat, Nov 21', 'Nov 21, 2026']);
    expect(all('de-DE')).toEqual(['20:58', 'Sa., 21. Nov.', '21. Nov. 2026']);
    expect(all('fr-FR')).toEqual(['20:58', 'sam. 21 nov.', '21 nov. 2026']);
  });

  it('names days, months and years by themselves', () => {
    const late = at('2026-12-31T23:30:00Z');
    expect([weekday(late, BERLIN), month(late, BERLIN), monthShort(late, BERLIN), year(late, BERLIN)]).toEqual([
      'Friday',
      'January 2027',
      'Jan',
      '2027',
    ]);
    expect(day(late, NEW_YORK)).toBe('31 Dec');
  });
});

describe('a local day', () => {
  it('has 23 hours in spring and 25 in autumn', () => {
    expect(hoursOf('2026-03-29T10:00:00Z', BERLIN)).toBe(23);
    expect(hoursOf('2026-10-25T10:00:00Z', BERLIN)).toBe(25);
    expect(hoursOf('2026-03-08T15:00:00Z', NEW_YORK)).toBe(23);
    expect(hoursOf('2026-11-01T15:00:00Z', NEW_YORK)).toBe(25);
    expect(hoursOf('2026-11-21T15:00:00Z', BERLIN)).toBe(24);
  });

  it('begins at its midnight, seen from before and after the clock changed', () => {
    for (const hour of ['2026-03-29T00:30:00Z', '2026-03-29T01:30:00Z', '2026-03-29T21:59:59Z']) {
      expect(iso(dayStart(at(hour), BERLIN))).toBe('2026-03-28T23:00:00Z');
    }
    for (const hour of ['2026-10-24T22:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z']) {
      expect(iso(dayStart(at(hour), BERLIN))).toBe('2026-10-24T22:00:00Z');
    }
    expect(iso(dayStart(at('2026-11-01T05:30:00Z'), NEW_YORK))).toBe('2026-11-01T04:00:00Z');
    expect(iso(dayStart(at('2026-03-09T03:59:59Z'), NEW_YORK))).toBe('2026-03-08T05:00:00Z');
  });

  it('is found some days later and earlier, over months, years and changed clocks', () => {
    expect(iso(dayStart(at('2026-10-24T10:00:00Z'), BERLIN, 2))).toBe('2026-10-25T23:00:00Z');
    expect(iso(dayStart(at('2026-03-30T10:00:00Z'), BERLIN, -1))).toBe('2026-03-28T23:00:00Z');
    expect(iso(dayStart(at('2026-12-31T10:00:00Z'), BERLIN, 1))).toBe('2026-12-31T23:00:00Z');
    expect(iso(dayStart(at('2026-03-01T10:00:00Z'), BERLIN, -1))).toBe('2026-02-27T23:00:00Z');
  });

  it('begins after midnight where the clock springs at midnight', () => {
    // In Santiago 2026-09-06 begins at 01:00.
    expect(iso(dayStart(at('2026-09-06T15:00:00Z'), 'America/Santiago'))).toBe('2026-09-06T04:00:00Z');
    expect(local(at('2026-09-06T04:00:00Z'), 'America/Santiago')).toMatchObject({ day: 6, hour: 1 });
  });

  it('is named as the API takes it', () => {
    expect(isoDay(at('2026-11-20T23:00:00Z'), BERLIN)).toBe('2026-11-21');
    expect(isoDay(at('2026-01-05T04:59:59Z'), NEW_YORK)).toBe('2026-01-04');
  });
});

describe('a time on the home’s clock', () => {
  it('is an instant', () => {
    expect(iso(fromLocal(2026, 11, 21, BERLIN, 13, 30))).toBe('2026-11-21T12:30:00Z');
    expect(iso(fromLocal(2026, 7, 1, NEW_YORK, 8))).toBe('2026-07-01T12:00:00Z');
  });

  it('is the first of the two where the clock shows it twice', () => {
    expect(iso(fromLocal(2026, 10, 25, BERLIN, 2, 30))).toBe('2026-10-25T00:30:00Z');
    expect(iso(fromLocal(2026, 11, 1, NEW_YORK, 1, 30))).toBe('2026-11-01T05:30:00Z');
  });

  it('is just after where the clock never shows it', () => {
    expect(iso(fromLocal(2026, 3, 29, BERLIN, 2, 30))).toBe('2026-03-29T01:30:00Z');
    expect(clock(fromLocal(2026, 3, 29, BERLIN, 2, 30), BERLIN)).toBe('03:30');
    expect(iso(fromLocal(2026, 3, 8, NEW_YORK, 2))).toBe('2026-03-08T07:00:00Z');
  });

  it('is where the clock comes back to, every hour of a year', () => {
    for (const zone of [BERLIN, NEW_YORK, 'Australia/Lord_Howe']) {
      for (let hour = at('2026-01-01T00:00:00Z'); hour < at('2027-01-01T00:00:00Z'); hour += 3 * HOUR_MS) {
        const p = local(hour, zone);
        const back = fromLocal(p.year, p.month, p.day, zone, p.hour, p.minute);
        expect(local(back, zone)).toEqual(p);
        expect(hour - back === 0 || (hour - back > 0 && hour - back <= HOUR_MS)).toBe(true);
      }
    }
  });
});

describe('a local month', () => {
  it('begins at midnight of its first, also over years and changed clocks', () => {
    expect(iso(monthStart(at('2026-10-31T23:30:00Z'), BERLIN))).toBe('2026-10-31T23:00:00Z');
    expect(iso(monthStart(at('2026-11-15T00:00:00Z'), BERLIN, -1))).toBe('2026-09-30T22:00:00Z');
    expect(iso(monthStart(at('2026-12-31T12:00:00Z'), NEW_YORK, 1))).toBe('2027-01-01T05:00:00Z');
  });
});

describe('how long ago', () => {
  const now = at('2026-11-21T19:58:00Z');
  it('is told in seconds, minutes, then by the clock', () => {
    const told = [0, 1_400, 12_000, 59_400, 61_000, 3_599_000].map((ms) => ago(now - ms, now, BERLIN));
    expect(told).toEqual(['just now', 'just now', '12 s ago', '59 s ago', '1 min ago', '59 min ago']);
    expect(ago(now - HOUR_MS, now, BERLIN)).toBe('19:58');
  });

  it('is just now for what the home’s clock has before ours', () => {
    expect(ago(now + 5_000, now, BERLIN)).toBe('just now');
  });
});

describe('a moment', () => {
  const now = at('2026-11-21T19:58:00Z');
  it('is told by what a person needs of it', () => {
    expect(moment(at('2026-11-21T17:04:00Z'), now, BERLIN)).toBe('18:04');
    expect(moment(at('2026-11-20T17:04:00Z'), now, BERLIN)).toBe('yesterday 18:04');
    expect(moment(at('2026-11-19T17:04:00Z'), now, BERLIN)).toBe('19 Nov 18:04');
    expect(moment(at('2025-11-19T17:04:00Z'), now, BERLIN)).toBe('19 Nov 2025 18:04');
  });

  it('changes days at the home’s midnight', () => {
    expect(moment(at('2026-11-20T23:00:00Z'), now, BERLIN)).toBe('00:00');
    expect(moment(at('2026-11-20T22:59:59Z'), now, BERLIN)).toBe('yesterday 23:59');
    expect(moment(at('2026-11-20T23:00:00Z'), now, NEW_YORK)).toBe('yesterday 18:00');
    expect(moment(at('2026-11-19T22:59:59Z'), now, BERLIN)).toBe('19 Nov 23:59');
  });

  it('knows yesterday where a day has 23 or 25 hours', () => {
    const after = at('2026-10-26T10:00:00Z');
    expect(moment(at('2026-10-24T22:30:00Z'), after, BERLIN)).toBe('yesterday 00:30');
    expect(moment(at('2026-10-24T21:30:00Z'), after, BERLIN)).toBe('24 Oct 23:30');
    expect(moment(at('2026-03-28T22:30:00Z'), at('2026-03-30T10:00:00Z'), BERLIN)).toBe('28 Mar 23:30');
    expect(moment(at('2026-10-25T22:30:00Z'), at('2026-10-25T23:30:00Z'), BERLIN)).toBe('yesterday 23:30');
  });

  it('says the day of what is tomorrow', () => {
    expect(moment(at('2026-11-21T23:00:00Z'), now, BERLIN)).toBe('tomorrow 00:00');
    expect(moment(at('2026-11-22T00:30:00Z'), now, BERLIN)).toBe('tomorrow 01:30');
    expect(moment(at('2026-11-22T23:00:00Z'), now, BERLIN)).toBe('23 Nov 00:00');
    expect(moment(at('2026-10-25T22:59:00Z'), at('2026-10-24T22:30:00Z'), BERLIN)).toBe('23:59');
  });

  it('says the year at its turn', () => {
    expect(moment(at('2026-12-20T12:00:00Z'), at('2027-01-05T12:00:00Z'), BERLIN)).toBe('20 Dec 2026 13:00');
    expect(moment(at('2026-12-31T22:00:00Z'), at('2026-12-31T23:30:00Z'), BERLIN)).toBe('yesterday 23:00');
  });
});

describe('a span', () => {
  const midnight = at('2026-11-20T23:00:00Z');
  it('has clocks alone within a day', () => {
    expect(span(at('2026-11-21T16:50:00Z'), at('2026-11-21T18:20:00Z'), BERLIN)).toBe('17:50 to 19:20');
    expect(span(midnight + 22 * HOUR_MS, midnight + DAY_MS, BERLIN)).toBe('22:00 to 00:00');
  });

  it('is a whole day by its name, also one of 25 hours', () => {
    expect(span(midnight, midnight + DAY_MS, BERLIN)).toBe('Sat 21 Nov');
    expect(span(at('2026-10-24T22:00:00Z'), at('2026-10-25T23:00:00Z'), BERLIN)).toBe('Sun 25 Oct');
    expect(span(at('2026-10-24T22:00:00Z'), at('2026-10-25T22:00:00Z'), BERLIN)).toBe('00:00 to 23:00');
  });

  it('has days too across midnight', () => {
    expect(span(midnight - HOUR_MS, midnight + MINUTE_MS, BERLIN)).toBe('20 Nov 23:00 to 21 Nov 00:01');
  });

  it('has days alone where it is long', () => {
    expect(span(at('2026-10-01T10:00:00Z'), at('2026-11-21T10:00:00Z'), BERLIN)).toBe('1 Oct 2026 to 21 Nov 2026');
  });
});
