//! Energies of days, weeks, months and years of the local clock, from the store; days that are over are remembered until the store says something
//! else of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wattribute_domain::calendar::{Period, buckets};
use wattribute_domain::counter::{Counts, MOST_KW, increments};
use wattribute_domain::{Level, Series, SeriesId};
use wattribute_store::{Result, Store};

use super::plan::{Attributed, Drain, Plan, Voice};
use super::slots::{self, Energy};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// Days that are read at once.
const READ_DAYS: usize = 31;
/// How far back the usual interval of a polled device is looked for, ms.
const LOOK_BACK_MS: i64 = 900_000;

/// Fewer rows than this do not tell how often a device speaks.
const FEW: usize = 8;

/// The periods that are told, and what they are called.
pub const PERIODS: [(Period, &str); 4] = [
    (Period::Day, "energy_kwh_daily"),
    (Period::Week, "energy_kwh_weekly"),
    (Period::Month, "energy_kwh_monthly"),
    (Period::Year, "energy_kwh_yearly"),
];

/// What was drawn up to an instant of a day.
#[derive(Clone, Copy, Debug)]
struct UpTo {
    day_ms: i64,
    at_ms: i64,
    energy: Energy,
}

/// Energies that were worked out.
#[derive(Default)]
pub struct Book {
    /// Of local days that are over, by their beginning, ms.
    closed: HashMap<Drain, BTreeMap<i64, Energy>>,
    /// Of the day that is told, up to where it may still be told anew.
    open: HashMap<Drain, UpTo>,
}

/// Reads series and energies of one plan.
pub struct Reader<'a> {
    /// Where.
    pub store: &'a Arc<dyn Store>,
    /// What there is.
    pub plan: &'a Plan,
    /// The present, ms since the epoch.
    pub now_ms: i64,
}

impl Reader<'_> {
    /// What a voice said from `from_ms` to `to_ms`, beginning with what holds at `from_ms`; a polled device falls silent by itself.
    pub async fn rows(&self, voice: Voice, from_ms: i64, to_ms: i64) -> Result<Series> {
        match voice {
            Voice::Said(id) if self.plan.polled.contains(&id) => {
                let mut rows = self.store.readings(id, from_ms - LOOK_BACK_MS, to_ms).await?;
                if let Some(first_ms) = rows.at_ms.first().filter(|_| rows.len() < FEW) {
                    // Around a silence there are none that tell how often it speaks as a rule: those before it do.
                    rows = self.store.readings(id, first_ms - HOUR_MS, to_ms).await?;
                }
                Ok(rows.with_silences(to_ms.min(self.now_ms)))
            }
            Voice::Said(id) => self.store.readings(id, from_ms, to_ms).await,
            Voice::Attributed(id) => match self.plan.attributed.get(&id) {
                None => Ok(Series::default()),
                Some(Attributed { metered: Some(sensor), .. }) => Box::pin(self.rows(Voice::Said(*sensor), from_ms, to_ms)).await,
                Some(device) => {
                    let mut rows = self.store.readings(id, from_ms, to_ms).await?;
                    for value in &mut rows.value {
                        let power_w = Level::of_number(*value).and_then(|level| device.profile.power_of(&device.modes, level));
                        *value = power_w.unwrap_or(f64::NAN);
                    }
                    Ok(rows)
                }
            },
        }
    }

    /// The same as a power whose energy is what is kept: of a device that was learned, the energies of its hours up to when it was learned.
    async fn power(&self, voice: Voice, from_ms: i64, to_ms: i64) -> Result<Series> {
        let Voice::Attributed(id) = voice else { return self.rows(voice, from_ms, to_ms).await };
        let Some(learned_ms) = self.plan.attributed.get(&id).map(|device| device.learned_ms) else { return Ok(Series::default()) };
        let mut power = hours(self.store, id, from_ms, to_ms.min(learned_ms)).await?;
        if to_ms > learned_ms {
            let begin_ms = from_ms.max(learned_ms);
            let rows = self.rows(voice, begin_ms, to_ms).await?;
            for (&at_ms, &power_w) in rows.at_ms.iter().zip(&rows.value) {
                // What holds at the beginning was said before it.
                power.push(at_ms.max(begin_ms), power_w);
            }
        }
        Ok(power)
    }

    /// What a counter did in a stretch and a day around it: what it did the day before tells a dip from a reset.
    async fn counts(&self, id: SeriesId, from_ms: i64, to_ms: i64) -> Result<Counts> {
        let rows = self.store.readings(id, from_ms - DAY_MS, (to_ms + DAY_MS).min(self.now_ms + 1)).await?;
        let counts = tokio::task::spawn_blocking(move || increments(&rows, MOST_KW)).await;
        Ok(counts.unwrap_or_default())
    }

    /// Energies of spans in order, each of which ends where the next begins or before it; and up to when they are final, ms: what a counter counted since
    /// its last word is known with its next one.
    async fn energies(&self, drain: Drain, spans: &[(i64, i64)]) -> Result<(Vec<Energy>, i64)> {
        let (Some(&(from_ms, _)), Some(&(_, to_ms))) = (spans.first(), spans.last()) else { return Ok((Vec::new(), i64::MAX)) };
        let (voice, below) = match drain {
            Drain::Counter(id) => {
                let counts = self.counts(id, from_ms, to_ms).await?;
                let energies = spans.iter().map(|&(from_ms, to_ms)| counted(&counts, from_ms, to_ms, self.now_ms)).collect();
                return Ok((energies, counts.unchanged_from_ms.unwrap_or(i64::MIN)));
            }
            Drain::Drawn(voice) => (voice, false),
            Drain::Given(voice) => (voice, true),
        };
        let power = self.power(voice, from_ms, to_ms.min(self.now_ms)).await?;
        let energy = |&(from_ms, to_ms): &(i64, i64)| slots::energy(&power, below, from_ms, to_ms.min(self.now_ms));
        Ok((spans.iter().map(energy).collect(), i64::MAX))
    }
}

