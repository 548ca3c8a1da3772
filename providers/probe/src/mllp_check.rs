//! `mllp.check`: sends one HL7 v2 message and asks whether it is acknowledged. Keeps no connection, and repeats nothing.

use crate::{
    address::{self, AddressPolicy},
    cadence, hl7,
    mllp_frame::{can_be_framed, framed, read_frame},
    text::one_line,
    tls,
};
use lifeboat_contract::{
    Answer, Cadence, CallError, CallScope, Check, Cx, Duplex, Findings, Span, WireError, WireFailure, clock, codes,
    wire::CALL_TIMEOUT,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

const SERVICE: &str = "mllp";
const OURSELVES: &str = "LIFEBOAT";

/// Sends an HL7 v2 message over MLLP until it has been acknowledged a number of times in a row.
///
/// One try is one connection and one message with a control id of its own; it passes when the answer's MSA-1 is among `accept`
/// and its MSA-2 is that control id. The receiver takes the message for a real one and does with it what its routes say: without
/// `message` it is the admission (ADT^A01) of a patient LIFEBOAT^PROBE. Link-local, metadata and loopback addresses are refused;
/// private addresses are allowed. Nothing is sent while planning.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MllpCheck {
    /// A host name or an address.
    pub host: String,
    /// The usual one is 2575.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Whether to speak TLS. The receiver's certificate is verified.
    #[serde(default)]
    pub tls: bool,
    /// A file with the certificates to trust, in PEM, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// The name that the receiver's certificate must be valid for. Default: the host.
    #[serde(default)]
    pub server_name: Option<String>,
    /// The message to send, in HL7 v2, one segment a line. Its MSH-10 is replaced by a fresh control id on each try.
    #[serde(default)]
    pub message: Option<String>,
    /// MSH-3 of the default message. Default: LIFEBOAT.
    #[serde(default)]
    pub sending_application: Option<String>,
    /// MSH-4 of the default message. Default: LIFEBOAT.
    #[serde(default)]
    pub sending_facility: Option<String>,
    /// MSH-5 of the default message.
    #[serde(default)]
    pub receiving_application: Option<String>,
    /// MSH-6 of the default message.
    #[serde(default)]
    pub receiving_facility: Option<String>,
    /// MSH-11 of the default message. Default: P.
    #[serde(default)]
    pub processing_id: Option<ProcessingId>,
    /// The acknowledgement codes that pass: AA, or CA where the receiver acknowledges in enhanced mode.
    #[serde(default = "accepted")]
    #[schemars(length(min = 1))]
    pub accept: Vec<String>,
    /// How many tries in a row must pass.
    #[serde(default = "cadence::healthy_threshold")]
    #[schemars(range(min = 1))]
    pub healthy_threshold: u32,
    /// The pause between two tries.
    #[serde(default = "cadence::interval")]
    pub interval: Span,
    /// How long one try may take, at most 8s.
    #[serde(default = "cadence::try_timeout")]
    pub try_timeout: Span,
    /// Whether the check may reach the machine it runs on.
    #[serde(default)]
    pub allow_loopback: bool,
}

/// How a receiver treats a message: HL7 table 0103.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ProcessingId {
    /// Production.
    #[default]
    P,
    /// Training.
    T,
    /// Debugging.
    D,
}

impl ProcessingId {
    fn code(self) -> &'static str {
        match self {
            Self::P => "P",
            Self::T => "T",
            Self::D => "D",
        }
    }
}

fn accepted() -> Vec<String> {
    vec!["AA".to_owned()]
}

impl MllpCheck {
    fn policy(&self) -> AddressPolicy {
        AddressPolicy { allow_loopback: self.allow_loopback }
    }

