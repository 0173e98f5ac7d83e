//! What goes wrong in a request, as RFC 9457 `application/problem+json`.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use wattribute_store::StoreError;

use crate::access::tokens::TokenError;

/// What was wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem; `about:blank`: the status says it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What was wrong, where, and what would be right.
    pub detail: String,
    /// Id of the request: the answer's header `x-request-id`, and in the log.
    #[serde(default)]
    pub instance: Option<String>,
}

impl Problem {
    /// A problem of that status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Problem { kind: "about:blank".to_owned(), title, status: status.as_u16(), detail: detail.into(), instance: None }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// A parameter is not what it should be.
    pub fn bad_parameter(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// It cannot be done as things are.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::CONFLICT, detail)
    }

    /// Something of ours is broken: logged here, once, and nothing of the inside is said.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request could not be answered");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong here; the log of the service says what")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // The frame knows of which request it is.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the store could not be used");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be used at the moment; try again")
            }
            StoreError::Refused(why) => Problem::bad_parameter(why),
            StoreError::Corrupt(_) => Problem::internal(&error),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Name => Problem::bad_parameter(error.to_string()),
            TokenError::Taken(_) | TokenError::TooMany => Problem::new(StatusCode::CONFLICT, error.to_string()),
            TokenError::Unknown(name) => Problem::not_found(format!("there is no token of the name {name}")),
            TokenError::Random(_) => Problem::internal(&error),
            TokenError::Store(error) => error.into(),
        }
    }
}

/// Parameters of the query, refused with a [`Problem`] that names the one that is wrong.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        match read {
            Ok(Query(parameters)) => Ok(Params(parameters)),
            Err(rejected) => {
                let said = rejected.body_text();
                let why = said.strip_prefix("Failed to deserialize query string: ").unwrap_or(&said);
                Err(Problem::bad_parameter(why))
            }
        }
    }
}

/// A part of the path, refused with a [`Problem`] where it cannot be read.
pub struct PathOf<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(part)| PathOf(part)).map_err(|rejected| Problem::new(rejected.status(), rejected.body_text()))
    }
}

/// A body of JSON, refused with a [`Problem`] that names the field that is wrong: 415 where it is no JSON, 400 where it cannot be read, 422
/// where it says something else than it should, 413 where it is too large.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        match read {
            Ok(Json(body)) => Ok(Body(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body of JSON is expected: `Content-Type: application/json`"))
            }
            Err(rejected) => {
                let said = rejected.body_text();
                let why = ["Failed to deserialize the JSON body into the target type: ", "Failed to parse the request body as JSON: "]
                    .iter()
                    .find_map(|begin| said.strip_prefix(begin))
                    .unwrap_or(&said);
                Err(Problem::new(rejected.status(), why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn the_inside_is_not_told() {
        let problem = Problem::from(StoreError::Corrupt("/home/anna/wattribute.db: page 7".to_owned()));
        assert_eq!(problem.status, 500);
        assert!(!problem.detail.contains("anna"));
        let problem = Problem::from(StoreError::Unavailable("/home/anna/wattribute.db is locked".to_owned()));
        assert_eq!(problem.status, 503);
        assert!(!problem.detail.contains("anna"));
        assert_eq!(Problem::from(StoreError::Refused("`to` is before `from`".to_owned())).detail, "`to` is before `from`");
    }

    #[test]
    fn a_problem_says_what_it_is() {
        let response = Problem::not_found("no such device").into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Said {
        #[allow(dead_code, reason = "only read")]
        load: Load,
    }

    #[derive(Debug, Deserialize)]
    struct Load {
        #[allow(dead_code, reason = "only read")]
        power_w: f64,
    }

    #[rstest]
    #[case("application/json", r#"{"load": {"power_w": 9}}"#, None)]
    #[case("application/json", r#"{"load": {"power_w": "nine"}}"#, Some((422, "load.power_w: invalid type")))]
    #[case("application/json", r#"{"load": {}}"#, Some((422, "load: missing field `power_w`")))]
    #[case("application/json", r#"{"lode": {}}"#, Some((422, "lode: unknown field `lode`, expected `load`")))]
    #[case("application/json", "{", Some((400, "EOF while parsing")))]
    #[case("application/json", "", Some((400, "EOF while parsing")))]
    #[case("text/plain", "{}", Some((415, "Content-Type: application/json")))]
    #[tokio::test]
    async fn a_wrong_body_is_told_by_field(#[case] kind: &str, #[case] text: &str, #[case] says: Option<(u16, &str)>) {
        let request = Request::post("/").header(header::CONTENT_TYPE, kind).body(text.to_owned().into()).unwrap();
        let refused = Body::<Said>::from_request(request, &()).await.err();
        assert_eq!(refused.as_ref().map(|problem| problem.status), says.map(|(status, _)| status));
        if let Some((problem, (_, words))) = refused.zip(says) {
            assert!(problem.detail.starts_with(words) || problem.detail.contains(words), "{}", problem.detail);
        }
    }
}
