//! The read-only guard: while planning, no call that could change anything leaves. It judges the label, never the request.

use bytes::Bytes;
use http::Response;
use lifeboat_contract::{Access, Call, Duplex, SharedWire, Wire, WireError, WireFailure, wire::BoxFuture};
use std::net::IpAddr;

/// Refuses every call that the provider's table does not mark as a read.
///
/// A provider's dry-run flag does not make a write a read. Streams are let through: those who open one while planning send
/// nothing over it.
#[derive(Debug)]
pub struct ReadOnly {
    inner: SharedWire,
}

impl ReadOnly {
    pub fn new(inner: SharedWire) -> Self {
        Self { inner }
    }
}

impl Wire for ReadOnly {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        match call.label.access {
            Access::Read | Access::Credential => self.inner.send(call),
            Access::Write => {
                let label = &call.label;
                let message = format!(
                    "the {} operation {} is not a read: a plan sends no mutating request",
                    label.service, label.operation
                );
                Box::pin(async move { Err(WireError::unsent(WireFailure::Refused, message)) })
            }
        }
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
    use crate::wire::test_wire::{Reply, TestWire, call};
    use lifeboat_contract::Sent;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_write_does_not_leave_and_reads_do() {
        let wire = Arc::new(TestWire::replying(Reply::Echo));
        let guard = ReadOnly::new(wire.clone());
        for (access, passes) in [(Access::Read, true), (Access::Credential, true), (Access::Write, false)] {
            let mut call = call("ec2", "https://ec2.example/?DryRun=true");
            call.label.operation = "ReplaceRoute".to_owned();
            call.label.access = access;
            match guard.send(call).await {
                Ok(_) => assert!(passes, "{access:?}"),
                Err(error) => {
                    assert!(!passes, "{access:?}");
                    assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Refused));
                    assert!(error.message.contains("ec2 operation ReplaceRoute"), "{error}");
                }
            }
        }
        assert_eq!(wire.calls().len(), 2);
    }
}
