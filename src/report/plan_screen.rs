//! The plan as a screen: what changes, what cannot be undone, and what keeps it from being executed.
//!
//! What to type next is the command line's to say.

use super::{
    cells,
    duration::{moment, words},
    layout::{Column, Page},
    plan_json::why,
    plan_time::{count, longest},
    style::{Style, Tone},
};
use crate::{
    plan::{Plan, PlannedBody, PlannedChange, PlannedStep, PlannedTask, Skip},
    runbook::OnFailure,
};
use lifeboat_contract::{AcceptedLoss, CellKey, Reversal, Span, StepId};
use std::collections::{BTreeMap, BTreeSet};

const BODY: usize = 5;
const ID_WIDTH_MAX: usize = 32;

/// Everything an operator has to know before the run begins. `verbose` adds the permissions.
pub fn plan_screen(plan: &Plan, verbose: bool, style: &Style) -> String {
    let mut page = Page::new(style);
    header(&mut page, plan);
    let no_return = plan.point_of_no_return().map(|step| &step.id);
    let id_width = plan.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(0).min(ID_WIDTH_MAX);
    let tag_width = plan.steps.iter().map(|step| tag(step).0.len()).max().unwrap_or(0);
    for (index, step) in plan.steps.iter().enumerate() {
        page.blank();
        if no_return == Some(&step.id) {
            page.rule(Tone::Bad, "point of no return");
            no_way_back(&mut page, 0, step);
            page.blank();
        }
        let (word, tone) = tag(step);
        page.row(
            0,
            &[
                Column(&format!("{:>2}.", index + 1), 3, Tone::Plain),
                Column(step.id.as_str(), id_width, Tone::Strong),
                Column(word, tag_width, tone),
                Column(&step.kind, 0, Tone::Faint),
            ],
        );
        let previous = index.checked_sub(1).map(|index| &plan.steps[index].id);
        body(&mut page, plan, step, previous);
        if no_return != Some(&step.id) && step.changes() {
            no_way_back(&mut page, BODY, step);
        }
    }
    page.blank();
    page.line(0, Tone::Strong, &sum(plan));
    let longest = longest(plan);
    let rto = plan.rto.map(Span::get);
    let tone = if longest.exceeds(rto) { Tone::Warning } else { Tone::Plain };
    page.line(0, tone, &longest.sentence(rto));
    refusals(&mut page, plan);
    if verbose {
        permissions(&mut page, plan);
    }
    page.finish()
}

fn header(page: &mut Page<'_>, plan: &Plan) {
    let title =
        format!("Plan of {}: make {} active, from {}, as a {}", plan.runbook.name, plan.to, plan.from, plan.mode);
    page.line(0, Tone::Strong, &title);
    if !plan.runbook.summary.is_empty() {
        page.line(0, Tone::Plain, &plan.runbook.summary);
    }
    let digest: String = plan.digest.chars().take(12).collect();
    page.line(0, Tone::Faint, &format!("digest {digest}, made {}", moment(plan.made_at)));
    let mut terms = Vec::new();
    if let Some(rto) = plan.rto {
        terms.push(format!("RTO {}", words(rto.get())));
    }
    if let Some(rpo) = plan.rpo {
        terms.push(format!("RPO {}", words(rpo.get())));
    }
    terms.push(when_a_step_fails(plan.on_failure).to_owned());
    page.line(0, Tone::Faint, &terms.join(", "));
    match plan.accepted_loss {
        None => {}
        Some(AcceptedLoss::UpTo(loss)) => {
            page.line(0, Tone::Warning, &format!("accepts the loss of up to {} of data", words(loss)));
        }
        Some(AcceptedLoss::Unbounded) => page.line(0, Tone::Warning, "accepts the loss of data without any bound"),
    }
    if !plan.impaired.is_empty() {
        page.line(0, Tone::Warning, &format!("declared lost: {}", join(&plan.impaired)));
    }
    for warning in &plan.warnings {
        page.labelled(0, "warning: ", 9, Tone::Warning, &warning.message);
        page.labelled(0, "hint: ", 6, Tone::Plain, &warning.hint);
    }
}

