//! Writes a year of a home with 100 series into a new store, for `scripts/bench_api.py`: the house at 5 s, 19 powers at a minute, counters, and 78
//! entities that are switched, with their correlations, profiles and energies by hour. `year FILE NOW_MS`, or `year http://127.0.0.1:8086 NOW_MS`.
#![allow(clippy::unwrap_used, reason = "a bench: what goes wrong ends it")]

use wattribute_domain::{
    CorrelationRecord, CorrelationVerdict, DeviceProfile, EnergyPreferences, Home, HourEnergy, HouseRecord, Level, LevelProfile,
    ProfileRecord, Quantity, Reading, Role, SeriesInfo, Stage, Verdict,
};
use wattribute_store::{Batch, Origin, Settings, open_with};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const DAYS: i64 = 365;
const ENTITIES: usize = 78;

/// The same numbers every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (path, now_ms): (String, i64) = (arguments.next().unwrap(), arguments.next().unwrap().parse().unwrap());
    let url = if path.contains("://") { path } else { format!("sqlite:{path}") };
    let store = open_with(&url, Origin::Home, Settings::forever()).unwrap();
    let mut infos = vec![SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new("wattribute", "house", Quantity::PowerW) }];
    infos.extend((0..19).map(|k| SeriesInfo::new("home_assistant", &format!("sensor.plug_{k}_power"), Quantity::PowerW)));
    infos.push(SeriesInfo::new("home_assistant", "sensor.import", Quantity::EnergyImportKwh));
    infos.push(SeriesInfo::new("home_assistant", "sensor.export", Quantity::EnergyExportKwh));
    for k in 0..ENTITIES {
        let mut info = SeriesInfo::new("home_assistant", &format!("switch.thing_{k}"), Quantity::Level);
        info.mode("on");
        infos.push(info);
    }
    let ids = store.describe(infos).await.unwrap();
    let from_ms = (now_ms - DAYS * DAY) / HOUR * HOUR;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut house_w, mut counter, mut given) = (300.0, 1000.0, 50.0);
    for day in 0..=DAYS {
        let day_ms = from_ms + day * DAY;
        let end_ms = (day_ms + DAY).min(now_ms);
        let mut readings = Vec::new();
        let mut at_ms = day_ms;
        while at_ms < end_ms {
            if random.next() < 0.003 {
                house_w = 150.0 + 2500.0 * random.next() * random.next();
            }
            readings.push(Reading { series: ids[0], at_ms, value: (house_w + 6.0 * random.next()).round() });
            at_ms += 5_000;
        }
        for minute in 0..(end_ms - day_ms).max(0) / 60_000 {
            let at_ms = day_ms + minute * 60_000;
            for id in &ids[1..20] {
                readings.push(Reading { series: *id, at_ms, value: (80.0 * random.next()).round() });
            }
            (counter, given) = (counter + 0.006, given + 0.001);
            readings.push(Reading { series: ids[20], at_ms, value: (counter * 100.0_f64).round() / 100.0 });
            readings.push(Reading { series: ids[21], at_ms, value: (given * 100.0_f64).round() / 100.0 });
        }
        let (mut records, mut hours) = (Vec::new(), Vec::new());
        for (k, id) in ids[22..].iter().enumerate() {
            for run in 0..10 {
                let on_ms = day_ms + run * DAY / 10 + (random.next() * HOUR as f64) as i64;
                let off_ms = on_ms + HOUR / 2;
                for (at_ms, value, delta_w) in [(on_ms, 1.0, 1.0), (off_ms, 0.0, -1.0)] {
                    if at_ms >= now_ms {
                        continue;
                    }
                    readings.push(Reading { series: *id, at_ms, value });
                    let (from, to) = (Level::of_number(1.0 - value).unwrap(), Level::of_number(value).unwrap());
                    records.push(CorrelationRecord {
                        series: *id,
                        at_ms,
                        from,
                        to,
                        power_before_w: 400.0,
                        power_after_w: 400.0 + delta_w * (10.0 + k as f64 * 5.0),
                        standard_error_w: 2.0,
                        explained_w: delta_w * (10.0 + k as f64 * 5.0),
                        verdict: CorrelationVerdict::Clean,
                        others: vec![],
                        stage: Stage::Final,
                    });
                }
            }
            let hour = |hour| HourEnergy {
                series: *id,
                hour_ms: day_ms / HOUR * HOUR + hour * HOUR,
                energy_kwh: (10.0 + k as f64 * 5.0) / 1000.0 * 0.2,
                estimated: false,
            };
            hours.extend((0..24).map(hour).filter(|h| h.hour_ms < now_ms));
        }
        store.write(Batch { readings, ..Batch::default() }).await.unwrap();
        store.replace_correlations(day_ms, day_ms + DAY, records).await.unwrap();
        let first_ms = day_ms / HOUR * HOUR;
        store.replace_energy(first_ms, first_ms + DAY, hours).await.unwrap();
        if day % 20 == 0 {
            store.maintain(end_ms).await.unwrap();
        }
    }
    store.maintain(now_ms).await.unwrap();
    let profiles = ids[22..].iter().enumerate().map(|(k, id)| profile(*id, k, now_ms)).collect();
    store.replace_profiles(profiles).await.unwrap();
    store.put_documents(documents(ids[0], now_ms)).await.unwrap();
}

fn profile(series: wattribute_domain::SeriesId, k: usize, now_ms: i64) -> ProfileRecord {
    let power_w = Some(10.0 + k as f64 * 5.0);
    let level = LevelProfile { mode: "on".to_owned(), fraction: None, power_w, power_low_w: power_w, power_high_w: power_w };
    let profile = DeviceProfile {
        entity_id: format!("switch.thing_{k}"),
        name: format!("Thing {k}"),
        power_w,
        power_low_w: power_w,
        power_high_w: power_w,
        energy_kwh: Some(50.0),
        energy_low_kwh: None,
        energy_high_kwh: None,
        cost: None,
        measured_energy_kwh: None,
        levels: vec![level],
        events_used: 900,
        events_total: 1000,
        times_on: 900,
        hours_on: 450.0,
        strength: 1.0,
        grouped_with: vec![],
        verdict: Verdict::Learned,
    };
    ProfileRecord { series, learned_at_ms: now_ms - HOUR / 2, profile, usual_on_h: Some(0.5) }
}

fn documents(house: wattribute_domain::SeriesId, now_ms: i64) -> Vec<(String, String)> {
    let one = |id: &str| vec![id.to_owned()];
    let home = Home {
        time_zone: Some("Europe/Berlin".to_owned()),
        currency: Some("EUR".to_owned()),
        energy_preferences: Some(EnergyPreferences {
            grid_import_energy: one("sensor.import"),
            grid_export_energy: one("sensor.export"),
            price_per_kwh: Some(0.32),
            ..EnergyPreferences::default()
        }),
        ..Home::default()
    };
    let record = HouseRecord {
        label: "sensor.house_power".to_owned(),
        why: "it is made up".to_owned(),
        series: house,
        inputs: vec![house],
        metered: Default::default(),
        baseline_w: Some(150.0),
        interval_s: 5.0,
        lag_s: Some(1.8),
        guard_before_s: Some(6.0),
        guard_after_s: Some(13.0),
        candidates: vec![],
        provisional_s: 12.0,
        final_s: 25.0,
        notes: vec![],
    };
    vec![
        ("home".to_owned(), serde_json::to_string(&home).unwrap()),
        ("house".to_owned(), serde_json::to_string(&record).unwrap()),
        ("heard:home_assistant".to_owned(), now_ms.to_string()),
    ]
}
