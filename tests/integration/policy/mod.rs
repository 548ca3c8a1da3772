//! `lifeboat policy`: what it prints is enough for every shipped runbook in a world that enforces it, and nothing of it is too much.

mod aws;
mod azure;

use crate::program::{Ended, Program};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// One way through a runbook: what is typed after `run RUNBOOK --world …`, and whether it is rolled back.
struct Way {
    /// A run to the other site that goes before.
    first: &'static [&'static str],
    words: &'static [&'static str],
    back: bool,
    /// What is changed in the world before.
    world: Changes,
}

type Changes = &'static [(&'static str, &'static str)];

/// A runbook, and what must be tried so that each of its permissions is needed once.
struct Case {
    runbook: &'static str,
    provider: &'static str,
    /// What is changed in its world besides.
    world: Changes,
    /// What the policy is for.
    scope: &'static [&'static str],
    ways: &'static [Way],
}

const fn there(words: &'static [&'static str]) -> Way {
    Way { first: &[], words, back: false, world: &[] }
}

const fn and_back(words: &'static [&'static str]) -> Way {
    Way { first: &[], words, back: true, world: &[] }
}

/// The direction that needs another one before it.
const fn back_after(first: &'static [&'static str], words: &'static [&'static str], world: Changes) -> Way {
    Way { first, words, back: false, world }
}

/// Whether the providers are asked before anything is changed. Where they are not, a run finds out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    Asked,
    Left,
}

