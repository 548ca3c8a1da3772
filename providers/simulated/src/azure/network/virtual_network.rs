//! Virtual networks and subnets. They can be read; no call changes them.

use super::{
    Network, body,
    kept::{Effect, Kept},
};
use crate::azure::ArmError;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, net::Ipv4Addr};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VirtualNetwork {
    pub(crate) space: Vec<Ipv4Net>,
    /// By id in lower case.
    pub(crate) subnets: BTreeMap<String, Subnet>,
    /// The ids of the networks it is peered with, in lower case.
    pub(crate) peers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) prefix: Ipv4Net,
    pub(crate) table: Option<String>,
    pub(crate) group: Option<String>,
}

impl Effect for VirtualNetwork {
    const TYPE: &'static str = "virtualNetworks";
    const CHILDREN: &'static [(&'static str, bool)] = &[("subnets", false), ("virtualNetworkPeerings", false)];
    const WRITABLE: bool = false;

    fn all(network: &Network) -> &BTreeMap<String, Kept<Self>> {
        &network.networks
    }

    fn all_mut(network: &mut Network) -> &mut BTreeMap<String, Kept<Self>> {
        &mut network.networks
    }

    fn read(made: &Value) -> Result<Self, ArmError> {
        let space = made.pointer("/properties/addressSpace/addressPrefixes").and_then(Value::as_array);
        let space = space.into_iter().flatten().filter_map(|range| range.as_str()?.parse().ok()).collect();
        let subnets = body::list(made, "subnets").filter_map(|subnet| {
            let read = Subnet {
                prefix: body::text(subnet, "addressPrefix")?.parse().ok()?,
                table: body::reference(subnet, "routeTable"),
                group: body::reference(subnet, "networkSecurityGroup"),
            };
            Some((body::id_of(subnet)?, read))
        });
        let peers =
            body::list(made, "virtualNetworkPeerings").filter_map(|peer| body::reference(peer, "remoteVirtualNetwork"));
        Ok(Self { space, subnets: subnets.collect(), peers: peers.collect() })
    }
}

impl Network {
    /// The subnet with this id.
    pub(crate) fn subnet(&self, key: &str) -> Option<&Subnet> {
        self.networks.get(network_of(key))?.effect.subnets.get(key)
    }

    /// The network of a subnet, and those it is peered with: what is reached without a gateway.
    pub(super) fn connected<'a>(&'a self, network: &'a str) -> impl Iterator<Item = (&'a str, &'a VirtualNetwork)> {
        let own = self.networks.get(network).map(|kept| (network, &kept.effect));
        let peers = own.into_iter().flat_map(|(_, own)| own.peers.iter());
        let peers = peers.filter_map(|peer| Some((peer.as_str(), &self.networks.get(peer)?.effect)));
        own.into_iter().chain(peers)
    }

    /// The interface with this address, in a network or one that it is peered with.
    pub(super) fn owner(&self, network: &str, address: Ipv4Addr) -> Option<&str> {
        let near: Vec<&str> = self.connected(network).map(|(key, _)| key).collect();
        let owns = |kept: &Kept<super::Interface>| {
            kept.effect.configs.iter().any(|own| own.address == address && near.contains(&network_of(&own.subnet)))
        };
        self.interfaces.iter().find(|(_, kept)| owns(kept)).map(|(key, _)| key.as_str())
    }
}

/// The id of a subnet's network.
pub(super) fn network_of(subnet: &str) -> &str {
    subnet.split("/subnets/").next().unwrap_or(subnet)
}