fn when_a_step_fails(policy: OnFailure) -> &'static str {
    match policy {
        OnFailure::Rollback => "rolls back when a step fails",
        OnFailure::Pause => "pauses when a step fails",
        OnFailure::Stop => "stops where it stands when a step fails",
    }
}

/// What becomes of the step, in a word.
fn tag(step: &PlannedStep) -> (&'static str, Tone) {
    match (&step.skip, &step.body) {
        (Some(Skip::Condition(_)), _) => ("skipped", Tone::Faint),
        (Some(Skip::Impaired(_)), _) => ("owed", Tone::Warning),
        _ if !step.refusals.is_empty() => ("refused", Tone::Bad),
        (None, PlannedBody::Check { .. }) => ("check", Tone::Plain),
        (None, PlannedBody::Task(_)) => ("task", Tone::Warning),
        (None, PlannedBody::Wait { .. }) => ("wait", Tone::Plain),
        (None, PlannedBody::Approval { .. }) => ("approval", Tone::Plain),
        (None, PlannedBody::Change(change)) if change.is_nothing() => ("unchanged", Tone::Faint),
        (None, PlannedBody::Change(PlannedChange { before: Some(_), target: Some(_), .. })) => ("change", Tone::Good),
        (None, PlannedBody::Change(_)) => ("undetermined", Tone::Warning),
    }
}

fn body(page: &mut Page<'_>, plan: &Plan, step: &PlannedStep, previous: Option<&StepId>) {
    if let Some(name) = &step.name {
        page.line(BODY, Tone::Plain, name);
    }
    match (&step.skip, &step.body) {
        (Some(Skip::Condition(condition)), _) => {
            page.line(BODY, Tone::Plain, &format!("skipped ({condition} does not hold)"));
        }
        (Some(Skip::Impaired(regions)), _) => {
            let lost = step.touches.words_in(regions);
            page.line(BODY, Tone::Warning, &format!("owed (needs {lost}, declared lost): to be done later"));
        }
        (None, PlannedBody::Check { question }) => page.line(BODY, Tone::Plain, question),
        (None, PlannedBody::Task(task)) => planned_task(page, task),
        (None, PlannedBody::Wait { duration }) => {
            page.line(BODY, Tone::Plain, &format!("waits {}", words(duration.get())));
        }
        (None, PlannedBody::Approval { message }) => {
            let message = message.as_deref().unwrap_or("whether to go on");
            page.line(BODY, Tone::Plain, &format!("asks a person: {message}"));
        }
        (None, PlannedBody::Change(change)) => planned_change(page, change),
    }
    for refusal in &step.refusals {
        page.line(BODY, Tone::Bad, &format!("refused ({}): {}", refusal.code, refusal.message));
        if let Some(hint) = &refusal.hint {
            page.line(BODY, Tone::Plain, &format!("hint: {hint}"));
        }
    }
    if let Some(note) = &step.note {
        page.labelled(BODY, "note: ", 6, Tone::Warning, note);
    }
    let terms = terms(plan, step, previous);
    if !terms.is_empty() {
        page.line(BODY, Tone::Faint, &terms.join("; "));
    }
}

fn planned_task(page: &mut Page<'_>, task: &PlannedTask) {
    page.line(BODY, Tone::Strong, &task.work);
    page.line(BODY, Tone::Warning, "its effect is undetermined: it cannot be observed");
    if let Some(undo) = &task.undo {
        page.labelled(BODY, "undone by ", 10, Tone::Plain, undo);
    }
}

fn planned_change(page: &mut Page<'_>, change: &PlannedChange) {
    match (&change.before, &change.target) {
        (Some(before), Some(target)) if before == target => {
            page.line(BODY, Tone::Plain, &format!("{}, as it should be", cells::holds(target)));
        }
        (Some(before), Some(target)) => {
            for line in cells::changes(before, target, page.room(BODY)) {
                page.verbatim(BODY, Tone::Strong, &line);
            }
            if change.predicted {
                page.line(BODY, Tone::Faint, "starting from what an earlier step will have left");
            }
        }
        (Some(before), None) => page.line(BODY, Tone::Plain, &format!("now: {}", cells::holds(before))),
        (None, _) => page.line(BODY, Tone::Plain, "its effect is undetermined: it could not be observed"),
    }
}

