//! `lifeboat drill`: over and back under probes; its verdict agrees with the simulated world.

use crate::program::Program;
use serde_json::{Value, json};

fn drill(program: &Program, system: &str, to: &str, more: &[&str], code: i32) -> Value {
    let runbook = format!("runbooks/{system}");
    let world = format!("runbooks/{system}/world.yaml");
    let words = ["drill", &runbook, "--to", to, "--world", &world, "--yes", "--quiet", "--format", "json"];
    program.run(&[&words[..], more].concat()).json(code)
}

fn objective<'r>(record: &'r Value, name: &str) -> &'r Value {
    let objectives = record["objectives"].as_array().unwrap();
    objectives.iter().find(|objective| objective["name"] == name).unwrap_or_else(|| panic!("no {name}: {record:#}"))
}

fn leg<'r>(record: &'r Value, phase: &str) -> &'r Value {
    record["legs"].as_array().unwrap().iter().find(|leg| leg["phase"] == phase).unwrap()
}

/// Over and back from either site, by both ways back, in one world. `compared`: what each drill measures twice.
fn both_ways(system: &str, [standby, active]: [&str; 2], compared: &[&str]) {
    let program = Program::new();
    let check = |to: &str, way: &str| {
        let record = drill(&program, system, to, &["--back", way], 0);
        let told = format!("{system} to {to}, back by {way}");
        assert_eq!(record["verdict"], "met", "{told}: {record:#}");
        assert_eq!(leg(&record, "verify")["ok"], true, "{told}: {record:#}");
        if way == "rollback" {
            assert_eq!(leg(&record, "verify")["outcome"], "the state equals the first snapshot", "{told}");
        }
        let figures = record["agreement"].as_array().unwrap().iter().map(|figure| figure["figure"].as_str().unwrap());
        assert_eq!(figures.collect::<Vec<_>>(), compared, "{told}");
        agrees(&told, &record);
    };
    check(standby, "rollback");
    check(standby, "reverse");
    let (runbook, world) = (format!("runbooks/{system}"), format!("runbooks/{system}/world.yaml"));
    program.run(&["run", &runbook, "--to", standby, "--world", &world, "--yes", "--quiet"]).ended(0);
    check(active, "rollback");
    check(active, "reverse");
}

#[test]
fn a_region_failover_agrees_with_its_world() {
    let figures = ["first failure to recovery", "orders: longest outage", "health: longest outage"];
    both_ways("region-failover", ["r2", "r1"], &figures);
}

#[test]
fn overlay_addresses_agree_with_their_worlds() {
    both_ways("overlay-vip", ["b", "a"], &["page: longest outage"]);
    both_ways("overlay-vip-azure", ["b", "a"], &["page: longest outage"]);
}

#[test]
fn an_active_passive_pair_on_aws_agrees_with_its_world() {
    let figures = ["first failure to recovery", "portal: longest outage", "messages: longest outage"];
    both_ways("active-passive-aws", ["b", "a"], &figures);
}

#[test]
fn an_active_passive_pair_on_azure_agrees_with_its_world() {
    let figures = ["first failure to recovery", "portal: longest outage", "messages: longest outage"];
    both_ways("active-passive-azure", ["b", "a"], &figures);
}

#[test]
fn several_clusters_agree_with_their_world() {
    both_ways("multi-cluster", ["s2", "s1"], &["messages: longest outage"]);
}

/// No probe is exacter than its interval. While only some requests fail, it may see either.
fn agrees(system: &str, record: &Value) {
    for figure in record["agreement"].as_array().unwrap() {
        assert_eq!(figure["agrees"], true, "{system}: {figure:#}");
        let seconds = |name: &str| figure[name].as_f64();
        let (probes, world, within) = (seconds("probes_s"), seconds("world_s"), seconds("within_s").unwrap());
        let most = world.unwrap() + within;
        let least = seconds("world_all_s").or(world).unwrap() - within;
        assert!((least..=most).contains(&probes.unwrap()), "{system}: {figure:#}");
    }
}

