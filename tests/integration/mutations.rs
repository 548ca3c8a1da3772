//! A rehearsal finds bugs: each mutation of the engine is caught, and the engine without it passes the same scripts.
//!
//! A script names requests and records by their places in the undisturbed run. Here every place is tried, so that a test names none.

use bytes::Bytes;
use http::Request;
use lifeboat::{
    engine::Mutation,
    rehearse::{self, Budget, Ending, Explored, Extent, Fault, Policy, Rehearsal, Scenario, Script},
    runbook::{Intent, Source, check, document},
    wiring,
};
use lifeboat_contract::{Mode, SiteId, clock};
use lifeboat_simulated::{Injected, World, WorldDocument};
use std::{collections::BTreeSet, time::Duration};

/// The overlay address moves to b: one route table and no look into the servers, to keep the run short.
fn overlay() -> Scenario {
    let text = std::fs::read_to_string("runbooks/overlay-vip/runbook.yaml").unwrap();
    let both = r#"["${{ inputs.route_table_clients }}", "${{ inputs.route_table_servers }}"]"#;
    assert!(text.contains(both));
    let text = text.replace(both, r#"["${{ inputs.route_table_clients }}"]"#);
    scenario(text, "runbooks/overlay-vip/world.yaml", &[("guest_checks", "false")])
}

/// A group of Auto Scaling grows. The call that grows it compares nothing, as most calls to clouds don't.
fn growth() -> Scenario {
    let text = "\
lifeboat: 1
name: growth
summary: The group grows.
sites:
  a: { provider: aws, region: us-east-1 }
  b: { provider: aws, region: us-east-1 }
steps:
  - id: grow
    uses: aws.autoscaling.group
    site: to
    with: { group: scarce, minimum: 0, maximum: 4, desired: 1 }
    timeout: 2m
";
    scenario(text.to_owned(), "tests/python/worlds/elastic.yaml", &[])
}

fn scenario(text: String, world: &str, inputs: &[(&str, &str)]) -> Scenario {
    let source = Source::read(world).unwrap();
    let document: WorldDocument = document::parse(&source).and_then(|node| document::decode(&node)).unwrap();
    let catalog = wiring::catalog();
    let runbook = check(&Source::new("runbook.yaml", text), &catalog).runbook.unwrap();
    let intent = Intent {
        to: SiteId::new("b"),
        from: None,
        mode: Mode::Switchover,
        accepted_loss: None,
        impaired: BTreeSet::new(),
        inputs: inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let resolved = runbook.resolve(&catalog, &intent).unwrap();
    Scenario::plan(&resolved, catalog, World::build(&document).unwrap(), false).unwrap()
}

/// A colleague's request, some time after the plan: longer than the run takes, and shorter than a call that is not answered.
fn colleague(scenario: &mut Scenario, seconds: u64, service: &str, form: &str) {
    let at = clock::after(scenario.world.now(), Duration::from_secs(seconds));
    let scope = format!("COLLEAGUE/20260115/us-east-1/{service}/aws4_request");
    let request = Request::post(format!("https://{service}.us-east-1.amazonaws.com/"))
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form.to_owned()))
        .unwrap();
    scenario.world.land_at(at, &request);
}

fn explore(scenario: &Scenario, scripts: &[Script]) -> Explored {
    let only = Some(scripts.to_vec());
    let extent = Extent { only, singles_max: None, pairs: Budget::None, jobs: 2 };
    rehearse::explore(scenario, &extent, &|_| {}).unwrap()
}

/// The scripts that `faults` makes of every request of the undisturbed run with every record of it.
fn scripts(scenario: &Scenario, policy: Policy, faults: impl Fn(u64, u64) -> [Fault; 2]) -> Vec<Script> {
    let undisturbed = explore(scenario, &[]);
    assert_eq!(undisturbed.undisturbed.outcome.ending, Ending::Completed);
    let (requests, records) = (undisturbed.requests.0 as u64, undisturbed.records.0 as u64);
    assert!(requests * records < 300, "{requests} requests and {records} records: the run is too long for pairs");
    let pairs = (0..requests).flat_map(|request| (0..records).map(move |record| (request, record)));
    pairs.map(|(request, record)| Script { faults: faults(request, record).to_vec(), policy }).collect()
}

/// The sound engine passes all scripts; with the mutation, some break the invariant.
fn is_caught(mutation: Mutation, scenario: Scenario, scripts: &[Script], invariant: &str) {
    let sound = explore(&scenario, scripts);
    assert!(sound.violated().next().is_none(), "without a mutation: {:#?}", told(&sound));
    is_caught_where_sound_passes(mutation, scenario, scripts, invariant);
}

