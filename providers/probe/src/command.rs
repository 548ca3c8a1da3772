//! `command`: runs a program of the operator's. Hands nothing to a shell.

use crate::{
    process::{self, End, Order, Ran, Tail},
    text::one_line,
};
use lifeboat_contract::{
    CallError, CallScope, Cx, Effect, Findings, Performed, Refusal, Retry, Secret, Secrets, Span, Task, TaskPace,
    clock, codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, io, path::PathBuf, process::ExitStatus, time::Duration};

const SERVICE: &str = "command";

/// The code of a refusal without the operator's permission.
const NOT_ALLOWED: &str = "command.not_allowed";

/// How many of a command's last lines stand in the evidence.
const LINES_SHOWN: usize = 3;

/// Runs a program on this machine, for its effect.
///
/// Off unless the operator gives `--allow-commands`. The program is started directly, without a shell, with no input, and with
/// no environment but `PATH` and what is given here. It is done when it exits with status 0. Another status, and a program that
/// is killed because its time is over, mean that nobody knows what was done: it is then run again only where it is idempotent.
/// The program and all that it started are killed when its time is over. What it leaves running after it has exited goes on.
///
/// It runs for real and takes real time even where the cloud is simulated and time is virtual.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments, one each. A program without a slash is looked for in `PATH`.
    #[schemars(length(min = 1))]
    pub argv: Vec<String>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Environment variables whose values are secrets.
    #[serde(default)]
    pub secret_env: BTreeMap<String, Secret>,
    /// Where it runs. Default: where lifeboat runs.
    #[serde(default)]
    pub directory: Option<String>,
    /// How long it may take before it is killed.
    #[serde(default = "a_minute")]
    pub timeout: Span,
    /// Whether running it twice equals running it once.
    #[serde(default)]
    pub idempotent: bool,
}

const fn a_minute() -> Span {
    Span::secs(60)
}

impl Command {
    fn order(&self, cx: &Cx) -> Result<Order, CallError> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(CallError::definite(SERVICE, "command.not_started", "argv names no program"));
        };
        let left = CallScope::current().deadline.map(|deadline| clock::until(cx.clock.now(), deadline));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(CallError::definite(SERVICE, "command.not_started", "its time was over before it was started"));
        }
        let open = self.env.iter().map(|(name, value)| Ok((name.clone(), value.clone())));
        let secret =
            self.secret_env.iter().map(|(name, secret)| Ok((name.clone(), cx.secrets.reveal(secret)?.to_owned())));
        Ok(Order {
            program: program.clone(),
            arguments: arguments.to_vec(),
            environment: open.chain(secret).collect::<Result<_, CallError>>()?,
            directory: self.directory.as_ref().map(PathBuf::from),
            timeout: left.map_or(self.timeout.get(), |left| left.min(self.timeout.get())),
        })
    }

    fn judge(&self, ran: &Ran, secrets: &Secrets) -> Result<Performed, CallError> {
        let unknown =
            |code: &str, message| Err(CallError::new(Effect::Unknown, Retry::Backoff, SERVICE, code, message));
        let complaint = || last_lines(&ran.stderr, 1, secrets).or_else(|| last_lines(&ran.stdout, 1, secrets));
        match ran.end {
            End::Exited(status) if status.success() => {
                let said = last_lines(&ran.stdout, LINES_SHOWN, secrets)
                    .or_else(|| last_lines(&ran.stderr, LINES_SHOWN, secrets));
                Ok(Performed { evidence: with_words("exit status 0", said) })
            }
            End::Exited(status) => unknown("command.failed", with_words(&described(status), complaint())),
            End::TimedOut => {
                unknown("command.timed_out", with_words(&format!("killed after {}", self.timeout), complaint()))
            }
            End::Lost => unknown("command.lost", with_words("the system does not tell how it ended", complaint())),
        }
    }

    fn check_environment(&self, findings: &mut Findings) {
        let open = self.env.iter().map(|(name, value)| ("env", name, value.as_str()));
        let secret = self.secret_env.keys().map(|name| ("secret_env", name, ""));
        for (field, name, value) in open.chain(secret) {
            if name.is_empty() || name.contains(['=', '\0']) {
                let message = format!("{name:?} is not the name of an environment variable");
                findings.error(&[field, name], codes::BAD_VALUE, message);
            }
            if value.contains('\0') {
                let message = format!("the value of {name} holds a NUL, which no environment can");
                findings.error(&[field, name], codes::BAD_VALUE, message);
            }
        }
        for name in self.secret_env.keys().filter(|name| self.env.contains_key(*name)) {
            let message = format!("{name} is given in env and in secret_env");
            findings.error(&["secret_env", name], codes::CONFLICTING_FIELDS, message);
        }
    }
}

