//! `--impaired`: the table of lost regions, and that the world agrees with it where the region is truly lost.

use crate::program::{Ended, Program};
use lifeboat::{
    runbook::{self, Source},
    wiring,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::PathBuf};

const FAILOVER: [&str; 4] = ["--mode", "failover", "--accept-data-loss", "30s"];
const SWITCHOVER: [&str; 2] = ["--mode", "switchover"];

fn world_of(runbook: &str) -> String {
    format!("runbooks/{runbook}/world.yaml")
}

/// The runbook's world, with an incident that loses a region: `0s, planes: both`.
fn world_that_loses(program: &Program, runbook: &str, region: &str, how: (&str, &str)) -> PathBuf {
    let text = fs::read_to_string(world_of(runbook)).unwrap();
    let (at, planes) = how;
    let loss = format!("\n  lost: [{{ at: {at}, lose_region: {region}, planes: {planes} }}]\n");
    let text = match text.split_once("\nincidents:\n") {
        Some((before, after)) => format!("{before}\nincidents:{loss}{after}"),
        None => format!("{text}\nincidents:{loss}"),
    };
    let path = program.state().join("world.yaml");
    fs::write(&path, text).unwrap();
    path
}

/// The site that is passive in the shipped world: the second one.
fn standby(runbook: &str) -> String {
    let source = Source::read(format!("runbooks/{runbook}/runbook.yaml")).unwrap();
    let checked = runbook::check(&source, &wiring::catalog());
    checked.runbook.unwrap().sites()[1].id.to_string()
}

fn steps(value: &Value) -> impl Iterator<Item = &Value> {
    value["steps"].as_array().unwrap().iter()
}

fn ids<'v>(steps: impl Iterator<Item = &'v Value>) -> BTreeSet<&'v str> {
    steps.map(|step| step["id"].as_str().unwrap()).collect()
}

fn standing<'v>(region: &'v Value, word: &str) -> BTreeSet<&'v str> {
    ids(steps(region).filter(|step| step["standing"] == word))
}

/// One loss, for real.
struct Loss<'a> {
    runbook: &'a str,
    to: &'a str,
    mode: &'a [&'a str],
    region: &'a str,
}

impl Loss<'_> {
    /// Types a command half a minute after the region was lost.
    fn typed(&self, command: &[&str], more: &[&str]) -> Ended {
        let program = Program::new();
        let world = world_that_loses(&program, self.runbook, self.region, ("0s", "both"));
        let runbook = format!("runbooks/{}", self.runbook);
        let place = ["--world", world.to_str().unwrap(), "--incident", "lost", "--after", "30s", "--format", "json"];
        let words = [command, &[runbook.as_str(), "--to", self.to], self.mode, more, place.as_slice()].concat();
        program.run(&words)
    }
}

/// The table is made in a healthy world; then each region is lost, and the run must end as the table says.
fn agrees(runbook: &str, mode: &[&str]) {
    let to = standby(runbook);
    let (path, world) = (format!("runbooks/{runbook}"), world_of(runbook));
    let words = ["plan", &path, "--to", &to, "--impaired", "all", "--world", &world, "--format", "json"];
    let table = Program::new().run(&[&words, mode].concat()).json(0);
    assert_eq!(table["refused_anyway"], json!([]), "{runbook} can be run while every region is there");
    let regions = table["regions"].as_array().unwrap();
    assert!(!regions.is_empty(), "{runbook} is in no region");
    for lost in regions {
        let region = lost["region"].as_str().unwrap();
        let loss = Loss { runbook, to: &to, mode, region };
        let what = format!("{runbook} without {region}, {mode:?}");
        let (owed, refused) = (standing(lost, "owed"), standing(lost, "refused"));
        let run = loss.typed(&["run", "--yes"], &["--impaired", region]);
        if lost["completes"] == json!(true) {
            let run = run.json(0);
            assert_eq!(run["outcome"], "completed", "{what}");
            assert_eq!(ids(steps(&run).filter(|step| step["outcome"] == "owed")), owed, "{what}");
        } else {
            run.ended(4);
            let plan = loss.typed(&["plan"], &["--impaired", region]).json(4);
            let told = |step: &&Value| !step["refusals"].as_array().unwrap().is_empty();
            assert_eq!(ids(steps(&plan).filter(told)), refused, "{what}");
            assert_eq!(ids(steps(&plan).filter(|step| step["skip"]["outcome"] == "owed")), owed, "{what}");
        }
        // Whoever declares nothing is refused because of the same steps, or of the account that cannot be looked up there.
        if !(owed.is_empty() && refused.is_empty()) {
            loss.typed(&["run", "--yes"], &[]).ended(4);
        }
    }
}