/// Where a step works, whether it can be undone, how long it may take and what it waits for: one faint line.
fn terms(plan: &Plan, step: &PlannedStep, previous: Option<&StepId>) -> Vec<String> {
    let mut terms = Vec::new();
    if step.skip.is_none() {
        terms.extend(planes(step));
        if let Some(reversal) = step.reversal().filter(|_| step.changes() && step.refusals.is_empty()) {
            let undo = if *reversal == Reversal::Restores { "can be undone" } else { "cannot be undone" };
            terms.push(undo.to_owned());
        }
        let is_gate = matches!(step.body, PlannedBody::Wait { .. } | PlannedBody::Approval { .. });
        terms.extend(step.timeout.filter(|_| !is_gate).map(|timeout| format!("up to {}", words(timeout.get()))));
        if step.on_failure != plan.on_failure {
            terms.push(when_a_step_fails(step.on_failure).replace("a step", "it"));
        }
    }
    let after: Vec<&str> = step.needs.iter().map(StepId::as_str).collect();
    match (after.as_slice(), previous) {
        ([], None) => {}
        ([], Some(_)) => terms.push("starts at once".to_owned()),
        ([only], Some(previous)) if *only == previous.as_str() => {}
        _ => terms.push(format!("after {}", after.join(", "))),
    }
    terms
}

/// The control planes, by service: `rds in us-east-1, us-west-2`.
fn planes(step: &PlannedStep) -> Vec<String> {
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for plane in &step.touches.planes {
        let regions = services.entry(&plane.service).or_default();
        regions.extend(plane.region.as_ref().map(lifeboat_contract::Region::as_str));
    }
    services
        .into_iter()
        .map(
            |(service, regions)| {
                if regions.is_empty() { service.to_owned() } else { format!("{service} in {}", join(regions)) }
            },
        )
        .collect()
}

/// Why a step cannot be taken back, where it cannot, with all that it takes to recognise what it changes.
fn no_way_back(page: &mut Page<'_>, indent: usize, step: &PlannedStep) {
    let Some(reversal) = step.reversal() else { return };
    let Some(reason) = why(reversal) else { return };
    let how = match reversal {
        Reversal::ForwardOnly(_) => "cannot be undone by going back",
        _ => "cannot be undone",
    };
    page.line(indent, Tone::Bad, &format!("once {} has begun it {how}: {reason}", step.id));
    let resources: BTreeSet<&str> = step.touches.owns.iter().map(resource).collect();
    for resource in resources {
        page.labelled(indent, "on ", 3, Tone::Plain, resource);
    }
    if let Some(place) = &step.place {
        let mut parts = vec![place.provider.clone()];
        parts.extend(place.account.as_ref().map(|account| format!("account {account}")));
        parts.extend(place.region.as_ref().map(|region| format!("region {region}")));
        page.labelled(indent, "in ", 3, Tone::Plain, &parts.join(", "));
    }
}

fn resource(key: &CellKey) -> &str {
    key.as_str().rsplit_once('#').map_or(key.as_str(), |(resource, _)| resource)
}

/// `3 to change, 1 unchanged, 2 checks, 1 owed`.
fn sum(plan: &Plan) -> String {
    let of = |word: &str| plan.steps.iter().filter(|step| tag(step).0 == word).count();
    let plain = [("change", "to change"), ("unchanged", "unchanged")];
    let counted = [("task", "task"), ("check", "check"), ("wait", "wait"), ("approval", "approval")];
    let last = ["undetermined", "skipped", "owed", "refused"];
    let mut parts: Vec<String> = plain
        .iter()
        .map(|(word, said)| (of(word), said))
        .filter(|(n, _)| *n > 0)
        .map(|(n, said)| format!("{n} {said}"))
        .collect();
    parts.extend(counted.iter().filter(|(word, _)| of(word) > 0).map(|(word, said)| count(of(word), said)));
    parts.extend(last.iter().filter(|word| of(word) > 0).map(|word| format!("{} {word}", of(word))));
    if of("change") == 0 && of("task") == 0 && of("undetermined") == 0 && of("refused") == 0 {
        parts.insert(0, "nothing to change".to_owned());
    }
    parts.join(", ")
}