/// The refusal of every command, unless the operator allowed them.
fn permission(cx: &Cx) -> Result<(), Refusal> {
    if cx.commands_allowed() {
        return Ok(());
    }
    Err(Refusal::new(NOT_ALLOWED, "commands of the runbook may not be run on this machine")
        .with_hint("read them in the plan's steps, then allow them with `--allow-commands`"))
}

fn not_started(program: &str, error: &io::Error) -> CallError {
    let for_good =
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput);
    let retry = if for_good { Retry::Never } else { Retry::Backoff };
    let message = format!("{program} cannot be started: {error}");
    CallError::new(Effect::None, retry, SERVICE, "command.not_started", message)
}

/// The last lines of an output that say anything, in one line.
fn last_lines(output: &Tail, count: usize, secrets: &Secrets) -> Option<String> {
    // A secret may be longer than a line, so it goes before the lines part.
    let text = secrets.redact(&output.text());
    let mut lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(count).collect();
    lines.reverse();
    (!lines.is_empty()).then(|| one_line(&lines.join(" / "), secrets))
}

fn with_words(end: &str, said: Option<String>) -> String {
    said.map_or_else(|| end.to_owned(), |said| format!("{end}: {said}"))
}

fn described(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("ended by signal {signal}");
    }
    status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}"))
}

/// An argument as a shell would take it, where it would take it as it is; quoted otherwise.
fn argument(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("{text:?}") }
}

impl Task for Command {
    const KIND: &'static str = "command";
    const EXAMPLE: &'static str = "\
argv: [/usr/local/bin/announce, --channel, on call, region r2 is active]
env: { CHAT_SERVER: chat.example }
timeout: 20s";

    fn check(&self, findings: &mut Findings) {
        match self.argv.first() {
            None => {
                findings.error(&["argv"], codes::BAD_VALUE, "a command needs a program to run");
            }
            Some(program) if program.trim().is_empty() => {
                findings.error(&["argv", "0"], codes::BAD_VALUE, "the program has no name");
            }
            Some(program) if self.argv.len() == 1 && program.contains(char::is_whitespace) => {
                findings
                    .warning(&["argv", "0"], codes::BAD_VALUE, format!("the whole of {program:?} names one program"))
                    .because("no shell takes a line apart here")
                    .hint("write the program and each argument as one item: [ls, -l]");
            }
            Some(_) => {}
        }
        for (index, text) in self.argv.iter().enumerate().filter(|(_, text)| text.contains('\0')) {
            let message = format!("{text:?} holds a NUL, which no argument can");
            findings.error(&["argv", &index.to_string()], codes::BAD_VALUE, message);
        }
        self.check_environment(findings);
        if self.directory.as_ref().is_some_and(|directory| directory.is_empty() || directory.contains('\0')) {
            findings.error(&["directory"], codes::BAD_VALUE, "this names no directory");
        }
        if self.timeout.get().is_zero() {
            findings.error(&["timeout"], codes::OUT_OF_RANGE, "a command takes more than no time");
        }
    }

    fn admit(&self, cx: &Cx) -> Result<(), Refusal> {
        permission(cx)
    }

    async fn perform(&self, cx: &Cx) -> Result<Performed, CallError> {
        permission(cx).map_err(|refusal| CallError::definite(SERVICE, refusal.code, refusal.message))?;
        let order = self.order(cx)?;
        let program = order.program.clone();
        let ran = process::run(order).await.map_err(|error| not_started(&program, &error))?;
        self.judge(&ran, &cx.secrets)
    }

    fn repeatable(&self) -> bool {
        self.idempotent
    }

    fn describe(&self) -> String {
        self.argv.iter().map(|text| argument(text)).collect::<Vec<_>>().join(" ")
    }

