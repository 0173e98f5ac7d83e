//! What the meter service answers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wattribute_service::Problem;
use wattribute_store::Store;

use crate::Consumption;
use crate::consumption::consumption;

/// What the routes need.
#[derive(Clone)]
pub struct House {
    /// Where readings are.
    pub store: Arc<dyn Store>,
    /// The whole-house entity, where the owner named one.
    pub meter: Option<String>,
}

/// The meter service's own routes.
pub fn router(house: House) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(current)).with_state(house)
}

/// What the house and its circuits draw now.
#[utoipa::path(get, path = "/consumption", tag = "meter", responses(
    (status = 200, description = "What the house and its circuits draw now", body = Consumption),
    (status = 503, description = "The store cannot be read now", body = Problem, content_type = "application/problem+json"),
))]
async fn current(State(house): State<House>) -> Result<Json<Consumption>, Problem> {
    Ok(Json(consumption(&*house.store, house.meter.as_deref(), Utc::now()).await?))
}
