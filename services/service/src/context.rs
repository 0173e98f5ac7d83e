use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wattribute_store::Store;

use crate::{Access, Health};

/// What a service is given to run in.
pub struct Context {
    /// Where it reads and writes.
    pub store: Arc<dyn Store>,
    /// Where it answers HTTP.
    pub listener: TcpListener,
    /// Who may ask.
    pub access: Access,
    /// Cancelled when it is to stop.
    pub shutdown: CancellationToken,
    /// What it depends on, and how that is.
    pub health: Health,
    /// Whether the store holds a made-up home: said with every answer.
    pub is_demo: bool,
}
