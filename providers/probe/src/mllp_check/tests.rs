//! The check against receivers that this file plays, in memory and behind TLS.

use super::*;
use crate::fake::{FakeWire, cx};
use lifeboat_contract::{Code, Retry};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt as _, DuplexStream},
    task::JoinHandle,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

fn check(mut with: Value) -> MllpCheck {
    with["host"] = json!("mllp.example");
    with["port"] = json!(2575);
    serde_json::from_value(with).unwrap()
}

/// What a receiver does with a message, once it has read it whole: the bytes that it answers with before it hangs up.
type Answering = fn(&str) -> Vec<u8>;

async fn read_message(stream: &mut (impl AsyncRead + Unpin)) -> String {
    read_frame(stream, &mut Vec::new()).await.unwrap()
}

/// Plays a receiver that takes 12 ms; yields the message that it got.
fn receiver(mut stream: DuplexStream, answering: Answering) -> JoinHandle<String> {
    tokio::spawn(async move {
        let message = read_message(&mut stream).await;
        sleep(Duration::from_millis(12)).await;
        stream.write_all(&answering(&message)).await.unwrap();
        message
    })
}

async fn asked(check: &MllpCheck, answering: Answering) -> (Answer, String) {
    let (near, far) = tokio::io::duplex(64);
    let receiver = receiver(far, answering);
    let answer = check.ask(&cx(&FakeWire::streaming(near))).await.unwrap();
    (answer, receiver.await.unwrap())
}

fn field(message: &str, segment: &str, index: usize) -> String {
    let line = message.split('\r').find(|line| line.starts_with(segment)).unwrap();
    line.split('|').nth(index).unwrap().to_owned()
}

fn acknowledged(message: &str, msa: &str) -> Vec<u8> {
    let id = field(message, "MSH", 9);
    framed(&format!("MSH|^~\\&|ENGINE||||20260101||ACK|1|P|2.5\rMSA|{}\r", msa.replace("ID", &id)))
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_message_passes() {
    let check = check(json!({ "receiving_application": "WK1", "processing_id": "T" }));
    let (answer, message) = asked(&check, |message| acknowledged(message, "AA|ID")).await;
    let id = field(&message, "MSH", 9);
    assert_eq!(answer, Answer { passed: true, evidence: format!("AA for {id} in 12 ms") });
    assert_eq!((field(&message, "MSH", 4), field(&message, "MSH", 10)), ("WK1".to_owned(), "T".to_owned()));
    assert_eq!(check.question(), "mllp.example:2575 acknowledges ADT^A01 with AA");
}

#[tokio::test(start_paused = true)]
async fn two_tries_never_share_a_control_id() {
    let check = check(json!({ "message": "MSH|^~\\&|A||||20260101||ORU^R01|MINE|P|2.3\nOBX|1\n" }));
    let mut ids = std::collections::BTreeSet::new();
    for attempt in 1..=5 {
        let scope = CallScope { attempt, ..CallScope::default() };
        let (answer, message) = scope.enclose(asked(&check, |message| acknowledged(message, "AA|ID"))).await;
        assert!(answer.passed, "{answer:?}");
        assert!(message.ends_with("OBX|1\r"), "{message:?}");
        ids.insert(field(&message, "MSH", 9));
    }
    assert_eq!(ids.len(), 5);
    assert!(!ids.contains("MINE"));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_told_with_its_reason() {
    let (answer, message) =
        asked(&check(json!({})), |message| acknowledged(message, "AE|ID|queue full\rERR||||E|||disk\u{1b}")).await;
    let id = field(&message, "MSH", 9);
    let evidence = format!("AE for {id} in 12 ms; queue full; disk\\u{{1b}}; expected AA");
    assert_eq!(answer, Answer { passed: false, evidence });
}

#[tokio::test(start_paused = true)]
async fn another_messages_acknowledgement_does_not_pass() {
    let (answer, message) = asked(&check(json!({})), |message| acknowledged(message, "AA|OTHER")).await;
    let id = field(&message, "MSH", 9);
    assert_eq!(answer, Answer { passed: false, evidence: format!("AA for OTHER in 12 ms; the message was {id}") });
}

#[tokio::test(start_paused = true)]
async fn a_commit_acknowledgement_passes_where_it_is_accepted() {
    let commit: Answering = |message| acknowledged(message, "CA|ID");
    assert!(!asked(&check(json!({})), commit).await.0.passed);
    assert!(asked(&check(json!({ "accept": ["AA", "CA"] })), commit).await.0.passed);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_acknowledgement_fails_the_try_and_is_told() {
    for (answering, evidence) in [
        ((|_| Vec::new()) as Answering, "closed without an answer"),
        (|_| b"\x0bMSH|".to_vec(), "closed amid the answer"),
        (|_| b"220 mail ready\r\n".to_vec(), r#"not MLLP: the answer starts with "220 mail ready\r\n""#),
        (|_| framed("hello"), "not HL7: the message does not start with MSH"),
        (|message| framed(message), "not HL7: the answer has no MSA segment"),
    ] {
        let (answer, _) = asked(&check(json!({})), answering).await;
        assert_eq!(answer, Answer { passed: false, evidence: evidence.to_owned() });
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_receiver_costs_one_try_its_time() {
    for (begins, evidence) in
        [(false, "no answer within 3.0 s"), (true, "not MLLP: the answer did not end within 3.0 s")]
    {
        let (near, mut far) = tokio::io::duplex(64);
        let cx = cx(&FakeWire::streaming(near));
        let receiver = tokio::spawn(async move {
            read_message(&mut far).await;
            if begins {
                far.write_all(b"\x0bMSH|^~\\&|").await.unwrap();
            }
            far.read(&mut [0; 1]).await
        });
        let began = cx.clock.now();
        let answer = check(json!({ "try_timeout": "3s" })).ask(&cx).await.unwrap();
        assert_eq!(answer, Answer { passed: false, evidence: evidence.to_owned() });
        assert_eq!(clock::until(began, cx.clock.now()), Duration::from_secs(3));
        receiver.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_worth_another_try_and_a_refused_address_is_not() {
    let wire = FakeWire::failing(WireError::unsent(WireFailure::Connect, "connection refused"));
    let error = check(json!({})).ask(&cx(&wire)).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retry), ("wire.unreachable", Retry::Backoff));
    let wire = FakeWire::answering(200, "").at("169.254.169.254");
    let error = check(json!({})).ask(&cx(&wire)).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retry), ("address.refused", Retry::Never));
    assert!(wire.connected().is_empty());
}

/// A receiver behind TLS for `mllp.example`, and the file that makes it trusted.
fn secure_receiver(name: &str) -> (TlsAcceptor, PathBuf) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["mllp.example".to_owned()]).unwrap();
    let ca_file = std::env::temp_dir().join(format!("lifeboat-{}-{name}.pem", std::process::id()));
    std::fs::write(&ca_file, cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), ca_file)
}

/// Asks over a real connection, whose far end `acceptor` plays.
async fn asked_securely(acceptor: TlsAcceptor, with: Value) -> Result<Answer, CallError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    let receiver = tokio::spawn(async move {
        // A client that does not trust us leaves amid the handshake.
        let Ok(mut stream) = acceptor.accept(far).await else { return };
        let message = read_message(&mut stream).await;
        stream.write_all(&acknowledged(&message, "AA|ID")).await.unwrap();
        stream.flush().await.unwrap();
        // Without an alert that says so: receivers are met that just close.
    });
    let answer = check(with).ask(&cx(&FakeWire::streaming(near))).await;
    receiver.await.unwrap();
    answer
}

