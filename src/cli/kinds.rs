//! `lifeboat kinds`: the documentation of each kind, out of its own schema and doc comments.

use super::{
    args::{Common, Format, KindsArgs},
    exit::Exit,
    trouble::Trouble,
};
use crate::{
    report,
    runbook::{self, Source, document},
    wiring,
};
use lifeboat_contract::{Mode, Place, RunContext};
use serde_json::{Value, json};

pub(super) fn kinds(args: &KindsArgs, common: &Common) -> Result<Exit, Trouble> {
    let catalog = wiring::catalog();
    let mut pages: Vec<(String, &str, Value)> = catalog
        .iter()
        .map(|entry| {
            let shape = match entry.shape {
                lifeboat_contract::Shape::Change => "change",
                lifeboat_contract::Shape::Check => "check",
                lifeboat_contract::Shape::Task => "task",
            };
            (entry.kind.to_owned(), shape, entry.schema().to_value())
        })
        .collect();
    for gate in runbook::gates::GATES {
        let schema = runbook::gates::schema(gate).map(schemars::Schema::to_value).unwrap_or_default();
        pages.push((gate.to_owned(), "gate", schema));
    }
    for entry in catalog.comparables() {
        pages.push((entry.kind.to_owned(), "parity", entry.schema().to_value()));
    }
    if let Some(wanted) = &args.kind {
        let Some(page) = pages.iter().find(|(kind, ..)| kind == wanted) else {
            let names = pages.iter().map(|(kind, ..)| kind.as_str());
            let trouble = Trouble::usage(format!("this build knows no kind {wanted}"));
            return Err(match runbook::nearest(wanted, names) {
                Some(nearest) => trouble.hint(format!("`lifeboat kinds {nearest}` is the nearest")),
                None => trouble.hint("`lifeboat kinds` lists them all"),
            });
        };
        pages = vec![page.clone()];
    }
    match (common.format, &args.kind) {
        (Format::Json, _) => {
            let list: Vec<Value> =
                pages.iter().map(|(kind, shape, with)| json!({ "kind": kind, "shape": shape, "with": with })).collect();
            println!("{:#}", Value::Array(list));
        }
        (_, Some(_)) => {
            for (kind, shape, with) in &pages {
                print!("{}", report::kind_page(kind, shape, with, &report::Style::stdout()));
                if let Some(entry) = catalog.get(kind) {
                    print!("{}", practice(entry)?);
                } else if let Some(entry) = catalog.get_comparable(kind) {
                    println!("\nExample\n  {}", entry.example.replace('\n', "\n  "));
                    println!("\nPermissions\n  {}", entry.permissions.join("\n  "));
                }
            }
        }
        (_, None) => {
            for (kind, shape, with) in &pages {
                println!("{kind:<36} {shape:<7} {}", report::first_sentence(with));
            }
        }
    }
    Ok(Exit::Completed)
}

/// What the kind's own example owns, needs and permits, and how it is undone.
fn practice(entry: &lifeboat_contract::KindEntry) -> Result<String, Trouble> {
    use std::fmt::Write as _;
    let bug = |why: String| Trouble::new(Exit::Bug, format!("the example of {} is not read: {why}", entry.kind));
    let source = Source::new(entry.kind, entry.example);
    let with = document::parse(&source).map_err(|list| bug(format!("{list:?}")))?.to_json();
    let body = runbook::decode_step(&wiring::catalog(), entry.kind, &with).map_err(|error| bug(error.to_string()))?;
    let touches = body.touches(&example_run(entry.kind));
    let mut page = String::new();
    let mut section = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            writeln!(page, "\n{title}").expect("writing to a string does not fail");
            for line in lines {
                writeln!(page, "  {line}").expect("writing to a string does not fail");
            }
        }
    };
    section("Example", &entry.example.lines().map(str::to_owned).collect::<Vec<_>>());
    section(
        "State it owns, for the example (resource#cell)",
        &touches.owns.iter().map(ToString::to_string).collect::<Vec<_>>(),
    );
    if !entry.reversal.is_empty() {
        section("Undo", &[entry.reversal.to_owned()]);
    }
    let planes = touches.planes.iter().map(|plane| match &plane.region {
        Some(region) => format!("{} in {region}", plane.service),
        None => plane.service.clone(),
    });
    section("Control planes, for the example", &planes.collect::<Vec<_>>());
    let permissions = touches.permissions.iter().map(|permission| {
        let when = if permission.reads { "plan" } else { "run " };
        format!("{when}  {}  on {}", permission.action, permission.resource)
    });
    section("Permissions, for the example", &permissions.collect::<Vec<_>>());
    Ok(page)
}

/// A switchover between two sites of the kind's own provider, as the examples are read.
fn example_run(kind: &str) -> RunContext {
    let provider = kind.split('.').next().unwrap_or_default();
    let region = if provider == "azure" { "eastus" } else { "us-east-1" };
    RunContext {
        mode: Mode::Switchover,
        accepted_loss: None,
        rpo: None,
        impaired: std::collections::BTreeSet::new(),
        to: "r2".into(),
        from: "r1".into(),
        place: Some(Place { provider: provider.to_owned(), region: Some(region.into()), account: None }),
    }
}
