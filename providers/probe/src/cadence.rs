//! The fields that say how often a check is asked, and one try's surroundings. Decides nothing about the answer.

use crate::address::{self, AddressPolicy};
use lifeboat_contract::{
    Cadence, CallError, CallScope, Cx, Effect, Findings, Span, WireError, clock, codes, wire::CALL_TIMEOUT,
};

pub(crate) const fn healthy_threshold() -> u32 {
    1
}

pub(crate) const fn interval() -> Span {
    Span::secs(2)
}

pub(crate) const fn try_timeout() -> Span {
    Span::secs(5)
}

pub(crate) fn cadence(healthy_threshold: u32, interval: Span, try_timeout: Span) -> Cadence {
    Cadence { healthy_threshold, interval: interval.get(), try_timeout: try_timeout.get(), ..Cadence::default() }
}

pub(crate) fn check(healthy_threshold: u32, interval: Span, try_timeout: Span, findings: &mut Findings) {
    if healthy_threshold == 0 {
        findings.error(&["healthy_threshold"], codes::OUT_OF_RANGE, "a check must pass at least once");
    }
    if interval.get().is_zero() {
        findings.error(&["interval"], codes::OUT_OF_RANGE, "tries without a pause between them are a flood");
    }
    if try_timeout.get().is_zero() || try_timeout.get() > CALL_TIMEOUT {
        let message = format!("one try takes more than nothing and at most {}", Span(CALL_TIMEOUT));
        findings.error(&["try_timeout"], codes::OUT_OF_RANGE, message);
    }
}

/// Adds an error at `field` where `host` spells out an address that no check may reach.
pub(crate) fn check_host(field: &str, host: &str, policy: AddressPolicy, findings: &mut Findings) {
    if let Some(address) = address::literal(host)
        && let Err(refused) = policy.admit(host, &[address])
    {
        findings
            .error(&[field], codes::FORBIDDEN_ADDRESS, refused.to_string())
            .because("a check that reaches the machine's own services could read its credentials");
    }
}

/// Adds errors at `host` and `port` where no stream can be opened to them.
pub(crate) fn check_endpoint(host: &str, port: u16, policy: AddressPolicy, findings: &mut Findings) {
    let bare = address::bare(host);
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if address::literal(bare).is_some() {
        check_host("host", bare, policy, findings);
    } else if bare.is_empty() || !bare.chars().all(is_host) {
        findings
            .error(&["host"], codes::BAD_VALUE, format!("{host:?} is not a host name or an address"))
            .hint("write the host alone, without scheme or port, like db.orders.example");
    }
    if port == 0 {
        findings.error(&["port"], codes::OUT_OF_RANGE, "port 0 accepts no connection");
    }
}

/// `db.example:5432`, `[2001:db8::1]:5432`.
pub(crate) fn endpoint(host: &str, port: u16) -> String {
    let host = address::bare(host);
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Runs one try within `try_timeout` and under `policy`.
pub(crate) async fn one_try<F: Future>(cx: &Cx, try_timeout: Span, policy: AddressPolicy, ask: F) -> F::Output {
    let mut scope = CallScope::current();
    let latest = clock::after(cx.clock.now(), try_timeout.get());
    scope.deadline = Some(scope.deadline.map_or(latest, |deadline| deadline.min(latest)));
    scope.enclose(policy.enclose(ask)).await
}

/// Resolves `host` and refuses it where one of its addresses must not be reached.
pub(crate) async fn admit(cx: &Cx, service: &str, host: &str, policy: AddressPolicy) -> Result<(), CallError> {
    let addresses = match address::literal(host) {
        Some(address) => vec![address],
        None => cx.wire.resolve(host).await.map_err(|error| unanswered(service, error))?,
    };
    policy
        .admit(host, &addresses)
        .map_err(|refused| CallError::definite(service, "address.refused", refused.to_string()))
}

/// Classifies a try without an answer. A question changes nothing, even where it may have arrived.
pub(crate) fn unanswered(service: &str, error: WireError) -> CallError {
    CallError { effect: Effect::None, ..CallError::from_wire(service, None, error) }
}
