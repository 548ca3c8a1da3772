//! Serves a wire on a socket: a simulated cloud for any client, and for [`super::Cloud`] in another process.
//!
//! Understands absolute-form requests (any host of the world), origin-form ones (`--endpoint-url` of an SDK) and CONNECT.
//! Knows nothing of the world behind the wire.

use super::protocol::{self, RESOLVE_HOST};
use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, StatusCode, Uri, header, uri::PathAndQuery};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use lifeboat_contract::{
    Access, Call, CallLabel, CallScope, Sent, SharedWire, WireError, WireFailure, wire::CONNECT_TIMEOUT,
};
use std::{io, pin::pin, time::Duration};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

/// The most that a request may hold.
const REQUEST_MAX_BYTES: usize = 16 * 1024 * 1024;
/// How long calls under way may take to end once the server stops.
const DRAIN: Duration = CONNECT_TIMEOUT;
/// How long the server goes on while it cannot accept (out of file descriptors), and how often it tries.
const ACCEPT_FAILURES_MAX: u32 = 50;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connection is closed without an answer: the wire does not know what became of the call, so the client must not either.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
struct HangUp;

/// Serves `wire` on `listener` until `stop` ends, then lets calls under way end.
pub async fn serve(listener: TcpListener, wire: SharedWire, stop: impl Future<Output = ()>) -> io::Result<()> {
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let result = loop {
        select! {
            biased;
            () = &mut stop => break Ok(()),
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = accept(&listener) => match accepted {
                Ok(stream) => {
                    connections.spawn(attend(stream, wire.clone(), stopped.clone()));
                }
                Err(error) => break Err(error),
            },
        }
    };
    stopping.send_replace(true);
    // What has not ended by then is a call that hangs on purpose; dropping the set closes its connection.
    let _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    result
}

/// Accepts the next connection. A client that gave up, or a moment without file descriptors, does not end the server.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok(stream),
            Err(error) if failures >= ACCEPT_FAILURES_MAX => return Err(error),
            Err(_) => {
                failures += 1;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn attend(stream: TcpStream, wire: SharedWire, stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, wire.clone(), stopped.clone()));
    // The world sends `Date` from its own clock; the machine's would tell SDKs that theirs is wrong.
    let mut connection = pin!(
        http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service).with_upgrades()
    );
    select! {
        biased;
        () = until_stopped(stopped.clone()) => {}
        _ = connection.as_mut() => return,
    }
    connection.as_mut().graceful_shutdown();
    // A client that breaks its own connection is its own witness.
    let _ = connection.await;
}

async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    // An error means that the server is gone, which stops as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn answer(
    request: Request<Incoming>,
    wire: SharedWire,
    stopped: watch::Receiver<bool>,
) -> Result<Response<Full<Bytes>>, HangUp> {
    if request.method() == Method::CONNECT {
        return tunnel(request, &wire, stopped).await;
    }
    let Some(uri) = absolute(&request) else {
        return Ok(plain(StatusCode::BAD_REQUEST, "the request names no host"));
    };
    if uri.host() == Some(RESOLVE_HOST) {
        return resolve(uri.path().trim_start_matches('/'), &wire).await;
    }
    let (mut head, body) = request.into_parts();
    let body = match Limited::new(body, REQUEST_MAX_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is longer than 16 MiB"));
        }
        Err(_) => return Err(HangUp),
    };
    for name in HOP_BY_HOP {
        head.headers.remove(name);
    }
    let label = CallLabel {
        service: "socket".to_owned(),
        operation: head.method.to_string(),
        region: None,
        access: if head.method.is_safe() { Access::Read } else { Access::Write },
    };
    head.uri = uri;
    let is_head = head.method == Method::HEAD;
    let call = Call { request: Request::from_parts(head, body), label, scope: CallScope::default() };
    // A task of its own: a cloud does not stop working because its client hangs up.
    match tokio::spawn(async move { wire.send(call).await }).await {
        Ok(Ok(response)) => Ok(framed(response, is_head)),
        Ok(Err(error)) => refuse(&error),
        Err(_) => Err(HangUp),
    }
}

/// Headers that describe one connection or one message's framing, not the request.
const HOP_BY_HOP: [HeaderName; 5] =
    [header::CONNECTION, header::EXPECT, header::TE, header::TRANSFER_ENCODING, header::UPGRADE];

