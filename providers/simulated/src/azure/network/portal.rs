//! What somebody else takes away by hand. It is there from one moment to the next: that person waited for it elsewhere.

use super::{Network, body};

const ROUTES: &str = "routes";
const POOLS: &str = "backendAddressPools";
const ADDRESSES: &str = "loadBalancerBackendAddresses";

impl Network {
    /// Every route of every route table: the names of both.
    pub(crate) fn user_routes(&self) -> Vec<(String, String)> {
        let tables = self.tables.values();
        tables
            .flat_map(|table| {
                let routes = body::list(&table.body, ROUTES);
                routes.map(|route| (table.name().to_owned(), body::name(route).to_owned()))
            })
            .collect()
    }

    /// Every address of every pool of every load balancer: the names of all three.
    pub(crate) fn pool_addresses(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        for balancer in self.balancers.values() {
            for pool in body::list(&balancer.body, POOLS) {
                found.extend(body::list(pool, ADDRESSES).map(|address| {
                    (balancer.name().to_owned(), body::name(pool).to_owned(), body::name(address).to_owned())
                }));
            }
        }
        found
    }

    pub(crate) fn delete_user_route(&mut self, table: &str, route: &str) {
        for kept in self.tables.values_mut().filter(|kept| kept.name() == table) {
            kept.alter(|body, _| body::remove_child(body, ROUTES, route));
        }
    }

    pub(crate) fn remove_pool_address(&mut self, balancer: &str, pool: &str, address: &str) {
        for kept in self.balancers.values_mut().filter(|kept| kept.name() == balancer) {
            kept.alter(|body, etag| {
                let there =
                    |pool: &&mut serde_json::Value| body::list(pool, ADDRESSES).any(|own| body::name(own) == address);
                if let Some(pool) = body::child_mut(body, POOLS, pool).filter(there) {
                    body::remove_child(pool, ADDRESSES, address);
                    body::set_state(pool, "Succeeded", etag);
                }
            });
        }
    }
}
