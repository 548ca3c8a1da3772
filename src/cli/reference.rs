//! `lifeboat schema`, `explain` and `completions`: what can be looked up without a cloud.

use super::{
    args::{Arguments, CompletionsArgs, ExplainArgs, SchemaArgs, SchemaOf},
    exit::Exit,
    trouble::Trouble,
};
use crate::{runbook, wiring};
use clap::CommandFactory as _;
use lifeboat_simulated::WorldDocument;

pub(super) fn schema(args: &SchemaArgs) -> Exit {
    let schema = match args.of {
        SchemaOf::Runbook => runbook::schema(&wiring::catalog()),
        SchemaOf::World => schemars::schema_for!(WorldDocument).to_value(),
    };
    println!("{schema:#}");
    Exit::Completed
}

pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Trouble> {
    let Some(code) = &args.code else {
        for (code, title) in runbook::explain::titles() {
            println!("{code}  {title}");
        }
        return Ok(Exit::Completed);
    };
    match runbook::explain::explain(code) {
        Some(page) => {
            println!("{}", page.trim_end());
            Ok(Exit::Completed)
        }
        None => {
            let trouble = Trouble::usage(format!("there is no code {code}"));
            Err(match runbook::explain::nearest_code(code) {
                Some(nearest) => trouble.hint(format!("`lifeboat explain {nearest}` is the nearest")),
                None => trouble.hint("`lifeboat explain` lists them all"),
            })
        }
    }
}

pub(super) fn completions(args: &CompletionsArgs) -> Exit {
    clap_complete::generate(args.shell, &mut Arguments::command(), "lifeboat", &mut std::io::stdout());
    Exit::Completed
}
