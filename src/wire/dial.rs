//! Opens TCP connections: resolves a name once, refuses addresses that a check must not reach, and connects to what it resolved.

use super::budget::seconds;
use lifeboat_contract::{WireError, WireFailure, wire::CONNECT_TIMEOUT};
use lifeboat_probe::address::{AddressPolicy, bare};
use std::net::IpAddr;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

/// Connects to `host:port` within `CONNECT_TIMEOUT`, under `policy` where the call is a check's.
///
/// Every error is unsent: no byte of a request has left.
pub(super) async fn dial(host: &str, port: u16, policy: Option<AddressPolicy>) -> Result<TcpStream, WireError> {
    let host = bare(host);
    match timeout(CONNECT_TIMEOUT, open(host, port, policy)).await {
        Ok(result) => result,
        Err(_) => Err(unreachable(host, port, &format!("no answer within {}", seconds(CONNECT_TIMEOUT)))),
    }
}

async fn open(host: &str, port: u16, policy: Option<AddressPolicy>) -> Result<TcpStream, WireError> {
    let addresses = look_up(host).await?;
    if let Some(policy) = policy {
        policy
            .admit(host, &addresses)
            .map_err(|refused| WireError::unsent(WireFailure::Refused, refused.to_string()))?;
    }
    // A share each, so that one address that swallows packets does not keep the next from being tried.
    let share = CONNECT_TIMEOUT / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut last = format!("no answer within {}", seconds(share));
    for address in addresses {
        match timeout(share, TcpStream::connect((address, port))).await {
            Ok(Ok(stream)) => {
                // Requests are written whole; waiting to fill a packet only delays them. Losing the option harms nothing.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => {}
        }
    }
    Err(unreachable(host, port, &last))
}

/// Resolves `host`, in the order in which the system prefers its addresses.
pub(super) async fn look_up(host: &str) -> Result<Vec<IpAddr>, WireError> {
    let host = bare(host);
    let unresolved = |why: &str| WireError::unsent(WireFailure::Resolve, format!("{host} has no address: {why}"));
    let found = lookup_host((host, 0)).await.map_err(|error| unresolved(&error.to_string()))?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|socket| socket.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(unresolved("the name exists without one")) } else { Ok(addresses) }
}

fn unreachable(host: &str, port: u16, why: &str) -> WireError {
    WireError::unsent(WireFailure::Connect, format!("no connection to {host} port {port}: {why}"))
}
