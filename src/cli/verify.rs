//! `lifeboat verify`: whether a journal is as it was written.
//!
//! The chain shows that no line was altered, taken out or put in. It cannot show that whole lines at the end are missing, or that
//! somebody wrote all of it anew: for that, the last sum is compared with the one in a report that was kept elsewhere.

use super::{
    args::{Common, Format, VerifyArgs},
    cloud,
    exit::Exit,
    trouble::Trouble,
};
use crate::engine::RunState;
use serde_json::json;

pub(super) fn verify(args: &VerifyArgs, common: &Common) -> Result<Exit, Trouble> {
    let store = cloud::store(common)?;
    let files = store.find(&args.run)?;
    let alive = files.is_being_executed();
    let reading = files.read()?;
    if let Some(torn) = reading.torn.filter(|torn| torn.whole_line && !alive) {
        return Err(Trouble::new(
            Exit::Refused,
            format!(
                "the journal of run {} cannot be trusted: line {}, its last, is {} bytes that do not match their sum",
                files.run,
                reading.lines.len() + 1,
                torn.bytes
            ),
        )
        .hint("it was altered, or a machine lost power while it was written: keep a copy, and compare the world with the plan by hand"));
    }
    let state = RunState::replay(&reading.lines)?;
    let records = reading.lines.len();
    let torn = reading.torn.map_or(0, |torn| torn.bytes);
    if common.format == Format::Json {
        println!(
            "{:#}",
            json!({
                "run": files.run, "records": records, "first_sum": reading.first_sum(), "last_sum": reading.last_sum(),
                "torn_bytes": torn, "plan_digest_holds": state.plan.digest_holds(),
            })
        );
    } else {
        println!("run {}: {records} records, each chained to the one before", files.run);
        println!("  first sum  {}", reading.first_sum());
        println!("  last sum   {}", reading.last_sum());
        if torn > 0 {
            println!("  torn tail  {torn} bytes at the end were not written whole; a resume drops them");
        }
    }
    if !state.plan.digest_holds() {
        return Err(Trouble::new(
            Exit::Refused,
            format!("the plan in the journal of run {} does not match its digest", files.run),
        )
        .hint("the run was begun by another version of the program, or its plan was altered before it began"));
    }
    Ok(Exit::Completed)
}
