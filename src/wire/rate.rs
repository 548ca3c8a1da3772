//! Token buckets on our side, so that a recovery does not throttle the account it works in. They never drop a call silently.

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use lifeboat_contract::{
    Access, Call, CallLabel, Duplex, SharedClock, SharedWire, Wire, WireError, WireFailure, clock, wire::BoxFuture,
};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How many calls may come at once, and how many a second in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Quota {
    burst: f64,
    per_second: f64,
}

/// The published limits of one service, and a careful guess for those that publish none.
const EC2_READ: Quota = Quota { burst: 100.0, per_second: 20.0 };
const EC2_WRITE: Quota = Quota { burst: 50.0, per_second: 5.0 };
const EC2_START: Quota = Quota { burst: 5.0, per_second: 2.0 };
const ARM_READ: Quota = Quota { burst: 250.0, per_second: 25.0 };
const ARM_WRITE: Quota = Quota { burst: 200.0, per_second: 10.0 };
const AZURE_NETWORK_WRITE: Quota = Quota { burst: 100.0, per_second: 3.0 };
const AZURE_NETWORK_READ: Quota = Quota { burst: 250.0, per_second: 25.0 };
const AZURE_MACHINE_READ: Quota = Quota { burst: 36.0, per_second: 0.2 };
const AZURE_MACHINE_PROGRESS: Quota = Quota { burst: 45.0, per_second: 0.25 };
const AZURE_MACHINE_WRITE: Quota = Quota { burst: 12.0, per_second: 4.0 / 60.0 };
const UNPUBLISHED: Quota = Quota { burst: 10.0, per_second: 2.0 };

/// The class of a call within its service, and the class's quota. `None` for calls that are never delayed: credentials, which
/// every other call waits for, and checks, which have a cadence of their own.
fn quota(label: &CallLabel) -> Option<(&'static str, Quota)> {
    match (label.service.as_str(), label.access, label.operation.as_str()) {
        (_, Access::Credential, _) | ("http", ..) => None,
        ("ec2", _, "StartInstances" | "RunInstances") => Some(("start", EC2_START)),
        ("ec2", Access::Read, _) => Some(("read", EC2_READ)),
        ("ec2", Access::Write, _) => Some(("write", EC2_WRITE)),
        ("Microsoft.Network", Access::Read, _) => Some(("read", AZURE_NETWORK_READ)),
        ("Microsoft.Network", Access::Write, _) => Some(("write", AZURE_NETWORK_WRITE)),
        // Each machine has a bucket of its own: see `subject`.
        ("Microsoft.Compute", Access::Read, "OperationStatus_Get") => Some(("progress", AZURE_MACHINE_PROGRESS)),
        ("Microsoft.Compute", Access::Read, _) => Some(("read", AZURE_MACHINE_READ)),
        ("Microsoft.Compute", Access::Write, "VirtualMachines_Deallocate") => Some(("delete", AZURE_MACHINE_WRITE)),
        ("Microsoft.Compute", Access::Write, _) => Some(("write", AZURE_MACHINE_WRITE)),
        (service, Access::Read, _) if service.starts_with("Microsoft.") => Some(("read", ARM_READ)),
        (service, Access::Write, _) if service.starts_with("Microsoft.") => Some(("write", ARM_WRITE)),
        _ => Some(("all", UNPUBLISHED)),
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    /// Takes a token and returns how long to wait for it; takes none where the wait is longer than `patience`.
    fn take(&mut self, now: Timestamp, quota: Quota, patience: Option<Duration>) -> Result<Duration, Duration> {
        // A clock that was set back refills nothing.
        let elapsed = clock::until(self.at, now).as_secs_f64();
        self.tokens = elapsed.mul_add(quota.per_second, self.tokens).min(quota.burst);
        self.at = now;
        // Tokens go below zero: each caller waits for its own, in the order in which they came.
        let wait = Duration::from_secs_f64((1.0 - self.tokens).max(0.0) / quota.per_second);
        if patience.is_some_and(|patience| wait > patience) {
            return Err(wait);
        }
        self.tokens -= 1.0;
        Ok(wait)
    }
}

/// Of one service, in one region, one class of calls, about one thing where the service counts those apart.
type BucketKey = (String, Option<String>, &'static str, Option<String>);

/// The machine, or the operation, that Azure's compute provider counts a call against.
fn subject(call: &Call) -> Option<String> {
    /// `/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME` has as many.
    const SEGMENTS: usize = 9;
    let path = || call.request.uri().path().split('/').take(SEGMENTS).collect::<Vec<_>>().join("/");
    (call.label.service == "Microsoft.Compute").then(|| path().to_ascii_lowercase())
}

/// Delays calls that come faster than their service takes them.
#[derive(Debug)]
pub struct RateLimit {
    inner: SharedWire,
    clock: SharedClock,
    buckets: Mutex<BTreeMap<BucketKey, Bucket>>,
}

impl RateLimit {
    pub fn new(inner: SharedWire, clock: SharedClock) -> Self {
        Self { inner, clock, buckets: Mutex::default() }
    }

    /// How long this call has to wait, or an error where its deadline would pass meanwhile.
    fn wait(&self, call: &Call) -> Result<Duration, WireError> {
        let Some((class, quota)) = quota(&call.label) else { return Ok(Duration::ZERO) };
        let now = self.clock.now();
        let patience = call.scope.deadline.map(|deadline| clock::until(now, deadline));
        let key = (call.label.service.clone(), call.label.region.clone(), class, subject(call));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: quota.burst, at: now });
        bucket.take(now, quota, patience).map_err(|wait| {
            let message = format!(
                "the rate limit for {} would delay {} by {:.1} s, past its deadline",
                call.label.service,
                call.label.operation,
                wait.as_secs_f64()
            );
            WireError::unsent(WireFailure::TimedOut, message)
        })
    }
}