fn refusals(page: &mut Page<'_>, plan: &Plan) {
    if !plan.is_refused() {
        return;
    }
    let list: Vec<String> = plan.refusals().map(|(step, refusal)| format!("{} ({})", step.id, refusal.code)).collect();
    page.blank();
    page.line(0, Tone::Bad, &format!("refused: this plan is not executed because of {}", list.join(", ")));
}

fn permissions(page: &mut Page<'_>, plan: &Plan) {
    let all: BTreeSet<_> =
        plan.steps.iter().filter(|step| step.skip.is_none()).flat_map(|step| &step.touches.permissions).collect();
    page.blank();
    if all.is_empty() {
        page.line(0, Tone::Strong, "No permissions are needed");
        return;
    }
    page.line(0, Tone::Strong, "Permissions (* needed to plan already)");
    let width = all.iter().map(|permission| permission.action.len()).max().unwrap_or(0);
    for permission in all {
        let mark = if permission.reads { "*" } else { " " };
        page.labelled(
            0,
            &format!("{mark} {:<width$}  ", permission.action),
            width + 4,
            Tone::Plain,
            &permission.resource,
        );
    }
}

fn join<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const WIDE: Style = Style { color: false, width: 100 };
    const NARROW: Style = Style { color: false, width: 80 };

    #[test]
    fn a_switchover() {
        insta::assert_snapshot!(plan_screen(&sample::switchover(), false, &WIDE), @r#"
        Plan of region-failover: make r2 active, from r1, as a switchover
        Make the standby region take the writes and the traffic.
        digest 3f2a9c81d0b2, made 2026-07-01 12:00:00 UTC
        RTO 10m, RPO 30s, rolls back when a step fails

         1.  standby-ready     check      http.check
             GET https://r2.orders.example/healthz answers 200
             up to 1m

         2.  promote-database  change     aws.rds.global_cluster
             Make the standby's cluster the writer
             writer  arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
                   → arn:aws:rds:us-west-2:111122223333:cluster:orders-r2
             note: the standby lags by 80 ms, measured 30s ago; the RPO is 30s
             cloudwatch in us-west-2; rds in us-east-1, us-west-2; can be undone; up to 15m

         3.  open-standby      unchanged  aws.globalaccelerator.endpoint_group
             dial 100, as it should be
             globalaccelerator in us-west-2; up to 1m

         4.  close-active      change     aws.globalaccelerator.endpoint_group
             dial  100 → 0
             note: dial 0 does not keep traffic away when every other group is unhealthy; weight 0 does
             globalaccelerator in us-west-2; can be undone; up to 1m; pauses when it fails; after
             promote-database

         5.  settle            wait       wait
             waits 30s

         6.  sign-off          approval   approval
             asks a person: has the change board agreed
             after standby-ready

         7.  traffic-healthy   check      http.check
             GET https://orders.example/healthz answers 200, /region = "us-west-2"
             up to 1m

        2 to change, 1 unchanged, 2 checks, 1 wait, 1 approval
        its timeouts allow 17m 30s, besides 1 approval: more than the RTO of 10m
        "#);
    }

    #[test]
    fn a_failover_shows_what_is_owed_and_where_there_is_no_return() {
        insta::assert_snapshot!(plan_screen(&sample::failover(), true, &NARROW), @r#"
        Plan of region-failover: make r2 active, from r1, as a failover
        Make the standby region take the writes and the traffic.
        digest 3f2a9c81d0b2, made 2026-07-01 12:00:00 UTC
        RTO 10m, RPO 30s, rolls back when a step fails
        accepts the loss of up to 30s of data
        declared lost: us-east-1

         1.  standby-ready     check      http.check
             GET https://r2.orders.example/healthz answers 200
             up to 1m

        ── point of no return ──────────────────────────────────────────────────────────
        once promote-database has begun it cannot be undone by going back: the old
        writer is rebuilt from the new one; go back later with a switchover to r1
        on arn:aws:rds::111122223333:global-cluster:orders
        in aws, account 111122223333, region us-west-2

         2.  promote-database  change     aws.rds.global_cluster
             writer  arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
                   → arn:aws:rds:us-west-2:111122223333:cluster:orders-r2
             note: the standby lags by 80 ms, measured 30s ago; the RPO is 30s
             cloudwatch in us-west-2; rds in us-east-1, us-west-2; cannot be undone; up
             to 15m

         3.  open-standby      change     aws.globalaccelerator.endpoint_group
             dial  0 → 100
             globalaccelerator in us-west-2; can be undone; up to 1m

         4.  close-active      unchanged  aws.globalaccelerator.endpoint_group
             dial 0, as it should be
             globalaccelerator in us-west-2; up to 1m

         5.  drain-active      owed       aws.globalaccelerator.endpoint_group
             owed (needs elasticloadbalancing in us-east-1, declared lost): to be done
             later

         6.  announce          skipped    http.check
             skipped (mode == "switchover" does not hold)

         7.  traffic-healthy   check      http.check
             GET https://orders.example/healthz answers 200
             up to 1m

        2 to change, 1 unchanged, 2 checks, 1 skipped, 1 owed
        its timeouts allow 18m: more than the RTO of 10m

        Permissions (* needed to plan already)
        * rds:DescribeGlobalClusters   *
          rds:SwitchoverGlobalCluster  arn:aws:rds::111122223333:global-cluster:orders
        "#);
    }

    #[test]
    fn a_refused_plan_says_so_at_the_step_and_at_the_end() {
        insta::assert_snapshot!(plan_screen(&sample::refused(), false, &NARROW), @r"
        Plan of region-failover: make r2 active, from r1, as a failover
        Make the standby region take the writes and the traffic.
        digest 3f2a9c81d0b2, made 2026-07-01 12:00:00 UTC
        RTO 10m, RPO 30s, rolls back when a step fails

         1.  standby-ready     check    http.check
             GET https://r2.orders.example/healthz answers 200
             up to 1m

         2.  promote-database  refused  aws.rds.global_cluster
             now: writer arn:aws:rds:us-east-1:111122223333:cluster:orders-r1
             refused (lag.unknown): the replication lag is unknown: the last sample is
             11m old
             hint: look at AuroraGlobalDBProgressLag in CloudWatch, or accept the loss
             with `--accept-data-loss`
             cloudwatch in us-west-2; rds in us-east-1, us-west-2; up to 15m

        1 check, 1 refused
        its timeouts allow 16m: more than the RTO of 10m

        refused: this plan is not executed because of promote-database (lag.unknown)
        ");
    }

    #[test]
    fn every_step_that_cannot_be_undone_names_what_it_changes() {
        let mut plan = sample::failover();
        let PlannedBody::Change(change) = &mut plan.steps[2].body else { panic!("a dial is a change") };
        change.reversal = Reversal::Irreversible("nobody remembers the weights".to_owned());
        plan.steps[2].place = plan.steps[1].place.clone();
        let screen = plan_screen(&plan, false, &WIDE);
        let step = screen.split("\n\n").find(|block| block.starts_with(" 3.")).unwrap();
        insta::assert_snapshot!(step, @r"
        3.  open-standby      change     aws.globalaccelerator.endpoint_group
            dial  0 → 100
            globalaccelerator in us-west-2; cannot be undone; up to 1m
            once open-standby has begun it cannot be undone: nobody remembers the weights
            on arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l/endpoint-group/r2
            in aws, account 111122223333, region us-west-2
        ");
        assert_eq!(screen.matches("point of no return").count(), 1);
    }

    #[test]
    fn colour_adds_no_word_and_no_line() {
        let plan = sample::failover();
        let coloured = plan_screen(&plan, true, &Style { color: true, width: 80 });
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(sample::without_colour(&coloured), plan_screen(&plan, true, &NARROW));
    }

    #[test]
    fn every_line_fits() {
        for plan in [sample::switchover(), sample::failover(), sample::refused()] {
            for style in [WIDE, NARROW] {
                let screen = plan_screen(&plan, true, &style);
                assert!(screen.lines().all(|line| line.chars().count() <= style.width), "{screen}");
            }
        }
    }
}