#[test]
fn the_probes_of_a_region_failover_measure_what_the_world_knows() {
    let program = Program::new();
    let record = drill(&program, "region-failover", "r2", &[], 0);
    let figure = &record["agreement"][0];
    assert!(figure["world_s"].as_f64().unwrap() >= 15.0, "the database takes no writes for 15 s: {figure:#}");
    assert_eq!(figure["agrees"], true);
    let rto = objective(&record, "rto");
    assert_eq!(rto["verdict"], "met");
    assert_eq!(rto["measured"]["seconds"], record["recovery"]["probes_green_s"]);
    assert_eq!(record["world"]["lost_writes"], json!(0));
    assert_eq!(objective(&record, "rpo")["measured"]["seconds"], json!(0.0));
    // The run's own journal is there, and its trail holds no call of a probe.
    let run = leg(&record, "go")["run"].as_str().unwrap();
    let trail = std::fs::read_to_string(program.state().join("runs").join(run).join("audit.jsonl")).unwrap();
    let asked = trail.lines().filter(|line| line.contains("\"step\":null")).count();
    assert_eq!(asked, 0, "every call of the trail is a step's");
}

#[test]
fn a_lost_region_is_counted_from_the_incident() {
    let program = Program::new();
    let loss = ["--mode", "failover", "--accept-data-loss", "5m", "--impaired", "us-east-1"];
    let harm = ["--incident", "region-lost", "--after", "20s", "--back", "none"];
    let record = drill(&program, "region-failover", "r2", &[&loss[..], &harm[..]].concat(), 0);
    let recovery = &record["recovery"];
    assert_eq!(recovery["counted_from"], "incident");
    let seconds = |name: &str| recovery[name].as_f64().unwrap_or_else(|| panic!("{name}: {record:#}"));
    assert!(seconds("detection_s") <= 1.0, "{recovery:#}");
    assert!((9.0..=11.0).contains(&(seconds("detection_s") + seconds("decision_s"))), "{recovery:#}");
    assert!(seconds("probes_green_s") > 60.0, "promoting takes a minute: {recovery:#}");
    agrees("region-failover", &record);
    let lost = record["world"]["lost_writes"].as_u64().unwrap();
    assert!(lost > 0);
    let rpo = objective(&record, "rpo");
    assert!((0.3..1.5).contains(&rpo["measured"]["seconds"].as_f64().unwrap()), "a lag of 700 ms: {rpo:#}");
}

#[test]
fn a_slowed_world_misses_its_objective() {
    let program = Program::new();
    let text = std::fs::read_to_string("runbooks/region-failover/world.yaml").unwrap();
    let slow = program.state().join("slow.yaml");
    let text = text.replace("switchover: { pending: 10s, blocked: 15s", "switchover: { pending: 10s, blocked: 200s");
    std::fs::write(&slow, text).unwrap();
    let runbook = std::fs::read_to_string("runbooks/region-failover/runbook.yaml").unwrap();
    let hasty = program.state().join("hasty.yaml");
    std::fs::write(&hasty, runbook.replace("rto: 12m", "rto: 3m")).unwrap();
    let words = ["drill", hasty.to_str().unwrap(), "--to", "r2", "--world", slow.to_str().unwrap(), "--yes", "--quiet"];
    let record = program.run(&[&words[..], &["--format", "json"]].concat()).json(9);
    assert_eq!(objective(&record, "rto")["verdict"], "missed");
    assert_eq!(objective(&record, "probe orders")["verdict"], "missed");
    assert_eq!(leg(&record, "verify")["ok"], true, "it went back all the same");
    let screen = program.run(&[&words[..], &["--fresh"]].concat());
    screen.ended(9);
    assert!(screen.stdout.contains("missed: region-failover from r1 to r2: RTO by "), "{}", screen.stdout);
    assert!(screen.stdout.lines().all(|line| line.chars().count() <= 100), "{}", screen.stdout);
}

