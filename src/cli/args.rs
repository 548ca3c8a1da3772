//! What can be typed. Doc comments here are the help texts.

use crate::rehearse::Budget;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lifeboat_contract::Span;
use std::path::PathBuf;

/// Executes disaster-recovery runbooks: plan, run, verify, roll back.
#[derive(Debug, Parser)]
#[command(name = "lifeboat", version, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0 completed   1 failed, stopped as declared   2 usage   3 the runbook has findings
  4 refused (drift, lag, permission, lost region)   5 paused, needs an operator
  6 failed, rolled back cleanly   7 stuck: rollback incomplete   8 lock held   9 a drill missed an objective   10 violation found   11 declined   70 a bug";

#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// How results are printed on stdout: a screen, one JSON document, or one line per event
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Where runs, locks and simulated worlds are kept [default: lifeboat/ in the user's state directory]
    #[arg(long, global = true, value_name = "DIR", env = "LIFEBOAT_STATE")]
    pub(super) state: Option<PathBuf>,
    /// Lets steps of the kind `command` run programs on this machine
    #[arg(long, global = true)]
    pub(super) allow_commands: bool,
    /// Prints nothing but results and errors
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// Prints more: permissions in plans, calls in runs
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Lines,
    Json,
    /// For a CI system's list of tests; of rehearsals and reports
    Junit,
    /// For a CI system's summary; of rehearsals and reports
    Markdown,
    /// One event a line; of reports
    Jsonl,
    /// A page for a browser and for paper; of reports
    Html,
    /// Annotations of GitHub Actions; of `check` alone
    Github,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Finds every problem in a runbook
    Check(CheckArgs),
    /// Shows what a run would change, without changing anything
    Plan(PlanArgs),
    /// Prints the narrowest IAM policy or Azure role that a runbook needs
    Policy(PolicyArgs),
    /// Executes a runbook, or exactly a saved plan
    Run(RunArgs),
    /// Runs a runbook in a simulated world with every single thing going wrong, and judges the world
    Rehearse(RehearseArgs),
    /// Compares the two sites' resources as the runbook declares, and lists what differs
    Parity(ParityArgs),
    /// Exercises a runbook: over, back, and measured by probes all the while
    Drill(DrillArgs),
    /// Shows where a run stands, and what to type next
    Status(StatusArgs),
    /// Lists all runs, newest first
    Runs,
    /// Goes on with a paused, interrupted or stuck run
    Resume(ResumeArgs),
    /// Puts back what a run has changed
    Rollback(RollbackArgs),
    /// Writes reports of a run from its journal, or shows one
    Report(ReportArgs),
    /// Checks that a run's journal is as it was written
    Verify(VerifyArgs),
    /// Approves a step that a run waits for
    Approve(ApproveArgs),
    /// Documents the kinds of step
    Kinds(KindsArgs),
    /// Prints the JSON Schema of runbooks, or of worlds, for editors
    Schema(SchemaArgs),
    /// Explains a code such as LB0107
    Explain(ExplainArgs),
    /// Prints completions for a shell
    Completions(CompletionsArgs),
    /// Serves a simulated cloud on a socket, for any client
    Sim(SimArgs),
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// A runbook, or its folder
    pub(super) path: PathBuf,
    /// Checks for the loss of a region, too; can be repeated. `all`: of each by itself
    #[arg(long, value_name = "REGION")]
    pub(super) impaired: Vec<String>,
}

/// Where the cloud is. Without either, the providers' own configuration on this machine applies.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct CloudArgs {
    /// Works on a simulated world in this process, in virtual time
    #[arg(long, value_name = "FILE", conflicts_with = "cloud")]
    pub(super) world: Option<PathBuf>,
    /// Works on a simulated cloud in another process: `lifeboat sim`
    #[arg(long, value_name = "URL")]
    pub(super) cloud: Option<String>,
    /// Starts the simulated world anew instead of where the last run left it
    #[arg(long, requires = "world")]
    pub(super) fresh: bool,
    /// Lets an incident of the simulated world begin now, by the name it has there
    #[arg(long, value_name = "NAME", requires = "world")]
    pub(super) incident: Option<String>,
    /// Lets the simulated world go on this long before the command begins: `30s`
    #[arg(long, value_name = "DURATION", requires = "world", value_parser = span)]
    pub(super) after: Option<Span>,
}

fn span(text: &str) -> Result<Span, String> {
    Span::parse(text).ok_or_else(|| "write it like 90s, 5m or 1h30m".to_owned())
}

