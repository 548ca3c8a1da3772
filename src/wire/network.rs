//! The real network. Every failure says whether the request may have left; nothing is retried.

use super::{
    body::{self, Limit, RESPONSE_MAX},
    budget::{seconds, time_left},
    dial::{dial, look_up},
    door::{Door, Trust, find},
};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, Error, connect::capture_connection},
    rt::{TokioExecutor, TokioTimer},
};
use lifeboat_contract::{
    Call, CallScope, Duplex, SharedClock, Wire, WireError, WireFailure,
    wire::{BoxFuture, CALL_TIMEOUT, CONNECT_TIMEOUT},
};
use lifeboat_probe::{BODY_MAX_BYTES, address::AddressPolicy};
use std::{net::IpAddr, time::Duration};
use tokio::time::timeout;

type HttpClient = Client<Door, Full<Bytes>>;

/// How long an idle connection to a cloud is kept: less than clouds keep theirs, so that they seldom close it under a request.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// Reaches clouds and the targets of checks over TCP and TLS.
///
/// Calls of checks (service `http`, and every [`Wire::connect`]) reach no address that [`AddressPolicy`] refuses, and each opens
/// a connection of its own: a kept one would still lead to where the name pointed before.
#[derive(Debug)]
pub struct Network {
    clock: SharedClock,
    clouds: HttpClient,
    checks: HttpClient,
    loopback_checks: HttpClient,
}

impl Network {
    /// Builds the clients. Opens nothing and reads no file: root certificates are loaded at the first https call.
    pub fn new(clock: SharedClock) -> Self {
        let trust = Trust::default();
        let for_checks = |policy| {
            Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build(Door::new(Some(policy), trust.clone()))
        };
        Self {
            clock,
            checks: for_checks(AddressPolicy { allow_loopback: false }),
            loopback_checks: for_checks(AddressPolicy { allow_loopback: true }),
            clouds: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(POOL_IDLE)
                .build(Door::new(None, trust)),
        }
    }

    fn client_for(&self, service: &str) -> (&HttpClient, Limit) {
        let client = match service {
            "http" if AddressPolicy::current().allow_loopback => &self.loopback_checks,
            "http" => &self.checks,
            _ => return (&self.clouds, RESPONSE_MAX),
        };
        (client, Limit::Start(BODY_MAX_BYTES))
    }
}

impl Wire for Network {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async move {
            let uri = call.request.uri();
            let Some(host) = uri.scheme().and(uri.host()).map(str::to_owned) else {
                return Err(WireError::unsent(WireFailure::Refused, format!("{uri} is not an absolute URI")));
            };
            let left = time_left(&self.clock, &call.scope, CALL_TIMEOUT)?;
            let (client, limit) = self.client_for(&call.label.service);
            let mut request = call.request.map(Full::new);
            // Filled in just before the request is handed to a connection: while it is empty, nothing has been written.
            let connection = capture_connection(&mut request);
            if let Ok(result) = timeout(left, exchange(client, request, limit)).await {
                return result;
            }
            let was_connected = connection.connection_metadata().is_some();
            Err(if was_connected {
                let message = format!("{host} did not answer within {}", seconds(left));
                WireError::maybe_sent(WireFailure::TimedOut, message)
            } else {
                let message = format!("no connection to {host} within {}", seconds(left));
                WireError::unsent(WireFailure::TimedOut, message)
            })
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async move {
            let left = time_left(&self.clock, &CallScope::current(), CONNECT_TIMEOUT)?;
            let dialled = timeout(left, dial(host, port, Some(AddressPolicy::current()))).await.unwrap_or_else(|_| {
                let message = format!("no connection to {host} port {port} within {}", seconds(left));
                Err(WireError::unsent(WireFailure::Connect, message))
            });
            dialled.map(|stream| Box::new(stream) as Box<dyn Duplex>)
        })
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async move {
            let left = time_left(&self.clock, &CallScope::current(), CONNECT_TIMEOUT)?;
            timeout(left, look_up(host)).await.unwrap_or_else(|_| {
                let message = format!("{host} was not resolved within {}", seconds(left));
                Err(WireError::unsent(WireFailure::Resolve, message))
            })
        })
    }
}

async fn exchange(
    client: &HttpClient,
    request: Request<Full<Bytes>>,
    limit: Limit,
) -> Result<Response<Bytes>, WireError> {
    let response = client.request(request).await.map_err(|error| classify(&error))?;
    body::read(response, limit).await
}