macro_rules! agreement {
    ($($test:ident: $runbook:literal,)*) => {
        $(
            #[test]
            fn $test() {
                agrees($runbook, &SWITCHOVER);
                agrees($runbook, &FAILOVER);
            }
        )*

        #[test]
        fn every_shipped_runbook_is_tried_without_each_of_its_regions() {
            let folders = fs::read_dir("runbooks").unwrap().map(|entry| entry.unwrap().path());
            let shipped: BTreeSet<String> = folders
                .filter(|path| path.join("runbook.yaml").is_file())
                .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
                .collect();
            assert_eq!(shipped, [$($runbook.to_owned()),*].into());
        }
    };
}

agreement! {
    region_failover: "region-failover",
    overlay_vip: "overlay-vip",
    overlay_vip_azure: "overlay-vip-azure",
    active_passive_aws: "active-passive-aws",
    active_passive_azure: "active-passive-azure",
    multi_cluster: "multi-cluster",
}

/// Lost in the middle of a run and declared by nobody, a region's control planes stop the run at a step that the table names.
#[test]
fn a_region_that_is_lost_under_way_stops_the_run_where_the_table_says() {
    let stops = |mode: &[&str]| -> Vec<(String, String)> {
        let world = world_of("region-failover");
        let words = ["plan", "runbooks/region-failover", "--to", "r2", "--impaired", "all", "--world", &world];
        let table = Program::new().run(&[&words, mode, &["--format", "json"]].concat()).json(0);
        let stop = |lost: &Value| {
            let program = Program::new();
            let region = lost["region"].as_str().unwrap();
            let world = world_that_loses(&program, "region-failover", region, ("20s", "control"));
            let run = ["run", "runbooks/region-failover", "--to", "r2", "--yes", "--world", world.to_str().unwrap()];
            let run = program.run(&[&run, mode, &["--incident", "lost", "--format", "json"]].concat());
            let run: Value = serde_json::from_str(&run.stdout).unwrap();
            let stopped = steps(&run).find(|step| ["failed", "unknown"].contains(&step["outcome"].as_str().unwrap()));
            let stopped =
                stopped.unwrap_or_else(|| panic!("{region} is lost, and nothing stops: {run}"))["id"].as_str().unwrap();
            let named: BTreeSet<&str> = standing(lost, "refused").union(&standing(lost, "owed")).copied().collect();
            assert!(named.contains(stopped), "{region}, {mode:?}: stopped at {stopped}, and the table names {named:?}");
            (region.to_owned(), stopped.to_owned())
        };
        table["regions"].as_array().unwrap().iter().map(stop).collect()
    };
    let expected = |first: &str| {
        [("us-east-1", first), ("eu-west-1", "grow-standby"), ("us-west-2", "open-standby")]
            .map(|(region, step)| (region.to_owned(), step.to_owned()))
    };
    assert_eq!(stops(&SWITCHOVER), expected("promote-database"));
    assert_eq!(stops(&FAILOVER), expected("drain-active"), "what would have been owed");
}

