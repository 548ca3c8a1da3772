//! Runs one process for real: clean surroundings, a group of its own, a bound on its time. Knows neither steps nor secrets.
//!
//! A process takes real time even where the caller's clock is virtual and paused. So it is attended on a thread of its own with
//! a runtime of its own: while such a thread is at work, the paused clock does not jump to the caller's next deadline.

use std::{
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    runtime::Builder,
    select,
    sync::oneshot,
    time::{sleep, timeout},
};

/// How much of each output is kept.
const OUTPUT_MAX_BYTES: usize = 64 * 1024;

/// How long a killed process may take to vanish, and how long an output may stay open after its process has ended.
const GRACE: Duration = Duration::from_secs(1);

/// What to run. Holds secrets: it has no `Debug`.
pub(crate) struct Order {
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    /// All of the environment but `PATH`, which is our own unless it is given.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

/// A process that was started, and what it left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) stdout: Tail,
    pub(crate) stderr: Tail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exited(ExitStatus),
    /// Killed, and with it all that it had started.
    TimedOut,
    /// Killed likewise: the caller lost interest, or the system does not tell what became of it.
    Lost,
}

/// Runs `order` to its end. An error means that nothing was started.
///
/// Dropping the future kills what was started.
pub(crate) async fn run(order: Order) -> io::Result<Ran> {
    let (_interest, abandoned) = oneshot::channel();
    match tokio::task::spawn_blocking(move || attend(order, abandoned)).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(io::Error::other("the program is ending")),
    }
}

fn attend(order: Order, abandoned: oneshot::Receiver<()>) -> io::Result<Ran> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_here(order, abandoned))
}

async fn run_here(order: Order, mut abandoned: oneshot::Receiver<()>) -> io::Result<Ran> {
    let mut child = start(&order)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (mut stdout, mut stderr) = (Tail::default(), Tail::default());
    let end = {
        let mut reading = Box::pin(async { tokio::join!(drain(out, &mut stdout), drain(err, &mut stderr)) });
        let mut deadline = Box::pin(sleep(order.timeout));
        let mut is_read = false;
        let end = loop {
            select! {
                biased;
                // Losing the status of a process that was started must not look as if none had been.
                status = child.wait() => break status.map_or(End::Lost, End::Exited),
                _ = &mut abandoned => break End::Lost,
                () = &mut deadline => break End::TimedOut,
                _ = &mut reading, if !is_read => is_read = true,
            }
        };
        if !matches!(end, End::Exited(_)) {
            kill(&mut child).await;
        }
        // Something that it left running on purpose may hold its outputs open for ever.
        if !is_read {
            let _ = timeout(GRACE, &mut reading).await;
        }
        end
    };
    Ok(Ran { end, stdout, stderr })
}