impl Wire for RateLimit {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async move {
            let wait = self.wait(&call)?;
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            self.inner.send(call).await
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
    use lifeboat_contract::Sent;
    use std::sync::Arc;

    fn start(region: &str) -> Call {
        let mut call = call("ec2", "https://ec2.example/");
        call.label.operation = "StartInstances".to_owned();
        call.label.access = Access::Write;
        call.label.region = Some(region.to_owned());
        call
    }

    fn limit(clock: &SharedClock) -> (Arc<TestWire>, RateLimit) {
        let wire = Arc::new(TestWire::replying(Reply::Echo));
        (wire.clone(), RateLimit::new(wire, clock.clone()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let clock = virtual_clock();
        let (_, limit) = limit(&clock);
        let since = |began: Timestamp| clock::until(began, clock.now()).as_millis();
        let began = clock.now();
        for expected_ms in [0, 0, 0, 0, 0, 500, 1000] {
            limit.send(start("us-east-1")).await.unwrap();
            // The timer's own resolution is a millisecond.
            assert!(
                (expected_ms..=expected_ms + 2).contains(&since(began)),
                "{} instead of {expected_ms}",
                since(began)
            );
        }
        let began = clock.now();
        limit.send(start("eu-west-1")).await.unwrap();
        assert_eq!(since(began), 0, "another region has a bucket of its own");
        let mut credential = start("us-east-1");
        credential.label.access = Access::Credential;
        for _ in 0..50 {
            limit.send(credential.clone()).await.unwrap();
        }
        assert_eq!(since(began), 0, "credentials are never delayed");
    }

    #[tokio::test(start_paused = true)]
    async fn azure_counts_each_machine_apart_and_a_subscription_as_a_whole() {
        let clock = virtual_clock();
        let (_, limit) = limit(&clock);
        let began = clock.now();
        let write = |service: &str, machine: &str| {
            let path = format!("/subscriptions/s/resourceGroups/g/providers/{service}/virtualMachines/{machine}/start");
            let mut call = call(service, &format!("https://management.azure.com{path}"));
            call.label.access = Access::Write;
            call
        };
        for _ in 0..12 {
            limit.send(write("Microsoft.Compute", "a")).await.unwrap();
        }
        limit.send(write("Microsoft.Compute", "b")).await.unwrap();
        assert_eq!(clock::until(began, clock.now()).as_millis(), 0);
        limit.send(write("Microsoft.Compute", "A")).await.unwrap();
        assert_eq!(clock::until(began, clock.now()).as_secs(), 15, "four a minute, whatever the spelling");
        for _ in 0..100 {
            limit.send(write("Microsoft.Network", "a")).await.unwrap();
        }
        assert_eq!(clock::until(began, clock.now()).as_secs(), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_would_miss_its_deadline_is_not_sent_and_takes_no_token() {
        let clock = virtual_clock();
        let (wire, limit) = limit(&clock);
        for _ in 0..5 {
            limit.send(start("us-east-1")).await.unwrap();
        }
        let mut hasty = start("us-east-1");
        hasty.scope.deadline = Some(clock::after(clock.now(), Duration::from_millis(100)));
        for _ in 0..10 {
            let error = limit.send(hasty.clone()).await.unwrap_err();
            assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::TimedOut));
        }
        let began = clock.now();
        limit.send(start("us-east-1")).await.unwrap();
        assert!(clock::until(began, clock.now()).as_millis() <= 502);
        assert_eq!(wire.calls().len(), 6);
    }

    #[test]
    fn a_clock_that_is_set_back_refills_nothing() {
        let now = Timestamp::from_second(1_000).unwrap();
        let mut bucket = Bucket { tokens: 0.0, at: now };
        let earlier = Timestamp::from_second(10).unwrap();
        assert_eq!(bucket.take(earlier, EC2_START, None), Ok(Duration::from_millis(500)));
        assert_eq!(bucket.take(earlier, EC2_START, None), Ok(Duration::from_secs(1)));
    }
}
