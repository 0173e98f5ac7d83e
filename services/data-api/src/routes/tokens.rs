//! Who else gets in: tokens for browsers, programs and devices.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wattribute_service::Problem;
use wattribute_service::access::Scope;
use wattribute_service::access::tokens::{self, ExposeSecret, Token};
use wattribute_service::problem::Body;

use super::{Api, instant};

/// A token, without itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenRow {
    /// What the owner calls it.
    name: String,
    /// What it is good for.
    scope: Scope,
    /// When it was made, RFC 3339 UTC.
    created_at: String,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What the owner calls it; no other token has this name.
    #[schema(pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$", example = "phone")]
    name: String,
    /// What it is to be good for.
    scope: Scope,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub struct MadeToken {
    /// What the owner calls it.
    name: String,
    /// What it is good for.
    scope: Scope,
    /// When it was made, RFC 3339 UTC.
    created_at: String,
    /// The token itself: it is shown only now.
    token: String,
}

/// Tokens that were made, the oldest first; those of the configuration are not listed.
#[utoipa::path(get, path = "/tokens", operation_id = "tokens", tag = "access", responses((status = 200, description = "Tokens", body = Vec<TokenRow>)))]
pub async fn list(State(api): State<Api>) -> Result<Json<Vec<TokenRow>>, Problem> {
    let row = |Token { name, scope, created_at_ms, .. }| TokenRow { name, scope, created_at: instant(created_at_ms) };
    Ok(Json(tokens::list(&*api.store).await?.into_iter().map(row).collect()))
}

/// Makes a token. Every service knows it within a second.
#[utoipa::path(post, path = "/tokens", operation_id = "make_token", tag = "access", request_body = NewToken, responses(
    (status = 201, description = "The token, this once", body = MadeToken),
    (status = 409, description = "There is one of that name, or there are too many", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(State(api): State<Api>, Body(new): Body<NewToken>) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    let (Token { name, scope, created_at_ms, .. }, token) = tokens::create(&*api.store, &new.name, new.scope).await?;
    let made = MadeToken { name, scope, created_at: instant(created_at_ms), token: token.expose_secret().to_owned() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Makes a token worthless within a second, and with it every login that was made with it.
#[utoipa::path(delete, path = "/tokens/{name}", operation_id = "revoke_token", tag = "access", params(("name" = String, Path, description = "What the owner calls it")), responses(
    (status = 204, description = "It is revoked"),
    (status = 404, description = "There is none of that name", body = Problem, content_type = "application/problem+json"),
))]
pub async fn revoke(State(api): State<Api>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    tokens::revoke(&*api.store, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