#[test]
fn the_same_drill_twice_is_the_same_document() {
    let once = || {
        let program = Program::new();
        drill(&program, "region-failover", "r2", &[], 0)
    };
    assert_eq!(once(), once());
}

/// The overlay address with another `drill` section, in a file of its own.
fn overlay_with(program: &Program, section: &str) -> String {
    let text = std::fs::read_to_string("runbooks/overlay-vip/runbook.yaml").unwrap();
    let begins = text.find("drill:\n").unwrap();
    let ends = text.find("\nsites:").unwrap();
    let file = program.state().join("runbook.yaml");
    std::fs::write(&file, format!("{}drill: {section}\n{}", &text[..begins], &text[ends..])).unwrap();
    file.display().to_string()
}

/// The worlds begin on a Thursday, at nine in UTC, four in New York and six in the evening in Tokyo.
#[test]
fn a_drill_keeps_to_its_hours() {
    let program = Program::new();
    let words = |runbook: &str| {
        let words = ["drill", runbook, "--to", "b", "--world", "runbooks/overlay-vip/world.yaml", "--yes", "--fresh"];
        program.run(&words)
    };
    for (section, why) in [
        ("{ windows: [{ days: [sat], from: \"09:00\", to: \"10:00\" }] }", "no drill window"),
        (
            "{ windows: [{ days: [thu], from: \"22:00\", to: \"10:00\" }] }",
            "Thu 2026-01-15 09:00 lies in no drill window of the runbook: thu from 22:00 to 10:00 on the next day, UTC",
        ),
        (
            "{ windows: [{ from: \"09:00\", to: \"10:00\", timezone: America/New_York }] }",
            "Thu 2026-01-15 04:00 lies in no drill window",
        ),
        (
            "{ blackouts: [{ from: \"2026-01-10\", to: \"2026-01-20\", reason: the change freeze }] }",
            "the change freeze",
        ),
    ] {
        let ended = words(&overlay_with(&program, section));
        ended.ended(4);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        assert!(!program.state().join("runs").exists(), "nothing was begun");
    }
    for section in [
        "{ windows: [{ days: [wed], from: \"22:00\", to: \"10:00\" }] }",
        "{ windows: [{ days: [thu], from: \"17:00\", to: \"19:00\", timezone: Asia/Tokyo }] }",
    ] {
        words(&overlay_with(&program, section)).ended(0);
    }
}

#[test]
fn a_day_has_so_many_drills_and_the_next_one_as_many_again() {
    let program = Program::new();
    let runbook = overlay_with(&program, "{ max_per_day: 1 }");
    let world = "runbooks/overlay-vip/world.yaml";
    let words = ["drill", &runbook, "--to", "b", "--world", world, "--yes"];
    program.run(&words).ended(0);
    let ended = program.run(&words);
    ended.ended(4);
    let told = "there was a drill on 2026-01-15 already, and the runbook allows 1 a day";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    // A run is none, and takes the world to the next day.
    program.run(&["run", &runbook, "--to", "a", "--world", world, "--after", "24h", "--yes"]).ended(0);
    program.run(&words).ended(0);
    program.run(&words).ended(4);
}

#[test]
fn a_drill_to_the_active_site_would_show_nothing() {
    let program = Program::new();
    let world = "runbooks/overlay-vip/world.yaml";
    let ended = program.run(&["drill", "runbooks/overlay-vip", "--to", "a", "--world", world, "--yes"]);
    ended.ended(4);
    assert!(ended.stderr.contains("site a is active already"), "{}", ended.stderr);
    assert!(ended.stderr.contains("`--to b` drills the other way"), "{}", ended.stderr);
}

