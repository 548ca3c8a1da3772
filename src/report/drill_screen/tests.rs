//! Screens of drills at a hundred columns, as they are read at night.

use super::*;
use crate::drill::{Measured, Recovery, Sample, Way};
use jiff::Timestamp;

const WIDE: Style = Style { color: false, width: 100 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_768_467_600 + second).unwrap()
}

fn leg_of(phase: Phase, from: i64, to: i64, outcome: &str) -> Leg {
    let run = matches!(phase, Phase::Go | Phase::Back).then(|| "20260115-090000-06ae25e6".to_owned());
    Leg { phase, run, started_at: at(from), ended_at: at(to), outcome: outcome.to_owned(), ok: true }
}

fn failed(leg: Leg) -> Leg {
    Leg { ok: false, ..leg }
}

fn objective_of(name: &str, allowed_s: f64, seconds: f64, source: &str) -> Objective {
    let verdict = if seconds > allowed_s { Verdict::Missed } else { Verdict::Met };
    let measured = Some(Measured { seconds, source: source.to_owned() });
    Objective { name: name.to_owned(), allowed_s, measured, verdict }
}

/// Over and back without a fault.
fn met() -> DrillRecord {
    let sample = |second: i64| {
        let ok = second != 20;
        let error = (!ok).then(|| "503 Service Unavailable, 5 ms; expected 200".to_owned());
        Sample { at: at(second), ok, latency_ms: 5, error }
    };
    DrillRecord {
        v: 1,
        id: "20260115-090000-e37b1552".to_owned(),
        runbook: "orders".to_owned(),
        runbook_digest: "0".repeat(64),
        from: "r1".to_owned(),
        to: "r2".to_owned(),
        started_at: at(0),
        ended_at: at(240),
        incident_at: None,
        impaired: Vec::new(),
        legs: vec![
            leg_of(Phase::Preconditions, 0, 2, "no step refuses, no lock is held, and the first snapshot is taken"),
            leg_of(Phase::Go, 2, 62, "completed"),
            leg_of(Phase::Dwell, 62, 122, "watched to its end"),
            leg_of(Phase::Back, 122, 180, "rolled back"),
            leg_of(Phase::Verify, 180, 240, "the state equals the first snapshot"),
        ],
        probes: vec![ProbeRecord {
            name: "orders".to_owned(),
            kind: "http".to_owned(),
            asks: "https://orders.example/".to_owned(),
            interval_s: 1.0,
            tolerance_s: Some(30.0),
            samples: (0..40).map(sample).collect(),
            unavailable_s: 1.0,
            longest_outage_s: 1.0,
            met: Some(true),
        }],
        recovery: Recovery {
            counted_from: Basis::RunStart,
            detection_s: None,
            decision_s: None,
            probes_green_s: Some(19.0),
            last_step_s: Some(60.0),
        },
        objectives: vec![
            objective_of("rto", 600.0, 19.0, "probes"),
            objective_of("probe orders", 30.0, 1.0, "longest outage in 40 samples"),
        ],
        trend: vec![StepTrend {
            step: "promote".to_owned(),
            this_s: 40.0,
            p50_s: Some(20.0),
            p95_s: Some(22.0),
            earlier: 7,
            slower: true,
        }],
        world: None,
        agreement: vec![Agreement {
            figure: "orders: longest outage".to_owned(),
            probes_s: Some(1.0),
            world_s: Some(1.4),
            world_all_s: Some(0.0),
            within_s: 1.0,
            agrees: true,
        }],
        notes: Vec::new(),
        interrupted: false,
        ways: Vec::new(),
        verdict: Verdict::Met,
    }
}

fn screen(record: &DrillRecord) -> String {
    drill_screen(record, &["/var/lifeboat/runs/20260115-090000-e37b1552.drill.json".to_owned()], &WIDE)
}

/// What is typed again is one line, however long; everything else fits.
#[track_caller]
fn fits(screen: &str) {
    for line in screen.lines().filter(|line| !line.starts_with("  lifeboat ")) {
        assert!(line.chars().count() <= WIDE.width, "{line}");
    }
}

#[test]
fn a_drill_that_met_its_objectives() {
    let screen = screen(&met());
    fits(&screen);
    insta::assert_snapshot!(screen);
}

#[test]
fn a_drill_whose_run_failed_and_took_itself_back() {
    let why = "rolled back: step promote (rds.denied): rds in eu-west-1 answered AccessDenied: arn:aws:iam::111122223333:user/\
               operator is not authorized to perform rds:SwitchoverGlobalCluster";
    let mut record = met();
    record.legs.truncate(2);
    record.legs[1] = failed(leg_of(Phase::Go, 2, 62, why));
    record.legs.push(leg_of(Phase::Verify, 62, 122, "the state equals the first snapshot"));
    record.recovery.last_step_s = None;
    record.objectives[0] = Objective { measured: None, verdict: Verdict::Missed, ..record.objectives[0].clone() };
    record.notes = vec!["the run took itself back; there was no other way back to go".to_owned()];
    record.verdict = Verdict::Missed;
    let screen = screen(&record);
    fits(&screen);
    insta::assert_snapshot!(screen);
}

#[test]
fn a_drill_that_was_interrupted_says_where_and_how_to_go_on() {
    let mut record = met();
    record.interrupted = true;
    record.legs.truncate(2);
    record.legs.push(failed(Leg { run: None, ..leg_of(Phase::Dwell, 62, 70, "interrupted") }));
    record.notes = vec!["site r2 is active still: nobody went back".to_owned()];
    let way = |command: &str, does: &str| Way { command: command.to_owned(), does: does.to_owned() };
    record.ways = vec![
        way(
            "lifeboat rollback 20260115-090000-06ae25e6",
            "puts back what this run changed, if it still stands as the run left it",
        ),
        way(
            "lifeboat run runbooks/orders/runbook.yaml --to r1 --from r2 --world runbooks/orders/world.yaml --state /var/lifeboat",
            "makes site r1 active again, as a run of its own",
        ),
    ];
    let dwelling = screen(&record);
    fits(&dwelling);
    insta::assert_snapshot!(dwelling);

    let first = |record: &DrillRecord| screen(record).lines().nth(1).unwrap().to_owned();
    record.legs[2] = failed(leg_of(Phase::Back, 70, 80, "interrupted, and paused"));
    let told = "interrupted on the way back: orders from r1 to r2: some steps are done and some are not";
    assert_eq!(first(&record), told);
    record.legs.truncate(1);
    record.legs.push(failed(leg_of(Phase::Go, 2, 4, "interrupted, and paused")));
    let told = "interrupted on the way over: orders from r1 to r2: some steps are done and some are not";
    assert_eq!(first(&record), told);
    record.legs[1].run = None;
    assert_eq!(first(&record), "interrupted before the run: orders from r1 to r2: nothing was changed");
}

/// Where users were never harmed, nothing was there to be detected.
#[test]
fn a_region_that_was_cut_off_is_no_incident() {
    let mut record = met();
    record.recovery.counted_from = Basis::Incident;
    record.impaired = vec!["us-east-1".to_owned()];
    let screen = screen(&record);
    assert!(screen.contains("Time to recovery, counted from the moment us-east-1 was cut off"), "{screen}");
    assert!(!screen.contains("until detected"), "{screen}");
}
