//! What a stream says.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures_util::StreamExt;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use wattribute_service::Access;
use wattribute_service::access::{Scope, tokens};

use super::*;

/// Longer than any frame takes.
const LONG: Duration = Duration::from_secs(20);

/// One stream, frame by frame.
struct Frames {
    body: BodyDataStream,
    text: String,
}

/// One event of a stream.
struct Frame {
    event: String,
    id: Option<String>,
    data: Value,
}

impl Frames {
    async fn open(app: &Router, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = Request::get(path);
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with("text/event-stream"));
        // A proxy hands each event on as it comes.
        assert_eq!((header("cache-control").as_str(), header("x-accel-buffering").as_str()), ("no-cache", "no"));
        Frames { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next frame, which must fit its schema; `None` at the end.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
                let Some(event) = field("event:") else { continue };
                let data: Value = serde_json::from_str(&field("data:").unwrap()).unwrap();
                let schema = match event.as_str() {
                    "hello" => "LiveHello",
                    "reading" => "LiveReading",
                    "correlation" => "LiveCorrelation",
                    "alert" => "LiveAlert",
                    "profiles" => "LiveProfiles",
                    "lagged" => "LiveLagged",
                    other => panic!("no such event: {other}"),
                };
                assert_is(schema, &data);
                return Some(Frame { event, id: field("id:"), data });
            }
            let more = tokio::time::timeout(LONG, self.body.next()).await.expect("a frame comes in time")?.unwrap();
            self.text.push_str(std::str::from_utf8(&more).unwrap());
        }
    }

    /// The next frame of that name.
    async fn await_event(&mut self, event: &str) -> Frame {
        loop {
            let frame = self.next().await.expect("the stream goes on");
            if frame.event == event {
                return frame;
            }
        }
    }
}

fn app(home: &Home, shutdown: &CancellationToken) -> Router {
    let api =
        Api { live: Live::new(home.store.clone(), false, shutdown.clone()), ..Api::new(home.store.clone(), Config::default(), false) };
    crate::router(api).split_for_parts().0
}

async fn say(home: &Home, series: u32, at_ms: i64, value: f64) {
    let readings = vec![Reading { series: SeriesId(series), at_ms, value }];
    home.store.write(Batch { readings, ..Batch::default() }).await.unwrap();
}

fn correlation(at_ms: i64, stage: Stage, delta_w: f64) -> CorrelationRecord {
    CorrelationRecord {
        series: SeriesId(3),
        at_ms,
        from: Level::off(),
        to: Level { mode: 1, fraction: 1.0 },
        power_before_w: 500.0,
        power_after_w: 500.0 + delta_w,
        standard_error_w: 2.0,
        explained_w: f64::NAN,
        verdict: CorrelationVerdict::Clean,
        others: vec![],
        stage,
    }
}

#[tokio::test]
async fn a_stream_says_hello_and_then_what_is_heard() {
    let home = Home::lived_in().await;
    let app = app(&home, &CancellationToken::new());
    let mut frames = Frames::open(&app, "/api/v1/live", None).await;
    let hello = frames.next().await.unwrap();
    assert_eq!(hello.event, "hello");
    assert_eq!(hello.data["house"].as_u64(), Some(1));
    // Powers only: the levels were not asked for.
    let said: Vec<u64> = hello.data["readings"].as_array().unwrap().iter().map(|r| r["series"].as_u64().unwrap()).collect();
    assert_eq!(said, [1, 2]);
    let now_ms = now().timestamp_millis();
    say(&home, 3, now_ms, 1.0).await;
    say(&home, 1, now_ms, 612.5).await;
    let reading = frames.await_event("reading").await;
    assert_eq!((reading.data["series"].as_u64(), reading.data["value"].as_f64()), (Some(1), Some(612.5)));
    assert_eq!(reading.data["at"].as_str(), Some(&*instant(now_ms)));
    assert!(reading.id.unwrap().parse::<i64>().unwrap() > hello.id.unwrap().parse().unwrap());
    say(&home, 1, now_ms + 1, f64::NAN).await;
    assert!(frames.await_event("reading").await.data["value"].is_null());
}

