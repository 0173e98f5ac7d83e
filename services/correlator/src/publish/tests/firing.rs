use std::sync::Arc;

use rstest::rstest;
use serde_json::json;
use wattribute_domain::{CorrelationVerdict, Stage};
use wattribute_service::{Health, State};
use wattribute_store::Store;

use super::support::{AT_MS, Memory, Pretend, correlation, until};
use crate::now::NamedCorrelation;
use crate::publish::event::{Queue, Sent, Waiting, is_news, payload};
use crate::publish::wanted::now_ms;
use crate::publish::{CallError, Config, HomeAssistant, Publisher};

#[test]
fn an_event_carries_the_correlation() {
    let price = (0.31, "EUR".to_owned());
    let on = payload(&correlation(1, AT_MS, 2_000.04), Some(&price), false);
    let off = payload(&correlation(1, AT_MS, -2_000.0), None, true);
    insta::assert_json_snapshot!("correlation", json!([on, off]));
}

fn with(change: impl Fn(&mut NamedCorrelation)) -> NamedCorrelation {
    let mut c = correlation(1, AT_MS, 10.0);
    change(&mut c);
    c
}

#[rstest]
#[case("as it should be", with(|_| ()), true)]
#[case("downwards", with(|c| c.record.power_after_w = 390.0), true)]
#[case("too small", with(|c| c.record.power_after_w = 409.0), false)]
#[case("without data", with(|c| c.record.power_after_w = f64::NAN), false)]
#[case("not final", with(|c| c.record.stage = Stage::Provisional), false)]
#[case("not clean", with(|c| c.record.verdict = CorrelationVerdict::Overlapping), false)]
#[case("eleven minutes old", with(|c| c.record.at_ms -= 11 * 60_000), false)]
fn only_clean_final_large_and_new_correlations_are_events(#[case] what: &str, #[case] c: NamedCorrelation, #[case] is: bool) {
    assert_eq!(is_news(&c, 10.0, AT_MS), is, "{what}");
}

fn waiting(k: i64) -> Waiting {
    Waiting::Correlation { key: (AT_MS + k, 1), payload: json!(k) }
}

#[test]
fn at_most_ten_events_a_second_go_out_and_alerts_go_first() {
    let (mut queue, mut sent) = (Queue::new(AT_MS), Sent::new());
    (0..25).for_each(|k| queue.push(waiting(k), &sent));
    queue.push(Waiting::Alert(json!("a")), &sent);
    let due = queue.due(&mut sent, AT_MS);
    assert_eq!((due.len(), &due[0], &due[1]), (10, &Waiting::Alert(json!("a")), &waiting(0)));
    assert_eq!(queue.due(&mut sent, AT_MS + 50).len(), 0);
    assert_eq!(queue.due(&mut sent, AT_MS + 550).len(), 5);
    assert_eq!(queue.due(&mut sent, AT_MS + 60_000).len(), 10, "an allowance is not saved up");
    assert_eq!(queue.due(&mut sent, AT_MS + 61_000).len(), 1);
    assert!(queue.is_empty());
}

#[test]
fn no_event_goes_out_twice() {
    let (mut queue, mut sent) = (Queue::new(AT_MS), Sent::new());
    queue.push(waiting(1), &sent);
    queue.push(waiting(1), &sent);
    let due = queue.due(&mut sent, AT_MS);
    assert_eq!(due, [waiting(1)]);
    queue.push(waiting(1), &sent);
    assert!(queue.is_empty());
    queue.put_back(due, &mut sent);
    assert_eq!(queue.due(&mut sent, AT_MS + 1_000), [waiting(1)], "what did not go out goes out later");
    let remembered: Sent = serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
    let mut restarted = Queue::new(AT_MS);
    restarted.push(waiting(1), &remembered);
    assert!(restarted.is_empty(), "also after a restart");
    queue.due(&mut sent, AT_MS + 21 * 60_000);
    assert!(sent.is_empty(), "what is no longer news need not be remembered");
}

#[test]
fn the_oldest_give_way_in_a_flood_and_old_news_is_dropped() {
    let (mut queue, mut sent) = (Queue::new(AT_MS), Sent::new());
    (0..600).for_each(|k| queue.push(waiting(k), &sent));
    assert_eq!(queue.due(&mut sent, AT_MS)[0], waiting(100));
    assert_eq!(queue.due(&mut sent, AT_MS + 11 * 60_000), []);
}

#[tokio::test]
async fn events_wait_while_home_assistant_is_away_and_go_out_once() {
    let (home_assistant, store, health) = (Arc::new(Pretend::default()), Arc::new(Memory::default()), Health::default());
    home_assistant.failures.lock().unwrap().push_back(CallError::Away("restarting".to_owned()));
    let config = || Config { sensors: false, statistics: false, ..Config::default() };
    let start = || {
        let api: Arc<dyn HomeAssistant> = home_assistant.clone();
        let store: Arc<dyn Store> = store.clone();
        Publisher::new(config(), None, Some(api), store, &health, false)
    };
    let finals = [correlation(1, now_ms() - 5_000, 2_000.0), correlation(1, now_ms() - 3_600_000, 2_000.0)];
    let mut publisher = start();
    publisher.correlations(&finals, None).await;
    let dependency = || health.dependencies().get("home_assistant_publish").cloned();
    until("the failure is told", async || dependency() == Some(State::Degraded("restarting".to_owned()))).await;
    until("the event goes out", async || home_assistant.events.lock().unwrap().len() == 1).await;
    until("health is well", async || dependency() == Some(State::Ok)).await;
    publisher.correlations(&finals, None).await;
    publisher.stop().await;
    let mut restarted = start();
    restarted.correlations(&finals, None).await;
    let newer = correlation(1, finals[0].record.at_ms + 1, -2_000.0);
    restarted.correlations(&[newer], None).await;
    until("a new event goes out", async || home_assistant.events.lock().unwrap().len() >= 2).await;
    let events = home_assistant.events.lock().unwrap().clone();
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[0].0 == "wattribute_correlation" && events[1].1["power_delta_w"] == -2_000.0, "{events:?}");
}