#[test]
fn a_held_lock_refuses_a_drill() {
    let program = Program::new();
    let world = "runbooks/overlay-vip/world.yaml";
    program.run_until_record(&["run", "runbooks/overlay-vip", "--to", "b", "--world", world, "--yes"], 4);
    let ended = program.run(&["drill", "runbooks/overlay-vip", "--to", "b", "--world", world, "--yes"]);
    ended.ended(8);
}

#[test]
fn the_site_is_found_and_the_way_back_can_be_the_runbook_itself() {
    let program = Program::new();
    let world = "runbooks/region-failover/world.yaml";
    let words = ["drill", "runbooks/region-failover", "--world", world, "--yes", "--quiet", "--format", "json"];
    let record = program.run(&[&words[..], &["--back", "reverse"]].concat()).json(0);
    assert_eq!((&record["from"], &record["to"]), (&json!("r1"), &json!("r2")));
    assert_ne!(leg(&record, "back")["run"], leg(&record, "go")["run"]);
    let notes = record["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note.as_str().unwrap().ends_with("as the runbook leaves it")), "{notes:?}");
    assert!(leg(&record, "verify")["ok"].as_bool().unwrap());
}

const LOST: [&str; 6] = ["--mode", "failover", "--accept-data-loss", "30s", "--impair", "us-east-1"];

/// The calls of a run, from its trail.
fn calls(program: &Program, record: &Value, phase: &str) -> Vec<Value> {
    let run = leg(record, phase)["run"].as_str().unwrap();
    let trail = std::fs::read_to_string(program.state().join("runs").join(run).join("audit.jsonl")).unwrap();
    trail.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_impaired_region_is_cut_off_and_stays_owed() {
    let program = Program::new();
    // A check goes where users go: the lost region's own page answers it, which its cloud interface does not.
    let text = std::fs::read_to_string("runbooks/region-failover/runbook.yaml").unwrap();
    let page = "  - { id: old-page, uses: http.check, with: { url: \"${{ from.health }}\" }, timeout: 10s }\n\n";
    let answers = "  - id: traffic-healthy";
    assert!(text.contains(answers));
    let runbook = program.state().join("runbook.yaml");
    std::fs::write(&runbook, text.replace(answers, &format!("{page}{answers}"))).unwrap();
    let words = ["drill", runbook.to_str().unwrap(), "--to", "r2", "--world", "runbooks/region-failover/world.yaml"];
    let more = ["--back", "none", "--yes", "--quiet", "--format", "json"];
    let record = program.run(&[&words[..], &LOST, &more].concat()).json(0);
    let status = program.run(&["status", "--format", "json"]).json(0);
    let checked = status["steps"].as_array().unwrap().iter().find(|step| step["id"] == "old-page").unwrap();
    assert_eq!(checked["outcome"], "passed", "{checked:#}");
    let calls = calls(&program, &record, "go");
    let reached = calls.iter().filter(|call| call["region"] == "us-east-1" && call["status"].is_number()).count();
    assert_eq!(reached, 0, "no call reached the lost region");
    let moment = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(moment(&record["incident_at"]) < moment(&leg(&record, "go")["started_at"]), "it is planned without it too");
    let owed = "drain-active, shrink-active, shrink-workers: left out and owed, for their region was lost";
    assert!(record["notes"].as_array().unwrap().contains(&json!(owed)), "{:#}", record["notes"]);
    let later = record["ways"].as_array().unwrap().last().unwrap()["command"].as_str().unwrap();
    assert!(later.starts_with(&format!("lifeboat run {} --to r2 --from r1", runbook.display())), "{later}");
}

/// Checks ask what users would: a page of the lost region answers as before. Nobody is harmed by the loss itself.
#[test]
fn a_failover_without_a_region_is_exercised_and_taken_back() {
    let program = Program::new();
    let record = drill(&program, "region-failover", "r2", &[&LOST[..], &["--dwell", "10m"]].concat(), 0);
    assert_eq!(record["verdict"], "met", "{record:#}");
    assert!(record["recovery"]["detection_s"].is_null() && record["recovery"]["decision_s"].is_null(), "{record:#}");
    let operations = |phase: &str| -> Vec<(String, String)> {
        let writes = calls(&program, &record, phase).into_iter().filter(|call| call["access"] == "write");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        writes.map(|call| (text(&call["operation"]), text(&call["region"]))).collect()
    };
    let over = operations("go");
    assert!(over.contains(&("FailoverGlobalCluster".to_owned(), "eu-west-1".to_owned())), "{over:?}");
    assert!(over.iter().all(|(_, region)| region != "us-east-1"), "{over:?}");
    let back = operations("back");
    assert!(back.iter().any(|(operation, _)| operation == "SwitchoverGlobalCluster"), "{back:?}");
    assert!(calls(&program, &record, "back").iter().any(|call| call["region"] == "us-east-1" && call["status"] == 200));
    assert_eq!(leg(&record, "verify")["ok"], true, "{record:#}");
    let told = "drain-active, shrink-active, shrink-workers: left out on the way over, for their region was lost; \
                the way back left nothing owed";
    assert!(record["notes"].as_array().unwrap().contains(&json!(told)), "{:#}", record["notes"]);
    let status = program.run(&["status", "--format", "json"]).json(0);
    assert!(status["steps"].as_array().unwrap().iter().all(|step| step["outcome"] != "owed"), "{status:#}");
    assert_eq!((&record["world"]["two_writers_s"], &record["world"]["interrupted"]), (&json!(0.0), &json!(false)));
    // What was not replicated yet is what such a failover may lose, and no more than was accepted.
    assert!(objective(&record, "rpo")["measured"]["seconds"].as_f64().unwrap() < 1.0, "{record:#}");
}

/// Five drills as they are, and one in a world whose cloud takes its time.
#[test]
fn a_step_that_got_slower_is_flagged_and_the_estimate_comes_from_drills() {
    let program = Program::new();
    let usual = "runbooks/overlay-vip/world.yaml";
    let slow = program.state().join("slow.yaml");
    let fault = "faults: [{ match: { service: ec2, operation: ReplaceRoute }, delay: 3s }]";
    std::fs::write(&slow, format!("{}\n{fault}\n", std::fs::read_to_string(usual).unwrap())).unwrap();
    let drilled = |world: &str, format: &str| {
        let words = ["drill", "runbooks/overlay-vip", "--to", "b", "--fresh", "--yes", "--quiet"];
        program.run(&[&words[..], &["--world", world, "--format", format]].concat())
    };
    for earlier in 0..5 {
        let record = drilled(usual, "json").json(0);
        let trend = record["trend"].as_array().unwrap();
        assert!(trend.iter().all(|step| step["earlier"] == json!(earlier)), "{trend:?}");
        assert!(trend.iter().all(|step| step["slower"] == json!(false)), "{trend:?}");
    }
    let screen = drilled(slow.to_str().unwrap(), "text").ended(0).stdout.clone();
    let flagged: Vec<&str> = screen.lines().filter(|line| line.contains("slower than usual")).collect();
    assert!(matches!(flagged[..], [line] if line.trim_start().starts_with("move-address ")), "{screen}");
    let record = drilled(usual, "json").json(0);
    let trend = record["trend"].as_array().unwrap();
    assert!(trend.iter().all(|step| step["slower"] == json!(false)), "back to what is usual: {trend:?}");

    let plan = ["plan", "runbooks/overlay-vip", "--to", "b", "--fresh", "--world", usual];
    let document = program.run(&[&plan[..], &["--format", "json"]].concat()).json(0);
    let seconds = |name: &str| document["estimate"][name].as_f64().unwrap();
    assert_eq!(document["estimate"]["drills"], json!(7));
    assert_eq!(Some(seconds("p50_s")), record["recovery"]["last_step_s"].as_f64(), "the usual time");
    assert!(seconds("p95_s") > seconds("p50_s") + 5.0, "two tables, three seconds each: {document:#}");
    let screen = program.run(&plan).stdout;
    assert!(screen.contains("median of 7 earlier drills"), "{screen}");
    // The other direction has its own.
    program.run(&["run", "runbooks/overlay-vip", "--to", "b", "--fresh", "--yes", "--world", usual]).ended(0);
    let back = ["plan", "runbooks/overlay-vip", "--to", "a", "--world", usual, "--format", "json"];
    assert!(program.run(&back).json(0)["estimate"].is_null());
}

#[test]
fn a_plan_says_how_long_earlier_drills_took() {
    let program = Program::new();
    let plan = ["plan", "runbooks/overlay-vip", "--to", "b", "--world", "runbooks/overlay-vip/world.yaml"];
    assert!(!program.run(&plan).ended(0).stdout.contains("earlier drill"));
    let record = drill(&program, "overlay-vip", "b", &[], 0);
    let screen = program.run(&plan).stdout;
    assert!(screen.contains("in 1 earlier drill\n"), "{screen}");
    let document = program.run(&[&plan[..], &["--format", "json"]].concat()).json(0);
    assert_eq!(document["estimate"]["drills"], json!(1));
    assert_eq!(document["estimate"]["p50_s"], record["recovery"]["last_step_s"]);
}

#[test]
fn findings_are_annotations_on_their_own_lines() {
    let program = Program::new();
    let text = std::fs::read_to_string("runbooks/overlay-vip/runbook.yaml").unwrap();
    let line = text.lines().position(|line| line.starts_with("summary:")).unwrap() + 1;
    let file = program.state().join("bad.yaml");
    std::fs::write(&file, text.replace("summary:", "sumary:")).unwrap();
    let ended = program.run(&["check", file.to_str().unwrap(), "--format", "github"]);
    ended.ended(3);
    let start = format!("::error file={},line={line},col=1,title=LB0101::unknown field `sumary`", file.display());
    assert!(ended.stdout.starts_with(&start), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 1, "a message of several lines is one command");
    program.run(&["runs", "--format", "github"]).ended(2);
}

#[test]
fn a_drill_writes_reports_and_a_later_report_tells_of_it() {
    let program = Program::new();
    let file = program.state().join("drill.json");
    let record = drill(&program, "overlay-vip", "b", &["--report", file.to_str().unwrap()], 0);
    let report: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(report["drill"], record);
    assert_eq!(report["objectives"], record["objectives"]);
    let run = leg(&record, "go")["run"].as_str().unwrap();
    let later = program.run(&["report", run, "--format", "json"]).json(0);
    assert_eq!(later["drill"]["id"], record["id"]);
}

/// Packets that are lost are measured by the world's sender of packets and by a probe.
#[test]
fn the_probe_of_an_overlay_address_measures_what_a_ping_does() {
    let program = Program::new();
    let text = std::fs::read_to_string("runbooks/overlay-vip/world.yaml").unwrap();
    let world = program.state().join("lost.yaml");
    let incident = "incidents: { server-lost: [{ at: 5s, stop_instance: i-0a000000000000001 }] }\n";
    std::fs::write(&world, format!("{text}\n{incident}")).unwrap();
    let words = ["drill", "runbooks/overlay-vip", "--to", "b", "--world", world.to_str().unwrap(), "--yes", "--quiet"];
    let harm = ["--incident", "server-lost", "--after", "10s", "--back", "none", "--format", "json"];
    let record = program.run(&[&words[..], &harm].concat()).json(0);
    let figure = &record["agreement"][0];
    assert_eq!(figure["figure"], "page: longest outage");
    assert!(figure["world_s"].as_f64().unwrap() > 5.0, "{figure:#}");
    agrees("overlay-vip", &record);
    let decision = record["recovery"]["decision_s"].as_f64().unwrap();
    assert!((5.0..5.5).contains(&decision), "what is left of the ten seconds, and the planning: {decision}");
}
