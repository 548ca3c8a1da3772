//! Two engines behind an overlay address, a client with a route to it, and a load balancer in front of both.

use super::super::asked::SUBSCRIPTION;
use crate::{Reply, World, WorldDocument};
use bytes::Bytes;
use http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};

pub(super) const OVERLAY: &str = "routeTables/clients/routes/overlay";
pub(super) const POOL: &str = "loadBalancers/front/backendAddressPools/engines";

pub(super) struct Sim {
    pub(super) world: World,
}

pub(super) struct Told {
    pub(super) status: u16,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Value,
}

pub(super) fn document() -> Value {
    let interface = |ip: &str, group: Value| {
        json!({ "ip_forwarding": true, "security_group": group, "ip_configurations": { "primary": {
            "subnet": "net/servers", "private_ip": ip, "primary": true,
        } } })
    };
    let engine = |site: &str| json!({ "zone": "1", "interfaces": [site], "site": site, "application": "engine", "addresses": ["192.168.10.10", "10.1.0.4"] });
    json!({
        "world": 1, "name": "azure", "start": "2026-01-15T09:00:00Z",
        "vantage": { "region": "eastus", "subnet": "engine/net/clients" },
        "azure": { "subscription": SUBSCRIPTION, "resource_groups": { "engine": {
            "location": "eastus",
            "virtual_networks": { "net": { "address_space": ["10.1.0.0/16"], "subnets": {
                "front": { "prefix": "10.1.0.0/24" },
                "servers": { "prefix": "10.1.1.0/24" },
                "clients": { "prefix": "10.1.3.0/24", "route_table": "clients" },
            } } },
            "route_tables": { "clients": { "routes": { "overlay": { "prefix": "192.168.10.10/32", "next_hop": "10.1.1.10" } } } },
            "security_groups": { "guard": { "rules": {} } },
            "network_interfaces": {
                "a": interface("10.1.1.10", json!("guard")), "b": interface("10.1.1.11", Value::Null),
                "c": { "ip_configurations": { "primary": { "subnet": "net/clients", "private_ip": "10.1.3.10" } } },
            },
            "virtual_machines": {
                "vm-a": engine("a"), "vm-b": engine("b"), "vm-c": { "interfaces": ["c"], "site": "client" },
            },
            "load_balancers": { "front": {
                "frontends": { "internal": { "private_ip": "10.1.0.4", "subnet": "net/front" } },
                "pools": { "engines": { "addresses": { "a": { "ip": "10.1.1.10" }, "b": { "ip": "10.1.1.11" } } } },
                "probes": { "active": { "protocol": "http", "port": 8080, "path": "/active", "interval": "5s", "threshold": 2 } },
                "rules": { "http": { "frontend": "internal", "port": 80, "backend_port": 8080, "pool": "engines", "probe": "active" } },
            } },
        } } },
        "hosts": {
            "vip.example": { "address": "192.168.10.10" },
            "front.example": { "load_balancer": "engine/front/internal" },
            "a.example": { "instance": "vm-a" },
        },
        "applications": { "engine": { "ports": [80, 8080], "paths": { "/": { "text": "{site}" }, "/active": {} } } },
        "pings": { "client": { "from": "vm-c", "to": "192.168.10.10" } },
    })
}

/// The id of something in the resource group.
pub(super) fn id(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/engine/providers/Microsoft.Network/{rest}")
}

pub(super) fn route(next_hop: &str) -> Value {
    json!({ "properties": {
        "addressPrefix": "192.168.10.10/32", "nextHopType": "VirtualAppliance", "nextHopIpAddress": next_hop,
    } })
}

impl Sim {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    /// The world with changes: `("/faults", json!([...]))`.
    pub(super) fn with(changes: &[(&str, Value)]) -> Self {
        let mut document = document();
        for (pointer, value) in changes {
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
            document.pointer_mut(parent).expect("the parent is there")[key] = value.clone();
        }
        let document: WorldDocument = serde_json::from_value(document).expect("the test's document is well-formed");
        Self { world: World::build(&document).expect("the test's document is right") }
    }

    pub(super) fn go(&mut self, seconds: f64) -> &mut Self {
        let at = self.world.start().checked_add(SignedDuration::from_secs_f64(seconds)).expect("a test is short");
        self.world.advance(at);
        self
    }

    pub(super) fn reply(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let now = self.world.now();
        self.world.answer(now, &request.body(body).expect("the request is well-formed")).reply
    }

    pub(super) fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Told {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("https://management.azure.com{path}?api-version=2024-03-01")
        };
        let Reply::Response(response) = self.reply(method, &url, headers, body) else {
            panic!("{method} {path} is not answered")
        };
        Told {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_slice(response.body()).unwrap_or_default(),
        }
    }

    pub(super) fn get(&mut self, rest: &str) -> Value {
        let told = self.call("GET", &id(rest), &[], &Value::Null);
        assert_eq!(told.status, 200, "{}", told.body);
        told.body
    }

    pub(super) fn put(&mut self, rest: &str, body: &Value) -> Told {
        self.call("PUT", &id(rest), &[], body)
    }

    pub(super) fn delete(&mut self, rest: &str) -> Told {
        self.call("DELETE", &id(rest), &[], &Value::Null)
    }

    /// What a page of the world says to the operator.
    pub(super) fn page(&mut self, url: &str) -> Option<String> {
        match self.reply("GET", url, &[], &Value::Null) {
            Reply::Response(response) => Some(String::from_utf8_lossy(response.body()).into_owned()),
            Reply::Unreachable | Reply::Silent => None,
        }
    }

    /// The sites that answer many requests for a page; `-` for no answer.
    pub(super) fn sites(&mut self, url: &str) -> Vec<String> {
        let mut sites: Vec<String> = (0..40).map(|_| self.page(url).unwrap_or_else(|| "-".to_owned())).collect();
        sites.sort();
        sites.dedup();
        sites
    }
}

impl Told {
    pub(super) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(super) fn detail(&self) -> &str {
        self.body["error"]["details"][0]["code"].as_str().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> String {
        self.headers[name].to_str().expect("the header is text").to_owned()
    }
}
