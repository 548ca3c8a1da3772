//! The person at the terminal: who it is, what is asked, and what an interrupt means.

use crate::{
    engine::{Approver, Cancel, Declined},
    journal::Identity,
    report::Screen,
};
use lifeboat_contract::{StepId, wire::BoxFuture};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Who types, as the operating system knows them.
pub(super) fn identity() -> Identity {
    Identity {
        name: whoami::username().unwrap_or_else(|_| "unknown user".to_owned()),
        host: whoami::hostname().unwrap_or_else(|_| "unknown host".to_owned()),
    }
}

/// Whether somebody can be asked.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question on stderr and reads a line.
pub(super) fn ask(question: &str) -> io::Result<String> {
    eprint!("{question}");
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Asks for approvals on the terminal, where there is one. The progress lines give way to the question.
pub(super) struct Terminal {
    pub(super) screen: Option<Screen>,
}

impl Approver for Terminal {
    fn ask<'a>(
        &'a self,
        step: &'a StepId,
        message: Option<&'a str>,
    ) -> BoxFuture<'a, Option<Result<Identity, Declined>>> {
        let message = message.unwrap_or("the runbook asks for an approval here");
        let question = format!("\n{step}: {message}\ntype `approve` to go on, anything else to pause: ");
        Box::pin(async move {
            if !is_there() {
                return None;
            }
            // Reading a terminal blocks: the other steps go on meanwhile.
            if let Some(screen) = &self.screen {
                screen.hold();
            }
            let answer = tokio::task::spawn_blocking(move || ask(&question)).await;
            if let Some(Err(error)) = self.screen.as_ref().map(Screen::release) {
                eprintln!("note: the progress cannot be shown any more: {error}");
            }
            match answer {
                Ok(Ok(answer)) if answer == "approve" => Some(Ok(identity())),
                _ => Some(Err(Declined)),
            }
        })
    }
}

/// Counts Ctrl-C and SIGTERM. In virtual time there is nobody to interrupt: a run is over before a key is pressed.
pub(super) fn interrupts(virtual_time: bool, quiet: bool) -> io::Result<Cancel> {
    if virtual_time {
        return Ok(Cancel::never());
    }
    let (count, interrupts) = watch::channel(0);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            count.send_modify(|count| *count += 1);
            if !quiet {
                eprintln!(
                    "{}",
                    if *count.borrow() == 1 {
                        "interrupted: finishes the calls in flight, then pauses; once more stops waiting for them"
                    } else {
                        "interrupted again: stops waiting; what is in flight stays of unknown outcome"
                    }
                );
            }
        }
    });
    Ok(Cancel::new(interrupts))
}