fn budget(text: &str) -> Result<Budget, String> {
    let time = || Span::parse(text).map(|span| Budget::Time(span.get()));
    let budget = text.parse().ok().map(Budget::Count).or_else(time);
    budget.ok_or_else(|| "write how many pairs, as 5000, or how long, as 60s or 8h".to_owned())
}

/// What the runbook is asked to do.
#[derive(Debug, Clone, Args)]
pub(super) struct IntentArgs {
    /// The site to make active
    #[arg(long, value_name = "SITE")]
    pub(super) to: Option<String>,
    /// The site that is active now; needed where there are more than two
    #[arg(long, value_name = "SITE")]
    pub(super) from: Option<String>,
    /// `switchover`: both sites are healthy, nothing may be lost. `failover`: the active site is lost
    #[arg(long, value_enum, default_value_t = ModeArg::Switchover)]
    pub(super) mode: ModeArg,
    /// The data loss that is accepted in a failover: `30s`, or `unbounded`
    #[arg(long, value_name = "DURATION")]
    pub(super) accept_data_loss: Option<String>,
    /// A region that is lost; can be repeated. `all`, for `plan` alone: what the loss of each region would leave
    #[arg(long, value_name = "REGION")]
    pub(super) impaired: Vec<String>,
    /// An input of the runbook; can be repeated
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE")]
    pub(super) inputs: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeArg {
    Switchover,
    Failover,
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// A runbook, or its folder
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) intent: IntentArgs,
    #[command(flatten)]
    pub(super) cloud: CloudArgs,
    /// Saves the plan, for `lifeboat run FILE`
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Does not ask the providers whether the permissions for the changes are granted
    #[arg(long)]
    pub(super) no_permission_check: bool,
}

#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// A runbook, or its folder
    pub(super) path: PathBuf,
    /// The site to make active; any of them, without it
    #[arg(long, value_name = "SITE")]
    pub(super) to: Option<String>,
    /// The site that is active now; any other one, without it
    #[arg(long, value_name = "SITE")]
    pub(super) from: Option<String>,
    /// For this mode alone
    #[arg(long, value_enum)]
    pub(super) mode: Option<ModeArg>,
    /// What the caller shall be allowed to do: `plan` reads, `run` plans, changes and goes back
    #[arg(long = "for", value_enum, default_value_t = PurposeArg::Run)]
    pub(super) purpose: PurposeArg,
    /// For one provider alone: `aws`, `azure`
    #[arg(long, value_name = "NAME")]
    pub(super) provider: Option<String>,
    /// An input of the runbook; can be repeated
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE")]
    pub(super) inputs: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PurposeArg {
    Plan,
    Run,
}

impl PurposeArg {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Run => "run",
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// A runbook, its folder, or a plan saved by `lifeboat plan --out`
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) intent: IntentArgs,
    #[command(flatten)]
    pub(super) cloud: CloudArgs,
    /// Does not ask before it begins
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Refuses to begin unless parity holds between the two sites
    #[arg(long)]
    pub(super) require_parity: bool,
    /// Does not ask the providers whether the permissions for the changes are granted
    #[arg(long)]
    pub(super) no_permission_check: bool,
    #[command(flatten)]
    pub(super) files: ReportFiles,
}

#[derive(Debug, Args)]
pub(super) struct RehearseArgs {
    /// A runbook, or its folder
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) intent: IntentArgs,
    /// The simulated world; every rehearsal begins in it anew
    #[arg(long, value_name = "FILE")]
    pub(super) world: PathBuf,
    /// Lets an incident of the world begin before every rehearsal, by the name it has there
    #[arg(long, value_name = "NAME")]
    pub(super) incident: Option<String>,
    /// Lets the world go on this long before every rehearsal: `30s`
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(super) after: Option<Span>,
    /// Begins where this site is active already: the runbook is run to it first, undisturbed. For the way back
    #[arg(long, value_name = "SITE")]
    pub(super) starting_at: Option<String>,
    /// Tries single faults alone, or pairs of them, too
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(super) depth: u8,
    /// How many pairs are tried: `5000`, or as many as fit into a time: `60s` [default: 2000]
    #[arg(long, value_name = "N|DURATION", value_parser = budget)]
    pub(super) budget: Option<Budget>,
    /// Tries a fair sample of the single faults alone: an answer within seconds, while you edit
    #[arg(long, conflicts_with_all = ["depth", "budget"])]
    pub(super) quick: bool,
    /// How many rehearsals are performed at a time [default: one for each core]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Performs this script again, as a violation printed it, and no other; can be repeated
    #[arg(long, value_name = "SCRIPT")]
    pub(super) replay: Vec<String>,
}

