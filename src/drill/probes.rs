//! Asks probes again and again, beside whatever the drill does. Judges nothing and changes nothing.

use super::record::Sample;
use crate::{engine::Cancel, runbook::ResolvedProbe};
use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use jiff::Timestamp;
use lifeboat_contract::{CallScope, Cx, clock};
use tokio::sync::watch;

/// Asks every probe at its interval until `stop` becomes true. Questions under way are then waited for, but not past the
/// operator's second interrupt: what has no answer by then is no sample.
///
/// Yields the samples of each probe, in the order in which they were asked.
pub async fn sample(
    probes: &[ResolvedProbe],
    cx: &Cx,
    stop: &watch::Receiver<bool>,
    cancel: &Cancel,
) -> Vec<Vec<Sample>> {
    join_all(probes.iter().map(|probe| sample_one(probe, cx, stop.clone(), cancel))).await
}

async fn sample_one(probe: &ResolvedProbe, cx: &Cx, mut stop: watch::Receiver<bool>, cancel: &Cancel) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut under_way = FuturesUnordered::new();
    let mut next = cx.clock.now();
    let mut asked = 0;
    let mut stopped = false;
    while !stopped {
        asked += 1;
        under_way.push(ask(probe, cx, asked));
        // The interval holds however long an answer takes: a service that hangs is not asked less often.
        next = clock::after(next, probe.interval).max(cx.clock.now());
        let pause = tokio::time::sleep(clock::until(cx.clock.now(), next));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                biased;
                // A drill that is gone has stopped as well.
                _ = stop.wait_for(|stop| *stop) => { stopped = true; break; }
                Some(sample) = under_way.next() => samples.push(sample),
                () = &mut pause => break,
            }
        }
    }
    loop {
        let answered = tokio::select! {
            biased;
            () = cancel.at_least(2) => None,
            answered = under_way.next() => answered,
        };
        let Some(sample) = answered else { break };
        samples.push(sample);
    }
    samples.sort_by_key(|sample: &Sample| sample.at);
    samples
}

async fn ask(probe: &ResolvedProbe, cx: &Cx, attempt: u32) -> Sample {
    let at = cx.clock.now();
    let deadline = Some(clock::after(at, probe.check.cadence().try_timeout));
    let scope = CallScope { step: None, attempt, deadline };
    let error = match scope.enclose(probe.check.ask(cx)).await {
        Ok(answer) if answer.passed => None,
        Ok(answer) => Some(answer.evidence),
        Err(error) => Some(error.to_string()),
    };
    Sample {
        at,
        ok: error.is_none(),
        latency_ms: millis(at, cx.clock.now()),
        error: error.map(|error| cx.secrets.redact(&error)),
    }
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(clock::until(from, to).as_millis()).unwrap_or(u64::MAX)
}