#[test]
fn the_table_names_the_regions_and_what_becomes_of_the_run() {
    let world = world_of("region-failover");
    let words = ["plan", "runbooks/region-failover", "--to", "r2", "--impaired", "all", "--world", &world];
    let screen = Program::new().run(&[&words, FAILOVER.as_slice()].concat());
    screen.ended(0);
    for text in [
        "us-east-1 (site r1): the failover can be completed without it; 3 steps are owed",
        "eu-west-1 (site r2): the failover cannot be completed without it",
        "us-west-2 (the control plane of globalaccelerator): the failover cannot be completed",
        "open-standby  refused  needs globalaccelerator in us-west-2",
        "drain-active    owed     needs elasticloadbalancing in us-east-1",
    ] {
        assert!(screen.stdout.contains(text), "{text}\n{}", screen.stdout);
    }
    assert!(screen.stdout.lines().all(|line| line.chars().count() <= 100), "{}", screen.stdout);
}

#[test]
fn a_failover_that_depends_on_the_region_it_leaves_is_refused_by_the_table() {
    let program = Program::new();
    let text = fs::read_to_string("runbooks/region-failover/runbook.yaml").unwrap();
    let edited = text.replacen("    on_impaired: skip\n", "", 1);
    assert_ne!(edited, text);
    let path = program.state().join("runbook.yaml");
    fs::write(&path, edited).unwrap();
    let (path, world) = (path.to_str().unwrap(), world_of("region-failover"));
    let table = program.run(
        &[
            &["plan", path, "--to", "r2", "--impaired", "all", "--world", &world, "--format", "json"],
            FAILOVER.as_slice(),
        ]
        .concat(),
    );
    let table = table.json(4);
    assert_eq!(standing(&table["regions"][0], "refused"), ["drain-active"].into());
    let findings = program.run(&["check", path, "--format", "json"]).json(0);
    assert_eq!(findings[0]["code"], "LB0504", "{findings}");
}

#[test]
fn all_regions_at_once_are_nothing_to_run_or_to_save() {
    let world = world_of("overlay-vip");
    let program = Program::new();
    let all = ["runbooks/overlay-vip", "--to", "b", "--impaired", "all", "--world", &world];
    program.run(&[&["run", "--yes"], all.as_slice()].concat()).ended(2);
    program.run(&[&["plan", "--out", "plan.json"], all.as_slice()].concat()).ended(2);
    program.run(&[&["plan", "--impaired", "us-east-1"], all.as_slice()].concat()).ended(2);
}

#[test]
fn every_shipped_runbook_says_what_it_does_without_each_region() {
    for entry in fs::read_dir("runbooks").unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let path = path.to_str().unwrap();
        let checked = Program::new().run(&["check", path, "--impaired", "all", "--format", "json"]).json(0);
        assert_eq!(checked["findings"], json!([]), "{path}");
        assert!(!checked["needs"].as_array().unwrap().is_empty(), "{path}");
        let screen = Program::new().run(&["check", path, "--impaired", "all"]);
        assert!(screen.stdout.lines().all(|line| line.chars().count() <= 100), "{}", screen.stdout);
    }
}

/// Nothing is sent to a cloud that cannot be reached: the plan says where its credentials would come from before they fail.
#[test]
fn credentials_that_come_through_a_lost_region_are_told() {
    let program = Program::new();
    let config = program.state().join("config");
    let profile = "[profile ops]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ops\n\
                   [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\n";
    fs::write(&config, profile).unwrap();
    let text = fs::read_to_string("runbooks/overlay-vip/runbook.yaml").unwrap();
    let path = program.state().join("runbook.yaml");
    fs::write(&path, text).unwrap();
    let environment = [
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
        ("AWS_PROFILE", "ops"),
        ("AWS_LAMBDA_FUNCTION_NAME", "dr"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("HOME", program.state().to_str().unwrap()),
    ];
    let words = ["plan", path.to_str().unwrap(), "--to", "b", "--impaired", "us-east-1"];
    let plan = program.run_with(&[&words, ["--format", "json"].as_slice()].concat(), &environment).json(4);
    let codes: Vec<&str> = plan["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["region.executor", "region.credentials"]);
    let screen = program.run_with(&words, &environment);
    for text in [
        "warning: this program runs in us-east-1: it is the Lambda function dr, which is declared lost",
        "IAM Identity Center in us-east-1",
        "hint: run it in another region",
    ] {
        assert!(screen.stdout.contains(text), "{text}\n{}", screen.stdout);
    }
}