    /// The fields of MSH that the default message alone has.
    fn parties(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("sending_application", self.sending_application.as_deref()),
            ("sending_facility", self.sending_facility.as_deref()),
            ("receiving_application", self.receiving_application.as_deref()),
            ("receiving_facility", self.receiving_facility.as_deref()),
        ]
    }

    /// This try's control id. The clock may stand still between two checks, so it also says whose try it is.
    fn control_id(&self, cx: &Cx) -> String {
        let scope = CallScope::current();
        let step = scope.step.as_ref().map_or("", |step| step.as_str());
        let whose = format!("{step} {} {} {} {}", scope.attempt, cx.run.to, self.host, self.port);
        hl7::control_id(cx.clock.now(), &whose)
    }

    fn compose(&self, control_id: &str, cx: &Cx) -> Result<String, CallError> {
        if let Some(template) = &self.message {
            return hl7::with_control_id(template, control_id)
                .map_err(|why| CallError::definite(SERVICE, "message.invalid", why));
        }
        let parties = hl7::Parties {
            sending_application: self.sending_application.as_deref().unwrap_or(OURSELVES),
            sending_facility: self.sending_facility.as_deref().unwrap_or(OURSELVES),
            receiving_application: self.receiving_application.as_deref().unwrap_or_default(),
            receiving_facility: self.receiving_facility.as_deref().unwrap_or_default(),
            processing_id: self.processing_id.unwrap_or_default().code(),
        };
        Ok(hl7::admission(&parties, control_id, cx.clock.now()))
    }

    async fn try_once(&self, cx: &Cx) -> Result<Answer, CallError> {
        let host = address::bare(&self.host);
        cadence::admit(cx, SERVICE, host, self.policy()).await?;
        let control_id = self.control_id(cx);
        let frame = framed(&self.compose(&control_id, cx)?);
        let stream = self.open(host, cx).await.map_err(|error| cadence::unanswered(SERVICE, error))?;
        let began = cx.clock.now();
        let answer = converse(stream, &frame, time_left(cx)).await;
        let latency = clock::until(began, cx.clock.now());
        Ok(match answer {
            Ok(answer) => self.judge(&answer, &control_id, latency, cx),
            Err(why) => Answer { passed: false, evidence: one_line(&why, &cx.secrets) },
        })
    }

    /// Opens the stream, with TLS over it where the check asks for that.
    async fn open(&self, host: &str, cx: &Cx) -> Result<Box<dyn Duplex>, WireError> {
        if !self.tls {
            return cx.wire.connect(host, self.port).await;
        }
        let name = self.server_name.as_deref().unwrap_or(host);
        let invalid =
            || WireError::unsent(WireFailure::Tls, format!("{name:?} is no name that a certificate can have"));
        let server_name = tls::server_name(name).ok_or_else(invalid)?;
        let client = tls::client(self.ca_file.as_ref().map(PathBuf::from)).await?;
        let stream = cx.wire.connect(host, self.port).await?;
        let left = time_left(cx);
        match timeout(left, tls::secured(&client, server_name, stream)).await {
            Ok(secured) => Ok(Box::new(secured?)),
            Err(_) => {
                let message = format!("no TLS connection to {host} within {}", seconds(left));
                Err(WireError::unsent(WireFailure::TimedOut, message))
            }
        }
    }

    fn judge(&self, answer: &str, control_id: &str, latency: Duration, cx: &Cx) -> Answer {
        let acknowledged = match hl7::acknowledgement(answer) {
            Ok(acknowledged) => acknowledged,
            Err(why) => {
                return Answer { passed: false, evidence: one_line(&format!("not HL7: {why}"), &cx.secrets) };
            }
        };
        let hl7::Acknowledgement { code, control_id: whose, reason } = acknowledged;
        let shown =
            |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { one_line(text, &cx.secrets) };
        let answered = shown(&whose, "no message");
        let mut facts = vec![format!("{} for {answered} in {} ms", shown(&code, "no code"), latency.as_millis())];
        if !reason.is_empty() {
            facts.push(one_line(&reason, &cx.secrets));
        }
        let is_accepted = self.accept.contains(&code);
        if !is_accepted {
            facts.push(format!("expected {}", self.accept.join(" or ")));
        }
        if whose != control_id {
            facts.push(format!("the message was {control_id}"));
        }
        Answer { passed: is_accepted && whose == control_id, evidence: facts.join("; ") }
    }

    fn check_tls(&self, findings: &mut Findings) {
        for (field, given) in [("ca_file", &self.ca_file), ("server_name", &self.server_name)] {
            if given.is_some() && !self.tls {
                findings
                    .error(&[field], codes::CONFLICTING_FIELDS, format!("{field} has no meaning without TLS"))
                    .hint("write tls: true");
            }
        }
        if self.ca_file.as_deref() == Some("") {
            findings.error(&["ca_file"], codes::BAD_VALUE, "this names no file");
        }
        if let Some(name) = self.server_name.as_deref().filter(|name| tls::server_name(name).is_none()) {
            let message = format!("{name:?} is no name that a certificate can have");
            findings.error(&["server_name"], codes::BAD_VALUE, message);
        }
    }

    fn check_message(&self, findings: &mut Findings) {
        for (field, text) in self.parties() {
            if text.is_some_and(|text| text.contains(|c: char| c == '|' || c.is_control())) {
                let message = "this would end the field or the segment that it stands in";
                findings.error(&[field], codes::BAD_VALUE, message).hint("write \\F\\ for a vertical bar");
            }
        }
        let Some(template) = &self.message else { return };
        let given = self.parties().into_iter().filter(|(_, text)| text.is_some()).map(|(field, _)| field);
        for field in given.chain(self.processing_id.map(|_| "processing_id")) {
            let message = format!("{field} is for the default message; this check has one of its own");
            findings
                .error(&[field], codes::CONFLICTING_FIELDS, message)
                .hint("write it into the message's MSH segment");
        }
        if !can_be_framed(template) {
            let message = "the message holds one of the characters that mark its frame in MLLP (VT, FS)";
            findings.error(&["message"], codes::BAD_VALUE, message);
        } else if let Err(why) = hl7::with_control_id(template, "LB0") {
            findings.error(&["message"], codes::BAD_VALUE, why).hint(
                "write one segment a line, the first like MSH|^~\\&|APP|FACILITY|||20260101000000||ADT^A01|1|P|2.5",
            );
        }
    }

    fn check_accept(&self, findings: &mut Findings) {
        if self.accept.is_empty() {
            findings
                .error(&["accept"], codes::BAD_VALUE, "a check that accepts nothing never passes")
                .hint("write accept: [AA]");
        }
        for (index, code) in self.accept.iter().enumerate() {
            if !hl7::CODES.contains(&code.as_str()) {
                findings
                    .error(
                        &["accept", &index.to_string()],
                        codes::BAD_VALUE,
                        format!("{code:?} is no acknowledgement code"),
                    )
                    .hint(format!("there are {}", hl7::CODES.join(", ")));
            }
        }
    }
}