    fn pace(&self) -> TaskPace {
        let try_timeout = self.timeout.get();
        TaskPace { try_timeout, timeout: try_timeout.max(Duration::from_mins(1)), ..TaskPace::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeWire, cx, cx_with_secret};
    use lifeboat_contract::{Code, CommandsAllowed, Severity};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn task(with: Value) -> Command {
        serde_json::from_value(with).unwrap()
    }

    #[cfg(unix)]
    fn script(text: &str) -> Command {
        task(json!({ "argv": ["/bin/sh", "-c", text] }))
    }

    fn allowed(cx: Cx) -> Cx {
        let mut providers = http::Extensions::new();
        providers.insert(CommandsAllowed);
        Cx { providers: Arc::new(providers), ..cx }
    }

    fn surroundings() -> Cx {
        allowed(cx(&FakeWire::answering(200, "")))
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn without_permission_nothing_is_run() {
        let marker = std::env::temp_dir().join(format!("lifeboat-{}-forbidden", std::process::id()));
        let task = task(json!({ "argv": ["touch", marker.to_str().unwrap()] }));
        let cx = cx(&FakeWire::answering(200, ""));
        assert_eq!(task.admit(&cx).unwrap_err().code, "command.not_allowed");
        let error = task.perform(&cx).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.effect, error.retry),
            ("command.not_allowed", Effect::None, Retry::Never)
        );
        assert!(!marker.exists());
        assert_eq!(task.admit(&surroundings()), Ok(()));
        task.perform(&surroundings()).await.unwrap();
        std::fs::remove_file(marker).unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_last_lines_tell_what_was_done_and_no_secret() {
        let mut task = script("echo a; echo b; echo \"c $TOKEN\"; echo; echo d; echo late >&2");
        task.secret_env = [("TOKEN".to_owned(), Secret { secret: "token".to_owned() })].into();
        let cx = allowed(cx_with_secret(&FakeWire::answering(200, ""), "token", "hunter2\nhunter3"));
        let performed = task.perform(&cx).await.unwrap();
        assert_eq!(performed.evidence, "exit status 0: b / c [secret] / d");
        assert_eq!(script("true").perform(&surroundings()).await.unwrap().evidence, "exit status 0");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_that_fails_may_have_done_something() {
        let error = script("echo fine; echo trying >&2; echo no such host >&2; exit 3").perform(&surroundings()).await;
        let error = error.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("command.failed", Effect::Unknown));
        assert_eq!(error.message, "exit status 3: no such host");
        let killed = script("kill -9 $$").perform(&surroundings()).await.unwrap_err();
        assert_eq!((killed.effect, killed.message.as_str()), (Effect::Unknown, "ended by signal 9"));
        let mut slow = script("echo waiting; sleep 300");
        slow.timeout = Span::secs(1);
        let late = slow.perform(&surroundings()).await.unwrap_err();
        assert_eq!((late.code.as_str(), late.effect), ("command.timed_out", Effect::Unknown));
        assert_eq!(late.message, "killed after 1s: waiting");
    }

    #[tokio::test]
    async fn what_was_never_started_did_nothing() {
        let error = task(json!({ "argv": ["/nonexistent/tool"] })).perform(&surroundings()).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.effect, error.retry),
            ("command.not_started", Effect::None, Retry::Never)
        );
        let unknown_secret = json!({ "argv": ["true"], "secret_env": { "A": { "secret": "gone" } } });
        let error = task(unknown_secret).perform(&surroundings()).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("secret.missing", Effect::None));
        let cx = surroundings();
        let over = CallScope { deadline: Some(cx.clock.now()), ..CallScope::default() };
        let error = over.enclose(task(json!({ "argv": ["true"] })).perform(&cx)).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect), ("command.not_started", Effect::None));
    }

    #[test]
    fn describes_itself_as_a_line_that_can_be_read() {
        let task = task(json!({ "argv": ["/opt/a.sh", "--to=r2", "on call", "", "a\"b\n"] }));
        assert_eq!(task.describe(), r#"/opt/a.sh --to=r2 "on call" "" "a\"b\n""#);
        assert!(!task.repeatable());
    }

    #[test]
    fn findings_name_the_field() {
        let codes_of = |with: Value| {
            let mut findings = Findings::default();
            Task::check(&task(with), &mut findings);
            let pairs =
                findings.as_slice().iter().map(|finding| (finding.path.to_string(), finding.code, finding.severity));
            pairs.collect::<Vec<(String, Code, Severity)>>()
        };
        let error = |path: &str, code| (path.to_owned(), code, Severity::Error);
        assert_eq!(codes_of(json!({ "argv": ["ls", "-l"], "timeout": "5m", "env": { "A": "" } })), []);
        assert_eq!(
            codes_of(json!({ "argv": ["ls -l"] })),
            [("argv/0".to_owned(), codes::BAD_VALUE, Severity::Warning)]
        );
        assert_eq!(
            codes_of(json!({
                "argv": [], "env": { "A=B": "x", "C": "y" }, "secret_env": { "C": { "secret": "c" } },
                "directory": "", "timeout": "0s",
            })),
            [
                error("argv", codes::BAD_VALUE),
                error("env/A=B", codes::BAD_VALUE),
                error("secret_env/C", codes::CONFLICTING_FIELDS),
                error("directory", codes::BAD_VALUE),
                error("timeout", codes::OUT_OF_RANGE),
            ]
        );
        assert_eq!(
            codes_of(json!({ "argv": [" ", "a\u{0}"] })),
            [error("argv/0", codes::BAD_VALUE), error("argv/1", codes::BAD_VALUE)]
        );
    }
}
