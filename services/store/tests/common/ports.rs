//! Ports for the servers of tests.

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that nobody else is given as long as this test runs, and where nobody listens unless asked to: a socket stays bound to it
/// without listening, which lets a server that asks for this very port have it (`SO_REUSEADDR`).
pub fn free_port() -> u16 {
    let held = TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = held.local_addr().unwrap().port();
    std::mem::forget(held);
    port
}
