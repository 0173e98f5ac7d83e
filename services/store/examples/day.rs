//! Writes a day of a home with 100 series into a store with nothing in it and asks what pages ask; says how long each takes. `day URL [FOLDER]`:
//! `sqlite:x.db` or `http://127.0.0.1:8086`; of the folder that the store keeps its files in the size is told.
#![allow(clippy::unwrap_used, reason = "a bench: what goes wrong ends it")]

use std::path::Path;
use std::time::{Duration, Instant};

use wattribute_domain::{Quantity, Reading, Role, SeriesId, SeriesInfo};
use wattribute_store::influx::Account;
use wattribute_store::{Batch, Origin, Settings, open_with};

const HOUR: i64 = 3_600_000;
/// A day that is over, from its start on.
const FROM: i64 = 1_760_000_400_000 / (24 * HOUR) * (24 * HOUR);

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return std::fs::metadata(path).map_or(0, |data| data.len()) };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}

/// What is said at one instant: the house every 5 s, 19 powers every 10 s, 40 voltages a minute, 40 lamps now and then.
fn said(ids: &[SeriesId], at_ms: i64) -> Vec<Reading> {
    let second = (at_ms - FROM) / 1000;
    let watts = |k: i64| ((second * 7919 + k * 104_729) % 30_011) as f64 / 10.0;
    let every = |k: usize| match k {
        0 => 5,
        1..20 => 10,
        20..60 => 60,
        k => 600 + 60 * k as i64,
    };
    let says = |(k, &series): (usize, &SeriesId)| {
        let value = if k < 60 { watts(k as i64) } else { ((second / every(k)) % 2) as f64 };
        (second % every(k) == 0).then_some(Reading { series, at_ms, value })
    };
    ids.iter().enumerate().filter_map(says).collect()
}

async fn told<T>(what: &str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let answer = work.await;
    println!("{what:<60} {:>10.1} ms", begun.elapsed().as_secs_f64() * 1000.0);
    answer
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, folder) = (arguments.next().unwrap(), arguments.next());
    let said_in = |name: &str| std::env::var(name).unwrap_or_default();
    let influx =
        Account { token: said_in("TEST_INFLUX_TOKEN"), org: said_in("TEST_INFLUX_ORG"), bucket: "day".to_owned(), ..Account::default() };
    let store = open_with(&url, Origin::Home, Settings { influx, ..Settings::forever() }).unwrap();
    let mut infos = vec![SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new("tasmota", "house", Quantity::PowerW) }];
    infos.extend((1..20).map(|k| SeriesInfo::new("home_assistant", &format!("sensor.plug_{k}_power"), Quantity::PowerW)));
    infos.extend((20..60).map(|k| SeriesInfo::new("shelly", &format!("plug_{k}"), Quantity::VoltageV)));
    for k in 60..100 {
        let mut info = SeriesInfo::new("home_assistant", &format!("light.lamp_{k}"), Quantity::Level);
        info.mode("on");
        infos.push(info);
    }
    let ids = told("describe 100 series", store.describe(infos)).await.unwrap();
    let batches: Vec<Vec<Reading>> = (0..86_400 / 5).map(|k| said(&ids, FROM + k * 5000)).filter(|batch| !batch.is_empty()).collect();
    let (live, bulk) = batches.split_at(720);
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    for batch in live {
        let one = Instant::now();
        store.write(Batch { readings: batch.clone(), ..Batch::default() }).await.unwrap();
        slowest = slowest.max(one.elapsed());
    }
    let each = begun.elapsed().as_secs_f64() * 1000.0 / live.len() as f64;
    println!("{:<60} {each:>10.1} ms (slowest {:.1} ms)", "a live write, one of the 720 of an hour", slowest.as_secs_f64() * 1000.0);
    let rest: Vec<Reading> = bulk.concat();
    told(&format!("{} readings of the other 23 hours, at once", rest.len()), async {
        for some in rest.chunks(20_000) {
            store.write(Batch { readings: some.to_vec(), ..Batch::default() }).await.unwrap();
        }
    })
    .await;
    let day = FROM..FROM + 24 * HOUR;
    let ask = async |when: &str| {
        let rows = told(&format!("{when}: readings of the house, a day"), store.readings(ids[0], day.start, day.end)).await.unwrap();
        assert_eq!(rows.len(), 17_280);
        told(&format!("{when}: chart of the house, a day by 1 min"), store.chart(ids[0], day.start, day.end, 60_000)).await.unwrap();
        told(&format!("{when}: chart of the house, a day by 10 min"), store.chart(ids[0], day.start, day.end, 600_000)).await.unwrap();
        told(&format!("{when}: the newest of 100 series"), store.latest()).await.unwrap();
        told(&format!("{when}: what arrived"), store.arrivals(i64::MAX)).await.unwrap();
    };
    ask("raw").await;
    told("maintain, a day later", store.maintain(day.end + 24 * HOUR)).await.unwrap();
    ask("with heads").await;
    told("maintain again", store.maintain(day.end + 25 * HOUR)).await.unwrap();
    drop(store);
    if let Some(folder) = folder {
        let bytes = size(Path::new(&folder));
        println!(
            "{:<60} {:>10.2} MB, {:.1} bytes a reading",
            "on disk",
            bytes as f64 / 1e6,
            bytes as f64 / (live.concat().len() + rest.len()) as f64
        );
    }
}
