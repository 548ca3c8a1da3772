//! The list of all runs as a table.

use super::{
    layout::{Column, Page},
    run_json::newest_first,
    style::{Style, Tone},
    word::{run_word, spoken, tone},
};
use crate::engine::RunState;

const STARTED: &str = "STARTED (UTC)";

/// One line each, newest first.
pub fn runs_table(states: &[RunState], style: &Style) -> String {
    let mut page = Page::new(style);
    let runs = newest_first(states);
    let width = |header: &str, of: &dyn Fn(&RunState) -> usize| {
        runs.iter().map(|state| of(state)).max().unwrap_or(0).max(header.len())
    };
    let run = width("RUN", &|state| state.run.as_str().len());
    let stands = width("STATE", &|state| run_word(state).len());
    let to = width("TO", &|state| state.plan.to.as_str().len());
    let started = width(STARTED, &|state| began(state).len());
    page.row(
        0,
        &[
            Column("RUN", run, Tone::Faint),
            Column("STATE", stands, Tone::Faint),
            Column("TO", to, Tone::Faint),
            Column(STARTED, started, Tone::Faint),
            Column("RUNBOOK", 0, Tone::Faint),
        ],
    );
    for state in runs {
        let word = run_word(state);
        page.row(
            0,
            &[
                Column(state.run.as_str(), run, Tone::Plain),
                Column(&spoken(word), stands, tone(word)),
                Column(state.plan.to.as_str(), to, Tone::Plain),
                Column(&began(state), started, Tone::Plain),
                Column(&state.plan.runbook.name, 0, Tone::Plain),
            ],
        );
    }
    page.finish()
}

fn began(state: &RunState) -> String {
    state.opened_at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::sample, runbook::OnFailure};

    #[test]
    fn a_table_fits_eighty_columns() {
        let mut second = sample::last_check_failed(OnFailure::Pause).state;
        second.opened_at = sample::at(86_400_000);
        second.run = "20260702-120000-99aabbcc".into();
        let runs = [sample::completed().state, second];
        insta::assert_snapshot!(runs_table(&runs, &Style { color: false, width: 80 }), @r"
        RUN                       STATE      TO  STARTED (UTC)        RUNBOOK
        20260702-120000-99aabbcc  running    r2  2026-07-02 12:00:00  region-failover
        20260701-120000-1a2b3c4d  completed  r2  2026-07-01 12:00:00  region-failover
        ");
    }
}