fn start(order: &Order) -> io::Result<Child> {
    let mut command = Command::new(&order.program);
    command.args(&order.arguments).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs(order.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(directory) = &order.directory {
        if !directory.is_dir() {
            let message = format!("{} is not a directory", directory.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        command.current_dir(directory);
    }
    // So that what it starts is killed with it, and an interrupt at the terminal reaches us alone.
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

/// Kills the process and its whole group. It has not been waited for yet, so its number is still its own.
async fn kill(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
        // Fails only where nothing is left to kill.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.start_kill();
    // One that hangs in the kernel, on storage that is gone, dies when that lets it.
    let _ = timeout(GRACE, child.wait()).await;
}

async fn drain(output: Option<impl AsyncRead + Unpin>, tail: &mut Tail) {
    let Some(mut output) = output else { return };
    let mut chunk = [0; 8 * 1024];
    while let Ok(read @ 1..) = output.read(&mut chunk).await {
        tail.push(&chunk[..read]);
    }
}

/// The end of an output.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Tail {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() > OUTPUT_MAX_BYTES {
            self.bytes.drain(..self.bytes.len() - OUTPUT_MAX_BYTES);
            self.is_cut = true;
        }
    }

    /// What was kept, from the start of a line on: half a line might hold half a secret.
    pub(crate) fn text(&self) -> String {
        let whole = match self.bytes.iter().position(|&byte| byte == b'\n').filter(|_| self.is_cut) {
            Some(end) => &self.bytes[end + 1..],
            None if self.is_cut => &[],
            None => &self.bytes,
        };
        String::from_utf8_lossy(whole).into_owned()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{io::Read as _, path::Path};

    fn shell(script: &str, timeout: Duration) -> Order {
        Order {
            program: "/bin/sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: Vec::new(),
            directory: None,
            timeout,
        }
    }

    fn pipe(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("lifeboat-{}-{name}", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    /// Waits on a thread until the pipe has a writer, and then until it has none any more.
    fn writers_of(path: &Path) -> (oneshot::Receiver<()>, oneshot::Receiver<()>) {
        let (opened, has_opened) = oneshot::channel();
        let (closed, has_closed) = oneshot::channel();
        let path = path.to_owned();
        std::thread::spawn(move || {
            let mut pipe = std::fs::File::open(&path).unwrap();
            // A test that does not want to know has dropped the other end.
            let _ = opened.send(());
            pipe.read_to_end(&mut Vec::new()).unwrap();
            std::fs::remove_file(&path).unwrap();
            let _ = closed.send(());
        });
        (has_opened, has_closed)
    }

    /// A script whose child holds the pipe open for much longer than any test takes.
    fn holding(path: &Path) -> String {
        format!("sleep 300 > {} & wait", path.display())
    }

    #[tokio::test]
    async fn a_process_that_takes_too_long_is_killed_with_all_that_it_started() {
        let path = pipe("timed-out");
        let (_, closed) = writers_of(&path);
        let ran = run(shell(&holding(&path), Duration::from_secs(1))).await.unwrap();
        assert_eq!(ran.end, End::TimedOut);
        timeout(Duration::from_secs(10), closed).await.expect("the child was killed too").unwrap();
    }

    #[tokio::test]
    async fn a_process_that_nobody_waits_for_any_more_is_killed() {
        let path = pipe("abandoned");
        let (opened, closed) = writers_of(&path);
        let running = tokio::spawn(run(shell(&holding(&path), Duration::from_mins(5))));
        opened.await.unwrap();
        running.abort();
        timeout(Duration::from_secs(10), closed).await.expect("the child was killed too").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_does_not_jump_past_a_running_process() {
        let order = shell("sleep 0.2; echo done", Duration::from_mins(1));
        let ran = timeout(Duration::from_millis(10), run(order)).await.expect("no virtual time passed").unwrap();
        assert!(matches!(ran.end, End::Exited(status) if status.success()), "{ran:?}");
        assert_eq!(ran.stdout.text(), "done\n");
    }

    #[tokio::test]
    async fn what_it_leaves_running_does_not_hold_the_step_up() {
        let path = pipe("left");
        let (opened, closed) = writers_of(&path);
        // The child keeps the outputs, and goes on after its parent has ended.
        let script = format!("(exec 3> {0}; read go < {0}.go) & echo started", path.display());
        let go = PathBuf::from(format!("{}.go", path.display()));
        assert!(std::process::Command::new("mkfifo").arg(&go).status().unwrap().success());
        let ran = run(shell(&script, Duration::from_mins(1))).await.unwrap();
        assert!(matches!(ran.end, End::Exited(status) if status.success()), "{ran:?}");
        assert_eq!(ran.stdout.text(), "started\n");
        opened.await.unwrap();
        std::fs::write(&go, "go\n").unwrap();
        timeout(Duration::from_secs(10), closed).await.expect("it was alive until then").unwrap();
        std::fs::remove_file(&go).unwrap();
    }

    #[tokio::test]
    async fn the_surroundings_are_clean() {
        let mut order =
            shell("env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | sort; pwd", Duration::from_mins(1));
        order.environment = vec![("OWNER".to_owned(), "b".to_owned())];
        order.directory = Some(PathBuf::from("/"));
        let ran = run(order).await.unwrap();
        let path = std::env::var("PATH").unwrap();
        assert_eq!(ran.stdout.text(), format!("OWNER=b\nPATH={path}\n/\n"));
    }

    #[tokio::test]
    async fn what_cannot_be_started_was_not_started() {
        let mut nowhere = shell("true", Duration::from_mins(1));
        nowhere.directory = Some(PathBuf::from("/nonexistent"));
        assert_eq!(run(nowhere).await.unwrap_err().to_string(), "/nonexistent is not a directory");
        let missing = Order { program: "/nonexistent".to_owned(), ..shell("", Duration::from_mins(1)) };
        assert_eq!(run(missing).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_long_output_keeps_its_last_whole_lines() {
        let mut tail = Tail::default();
        tail.push(&vec![b'x'; OUTPUT_MAX_BYTES]);
        assert_eq!(tail.text().len(), OUTPUT_MAX_BYTES);
        tail.push(b"secr");
        assert_eq!(tail.text(), "", "a line without its start might hold half a secret");
        tail.push(b"et\nlast\n");
        assert_eq!(tail.text(), "last\n");
    }
}
