use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wattribute_store::Store;

use crate::Health;

/// What a service is given to run in.
pub struct Context {
    /// Where it reads and writes.
    pub store: Arc<dyn Store>,
    /// Where it answers HTTP.
    pub listener: TcpListener,
    /// Cancelled when it is to stop.
    pub shutdown: CancellationToken,
    /// What it depends on, and how that is.
    pub health: Health,
}