/// As above, where the judge holds what a colleague did against the run in some scripts: those are left out.
fn is_caught_where_sound_passes(mutation: Mutation, mut scenario: Scenario, scripts: &[Script], invariant: &str) {
    let sound = explore(&scenario, scripts);
    // What a colleague changes, and whom that leads away from who served him, comes to pass whatever the run does.
    let colleagues = ["not-owned", "not-serving", "led-away"];
    let passes =
        |one: &&Rehearsal| one.outcome.violations.iter().all(|violation| colleagues.contains(&violation.invariant));
    let passed: Vec<Script> = sound.rehearsals.iter().filter(passes).map(|one| one.script.clone()).collect();
    scenario.mutation = Some(mutation);
    let found = told(&explore(&scenario, &passed));
    assert!(
        found.iter().any(|one| one.starts_with(invariant)),
        "{mutation:?} was not caught by {invariant}: {found:#?}, and without it: {:#?}",
        told(&sound)
    );
}

fn told(explored: &Explored) -> Vec<String> {
    let told = |one: &Rehearsal| {
        let violation = &one.outcome.violations[0];
        format!("{}: {} ({:?}, {:?})", violation.invariant, violation.what, one.script, one.outcome.ending)
    };
    explored.violated().map(told).collect()
}

#[test]
fn an_intent_that_is_written_after_the_act() {
    is_caught(Mutation::IntentAfterAct, overlay(), &[], "no-intent");
}

/// The call takes effect after it timed out; the operator had asked to stop, and takes the run back.
#[test]
fn late_effects_that_nobody_waits_for() {
    let scenario = overlay();
    // A route's drive has a minute.
    let late = Injected::Late(Duration::from_secs(75));
    let scripts = scripts(&scenario, Policy::Rollback, |request, record| {
        [Fault::Request(request, late), Fault::Interrupted(record)]
    });
    is_caught(Mutation::LateEffectsIgnored, scenario, &scripts, "not-restored");
}

/// The first try lands late, the second is turned down at once: that says nothing of what became of the first.
#[test]
fn a_time_out_that_is_answered_by_a_blind_retry() {
    let scenario = overlay();
    let late = Injected::Late(Duration::from_secs(100));
    let requests = explore(&scenario, &[]).requests.0 as u64;
    let scripts: Vec<Script> = (0..requests)
        .flat_map(|first| (1..4).map(move |more| (first, first + more)))
        .map(|(first, second)| Script {
            faults: vec![Fault::Request(first, late), Fault::Request(second, Injected::Refused)],
            policy: Policy::Rollback,
        })
        .collect();
    is_caught(Mutation::TimeoutRetriedBlindly, scenario, &scripts, "not-restored");
}

/// The way back looks once, is answered from before the write, and believes it.
#[test]
fn one_look_that_settles() {
    let scenario = overlay();
    let stale = Injected::Stale(Duration::from_secs(10));
    let scripts = scripts(&scenario, Policy::Rollback, |request, record| {
        [Fault::Interrupted(record), Fault::Request(request, stale)]
    });
    is_caught(Mutation::SettlesAtFirstLook, scenario, &scripts, "not-restored");
}

/// The request is lost, a colleague changes the group meanwhile, and the process dies before it looks.
#[test]
fn a_drive_again_without_a_look() {
    let mut scenario = growth();
    let form = "Action=UpdateAutoScalingGroup&Version=2011-01-01&AutoScalingGroupName=scarce&MaxSize=3";
    colleague(&mut scenario, 25, "autoscaling", form);
    let scripts = scripts(&scenario, Policy::Resume, |request, record| {
        [Fault::Request(request, Injected::Lost), Fault::KilledBeforeRecord(record)]
    });
    is_caught_where_sound_passes(Mutation::RedriveUnseen, scenario, &scripts, "not-reached");
}

/// The answer is lost, a colleague moves the address in both tables meanwhile, and the operator takes the run back.
#[test]
fn an_undo_that_does_not_compare() {
    let mut scenario = overlay();
    for table in ["rtb-0c000000000000001", "rtb-0c000000000000002"] {
        let form = format!(
            "Action=ReplaceRoute&Version=2016-11-15&RouteTableId={table}&DestinationCidrBlock=192.168.10.10%2F32\
             &NetworkInterfaceId=eni-0c000000000000001"
        );
        colleague(&mut scenario, 4, "ec2", &form);
    }
    let scripts: Vec<Script> = (0..explore(&scenario, &[]).requests.0 as u64)
        .map(|place| Script { faults: vec![Fault::Request(place, Injected::AnswerLost)], policy: Policy::Rollback })
        .collect();
    is_caught_where_sound_passes(Mutation::UndoUncompared, scenario, &scripts, "not-restored");
}
