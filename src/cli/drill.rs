//! `lifeboat drill`: over and back under probes, measured and judged.
//!
//! Its runs are made with what every run is made with; its figures come from `crate::drill`.

use super::{
    args::{BackArg, CloudArgs, Common, DrillArgs, Format},
    cloud::{self, Carries, Surroundings},
    drill_legs::{Course, Legs},
    drill_ready::{self, Ready},
    execute::{self, Session},
    exit::Exit,
    load, operator, report as report_command, run,
    trouble::Trouble,
};
use crate::{
    drill::{
        DrillRecord, Verdict, agreement, measure, probes, trend,
        verdict::{self, WorldMarks},
    },
    journal::StateDirectory,
    report::{self, Style},
};
use futures_util::future::join;
use tokio::sync::watch;

const FORMAT: u32 = 1;

pub(super) fn drill(args: &DrillArgs, common: &Common) -> Result<Exit, Trouble> {
    let reports = report_command::checked(&args.files)?;
    let store = cloud::store(common)?;
    let source = load::source(&args.path, common)?;
    cloud::block_on(cloud::is_virtual(&args.cloud), async {
        // The incident waits until probes look.
        let calm = CloudArgs { incident: None, after: None, ..args.cloud.clone() };
        let around = Surroundings::open(&calm, &store, common).await?;
        let runbook = load::runbook(&source, &around.catalog, common)?;
        // Until it begins nothing is changed: an interrupt ends the program at once.
        let before = Session::without_interrupts(&store, &around, common);
        let ready = drill_ready::prepare(&runbook, args, &before).await?;
        if common.format == Format::Text && !common.quiet {
            eprint!("{}", report::plan_screen(&ready.plan, common.verbose, &Style::stderr()));
        }
        // A simulated world needs no consent where there is nobody to give it.
        let agreed = args.yes || around.is_virtual() && !operator::is_there();
        if !agreed {
            run::confirm(&ready.plan)?;
        }
        let session = Session::new(&store, &around, common)?;
        let (legs, record) = exercise(&ready, args, &session, &store).await?;
        let kept = trend::write(store.root(), &record).map_err(|error| Trouble::caused(Exit::Refused, error))?;
        if let Some(ran) = &legs.ran {
            let files = store.files(ran.run.clone());
            // The run ended before the dwell, and perhaps another went back.
            execute::keep_series(&files, &around, record.started_at);
            report_command::after_run(&reports, &files);
        }
        match common.format {
            Format::Json => println!("{}", serde_json::to_string_pretty(&record).expect("a record is plain JSON")),
            _ => {
                print!("{}", report::drill_screen(&record, &[kept.display().to_string()], &Style::stdout()));
            }
        }
        Ok(exit(&legs, &record))
    })
}

/// The drill itself, under probes from its first moment to its last.
async fn exercise(
    ready: &Ready<'_>,
    args: &DrillArgs,
    session: &Session<'_>,
    store: &StateDirectory,
) -> Result<(Legs, DrillRecord), Trouble> {
    let around = session.around;
    let id = new_id(store, around);
    let resolved = &ready.resolved;
    // Probes have a door of their own: never impaired, and none of the run's calls.
    let secrets = cloud::secrets(&resolved.secrets)?;
    let door = around.cx(Carries::Everything, &resolved.providers, None, secrets)?;
    let context = std::sync::Arc::new(resolved.context(None));
    let door = door.for_run(context);
    let (stop, stopped) = watch::channel(false);
    let acting = async {
        let legs = Course { ready, args, session }.perform().await;
        stop.send_replace(true);
        legs
    };
    let (legs, samples) = join(acting, probes::sample(&resolved.probes, &door, &stopped, &session.cancel)).await;
    let world = around.close()?;
    let probes: Vec<_> =
        resolved.probes.iter().zip(samples).map(|(probe, s)| measure::probe_record(probe, s)).collect();
    let mut record = DrillRecord {
        v: FORMAT,
        id,
        runbook: resolved.name.clone(),
        runbook_digest: ready.plan.runbook.digest.clone(),
        from: resolved.from.to_string(),
        to: resolved.to.to_string(),
        started_at: ready.started_at,
        ended_at: around.clock.now(),
        incident_at: legs.incident_at,
        impaired: args.impair.clone(),
        legs: legs.list.clone(),
        recovery: verdict::recovery(&legs.moments, &probes),
        objectives: Vec::new(),
        trend: Vec::new(),
        world,
        agreement: Vec::new(),
        notes: legs.notes.clone(),
        interrupted: legs.interrupted,
        ways: legs.ways.clone(),
        verdict: Verdict::NotMeasured,
        probes,
    };
    judge(&mut record, &legs, ready, around);
    if let Some(ran) = &legs.ran {
        let earlier: Vec<&DrillRecord> = ready
            .earlier
            .iter()
            .filter(|earlier| trend::is_alike(earlier, &record.runbook, &record.from, &record.to))
            .collect();
        record.trend = trend::trend(ran, &earlier);
    }
    Ok((legs, record))
}

/// An id like a run's. A world that begins anew begins at the same moment with the same chance: its earlier drills stay.
fn new_id(store: &StateDirectory, around: &Surroundings) -> String {
    loop {
        let id = store.new_run(around.clock.now(), &around.chance).run.to_string();
        if !trend::path(store.root(), &id).exists() {
            return id;
        }
    }
}

fn judge(record: &mut DrillRecord, legs: &Legs, ready: &Ready<'_>, around: &Surroundings) {
    let last = around.figures();
    let marks = match (&legs.first, &legs.before_back, &last) {
        (Some(first), Some(before_back), Some(last)) => Some(WorldMarks { first, before_back, last }),
        _ => None,
    };
    let plan = legs.ran.as_ref().map_or(&ready.plan, |ran| &*ran.plan);
    record.objectives = verdict::objectives(
        plan,
        ready.resolved.unavailability,
        &record.recovery,
        &record.probes,
        &legs.moments,
        marks.as_ref(),
    );
    if let Some(marks) = &marks {
        let addresses = |host: &str| around.addresses(host);
        record.agreement = agreement::agreement(&record.probes, &legs.moments, marks, &addresses);
    }
    for defect in record.agreement.iter().filter(|agreement| !agreement.agrees) {
        record.notes.push(format!(
            "defect: {}: probes and the simulated world differ by more than the sampling interval; one of them is wrong",
            defect.figure
        ));
    }
    let verdict = verdict::verdict(&record.objectives);
    // A drill that does not end where it began has missed what a drill is for.
    record.verdict = if record.legs.iter().all(|leg| leg.ok) { verdict } else { Verdict::Missed };
}

/// The run's own end wins, then that of the way back, then the verdict.
fn exit(legs: &Legs, record: &DrillRecord) -> Exit {
    match (legs.exit, record.verdict) {
        (Some(exit), _) => exit,
        (None, Verdict::Missed) => Exit::Missed,
        (None, Verdict::Met | Verdict::NotMeasured) => Exit::Completed,
    }
}

/// How long the other site stays active: as asked, and long enough to see that it serves.
pub(super) fn dwell(args: &DrillArgs, ready: &Ready<'_>) -> std::time::Duration {
    args.dwell.get().max(measure::dwell_min(&ready.resolved.probes))
}

/// The way back that was asked for, or the one that can be gone.
pub(super) fn way_back(args: &DrillArgs, plan: &crate::plan::Plan) -> BackArg {
    args.back.unwrap_or(if plan.point_of_no_return().is_some() { BackArg::Reverse } else { BackArg::Rollback })
}
