//! Reads every resource at both sites, a few at a time: the wire's rate limits hold for all of them together.

use crate::runbook::{ParityItem, Side};
use futures_util::{StreamExt as _, stream};
use lifeboat_contract::{CallError, CallScope, Cx, Effect, Mode, Retry, RunContext, Snapshot};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Enough to hide the clouds' latency, and too few to be throttled.
const AT_A_TIME: usize = 8;
/// How often a read is repeated while the provider asks to come back later.
const READS_MAX: u32 = 3;

/// What was read of one resource at one site.
pub type Read = Result<Snapshot, CallError>;

/// Reads all of `items`, at both sites. `progress` is told how many of how many reads are done.
pub async fn read(items: &[ParityItem], cx: &Cx, progress: impl FnMut(usize, usize)) -> Vec<[Read; 2]> {
    let sides = items.iter().flat_map(|item| &item.sides).enumerate();
    let total = items.len() * 2;
    let mut progress = progress;
    let mut found: Vec<Option<Read>> = (0..total).map(|_| None).collect();
    let mut reads = stream::iter(sides)
        .map(|(index, side)| async move { (index, side_read(side, cx).await) })
        .buffer_unordered(AT_A_TIME);
    let mut done = 0;
    while let Some((index, read)) = reads.next().await {
        found[index] = Some(read);
        done += 1;
        progress(done, total);
    }
    drop(reads);
    let mut found = found.into_iter().flatten();
    std::iter::from_fn(|| Some([found.next()?, found.next()?])).collect()
}

async fn side_read(side: &Side, cx: &Cx) -> Read {
    let run = RunContext {
        mode: Mode::Switchover,
        accepted_loss: None,
        rpo: None,
        impaired: BTreeSet::new(),
        to: side.site.clone(),
        from: side.site.clone(),
        place: Some(side.place.clone()),
    };
    let cx = cx.for_run(Arc::new(run));
    let mut tries = 0;
    loop {
        tries += 1;
        match CallScope::default().enclose(side.resource.read(&cx)).await {
            Err(error) if tries < READS_MAX && error.retry != Retry::Never && error.effect == Effect::None => {
                tokio::time::sleep(match error.retry {
                    Retry::After(pause) => pause,
                    _ => Duration::from_secs(1),
                })
                .await;
            }
            read => return read,
        }
    }
}