#[tokio::test]
async fn levels_are_told_to_who_asks_for_them() {
    let home = Home::lived_in().await;
    let app = app(&home, &CancellationToken::new());
    let mut frames = Frames::open(&app, "/api/v1/live?series=3", None).await;
    assert_eq!(frames.next().await.unwrap().data["readings"][0]["state"], "off");
    let now_ms = now().timestamp_millis();
    say(&home, 1, now_ms, 612.5).await;
    say(&home, 3, now_ms, 1.0).await;
    let reading = frames.await_event("reading").await;
    assert_eq!((reading.data["device"].as_str(), reading.data["state"].as_str()), (Some("switch.kettle"), Some("on")));
}

#[tokio::test]
async fn a_correlation_is_new_then_final_then_taken_back() {
    let home = Home::lived_in().await;
    let app = app(&home, &CancellationToken::new());
    let mut frames = Frames::open(&app, "/api/v1/live", None).await;
    frames.await_event("hello").await;
    let at_ms = now().timestamp_millis() - 30_000;
    let span = (at_ms - 60_000, at_ms + 60_000);
    let mut told = Vec::new();
    for records in [vec![correlation(at_ms, Stage::Provisional, 1900.0)], vec![correlation(at_ms, Stage::Final, 2000.0)], vec![]] {
        home.store.replace_correlations(span.0, span.1, records).await.unwrap();
        let data = frames.await_event("correlation").await.data;
        assert_eq!(data["id"].as_str(), Some(&*format!("3:{at_ms}")));
        assert_eq!(data["entity_id"].as_str(), Some("switch.kettle"));
        told.push((
            data["change"].as_str().unwrap().to_owned(),
            data["stage"].as_str().unwrap().to_owned(),
            data["power_delta_w"].as_f64(),
        ));
    }
    let line = |change: &str, stage: &str, delta_w| (change.to_owned(), stage.to_owned(), Some(delta_w));
    assert_eq!(told, [line("new", "provisional", 1900.0), line("replaced", "final", 2000.0), line("retracted", "final", 2000.0)]);
}

#[tokio::test]
async fn what_is_written_before_the_stream_opens_is_in_its_hello() {
    let home = Home::lived_in().await;
    let at_ms = now().timestamp_millis() - 30_000;
    home.store.replace_correlations(at_ms, at_ms + 1, vec![correlation(at_ms, Stage::Final, 2000.0)]).await.unwrap();
    put_alerts(&home, &[("phantom_load", 120.0, None)]).await;
    let app = app(&home, &CancellationToken::new());
    let hello = Frames::open(&app, "/api/v1/live", None).await.next().await.unwrap().data;
    assert_eq!(hello["correlations"][0]["power_delta_w"].as_f64(), Some(2000.0));
    assert_eq!(hello["alerts"][0]["power_w"].as_f64(), Some(120.0));
}

/// Keeps alerts: id, power, and when each ended.
async fn put_alerts(home: &Home, alerts: &[(&str, f64, Option<i64>)]) {
    let record = |&(id, power_w, ended_ms): &(&str, f64, Option<i64>)| wattribute_domain::AlertRecord {
        id: id.to_owned(),
        kind: wattribute_domain::AlertKind::PhantomLoad,
        entity_id: None,
        name: "Home".to_owned(),
        message: "The house draws too much".to_owned(),
        power_w: Some(power_w),
        threshold_w: Some(1.0),
        usual_on_h: None,
        since_ms: 1,
        began_ms: 2,
        ended_ms,
    };
    let log = wattribute_domain::AlertLog { alerts: alerts.iter().map(record).collect() };
    home.store.put_documents(vec![("alerts".to_owned(), serde_json::to_string(&log).unwrap())]).await.unwrap();
}

