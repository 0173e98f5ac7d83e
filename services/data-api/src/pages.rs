//! The dashboard, beside the same API: files that `npm run build` made and that are part of this program.

mod files;

use utoipa_axum::router::OpenApiRouter;

use crate::Api;

/// What was built when this was compiled; nothing where the dashboard was not.
#[derive(rust_embed::Embed)]
#[folder = "../../dashboard/dist"]
#[allow_missing = true]
struct Built;

/// The dashboard and the API.
pub fn router(api: Api) -> OpenApiRouter {
    let names = Built::iter().map(|name| name.into_owned()).collect();
    crate::router(api).merge(files::router(names, |name| Built::get(name).map(|file| file.data)))
}