/// A case's world in which nothing is allowed but by `document`, in a file of its own.
fn world_under(program: &Program, case: &Case, changes: Changes, document: &Value) -> PathBuf {
    let mut text = fs::read_to_string(format!("runbooks/{}/world.yaml", case.runbook)).unwrap();
    for (old, new) in case.world.iter().chain(changes) {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    let (above, line) = match case.provider {
        "aws" => ("\naws:\n", format!("  iam: {}\n", json!({ "users": { "operator": { "policies": [document] } } }))),
        _ => ("\nazure:\n", format!("  authorization: {}\n", azure::assigned(document))),
    };
    assert!(text.contains(above), "the world has {}", case.provider);
    let path = program.state().join("world.yaml");
    fs::write(&path, text.replacen(above, &format!("{above}{line}"), 1)).unwrap();
    path
}

/// The document that is printed for a case: a policy, or a role.
fn printed(case: &Case, purpose: &str) -> Value {
    let runbook = format!("runbooks/{}", case.runbook);
    let words = [&["policy", &runbook, "--for", purpose, "--provider", case.provider], case.scope].concat();
    Program::new().run(&words).json(0)
}

/// Goes all ways one after the other, and yields the first command that did not end well.
fn go(case: &Case, document: &Value, check: Check) -> Result<(), Ended> {
    let runbook = format!("runbooks/{}", case.runbook);
    for way in case.ways {
        // A fresh world, but for a way back that takes the same run back.
        let program = Program::new();
        let world = world_under(&program, case, way.world, document);
        let world = world.to_str().unwrap();
        for words in [way.first, way.words].into_iter().filter(|words| !words.is_empty()) {
            let left: &[&str] = if check == Check::Left { &["--no-permission-check"] } else { &[] };
            let run = program.run(&[&["run", &runbook, "--world", world, "--yes"], words, left].concat());
            if run.code != Some(0) {
                return Err(run);
            }
        }
        if way.back {
            let back = program.run(&["rollback", "latest", "--yes"]);
            if back.code != Some(0) {
                return Err(back);
            }
        }
    }
    Ok(())
}

fn actions(document: &Value) -> Vec<String> {
    let lists = match document["Statement"].as_array() {
        Some(statements) => statements.iter().map(|statement| &statement["Action"]).collect(),
        None => vec![&document["Actions"]],
    };
    let actions = lists.into_iter().flat_map(|list| list.as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// The document without one action. A statement without actions is no statement.
fn without(document: &Value, action: &str) -> Value {
    let mut document = document.clone();
    let remove = |list: &mut Value| list.as_array_mut().unwrap().retain(|other| other != action);
    match document.get_mut("Statement").and_then(Value::as_array_mut) {
        Some(statements) => {
            for statement in statements.iter_mut() {
                remove(&mut statement["Action"]);
            }
            statements.retain(|statement| !statement["Action"].as_array().unwrap().is_empty());
        }
        None => remove(&mut document["Actions"]),
    }
    document
}

#[track_caller]
fn enough(case: &Case) -> Value {
    let document = printed(case, "run");
    if let Err(ended) = go(case, &document, Check::Asked) {
        panic!("what is printed is not enough\n{document:#}\n{}\n{}", ended.stdout, ended.stderr);
    }
    document
}

/// What only asking for permissions needs: without it a plan tells so, and goes on.
const ASKING: &[&str] = &["iam:SimulatePrincipalPolicy", "Microsoft.Authorization/permissions/read"];

/// Every way ends well under what is printed, and without any one of its actions some command names the one that it misses.
#[track_caller]
fn exactly_enough(case: &Case) {
    let document = enough(case);
    for action in actions(&document).iter().filter(|action| !ASKING.contains(&action.as_str())) {
        let Err(ended) = go(case, &without(&document, action), Check::Left) else { panic!("{action} is never missed") };
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        assert!(said.contains(action), "{action} is not named\n{said}");
    }
}

/// Without any one action that only a run needs, a plan names it, the principal and a step, and nothing is changed.
///
/// `late` are those that can't be asked for before.
#[track_caller]
fn told_before(case: &Case, principal: &str, late: &[&str]) {
    let document = printed(case, "run");
    let read = actions(&printed(case, "plan"));
    let mut found_late = Vec::new();
    for action in actions(&document).into_iter().filter(|action| !read.contains(action)) {
        let Err(ended) = go(case, &without(&document, &action), Check::Asked) else {
            panic!("{action} is never missed")
        };
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        if ended.code != Some(4) || !said.contains("refused (permission.missing)") {
            found_late.push(action);
            continue;
        }
        // A long line is broken anywhere.
        let flat: String = said.split_whitespace().collect();
        let named = format!("{principal} lacks {action} on ").replace(' ', "");
        assert!(flat.contains(&named), "{action} is not named\n{said}");
    }
    assert_eq!(found_late, late);
}

/// A caller who may not ask is told so, and may go on.
#[track_caller]
fn may_go_on_unasked(case: &Case) {
    let document = printed(case, "run");
    let asking = actions(&document).into_iter().find(|action| ASKING.contains(&action.as_str())).unwrap();
    let program = Program::new();
    let world = world_under(&program, case, &[], &without(&document, &asking));
    let runbook = format!("runbooks/{}", case.runbook);
    let words = [&["plan", &runbook, "--world", world.to_str().unwrap()], case.ways[0].words].concat();
    let plan = program.run(&words);
    plan.ended(0);
    let told =
        plan.stdout.lines().any(|line| line.starts_with("warning: whether the permissions for this run are granted"));
    let flat: String = plan.stdout.split_whitespace().collect();
    assert!(told && flat.contains(&asking), "{}", plan.stdout);
}

/// Plans every way, and runs none of them.
#[track_caller]
fn enough_to_plan_alone(case: &Case) {
    let document = printed(case, "plan");
    let runbook = format!("runbooks/{}", case.runbook);
    for way in case.ways {
        if !way.first.is_empty() {
            continue;
        }
        let program = Program::new();
        let world = world_under(&program, case, way.world, &document);
        let words = [&["--fresh", "--world", world.to_str().unwrap()], way.words].concat();
        program.run(&[&["plan", &runbook, "--no-permission-check"][..], &words].concat()).ended(0);
        let run = program.run(&[&["run", &runbook, "--yes"][..], &words].concat());
        assert_ne!(run.code, Some(0), "{}: planning is not running", case.runbook);
    }
}