#[tokio::test]
async fn an_alert_is_told_when_it_begins_and_when_it_ends() {
    let home = Home::lived_in().await;
    let app = app(&home, &CancellationToken::new());
    let mut frames = Frames::open(&app, "/api/v1/live", None).await;
    frames.await_event("hello").await;
    put_alerts(&home, &[("a", 1.0, None), ("b", 2.0, None)]).await;
    let first = [frames.await_event("alert").await.data, frames.await_event("alert").await.data];
    assert!(first.iter().all(|alert| alert["change"] == "new"), "{first:?}");
    put_alerts(&home, &[("b", 2.0, None)]).await;
    let gone = frames.await_event("alert").await.data;
    assert_eq!((gone["change"].as_str(), gone["alert"]["id"].as_str()), (Some("retracted"), Some("a")));
    put_alerts(&home, &[("b", 2.0, Some(9))]).await;
    let ended = frames.await_event("alert").await.data;
    assert_eq!((ended["change"].as_str(), ended["alert"]["is_on"].as_bool()), (Some("replaced"), Some(false)));
}

#[tokio::test]
async fn who_comes_back_is_told_what_was_missed() {
    let home = Home::lived_in().await;
    let app = app(&home, &CancellationToken::new());
    let mut frames = Frames::open(&app, "/api/v1/live", None).await;
    let id = frames.next().await.unwrap().id.unwrap();
    drop(frames);
    let t = now().timestamp_millis() - 60_000;
    for k in 0..5 {
        say(&home, 1, t + k * 5_000, 700.0 + k as f64).await;
    }
    let mut frames = Frames::open(&app, "/api/v1/live", Some(&id)).await;
    let hello = frames.await_event("hello").await;
    let mut missed = Vec::new();
    for _ in 0..5 {
        missed.push(frames.await_event("reading").await);
    }
    let values: Vec<f64> = missed.iter().map(|frame| frame.data["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [700.0, 701.0, 702.0, 703.0, 704.0]);
    // Only the last says how far it is: who is cut off before it is told all of them again.
    assert!(missed[..4].iter().all(|frame| frame.id.is_none()));
    assert_eq!(missed[4].id, hello.id);
}

#[tokio::test]
async fn a_stream_too_many_is_refused_and_one_that_ends_makes_room() {
    let home = Home::lived_in().await;
    let app = app(&home, &CancellationToken::new());
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(Frames::open(&app, "/api/v1/live", None).await);
    }
    let response = app.clone().oneshot(Request::get("/api/v1/live").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 503);
    let problem: Value = serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
    assert_fits("/api/v1/live", "get", 503, &problem);
    open.pop();
    open.push(Frames::open(&app, "/api/v1/live", None).await);
    // All are fed by one poller.
    say(&home, 1, now().timestamp_millis(), 612.5).await;
    for frames in &mut open {
        assert_eq!(frames.await_event("reading").await.data["value"].as_f64(), Some(612.5));
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let home = Home::lived_in().await;
    let live = Live::asking_again_every(home.store.clone(), Duration::from_millis(20));
    let app = crate::router(Api { live, ..Api::new(home.store.clone(), Config::default(), false) }).split_for_parts().0;
    let create = async |name| tokens::create(&*home.store, name, Scope::Read).await.unwrap().1;
    let tokens = [create("phone").await, create("tablet").await];
    let access = Access::default();
    access.keep_in(home.store.clone()).await;
    let mut open = Vec::new();
    for token in tokens {
        let request = Request::get("/api/v1/live").header("authorization", format!("Bearer {}", token.expose_secret()));
        let request = request.extension(access.clone()).body(Body::empty()).unwrap();
        let body = app.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
        open.push(Frames { body, text: String::new() });
    }
    let [phone, tablet] = &mut open[..] else { panic!() };
    tokens::revoke(&*home.store, "phone").await.unwrap();
    while phone.next().await.is_some() {}
    say(&home, 1, now().timestamp_millis(), 612.5).await;
    assert_eq!(tablet.await_event("reading").await.data["value"].as_f64(), Some(612.5), "the other goes on");
}

#[tokio::test]
async fn streams_end_when_the_service_stops() {
    let home = Home::lived_in().await;
    let shutdown = CancellationToken::new();
    let app = app(&home, &shutdown);
    let mut frames = Frames::open(&app, "/api/v1/live", None).await;
    frames.await_event("hello").await;
    shutdown.cancel();
    while frames.next().await.is_some() {}
}