/// A wire's response, with framing of our own: what its body was framed by is gone.
fn framed(response: Response<Bytes>, is_head: bool) -> Response<Full<Bytes>> {
    let mut response = response.map(Full::new);
    let headers = response.headers_mut();
    headers.remove(header::CONNECTION);
    headers.remove(header::TRANSFER_ENCODING);
    if !is_head {
        headers.remove(header::CONTENT_LENGTH);
    }
    response
}

/// The absolute URI of an absolute-form request, or of an origin-form one and its `Host`.
fn absolute<B>(request: &Request<B>) -> Option<Uri> {
    if request.uri().scheme().is_some() {
        return Some(request.uri().clone());
    }
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    Uri::builder().scheme("http").authority(host).path_and_query(path).build().ok()
}

async fn resolve(host: &str, wire: &SharedWire) -> Result<Response<Full<Bytes>>, HangUp> {
    match wire.resolve(host).await {
        Ok(addresses) => {
            let lines: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Ok(plain(StatusCode::OK, &lines.join("\n")))
        }
        Err(error) if error.reason == WireFailure::Resolve => Ok(plain(StatusCode::NOT_FOUND, &error.message)),
        Err(error) => refuse(&error),
    }
}

async fn tunnel(
    request: Request<Incoming>,
    wire: &SharedWire,
    stopped: watch::Receiver<bool>,
) -> Result<Response<Full<Bytes>>, HangUp> {
    let Some((host, port)) = request.uri().host().zip(request.uri().port_u16()) else {
        return Ok(plain(StatusCode::BAD_REQUEST, "CONNECT needs host:port"));
    };
    let host = lifeboat_probe::address::bare(host).to_owned();
    let mut far = match wire.connect(&host, port).await {
        Ok(far) => far,
        Err(error) => return refuse(&error),
    };
    tokio::spawn(async move {
        // The stream is there once the answer below has been written.
        let Ok(near) = hyper::upgrade::on(request).await else { return };
        let mut near = TokioIo::new(near);
        select! {
            biased;
            () = until_stopped(stopped) => {}
            // Either end may hang up at any time; the other one learns it by the drop.
            _ = copy_bidirectional(&mut near, &mut far) => {}
        }
    });
    Ok(Response::new(Full::default()))
}

