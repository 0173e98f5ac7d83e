//! What somebody was told of, or is to know.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wattribute_domain::{AlertKind, AlertLog, AlertRecord};
use wattribute_service::Problem;
use wattribute_service::problem::Params;
use wattribute_store::{Result as Stored, Store};

use super::{Api, instant, told, within};

/// Which alerts are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only those that are on (`true`), or only those that have ended (`false`).
    active: Option<bool>,
    /// At most so many, the newest.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Alerts, the one that began last first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertList {
    /// The alerts.
    alerts: Vec<AlertRow>,
    /// What is known of the list.
    meta: AlertMeta,
}

/// What is known of a list of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertMeta {
    /// How many alerts were asked for, whatever the limit.
    total: usize,
    /// How many alerts are on at all.
    active: usize,
}

/// Something that somebody should know.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertRow {
    /// What it is about and when it began; no two alerts share one.
    #[schema(example = "left_on:switch.kettle@1795255200000")]
    id: String,
    /// What it is about.
    kind: AlertKind,
    /// Home Assistant's id of the device or sensor; null for the home and for a whole source.
    entity_id: Option<String>,
    /// Friendly name of the device, the sensor, the source or the home.
    name: String,
    /// What is to be known, a sentence.
    message: String,
    /// Power of what it is about when it began, W; null where it is not known.
    power_w: Option<f64>,
    /// Power that was passed, W; null where there is none.
    threshold_w: Option<f64>,
    /// How long the device usually stays on, h; null where that says nothing.
    usual_on_h: Option<f64>,
    /// Since when what it tells of is so, RFC 3339 UTC; for a device left on, when it was switched on.
    #[schema(format = DateTime)]
    since: String,
    /// When the alert began, RFC 3339 UTC.
    #[schema(format = DateTime)]
    began: String,
    /// When it ended, RFC 3339 UTC; null while it is on.
    #[schema(format = DateTime)]
    ended: Option<String>,
    /// Whether it is on.
    pub is_on: bool,
}

/// Alerts that are on and the last that ended, the one that began last first.
#[utoipa::path(
    get, path = "/alerts", tag = "alerts", params(Asked),
    responses(
        (status = 200, body = AlertList),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn alerts(State(api): State<Api>, Params(asked): Params<Asked>) -> Result<Json<AlertList>, Problem> {
    let limit = within("limit", asked.limit, 100, 1..=1000)? as usize;
    let log = log(&*api.store).await?;
    let active = log.alerts.iter().filter(|a| a.is_on()).count();
    let wanted = |alert: &&AlertRecord| asked.active.is_none_or(|active| alert.is_on() == active);
    let found: Vec<&AlertRecord> = log.alerts.iter().rev().filter(wanted).collect();
    let meta = AlertMeta { total: found.len(), active };
    Ok(Json(AlertList { alerts: found.into_iter().take(limit).map(row).collect(), meta }))
}

/// The alerts that are kept. A log that another version wrote is none.
pub async fn log(store: &dyn Store) -> Stored<AlertLog> {
    Ok(store.document(AlertLog::KEY).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// An alert as it is told.
pub fn row(alert: &AlertRecord) -> AlertRow {
    AlertRow {
        id: alert.id.clone(),
        kind: alert.kind,
        entity_id: alert.entity_id.clone(),
        name: alert.name.clone(),
        message: alert.message.clone(),
        power_w: alert.power_w.and_then(told),
        threshold_w: alert.threshold_w.and_then(told),
        usual_on_h: alert.usual_on_h.and_then(told),
        since: instant(alert.since_ms),
        began: instant(alert.began_ms),
        ended: alert.ended_ms.map(instant),
        is_on: alert.is_on(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use rstest::rstest;
    use serde_json::Value;
    use tower::ServiceExt;
    use wattribute_store::Origin;

    use super::*;

    const AT_MS: i64 = 1_795_255_200_000;

    /// What is answered where so many alerts ended, and one began before them and is on.
    async fn ask(ended: i64, path: &str) -> (u16, Value) {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}/home.db", folder.path().display()), Origin::Home).unwrap();
        let alert = |k: i64, kind: AlertKind| AlertRecord {
            id: format!("{}@{k}", kind.name()),
            kind,
            entity_id: None,
            name: "Home".to_owned(),
            message: "The house draws 11000 W, more than 10000 W".to_owned(),
            power_w: Some(11_000.456),
            threshold_w: Some(10_000.0),
            usual_on_h: None,
            since_ms: AT_MS + k,
            began_ms: AT_MS + k,
            ended_ms: (k > 0).then_some(AT_MS + k + 1),
        };
        let mut log = AlertLog::default();
        if ended > 0 {
            log.note(&alert(0, AlertKind::NoData));
            (1..=ended).for_each(|k| log.note(&alert(k, AlertKind::HighConsumption)));
            store.put_documents(vec![(AlertLog::KEY.to_owned(), serde_json::to_string(&log).unwrap())]).await.unwrap();
        }
        let api = Api::new(store, crate::Config::default(), false);
        let app: axum::Router = crate::router(api).split_for_parts().0;
        let response = app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn alerts_come_newest_first() {
        let (status, list) = ask(3, "/api/v1/alerts").await;
        let began: Vec<_> = list["alerts"].as_array().unwrap().iter().map(|a| a["began"].as_str().unwrap().to_owned()).collect();
        assert_eq!((status, began.len(), &began[0][..]), (200, 4, "2026-11-21T10:00:00.003Z"));
        assert!(began.is_sorted_by(|a, b| a >= b));
        let on = &list["alerts"][3];
        assert_eq!((&on["kind"], &on["ended"], &on["is_on"]), (&"no_data".into(), &Value::Null, &true.into()));
        assert_eq!((&on["power_w"], &list["meta"]["total"], &list["meta"]["active"]), (&11_000.46.into(), &4.into(), &1.into()));
    }

    #[rstest]
    #[case("?active=true", 1)]
    #[case("?active=false", 3)]
    #[case("?limit=2", 2)]
    #[case("?active=true&limit=2", 1)]
    #[tokio::test]
    async fn alerts_are_narrowed(#[case] query: &str, #[case] count: usize) {
        let (status, list) = ask(3, &format!("/api/v1/alerts{query}")).await;
        assert_eq!((status, list["alerts"].as_array().unwrap().len()), (200, count));
    }

    #[tokio::test]
    async fn without_any_alert_the_list_is_empty() {
        let (status, list) = ask(0, "/api/v1/alerts").await;
        assert_eq!((status, list), (200, serde_json::json!({"alerts": [], "meta": {"total": 0, "active": 0}})));
    }

    #[rstest]
    #[case("?active=maybe", "active")]
    #[case("?limit=0", "between 1 and 1000")]
    #[tokio::test]
    async fn a_wrong_parameter_is_named(#[case] query: &str, #[case] says: &str) {
        let (status, problem) = ask(0, &format!("/api/v1/alerts{query}")).await;
        assert_eq!(status, 422);
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
}
