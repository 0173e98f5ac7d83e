//! Networks as people write them.

use std::net::IpAddr;

use crate::ConfigError;

/// An address and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// `192.168.1.0/24`, `fd00::/8` or a single address.
    pub fn parse(said: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError(format!("[access] trusted_networks: `{said}` is not a network such as 192.168.1.0/24 or fd00::/8"));
        let (address, bits) = said.trim().split_once('/').map_or((said.trim(), None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), |b| b.parse::<u8>()).map_err(|_| wrong())?;
        if bits > all { Err(wrong()) } else { Ok(Network { address, bits }) }
    }

    /// Whether the address is in the network.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let apart = u32::from(network) ^ u32::from(ip);
                self.bits == 0 || apart >> (32 - u32::from(self.bits)) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let apart = u128::from(network) ^ u128::from(ip);
                self.bits == 0 || apart >> (128 - u32::from(self.bits)) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("192.168.1.0/24", "192.168.1.255", true)]
    #[case("192.168.1.0/24", "192.168.2.0", false)]
    #[case("192.168.1.77/24", "192.168.1.1", true)]
    #[case("10.0.0.1", "10.0.0.1", true)]
    #[case("10.0.0.1", "10.0.0.2", false)]
    #[case("0.0.0.0/0", "8.8.8.8", true)]
    #[case("0.0.0.0/0", "::1", false)]
    #[case("fd00::/8", "fd12::1", true)]
    #[case("fd00::/8", "fe80::1", false)]
    fn an_address_is_in_a_network(#[case] network: &str, #[case] ip: &str, #[case] inside: bool) {
        assert_eq!(Network::parse(network).unwrap().contains(ip.parse().unwrap()), inside);
    }

    #[rstest]
    #[case("home")]
    #[case("192.168.1.0/33")]
    #[case("192.168.1.0/x")]
    #[case("192.168.1/24")]
    fn what_is_no_network_is_refused(#[case] said: &str) {
        assert!(Network::parse(said).unwrap_err().to_string().contains(said));
    }
}
