//! Which addresses a check may reach, and which it must not: a runbook must not read the credentials of the machine it runs on.
//!
//! Private addresses (RFC 1918) are allowed: overlay addresses and internal load balancers are private. This module opens no
//! connection and resolves no name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a check may reach beyond what every check may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    pub allow_loopback: bool,
}

/// A host that a check must not reach, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is {address}, {why}: no check may reach it")]
pub struct RefusedAddress {
    pub host: String,
    pub address: IpAddr,
    pub why: &'static str,
}

tokio::task_local! {
    static POLICY: AddressPolicy;
}

/// The platform's own address inside an Azure virtual machine: it hands out goal state and certificates.
const AZURE_PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

impl AddressPolicy {
    /// Runs `future` under this policy, so that the wire refuses what it refuses after its own resolution.
    ///
    /// Resolving here and connecting there would leave a gap in which a name can change its address.
    pub async fn enclose<F: Future>(self, future: F) -> F::Output {
        POLICY.scope(self, future).await
    }

    /// The policy that encloses the caller, or the strict one.
    pub fn current() -> Self {
        POLICY.try_with(|policy| *policy).unwrap_or_default()
    }

    /// Why `address` must not be reached, where it must not.
    pub fn refusal(self, address: IpAddr) -> Option<&'static str> {
        match effective(address) {
            IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("an unspecified address"),
            IpAddr::V4(v4) if v4.is_link_local() => Some("a link-local address, where clouds serve credentials"),
            IpAddr::V4(AZURE_PLATFORM) => Some("the address of the cloud's own platform"),
            IpAddr::V6(v6) if v6.is_unspecified() => Some("an unspecified address"),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("a link-local address"),
            IpAddr::V6(v6) if is_v6_metadata(v6) => Some("an address where clouds serve credentials"),
            address if address.is_loopback() && !self.allow_loopback => {
                Some("this machine itself (allow_loopback: true permits it)")
            }
            _ => None,
        }
    }

    /// Refuses a host as soon as one of its addresses is refused.
    pub fn admit(self, host: &str, addresses: &[IpAddr]) -> Result<(), RefusedAddress> {
        addresses.iter().try_for_each(|&address| match self.refusal(address) {
            Some(why) => Err(RefusedAddress { host: host.to_owned(), address, why }),
            None => Ok(()),
        })
    }
}

/// The address that `host` spells out, where it is a literal: `10.0.0.1`, `[::1]`, `localhost`.
pub fn literal(host: &str) -> Option<IpAddr> {
    let host = bare(host).trim_end_matches('.');
    let is_localhost = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    if is_localhost { Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) } else { host.parse().ok() }
}

/// `host` without the brackets that a URI puts around an IPv6 address.
pub fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// The address that is reached in the end: IPv6 can carry an IPv4 address, by mapping or through NAT64.
fn effective(address: IpAddr) -> IpAddr {
    if let IpAddr::V6(v6) = address
        && let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments()
    {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    }
    address.to_canonical()
}

/// `fd00:ec2::/32` holds the metadata, credential and resolver addresses of AWS; `fd20:ce::254` is Google's.
fn is_v6_metadata(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254])
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: AddressPolicy = AddressPolicy { allow_loopback: false };
    const LOOPBACK: AddressPolicy = AddressPolicy { allow_loopback: true };

    #[test]
    fn refuses_what_serves_credentials_however_it_is_spelt() {
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "168.63.129.16",
            "0.0.0.0",
            "::",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert!(STRICT.refusal(address).is_some(), "{text}");
            assert!(LOOPBACK.refusal(address).is_some(), "{text} is refused even where loopback is allowed");
        }
    }

    #[test]
    fn allows_public_and_private_addresses() {
        for text in ["203.0.113.7", "10.99.0.10", "172.16.0.1", "192.168.1.1", "fd12::1", "2001:db8::1"] {
            assert_eq!(STRICT.refusal(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn loopback_needs_permission() {
        for text in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let address: IpAddr = text.parse().unwrap();
            assert!(STRICT.refusal(address).is_some(), "{text}");
            assert_eq!(LOOPBACK.refusal(address), None, "{text}");
        }
    }

    #[test]
    fn one_refused_address_refuses_the_host() {
        let addresses = ["203.0.113.7".parse().unwrap(), "169.254.169.254".parse().unwrap()];
        let refused = STRICT.admit("rebind.example", &addresses).unwrap_err();
        assert_eq!(refused.address, addresses[1]);
    }

    #[test]
    fn literals() {
        assert_eq!(literal("[::1]"), Some("::1".parse().unwrap()));
        assert_eq!(literal("LocalHost."), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(literal("api.localhost"), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(literal("r1.orders.example"), None);
    }
}