fn classify(error: &Error) -> WireError {
    if let Some(wire) = find::<WireError>(error) {
        return wire.clone();
    }
    let why = find::<hyper::Error>(error).map_or_else(|| error.to_string(), ToString::to_string);
    if error.is_connect() {
        WireError::unsent(WireFailure::Connect, format!("no connection: {why}"))
    } else {
        WireError::maybe_sent(WireFailure::Broken, format!("the connection broke: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::test_wire::{call, system_clock};
    use jiff::Timestamp;
    use lifeboat_contract::{Sent, clock};
    use std::{net::SocketAddr, sync::Arc};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    const LOOPBACK: AddressPolicy = AddressPolicy { allow_loopback: true };

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn network() -> Network {
        Network::new(system_clock())
    }

    /// Accepts connections one after another, reads a request on each, writes `answer`, and tells how many it accepted.
    fn answer_each(listener: TcpListener, answer: &'static str) -> tokio::sync::watch::Receiver<usize> {
        let (count, accepted) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.send_modify(|count| *count += 1);
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while matches!(stream.read(&mut buffer).await, Ok(read) if read > 0) {
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        accepted
    }

    #[tokio::test]
    async fn a_refused_connection_was_not_sent() {
        let (listener, address) = listener().await;
        drop(listener);
        let error = network().send(call("ec2", &format!("http://{address}/"))).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Connect));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_may_have_got_it() {
        let (listener, address) = listener().await;
        let mut call = call("ec2", &format!("http://{address}/"));
        call.scope.deadline = Some(clock::after(system_clock().now(), Duration::from_millis(100)));
        let error = network().send(call).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::Maybe, WireFailure::TimedOut));
        drop(listener);
    }

    #[tokio::test]
    async fn a_tls_handshake_that_hangs_or_fails_was_not_sent() {
        let (hanging, address) = listener().await;
        let mut call_to_hanging = call("ec2", &format!("https://{address}/"));
        call_to_hanging.scope.deadline = Some(clock::after(system_clock().now(), Duration::from_millis(300)));
        assert_eq!(network().send(call_to_hanging).await.unwrap_err().sent, Sent::No);
        drop(hanging);
        let (plain, address) = listener().await;
        answer_each(plain, "HTTP/1.1 400 Bad Request\r\n\r\n");
        let error = network().send(call("ec2", &format!("https://{address}/"))).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Tls));
    }

    #[tokio::test]
    async fn a_connection_that_breaks_may_have_carried_it() {
        let (listener, address) = listener().await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let read = stream.read(&mut [0; 4096]).await.unwrap();
            assert!(read > 0, "the request was written before the connection broke");
        });
        let error = network().send(call("ec2", &format!("http://{address}/"))).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::Maybe, WireFailure::Broken));
    }

    #[tokio::test]
    async fn a_deadline_that_has_passed_sends_nothing() {
        let mut call = call("ec2", "http://127.0.0.1:9/");
        call.scope.deadline = Some(Timestamp::UNIX_EPOCH);
        let error = network().send(call).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::TimedOut));
    }

    #[tokio::test]
    async fn cloud_calls_share_a_connection_and_checks_do_not() {
        let (listener, address) = listener().await;
        let url = format!("http://{address}/healthz");
        let mut accepted = answer_each(listener, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let network = network();
        for _ in 0..3 {
            let response = network.send(call("ec2", &url)).await.unwrap();
            assert_eq!(response.body(), "ok");
        }
        assert_eq!(*accepted.borrow_and_update(), 1);
        for _ in 0..3 {
            LOOPBACK.enclose(network.send(call("http", &url))).await.unwrap();
        }
        assert_eq!(*accepted.borrow(), 4);
    }

    #[tokio::test]
    async fn a_checks_body_is_cut() {
        let (listener, address) = listener().await;
        let body = "x".repeat(BODY_MAX_BYTES * 2);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        answer_each(listener, answer.leak());
        let network = network();
        let response = LOOPBACK.enclose(network.send(call("http", &format!("http://{address}/")))).await.unwrap();
        assert_eq!(response.body().len(), BODY_MAX_BYTES + 1);
    }

    #[tokio::test]
    async fn checks_reach_no_address_that_serves_credentials() {
        for url in ["http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/", "http://127.0.0.1:1/"] {
            let error = network().send(call("http", url)).await.unwrap_err();
            assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Refused), "{url}");
        }
        let error = network().connect("169.254.169.254", 80).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Refused));
        // The resolver itself reads this spelling as 127.0.0.1, or not at all; either way nothing is reached.
        assert_eq!(network().connect("0x7f000001", 80).await.unwrap_err().sent, Sent::No);
    }

    #[tokio::test]
    async fn connects_and_resolves() {
        let (listener, address) = listener().await;
        let network = network();
        let mut stream = LOOPBACK.enclose(network.connect("127.0.0.1", address.port())).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        stream.write_all(b"hi").await.unwrap();
        let mut heard = [0; 2];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hi");
        assert_eq!(network.resolve("192.0.2.1").await.unwrap(), [IpAddr::from([192, 0, 2, 1])]);
        let _: Arc<dyn Wire> = Arc::new(network);
    }
}
