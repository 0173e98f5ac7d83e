//! How often somebody may try: a bucket per peer that fills again with time. Memory is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Peers that are told apart; those beyond share one bucket.
const MOST_PEERS: usize = 4096;

/// So many a minute, and so many at once.
pub struct Limit {
    per_s: f64,
    burst: f64,
    peers: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Limit {
    /// `per_minute` a minute, `burst` at once.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        Limit { per_s: f64::from(per_minute) / 60.0, burst: f64::from(burst.max(1)), peers: Mutex::default() }
    }

    /// Takes one for `peer`; else says how long until there is one.
    pub fn take(&self, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        self.left(peer, now, 1.0)
    }

    /// Whether there is one for `peer`; else how long until there is.
    pub fn has(&self, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        self.left(peer, now, 0.0)
    }

    fn left(&self, peer: IpAddr, now: Instant, taken: f64) -> Result<(), Duration> {
        let filled = |bucket: Bucket| {
            let left = bucket.left + now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_s;
            Bucket { left: left.min(self.burst), at: now }
        };
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = whose(peer);
        if peers.len() >= MOST_PEERS && !peers.contains_key(&key) {
            // Who has a full bucket again is as good as one who never came.
            peers.retain(|_, bucket| filled(*bucket).left < self.burst);
            if peers.len() >= MOST_PEERS {
                key = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            }
        }
        let mut bucket = filled(peers.get(&key).copied().unwrap_or(Bucket { left: self.burst, at: now }));
        let enough = bucket.left >= 1.0;
        if enough {
            bucket.left -= taken;
        }
        if bucket.left < self.burst {
            peers.insert(key, bucket);
        }
        if enough { Ok(()) } else { Err(Duration::from_secs_f64((1.0 - bucket.left) / self.per_s.max(1e-3))) }
    }
}

/// For whom an address stands: of IPv6, a household has a whole /64.
fn whose(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn so_many_at_once_and_then_so_many_a_minute() {
        let (limit, now) = (Limit::new(60, 3), Instant::now());
        let peer = ip("10.0.0.9");
        let at = |s: f64| now + Duration::from_secs_f64(s);
        assert!((0..3).all(|_| limit.take(peer, now).is_ok()));
        assert!(limit.take(peer, now).unwrap_err() > Duration::from_millis(990));
        assert!(limit.take(ip("10.0.0.10"), now).is_ok());
        assert!(limit.take(peer, at(0.9)).is_err() && limit.has(peer, at(1.1)).is_ok());
        assert!(limit.take(peer, at(1.1)).is_ok() && limit.take(peer, at(1.1)).is_err());
        assert!((0..3).all(|_| limit.take(peer, at(100.0)).is_ok()) && limit.take(peer, at(100.0)).is_err());
    }

    #[test]
    fn a_household_has_one_bucket() {
        let (limit, now) = (Limit::new(1, 1), Instant::now());
        assert!(limit.take(ip("2001:db8::1"), now).is_ok());
        assert!(limit.take(ip("2001:db8::ffff:1"), now).is_err());
        assert!(limit.take(ip("2001:db8:0:1::1"), now).is_ok());
        assert!(limit.take(ip("192.0.2.1"), now).is_ok());
        assert!(limit.take(ip("::ffff:192.0.2.1"), now).is_err());
    }

    #[test]
    fn memory_is_bounded_and_who_comes_late_shares() {
        let (limit, now) = (Limit::new(1, 1), Instant::now());
        for i in 0..20_000_u32 {
            let _taken = limit.take(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + i)), now);
        }
        assert!(limit.peers.lock().unwrap().len() <= MOST_PEERS + 1);
        assert!(limit.take(ip("192.0.2.1"), now).is_err());
        assert!(limit.take(ip("192.0.2.1"), now + Duration::from_secs(61)).is_ok());
    }
}