/// Files to write when the run has left the engine.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ReportFiles {
    /// Writes a report; its extension says which: .xml (`JUnit`), .md, .json, .jsonl (events), .html. Can be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) report: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// A run's id, its beginning or end, or `latest`
    #[arg(default_value = "latest")]
    pub(super) run: String,
    #[command(flatten)]
    pub(super) files: ReportFiles,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// A run's id, its beginning or end, or `latest`
    #[arg(default_value = "latest")]
    pub(super) run: String,
}

#[derive(Debug, Args)]
pub(super) struct DrillArgs {
    /// A runbook, or its folder
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) intent: IntentArgs,
    #[command(flatten)]
    pub(super) cloud: CloudArgs,
    /// Cuts this program off from a region from the start of the run to the way back, without harming it; can be repeated
    #[arg(long, value_name = "REGION")]
    pub(super) impair: Vec<String>,
    /// How long the other site stays active before the way back
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = span)]
    pub(super) dwell: Span,
    /// The way back [default: rollback, or reverse where a step cannot be undone]
    #[arg(long, value_enum, value_name = "WAY")]
    pub(super) back: Option<BackArg>,
    /// Does not ask before it begins
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) files: ReportFiles,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BackArg {
    /// Takes back what the run changed
    Rollback,
    /// Executes the runbook towards the first site
    Reverse,
    /// Stays
    None,
}

#[derive(Debug, Args)]
pub(super) struct ParityArgs {
    /// A runbook, or its folder
    pub(super) path: PathBuf,
    /// The two sites to compare; needed where there are more than two
    #[arg(long, value_name = "SITE", num_args = 2)]
    pub(super) sites: Vec<String>,
    /// An input of the runbook; can be repeated
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    pub(super) cloud: CloudArgs,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// A run's id, its beginning or end, or `latest`
    #[arg(default_value = "latest")]
    pub(super) run: String,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// A run's id, its beginning or end, or `latest`
    pub(super) run: String,
    /// Leaves this step out
    #[arg(long, value_name = "STEP", conflicts_with = "mark_done", requires = "reason")]
    pub(super) skip: Option<String>,
    /// Takes this step as done (or, in a rollback, as undone): you did it by hand
    #[arg(long, value_name = "STEP", requires = "reason")]
    pub(super) mark_done: Option<String>,
    /// Does this step once more although nobody knows what became of it: you found out that it was not done
    #[arg(long, value_name = "STEP", requires = "reason", conflicts_with_all = ["skip", "mark_done"])]
    pub(super) again: Option<String>,
    /// Why; stands in the journal and in every report
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) files: ReportFiles,
}

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// A run's id, its beginning or end, or `latest`
    pub(super) run: String,
    /// Undoes only what began after the last step that cannot be undone
    #[arg(long)]
    pub(super) past_no_return: bool,
    /// Does not ask before it begins
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) files: ReportFiles,
}

#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    /// A run's id, its beginning or end, or `latest`
    pub(super) run: String,
    /// The step to approve
    pub(super) step: String,
}

#[derive(Debug, Args)]
pub(super) struct KindsArgs {
    /// A kind such as `aws.ec2.route`; all of them, in a line each, without it
    pub(super) kind: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// What to describe
    #[arg(value_enum, default_value_t = SchemaOf::Runbook)]
    pub(super) of: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    Runbook,
    World,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A code such as LB0107; a list of all codes without it
    pub(super) code: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct SimArgs {
    /// A world file
    pub(super) world: PathBuf,
    /// Lets an incident of the world begin at once, by the name it has there
    #[arg(long, value_name = "NAME")]
    pub(super) incident: Option<String>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4566")]
    pub(super) listen: std::net::SocketAddr,
    /// How many seconds of the world pass in one real second
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) speed: u32,
}

impl IntentArgs {
    /// The accepted data loss as typed.
    pub(super) fn accepted_loss(&self) -> Result<Option<lifeboat_contract::AcceptedLoss>, String> {
        use lifeboat_contract::AcceptedLoss;
        match self.accept_data_loss.as_deref() {
            None => Ok(None),
            Some("unbounded") => Ok(Some(AcceptedLoss::Unbounded)),
            Some(text) => Span::parse(text).map(|span| Some(AcceptedLoss::UpTo(span.get()))).ok_or_else(|| {
                format!("--accept-data-loss takes a duration such as 30s, or unbounded, and not {text:?}")
            }),
        }
    }
}