/// Energies of hours as a power: what is not kept of an hour between others is nothing drawn.
async fn hours(store: &Arc<dyn Store>, id: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series> {
    let mut power = Series::default();
    if from_ms >= to_ms {
        return Ok(power);
    }
    for hour in store.energy_of(id, from_ms.div_euclid(HOUR_MS) * HOUR_MS, to_ms).await? {
        power.push(hour.hour_ms, hour.energy_kwh * 1000.0);
        power.push(hour.hour_ms + HOUR_MS, 0.0);
    }
    Ok(power)
}

/// What a counter counted from `from_ms` to `to_ms`; what it counted between two readings is spread evenly.
fn counted(counts: &Counts, from_ms: i64, to_ms: i64, now_ms: i64) -> Energy {
    let mut sum = Energy::default();
    let first = counts.increments.partition_point(|i| i.to_ms <= from_ms);
    for increment in counts.increments[first..].iter().take_while(|i| i.from_ms < to_ms) {
        let (begin_ms, end_ms) = (increment.from_ms.max(from_ms), increment.to_ms.min(to_ms));
        let share = (end_ms - begin_ms) as f64 / (increment.to_ms - increment.from_ms).max(1) as f64;
        sum += Energy { kwh: increment.kwh * share, is_known: true };
    }
    let unchanged_to_ms = counts.unchanged_to_ms.unwrap_or(now_ms);
    sum.is_known |= counts.unchanged_from_ms.is_some_and(|since_ms| since_ms < to_ms && unchanged_to_ms > from_ms);
    sum
}

impl Book {
    /// Forgets what was worked out of days that end after `from_ms`: the store says something else of them.
    pub fn forget(&mut self, from_ms: i64) {
        for days in self.closed.values_mut() {
            days.retain(|begin_ms, _| begin_ms + 26 * HOUR_MS < from_ms);
        }
        self.open.retain(|_, up_to| up_to.at_ms <= from_ms);
    }

    /// Forgets what was worked out by what was learned: it was learned anew.
    pub fn forget_learned(&mut self) {
        let is_said = |drain: &Drain| !matches!(drain, Drain::Drawn(Voice::Attributed(_)) | Drain::Given(Voice::Attributed(_)));
        self.closed.retain(|drain, _| is_said(drain));
        self.open.retain(|drain, _| is_said(drain));
    }

    /// Energies since the beginning of the local day, week, month and year, up to each of `ends_ms`, which are in order, within the day that begins at
    /// `day_ms`. What comes after `again_ms` may be asked for again.
    pub async fn told(
        &mut self,
        reader: &Reader<'_>,
        drains: &[(f64, Drain)],
        day_ms: i64,
        again_ms: i64,
        ends_ms: &[i64],
    ) -> Result<Vec<[Option<f64>; 4]>> {
        let mut sums = vec![[Energy::default(); 4]; ends_ms.len()];
        for &(sign, drain) in drains {
            let before = self.before(reader, drain, day_ms).await?;
            let today = self.today(reader, drain, day_ms, again_ms, ends_ms).await?;
            for (sums, today) in sums.iter_mut().zip(today) {
                for (sum, before) in sums.iter_mut().zip(before) {
                    *sum += Energy { kwh: sign * before.kwh, ..before };
                    *sum += Energy { kwh: sign * today.kwh, ..today };
                }
            }
        }
        // Nobody reads a ten-thousandth of a Wh.
        let told = |energy: Energy| energy.is_known.then_some((energy.kwh * 1e7).round() / 1e7);
        Ok(sums.into_iter().map(|all| all.map(told)).collect())
    }

    /// What was drawn in the periods before the day that begins at `day_ms`.
    async fn before(&mut self, reader: &Reader<'_>, drain: Drain, day_ms: i64) -> Result<[Energy; 4]> {
        let zone = reader.plan.zone;
        let begins = PERIODS.map(|(period, _)| buckets(zone, period, day_ms, day_ms + 1).first().map_or(day_ms, |span| span.0));
        let first_ms = begins.into_iter().min().unwrap_or(day_ms);
        let days = buckets(zone, Period::Day, first_ms, day_ms);
        let closed = self.closed.entry(drain).or_default();
        let missing: Vec<(i64, i64)> = days.iter().copied().filter(|(begin_ms, _)| !closed.contains_key(begin_ms)).collect();
        let mut open: BTreeMap<i64, Energy> = BTreeMap::new();
        for run in missing.chunk_by(|a, b| a.1 == b.0).flat_map(|run| run.chunks(READ_DAYS)) {
            let (energies, final_ms) = reader.energies(drain, run).await?;
            for (day, energy) in run.iter().zip(energies) {
                if day.1 > final_ms {
                    open.insert(day.0, energy);
                } else {
                    closed.insert(day.0, energy);
                }
            }
        }
        // Days of years ago are not asked for again.
        *closed = closed.split_off(&(first_ms - DAY_MS));
        Ok(begins.map(|begin_ms| {
            let mut sum = Energy::default();
            let days = begin_ms..day_ms.max(begin_ms);
            for (_, energy) in closed.range(days.clone()).chain(open.range(days)) {
                sum += *energy;
            }
            sum
        }))
    }

    /// What was drawn of the day up to each of `ends_ms`.
    async fn today(&mut self, reader: &Reader<'_>, drain: Drain, day_ms: i64, again_ms: i64, ends_ms: &[i64]) -> Result<Vec<Energy>> {
        let first_ms = ends_ms.first().copied().unwrap_or(day_ms);
        // What a counter counted over a silence is known, and may lie before any instant, when it speaks again.
        let is_kept = !matches!(drain, Drain::Counter(_));
        let is_usable = |up_to: &UpTo| is_kept && up_to.day_ms == day_ms && up_to.at_ms <= again_ms.min(first_ms);
        let begin = UpTo { day_ms, at_ms: day_ms, energy: Energy::default() };
        let known = self.open.get(&drain).copied().filter(is_usable).unwrap_or(begin);
        let again_ms = again_ms.max(known.at_ms);
        let mut instants: Vec<i64> = ends_ms.iter().copied().chain([again_ms]).collect();
        instants.sort_unstable();
        let begins = std::iter::once(known.at_ms).chain(instants.iter().copied());
        let spans: Vec<(i64, i64)> = begins.zip(instants.iter().copied()).collect();
        let mut sum = known.energy;
        let mut up_to: BTreeMap<i64, Energy> = BTreeMap::new();
        let (energies, _) = reader.energies(drain, &spans).await?;
        for (at_ms, energy) in instants.into_iter().zip(energies) {
            sum += energy;
            up_to.insert(at_ms, sum);
        }
        let at = |at_ms: i64| up_to.get(&at_ms).copied().unwrap_or_default();
        self.open.insert(drain, UpTo { day_ms, at_ms: again_ms, energy: at(again_ms) });
        Ok(ends_ms.iter().map(|end_ms| at(*end_ms)).collect())
    }
}