/// Tells the client only what is certain.
fn refuse(error: &WireError) -> Result<Response<Full<Bytes>>, HangUp> {
    if error.sent == Sent::Maybe || error.reason == WireFailure::TimedOut {
        Err(HangUp)
    } else {
        Ok(protocol::unsent_response(error))
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        Cloud,
        test_wire::{Reply, TestWire, call, system_clock},
    };
    use lifeboat_contract::{Wire as _, clock};
    use std::{net::SocketAddr, sync::Arc};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::oneshot,
    };

    /// A wire served on a socket, and a cloud that sends there.
    struct Served {
        address: SocketAddr,
        wire: Arc<TestWire>,
        cloud: Cloud,
        stop: oneshot::Sender<()>,
        server: tokio::task::JoinHandle<io::Result<()>>,
    }

    async fn served(reply: Reply) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(TestWire::replying(reply));
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(listener, wire.clone(), async move {
            let _ = stopped.await;
        }));
        let cloud = Cloud::at(&format!("http://{address}"), system_clock()).unwrap();
        Served { address, wire, cloud, stop, server }
    }

    #[tokio::test]
    async fn a_call_arrives_as_it_was_sent() {
        let served = served(Reply::Echo).await;
        let mut call = call("rds", "https://rds.us-east-1.amazonaws.com/?a=%2Fb");
        *call.request.method_mut() = Method::POST;
        *call.request.body_mut() = Bytes::from_static(b"Action=DescribeGlobalClusters");
        call.request.headers_mut().insert("authorization", http::HeaderValue::from_static("AWS4-HMAC-SHA256 c"));
        let response = served.cloud.send(call).await.unwrap();
        assert_eq!(response.body(), "Action=DescribeGlobalClusters");
        assert_eq!(response.headers()["x-uri"], "https://rds.us-east-1.amazonaws.com/?a=%2Fb");
        assert!(!response.headers().contains_key("date"), "the world alone tells the time");
        let seen = served.wire.only_call();
        assert_eq!(seen.request.method(), Method::POST);
        assert_eq!(seen.request.headers()["host"], "rds.us-east-1.amazonaws.com");
        assert_eq!(seen.request.headers()["authorization"], "AWS4-HMAC-SHA256 c");
        assert_eq!((seen.label.service.as_str(), seen.label.access), ("socket", Access::Write));
    }

    #[tokio::test]
    async fn an_origin_form_request_gets_its_host_back() {
        let served = served(Reply::Echo).await;
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET /p?q=1 HTTP/1.1\r\nhost: localhost:4566\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert_eq!(served.wire.only_call().request.uri(), "http://localhost:4566/p?q=1");
    }

    #[tokio::test]
    async fn a_call_of_unknown_fate_ends_in_silence() {
        for error in [
            WireError::maybe_sent(WireFailure::Broken, "dropped"),
            WireError::maybe_sent(WireFailure::TimedOut, "late"),
            WireError::unsent(WireFailure::TimedOut, "late"),
        ] {
            let served = served(Reply::Fail(error)).await;
            let error = served.cloud.send(call("ec2", "https://ec2.example/")).await.unwrap_err();
            assert_eq!((error.sent, error.reason), (Sent::Maybe, WireFailure::Broken));
        }
    }

    #[tokio::test]
    async fn an_unsent_call_stays_unsent() {
        for reason in [WireFailure::Resolve, WireFailure::Connect, WireFailure::Tls, WireFailure::Refused] {
            let expected = WireError::unsent(reason, "nobody is there");
            let served = served(Reply::Fail(expected.clone())).await;
            assert_eq!(served.cloud.send(call("ec2", "https://ec2.example/")).await.unwrap_err(), expected);
        }
    }

    #[tokio::test]
    async fn a_worlds_own_bad_gateway_is_an_answer() {
        let served = served(Reply::Status(502)).await;
        let response = served.cloud.send(call("http", "https://o.example/")).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    }

    #[tokio::test]
    async fn a_cloud_that_hangs_may_have_got_it() {
        let served = served(Reply::Hang).await;
        let mut call = call("ec2", "https://ec2.example/");
        call.scope.deadline = Some(clock::after(system_clock().now(), Duration::from_millis(100)));
        let error = served.cloud.send(call).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::Maybe, WireFailure::TimedOut));
        served.wire.only_call();
    }

    #[tokio::test]
    async fn a_client_that_hangs_up_does_not_stop_the_call() {
        let served = served(Reply::Gate).await;
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        served.wire.until_called(1).await;
        drop(stream);
        // The server has seen the hang-up once it has answered a request that came after it on another connection.
        assert_eq!(served.cloud.resolve("h.example").await.unwrap().len(), 2);
        served.wire.open_gate();
        served.wire.until_finished(1).await;
    }

    #[tokio::test]
    async fn connect_carries_bytes_both_ways() {
        let served = served(Reply::Echo).await;
        for host in ["db.orders.example", "fd12::1"] {
            let mut stream = served.cloud.connect(host, 5432).await.unwrap();
            stream.write_all(b"ping").await.unwrap();
            let mut heard = [0; 4];
            stream.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"ping");
        }
        assert_eq!(served.wire.connected(), ["db.orders.example 5432", "fd12::1 5432"]);
    }

    #[tokio::test]
    async fn a_refused_connect_is_unsent() {
        let expected = WireError::unsent(WireFailure::Connect, "port closed");
        let served = served(Reply::Fail(expected.clone())).await;
        assert_eq!(served.cloud.connect("db.orders.example", 1).await.unwrap_err(), expected);
    }

    #[tokio::test]
    async fn the_cloud_knows_the_names() {
        let found = served(Reply::Echo).await;
        let addresses = found.cloud.resolve("r1.orders.example").await.unwrap();
        assert_eq!(addresses, ["192.0.2.1".parse::<std::net::IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]);
        let missing = served(Reply::Fail(WireError::unsent(WireFailure::Resolve, "no such name"))).await;
        let error = missing.cloud.resolve("nobody.example").await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Resolve));
    }

    #[tokio::test]
    async fn a_cloud_that_is_not_there_was_sent_nothing() {
        let Served { cloud, stop, server, .. } = served(Reply::Echo).await;
        cloud.send(call("ec2", "https://ec2.example/")).await.unwrap();
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
        let error = cloud.send(call("ec2", "https://ec2.example/")).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Connect));
    }

    #[test]
    fn an_address_of_a_cloud_is_plain_http() {
        for address in ["https://127.0.0.1:4566", "127.0.0.1:4566", "http://127.0.0.1:4566/x", "http://h/?q", ""] {
            assert!(Cloud::at(address, system_clock()).is_err(), "{address}");
        }
        assert!(Cloud::at("http://[::1]:4566/", system_clock()).is_ok());
    }
}
