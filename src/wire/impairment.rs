//! Impairment: makes calls to named regions time out, so that a drill can lose a region without harming it.

use super::budget::time_left;
use bytes::Bytes;
use http::Response;
use lifeboat_contract::{
    Call, Duplex, Region, SharedClock, SharedWire, Wire, WireError, WireFailure,
    wire::{BoxFuture, CONNECT_TIMEOUT},
};
use std::{collections::BTreeSet, net::IpAddr};

/// Lets no call through to the control planes of the given regions.
///
/// Only labelled calls know their region: checks and streams, which reach the data plane, pass.
#[derive(Debug)]
pub struct Impairment {
    inner: SharedWire,
    regions: BTreeSet<Region>,
    clock: SharedClock,
}

impl Impairment {
    pub fn new(inner: SharedWire, regions: BTreeSet<Region>, clock: SharedClock) -> Self {
        Self { inner, regions, clock }
    }
}

impl Wire for Impairment {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        let Some(region) = self.regions.iter().find(|lost| call.label.region.as_deref() == Some(lost.as_str())) else {
            return self.inner.send(call);
        };
        Box::pin(async move {
            tokio::time::sleep(time_left(&self.clock, &call.scope, CONNECT_TIMEOUT)?).await;
            let message =
                format!("no connection to {} in {region}: the region is taken to be lost", call.label.service);
            Err(WireError::unsent(WireFailure::Connect, message))
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        self.inner.connect(host, port)
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        self.inner.resolve(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::test_wire::{Reply, TestWire, call, virtual_clock};
    use lifeboat_contract::{Sent, clock};
    use std::{sync::Arc, time::Duration};

    #[tokio::test(start_paused = true)]
    async fn calls_to_the_lost_region_time_out_and_others_pass() {
        let clock = virtual_clock();
        let wire = Arc::new(TestWire::replying(Reply::Echo));
        let impairment = Impairment::new(wire.clone(), ["us-east-1".into()].into(), clock.clone());
        let in_region = |region: Option<&str>| {
            let mut call = call("rds", "https://rds.example/");
            call.label.region = region.map(str::to_owned);
            call
        };
        let began = clock.now();
        impairment.send(in_region(Some("eu-west-1"))).await.unwrap();
        impairment.send(in_region(None)).await.unwrap();
        assert_eq!(clock.now(), began);
        let error = impairment.send(in_region(Some("us-east-1"))).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Connect));
        assert_eq!(clock::until(began, clock.now()), CONNECT_TIMEOUT);
        let began = clock.now();
        let mut hasty = in_region(Some("us-east-1"));
        hasty.scope.deadline = Some(clock::after(began, Duration::from_secs(1)));
        impairment.send(hasty).await.unwrap_err();
        assert_eq!(clock::until(began, clock.now()), Duration::from_secs(1));
        assert_eq!(wire.calls().len(), 2);
    }
}
