//! Plans and runs that the golden tests show: a region failover, folded from real records. Test code only.

use crate::{
    engine::RunState,
    journal::{
        Appended, CheckTried, CloudChoice, Failure, Identity, Journal, Record, RunOutcome, StepOutcome, Storage,
        ThreeWay, read,
    },
    plan::{Plan, PlannedBody, PlannedChange, PlannedStep, RunbookText, Skip},
    report::{Beside, Document},
    runbook::{OnFailure, RetryPolicy},
};
use jiff::Timestamp;
use lifeboat_contract::{
    AcceptedLoss, CallFailure, CellKey, ControlPlane, Direction, Effect, Mode, Permission, Place, Refusal, Region,
    Retry, Reversal, RunId, Span, Touches,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

pub(super) const RUN: &str = "20260701-120000-1a2b3c4d";
const ACCOUNT: &str = "111122223333";

fn start() -> Timestamp {
    "2026-07-01T12:00:00Z".parse().unwrap()
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(start().as_millisecond() + ms).unwrap()
}

pub(super) fn operator() -> Identity {
    Identity { name: "alice".to_owned(), host: "ops1".to_owned() }
}

fn cluster(site: u8) -> String {
    let region = if site == 1 { "us-east-1" } else { "us-west-2" };
    format!("arn:aws:rds:{region}:{ACCOUNT}:cluster:orders-r{site}")
}

fn group(site: u8) -> String {
    format!("arn:aws:globalaccelerator::{ACCOUNT}:accelerator/a/listener/l/endpoint-group/r{site}")
}

fn step(id: &str, kind: &str, body: PlannedBody) -> PlannedStep {
    PlannedStep {
        id: id.into(),
        name: None,
        kind: kind.to_owned(),
        undo: None,
        with: Value::Null,
        place: None,
        needs: Vec::new(),
        timeout: Some(Span::secs(60)),
        retry: RetryPolicy::default(),
        on_failure: OnFailure::Rollback,
        on_impaired: None,
        skip: None,
        body,
        touches: Touches::default(),
        refusals: Vec::new(),
        note: None,
    }
}

fn check(id: &str, question: &str) -> PlannedStep {
    step(id, "http.check", PlannedBody::Check { question: question.to_owned() })
}

fn change(id: &str, kind: &str, resource: &str, planes: &[(&str, &str)], before: Value, target: Value) -> PlannedStep {
    let owns = target.as_object().unwrap().keys().map(|cell| CellKey::of(resource, cell)).collect();
    let body = PlannedBody::Change(PlannedChange {
        before: Some(before),
        target: Some(target),
        predicted: false,
        reversal: Reversal::Restores,
        facts: Value::Null,
    });
    let planes = planes
        .iter()
        .map(|(service, region)| ControlPlane { service: (*service).to_owned(), region: Some(Region::new(*region)) })
        .collect();
    PlannedStep { touches: Touches { owns, planes, ..Touches::default() }, ..step(id, kind, body) }
}

fn promote() -> PlannedStep {
    let planes = [("rds", "us-east-1"), ("rds", "us-west-2"), ("cloudwatch", "us-west-2")];
    let resource = format!("arn:aws:rds::{ACCOUNT}:global-cluster:orders");
    let mut promote = change(
        "promote-database",
        "aws.rds.global_cluster",
        &resource,
        &planes,
        json!({ "writer": cluster(1) }),
        json!({ "writer": cluster(2) }),
    );
    promote.timeout = Some(Span::secs(900));
    promote.place =
        Some(Place { provider: "aws".to_owned(), region: Some("us-west-2".into()), account: Some(ACCOUNT.to_owned()) });
    promote.note = Some("the standby lags by 80 ms, measured 30s ago; the RPO is 30s".to_owned());
    let permission = |action: &str, resource: &str, reads| Permission {
        action: action.to_owned(),
        resource: resource.to_owned(),
        reads,
    };
    promote.touches.permissions = vec![
        permission("rds:SwitchoverGlobalCluster", &resource, false),
        permission("rds:DescribeGlobalClusters", "*", true),
    ];
    promote
}

fn dial(id: &str, site: u8, before: u8, target: u8) -> PlannedStep {
    let kind = "aws.globalaccelerator.endpoint_group";
    let planes = [("globalaccelerator", "us-west-2")];
    change(id, kind, &group(site), &planes, json!({ "dial": before }), json!({ "dial": target }))
}

/// The body of a change, to be altered.
fn planned(step: &mut PlannedStep) -> &mut PlannedChange {
    match &mut step.body {
        PlannedBody::Change(change) => change,
        other => panic!("{other:?} is no change"),
    }
}

fn plan(mode: Mode, mut steps: Vec<PlannedStep>) -> Plan {
    for index in 1..steps.len() {
        if steps[index].needs.is_empty() {
            steps[index].needs = vec![steps[index - 1].id.clone()];
        }
    }
    Plan {
        v: 1,
        runbook: RunbookText {
            name: "region-failover".to_owned(),
            summary: "Make the standby region take the writes and the traffic.".to_owned(),
            path: "runbooks/region-failover/runbook.yaml".to_owned(),
            text: String::new(),
            digest: String::new(),
        },
        lock: "region-failover".to_owned(),
        to: "r2".into(),
        from: "r1".into(),
        mode,
        accepted_loss: None,
        impaired: BTreeSet::new(),
        inputs: [("global_cluster".to_owned(), json!("orders"))].into(),
        secrets: [].into(),
        providers: [].into(),
        rto: Some(Span::secs(600)),
        rpo: Some(Span::secs(30)),
        on_failure: OnFailure::Rollback,
        steps,
        warnings: Vec::new(),
        made_at: start(),
        digest: "3f2a9c81d0b24e55".to_owned(),
    }
}

pub(super) fn switchover() -> Plan {
    let mut promote = promote();
    promote.name = Some("Make the standby's cluster the writer".to_owned());
    let mut close = dial("close-active", 1, 100, 0);
    close.on_failure = OnFailure::Pause;
    close.needs = vec!["promote-database".into()];
    close.note =
        Some("dial 0 does not keep traffic away when every other group is unhealthy; weight 0 does".to_owned());
    let settle = step("settle", "wait", PlannedBody::Wait { duration: Span::secs(30) });
    let message = Some("has the change board agreed".to_owned());
    let mut sign = step("sign-off", "approval", PlannedBody::Approval { message });
    sign.needs = vec!["standby-ready".into()];
    plan(
        Mode::Switchover,
        vec![
            check("standby-ready", "GET https://r2.orders.example/healthz answers 200"),
            promote,
            dial("open-standby", 2, 100, 100),
            close,
            settle,
            sign,
            check("traffic-healthy", "GET https://orders.example/healthz answers 200, /region = \"us-west-2\""),
        ],
    )
}

pub(super) fn failover() -> Plan {
    let mut promote = promote();
    planned(&mut promote).reversal = Reversal::ForwardOnly(
        "the old writer is rebuilt from the new one; go back later with a switchover to r1".to_owned(),
    );
    let mut weight = dial("drain-active", 1, 100, 0);
    weight.touches.planes =
        vec![ControlPlane { service: "elasticloadbalancing".to_owned(), region: Some("us-east-1".into()) }];
    weight.skip = Some(Skip::Impaired(["us-east-1".into()].into()));
    let mut announce = check("announce", "GET https://status.example/ answers 200");
    announce.skip = Some(Skip::Condition("mode == \"switchover\"".to_owned()));
    let mut closed = dial("close-active", 1, 0, 0);
    planned(&mut closed).predicted = true;
    let mut plan = plan(
        Mode::Failover,
        vec![
            check("standby-ready", "GET https://r2.orders.example/healthz answers 200"),
            promote,
            dial("open-standby", 2, 0, 100),
            closed,
            weight,
            announce,
            check("traffic-healthy", "GET https://orders.example/healthz answers 200"),
        ],
    );
    plan.accepted_loss = Some(AcceptedLoss::UpTo(Duration::from_secs(30)));
    plan.impaired = ["us-east-1".into()].into();
    plan
}

pub(super) fn refused() -> Plan {
    let mut promote = promote();
    planned(&mut promote).target = None;
    promote.note = None;
    promote.refusals =
        vec![Refusal::new("lag.unknown", "the replication lag is unknown: the last sample is 11m old").with_hint(
            "look at AuroraGlobalDBProgressLag in CloudWatch, or accept the loss with `--accept-data-loss`",
        )];
    plan(Mode::Failover, vec![check("standby-ready", "GET https://r2.orders.example/healthz answers 200"), promote])
}

/// A run, told record by record.
pub(super) struct Telling {
    pub(super) state: RunState,
    now: i64,
    /// Every record with the state after it, for reporters.
    pub(super) told: Vec<(Timestamp, Record, RunState)>,
}

impl Telling {
    pub(super) fn of(plan: Plan) -> Self {
        let record =
            Record::RunOpened { run: RunId::new(RUN), plan: Box::new(plan), by: operator(), cloud: CloudChoice::Real };
        Self { state: RunState::open(start(), &record).unwrap(), now: 0, told: Vec::new() }
    }

    /// What happened after `ms` more milliseconds.
    pub(super) fn then(mut self, ms: i64, record: Record) -> Self {
        self.now += ms;
        self.state.fold(at(self.now), &record).unwrap();
        self.told.push((at(self.now), record, self.state.clone()));
        self
    }

    pub(super) fn passes(self, id: &str, tries: u32) -> Self {
        let evidence = "200 OK, 12 ms".to_owned();
        let told = (1..=tries).fold(self, |told, streak| {
            let tried = CheckTried { step: id.into(), passed: true, streak, evidence: evidence.clone() };
            told.then(2_000, Record::CheckTried(tried))
        });
        told.then(0, Record::StepSettled { step: id.into(), outcome: StepOutcome::Passed, evidence: Some(evidence) })
    }

    pub(super) fn begins(self, id: &str) -> Self {
        let PlannedBody::Change(change) = self.state.planned(&id.into()).body.clone() else {
            panic!("{id} is no change")
        };
        let (before, target) = (change.before.unwrap(), change.target.unwrap());
        let (facts, reversal) = (Value::Null, change.reversal);
        self.then(100, Record::StepStarted { step: id.into(), before, target, facts, reversal })
    }

    pub(super) fn sends(self, id: &str, attempt: u32, direction: Direction) -> Self {
        let lands_by = at(self.now + 60_000);
        self.then(0, Record::AttemptSent { step: id.into(), attempt, direction, deadline_at: lands_by, lands_by })
    }

    pub(super) fn answered(self, id: &str, attempt: u32, failure: Option<CallFailure>) -> Self {
        let visible_by = at(self.now + 15_000);
        self.then(340, Record::AttemptEnded { step: id.into(), attempt, visible_by, failure })
    }

    pub(super) fn changes(self, id: &str, ms: i64) -> Self {
        let told = self.begins(id).sends(id, 1, Direction::Forward).answered(id, 1, None);
        told.then(ms, Record::StepSettled { step: id.into(), outcome: StepOutcome::Changed, evidence: None })
    }

    pub(super) fn fails(self, id: &str, failure: Failure, then: OnFailure) -> Self {
        self.then(1_000, Record::StepFailed { step: id.into(), failure, then })
    }

    pub(super) fn ends(self, outcome: RunOutcome) -> Self {
        self.then(0, Record::RunEnded { outcome })
    }
}

pub(super) fn throttled() -> CallFailure {
    CallFailure {
        effect: Effect::None,
        retry: Retry::Backoff,
        code: "ThrottlingException".to_owned(),
        message: "Rate exceeded".to_owned(),
        service: "rds".to_owned(),
        region: Some("us-west-2".to_owned()),
        request_id: None,
    }
}

pub(super) fn drifted() -> Failure {
    let message = "the world is neither as before nor as asked for: somebody else changed it";
    let dial = |dial: u8| json!({ "dial": dial });
    let states = Some(ThreeWay { before: dial(100), target: dial(0), now: dial(50) });
    Failure { states, ..Failure::new("drifted", message) }
}

/// A failover that completed, with a throttled attempt and a step that is owed.
pub(super) fn completed() -> Telling {
    let owed = "it needs us-east-1, declared lost".to_owned();
    let condition = "its condition does not hold: mode == \"switchover\"".to_owned();
    Telling::of(failover())
        .passes("standby-ready", 3)
        .begins("promote-database")
        .sends("promote-database", 1, Direction::Forward)
        .answered("promote-database", 1, Some(throttled()))
        .sends("promote-database", 2, Direction::Forward)
        .answered("promote-database", 2, None)
        .then(
            48_000,
            Record::StepSettled { step: "promote-database".into(), outcome: StepOutcome::Changed, evidence: None },
        )
        .changes("open-standby", 12_000)
        .then(80, Record::StepUnchanged { step: "close-active".into(), state: json!({ "dial": 0 }) })
        .then(0, Record::StepSkipped { step: "drain-active".into(), outcome: StepOutcome::Owed, reason: owed })
        .then(0, Record::StepSkipped { step: "announce".into(), outcome: StepOutcome::Skipped, reason: condition })
        .passes("traffic-healthy", 2)
        .ends(RunOutcome::Completed)
}

/// A switchover whose check at the end fails.
pub(super) fn last_check_failed(then: OnFailure) -> Telling {
    let tried = CheckTried {
        step: "traffic-healthy".into(),
        passed: false,
        streak: 0,
        evidence: "503 Service Unavailable, 9 ms".to_owned(),
    };
    let failure = Failure::new("check.failed", "503 Service Unavailable, 9 ms");
    let plan_digest = switchover().digest;
    Telling::of(switchover())
        .passes("standby-ready", 1)
        .then(0, Record::Approved { step: "sign-off".into(), by: operator(), plan: plan_digest })
        .then(0, Record::StepSettled { step: "sign-off".into(), outcome: StepOutcome::Passed, evidence: None })
        .changes("promote-database", 40_000)
        .then(50, Record::StepUnchanged { step: "open-standby".into(), state: json!({ "dial": 100 }) })
        .changes("close-active", 9_000)
        .then(0, Record::WaitStarted { step: "settle".into(), until: at(90_000) })
        .then(30_000, Record::StepSettled { step: "settle".into(), outcome: StepOutcome::Passed, evidence: None })
        .then(0, Record::CheckTried(tried))
        .fails("traffic-healthy", failure, then)
}

impl Telling {
    /// The journal that was told, as a report reads it.
    pub(super) fn document(&self, beside: Beside) -> Document {
        let RunState { run, plan, by, cloud, .. } = self.state.clone();
        let opened = Record::RunOpened { run, plan: Box::new((*plan).clone()), by, cloud };
        let mut lines = Lines::default();
        let mut journal = Journal::new(&mut lines, "test".to_owned());
        journal.append(start(), &opened).unwrap();
        for (at, record, _) in &self.told {
            journal.append(*at, record).unwrap();
        }
        Document::of(&read(&lines.0).unwrap(), beside).unwrap()
    }
}

#[derive(Default)]
struct Lines(Vec<u8>);

impl Storage for &mut Lines {
    fn append(&mut self, _seq: u64, line: &[u8]) -> std::io::Result<Appended> {
        self.0.extend_from_slice(line);
        Ok(Appended::Appended)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Takes the escape sequences out.
pub(super) fn without_colour(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |plain, piece| plain + piece.split_once('m').unwrap().1)
}