/// Sends `frame` and reads the message that answers it, within `left`. Else says what went wrong.
async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    frame: &[u8],
    left: Duration,
) -> Result<String, String> {
    let mut read = Vec::new();
    let exchange = async {
        let sent = async {
            stream.write_all(frame).await?;
            stream.flush().await
        };
        sent.await.map_err(|error: std::io::Error| format!("the connection broke before all was sent: {error}"))?;
        let answer = read_frame(&mut stream, &mut read).await.map_err(|error| error.to_string())?;
        // The answer is here; a receiver that minds how we leave changes nothing about it.
        let _ = stream.shutdown().await;
        Ok(answer)
    };
    match timeout(left, exchange).await {
        Ok(answer) => answer,
        Err(_) if read.is_empty() => Err(format!("no answer within {}", seconds(left))),
        Err(_) => Err(format!("not MLLP: the answer did not end within {}", seconds(left))),
    }
}

/// What is left of this try.
fn time_left(cx: &Cx) -> Duration {
    CallScope::current().deadline.map_or(CALL_TIMEOUT, |deadline| clock::until(cx.clock.now(), deadline))
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

impl Check for MllpCheck {
    const KIND: &'static str = "mllp.check";
    const EXAMPLE: &'static str = "\
host: mllp.engine.example
port: 2575
processing_id: T
receiving_application: WK1
healthy_threshold: 3";

    fn check(&self, findings: &mut Findings) {
        cadence::check_endpoint(&self.host, self.port, self.policy(), findings);
        self.check_tls(findings);
        self.check_message(findings);
        self.check_accept(findings);
        cadence::check(self.healthy_threshold, self.interval, self.try_timeout, findings);
    }

    async fn ask(&self, cx: &Cx) -> Result<Answer, CallError> {
        cadence::one_try(cx, self.try_timeout, self.policy(), self.try_once(cx)).await
    }

    fn cadence(&self) -> Cadence {
        cadence::cadence(self.healthy_threshold, self.interval, self.try_timeout)
    }

    fn question(&self) -> String {
        let what = if self.message.is_some() { "the message" } else { "ADT^A01" };
        let over = if self.tls { " over TLS" } else { "" };
        let codes = self.accept.join(" or ");
        format!("{} acknowledges {what}{over} with {codes}", cadence::endpoint(&self.host, self.port))
    }
}

#[cfg(test)]
mod tests;