#[tokio::test]
async fn tls_with_a_trusted_certificate_passes() {
    let (acceptor, ca_file) = secure_receiver("trusted");
    let answer = asked_securely(acceptor, json!({ "tls": true, "ca_file": ca_file })).await.unwrap();
    assert!(answer.passed, "{answer:?}");
    std::fs::remove_file(ca_file).unwrap();
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_a_stranger_fails_for_good() {
    let (acceptor, ca_file) = secure_receiver("named");
    let named = json!({ "tls": true, "ca_file": ca_file, "server_name": "other.example" });
    let error = asked_securely(acceptor.clone(), named).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retry), ("wire.tls", Retry::Never));
    let (_, other_file) = secure_receiver("stranger");
    let error = asked_securely(acceptor, json!({ "tls": true, "ca_file": other_file })).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retry), ("wire.tls", Retry::Never));
    std::fs::remove_file(ca_file).unwrap();
    std::fs::remove_file(other_file).unwrap();
}

#[tokio::test]
async fn a_receiver_that_hangs_up_amid_the_handshake_may_be_starting() {
    let (_, ca_file) = secure_receiver("starting");
    let (near, far) = tokio::io::duplex(64);
    drop(far);
    let with = json!({ "tls": true, "ca_file": ca_file });
    let error = check(with).ask(&cx(&FakeWire::streaming(near))).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.retry), ("wire.unreachable", Retry::Backoff));
    std::fs::remove_file(ca_file).unwrap();
}

#[tokio::test]
async fn a_file_without_certificates_is_told() {
    let error = check(json!({ "tls": true, "ca_file": "/nonexistent.pem" }))
        .ask(&cx(&FakeWire::answering(200, "")))
        .await
        .unwrap_err();
    assert_eq!((error.code.as_str(), error.retry), ("wire.tls", Retry::Never));
    assert!(error.message.contains("/nonexistent.pem"), "{error}");
}

#[test]
fn findings_name_the_field() {
    let codes_of = |with: Value| {
        let mut findings = Findings::default();
        Check::check(&serde_json::from_value::<MllpCheck>(with).unwrap(), &mut findings);
        let pairs = findings.as_slice().iter().map(|finding| (finding.path.to_string(), finding.code));
        pairs.collect::<Vec<(String, Code)>>()
    };
    let found = |path: &str, code| (path.to_owned(), code);
    assert_eq!(codes_of(json!({ "host": "10.0.0.4", "port": 2575, "tls": true, "server_name": "a.example" })), []);
    assert_eq!(
        codes_of(json!({
            "host": "mllp://a", "port": 0, "ca_file": "", "server_name": "a b", "sending_application": "A|B",
            "processing_id": "D", "message": "PID|1", "accept": ["AA", "OK", "aa"],
        })),
        [
            found("host", codes::BAD_VALUE),
            found("port", codes::OUT_OF_RANGE),
            found("ca_file", codes::CONFLICTING_FIELDS),
            found("server_name", codes::CONFLICTING_FIELDS),
            found("ca_file", codes::BAD_VALUE),
            found("server_name", codes::BAD_VALUE),
            found("sending_application", codes::BAD_VALUE),
            found("sending_application", codes::CONFLICTING_FIELDS),
            found("processing_id", codes::CONFLICTING_FIELDS),
            found("message", codes::BAD_VALUE),
            found("accept/1", codes::BAD_VALUE),
            found("accept/2", codes::BAD_VALUE),
        ]
    );
    assert_eq!(
        codes_of(json!({ "host": "169.254.169.254", "port": 1, "message": "MSH|^~\\&|A\u{b}", "accept": [] })),
        [
            found("host", codes::FORBIDDEN_ADDRESS),
            found("message", codes::BAD_VALUE),
            found("accept", codes::BAD_VALUE)
        ]
    );
}
