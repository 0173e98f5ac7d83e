//! Nonsense is refused by name, and never breaks anything.

use super::*;

/// Routes with the parameters that each takes.
const ROUTES: &[(&str, &[&str])] = &[
    ("/api/v1/series", &["quantity", "source", "role", "device", "series"]),
    ("/api/v1/readings", &["series", "device", "quantity", "from", "to", "interval", "max_points", "raw"]),
    ("/api/v1/sources", &["any"]),
    ("/api/v1/energy/attribution", &["from", "to", "max_points", "devices"]),
    ("/api/v1/energy/correlations", &["from", "to", "hours"]),
    ("/api/v1/home", &["any"]),
    ("/api/v1/export.csv", &["what", "series", "device", "quantity", "from", "to", "interval"]),
    ("/api/v1/export.parquet", &["what", "series", "from", "to", "interval"]),
    ("/api/readings", &["start", "end", "after"]),
    ("/api/latest_reading", &["any"]),
    ("/api/stats", &["start", "end"]),
    ("/api/energy_summary", &["any"]),
    ("/status", &["any"]),
];
const NONSENSE: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "99999999999999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "NaN",
    "inf",
    "1e308",
    "null",
    "true",
    "%00",
    "%FF",
    "%F0%9F%92%A1",
    "%C3%9F",
    "1,,2",
    "0s",
    "1s",
    "-5s",
    "P",
    "PT",
    "1d",
    "366d",
    "9999999999999w",
    "2026-02-30T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2026-01-01T00:00:00+99:99",
    "1970-01-01T00:00:00Z",
    "7258118400000",
    "-2208988800000",
    "%27%20OR%201%3D1",
    "a%20T%20b",
];

#[tokio::test]
async fn nonsense_is_refused_and_breaks_nothing() {
    let home = Home::lived_in().await;
    let app: Router = crate::router(Api::new(home.store.clone(), Config::default(), false)).split_for_parts().0;
    for (path, parameters) in ROUTES {
        for parameter in *parameters {
            for value in NONSENSE {
                let mut queries = vec![format!("{parameter}={value}"), format!("{parameter}={value}&{parameter}={value}")];
                if parameters.contains(&"to") {
                    queries.push(format!("{parameter}={value}&from=-2208988800000&to=7258118400000&interval=366d"));
                }
                for query in queries {
                    let response = app.clone().oneshot(Request::get(format!("{path}?{query}")).body(Body::empty()).unwrap()).await.unwrap();
                    let status = response.status().as_u16();
                    assert!(matches!(status, 200 | 422), "{path}?{query}: {status}");
                    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
                    if status == 422 || !path.contains("export") {
                        let body: Value = serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{path}?{query}: {bytes:?}"));
                        assert_fits(path, "get", status, &body);
                    }
                }
            }
        }
    }
}

#[rstest]
#[case("/api/v1/readings?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from")]
#[case("/api/v1/readings?from=yesterday", "from: `yesterday`")]
#[case("/api/v1/readings?interval=5", "interval: `5`")]
#[case("/api/v1/readings?from=0&to=1000000000000&interval=1s", "100000s")]
#[case("/api/v1/readings?max_points=0", "between 1 and 10000")]
#[case("/api/v1/readings?max_points=10001", "between 1 and 10000")]
#[case("/api/v1/readings?raw=yes", "true or false")]
#[case("/api/v1/readings?raw=true&interval=1m", "interval")]
#[case("/api/v1/readings?series=77", "there is no series `77`")]
#[case("/api/v1/readings?device=a&device=b", "device: it is there more than once")]
#[case("/api/v1/series?quantity=watts", "power_w")]
#[case("/api/v1/series?role=boss", "whole_house")]
#[case("/api/v1/export.csv?what=secrets", "readings, correlations, energy")]
#[case("/api/v1/export.parquet?what=energy&interval=1h", "interval")]
#[case("/api/readings?start=2026-01-02&end=2026-01-01", "end")]
#[tokio::test]
async fn what_is_wrong_is_named(#[case] path: &str, #[case] says: &str) {
    let (status, problem) = Home::lived_in().await.ask(path).await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
}
