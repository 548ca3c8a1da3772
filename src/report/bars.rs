//! The reporter for a terminal: a line for each step under way, and above them what has happened.
//!
//! Draws on standard error only. Time is the notices' own; between notices it stands still, unless a clock is given: a
//! simulated run's time does not pass by itself, and must not be read from the wall.

use super::{
    duration::{between, words},
    event::event,
    layout::clean,
    lines::Story,
    style::Style,
};
use crate::{
    engine::{Notice, Reporter, RunState, Standing, StepPhase},
    journal::Record,
};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use jiff::Timestamp;
use lifeboat_contract::{SharedClock, Span, StepId};
use std::{
    collections::BTreeMap,
    fmt, io, mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// Redraws in a second, at most: more only flickers over a slow connection.
const REDRAWS: u8 = 10;
const TICK: Duration = Duration::from_millis(250);

/// A line for each running step, below a header with the time since the run began.
pub struct Bars {
    style: Style,
    story: Story,
    screen: Screen,
    now: Arc<Now>,
    ticks: bool,
    header: Option<ProgressBar>,
    rows: BTreeMap<StepId, Row>,
}

/// The lines on the terminal. They can be taken away while a question is asked.
#[derive(Clone)]
pub struct Screen {
    lines: MultiProgress,
    /// What happened while the lines were away; `None` while they are there.
    held: Arc<Mutex<Option<Vec<String>>>>,
}

/// A step under way.
struct Row {
    bar: ProgressBar,
    text: String,
    is_wait: bool,
}

/// The time to show.
struct Now {
    clock: Option<SharedClock>,
    noticed_ms: AtomicI64,
}

impl fmt::Debug for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bars").field("style", &self.style).field("story", &self.story).finish_non_exhaustive()
    }
}

impl Bars {
    /// Lines on standard error. Times move with the notices.
    pub fn new(style: Style) -> Self {
        Self::on(ProgressDrawTarget::stderr_with_hz(REDRAWS), style)
    }

    /// Lets times move between notices too. For runs in real time only.
    #[must_use]
    pub fn ticking(mut self, clock: SharedClock) -> Self {
        self.now = Arc::new(Now { clock: Some(clock), noticed_ms: AtomicI64::new(0) });
        self.ticks = true;
        self
    }

    /// The handle to take the lines away with, from anywhere.
    pub fn screen(&self) -> Screen {
        self.screen.clone()
    }

    fn on(target: ProgressDrawTarget, style: Style) -> Self {
        let lines = MultiProgress::with_draw_target(target);
        Self {
            style,
            story: Story::default(),
            screen: Screen { lines, held: Arc::default() },
            now: Arc::new(Now { clock: None, noticed_ms: AtomicI64::new(0) }),
            ticks: false,
            header: None,
            rows: BTreeMap::new(),
        }
    }

    /// One line of the terminal: a subject, the time since a moment, and a text that is cut at the edge.
    fn bar(&self, subject: String, since: Timestamp, limit: Option<Duration>) -> ProgressBar {
        let now = self.now.clone();
        let time = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let passed = between(since, now.get());
            let written = match limit {
                Some(limit) => write!(out, "{passed} of {}", words(limit)),
                None => write!(out, "{passed}"),
            };
            written.expect("indicatif writes to a string");
        };
        let template = ProgressStyle::with_template("{prefix}  {time}  {wide_msg}").expect("the template is constant");
        let bar = ProgressBar::no_length().with_style(template.with_key("time", time));
        bar.with_prefix(subject)
    }

    fn begin_ticks(&self, bar: &ProgressBar) {
        if self.ticks {
            bar.enable_steady_tick(TICK);
        }
    }

    fn head(&mut self, state: &RunState) {
        if self.header.is_none() {
            let subject = format!("{} to {}", state.plan.runbook.name, state.plan.to);
            let bar = self.bar(subject, state.opened_at, state.plan.rto.map(Span::get));
            let bar = self.screen.lines.insert(0, bar);
            self.begin_ticks(&bar);
            self.header = Some(bar);
        }
        if let Some(header) = &self.header {
            let done = state.steps.values().filter(|step| step.is_done()).count();
            header.set_message(format!("{done} of {} steps done", state.steps.len()));
        }
    }

    /// Says what a step does now; the time beside it begins anew when that changes.
    fn show(&mut self, step: &StepId, at: Timestamp, text: String) {
        if self.rows.get(step).is_some_and(|row| row.text == text) {
            return;
        }
        let subject = format!("  {step:<width$}", width = self.story.id_width());
        let fresh = self.bar(subject, at, None);
        let bar = if let Some(row) = self.rows.get(step) {
            row.bar.set_style(fresh.style());
            row.bar.clone()
        } else {
            let bar = self.screen.lines.add(fresh);
            self.begin_ticks(&bar);
            bar
        };
        bar.set_message(text.clone());
        self.rows.insert(step.clone(), Row { bar, text, is_wait: false });
    }

    fn hide(&mut self, step: &StepId) {
        if let Some(row) = self.rows.remove(step) {
            row.bar.finish_and_clear();
            self.screen.lines.remove(&row.bar);
        }
    }

    fn clear(&mut self) {
        for (_, row) in mem::take(&mut self.rows) {
            row.bar.finish_and_clear();
        }
        if let Some(header) = self.header.take() {
            header.finish_and_clear();
        }
    }

    fn redraw(&self) {
        for bar in self.header.iter().chain(self.rows.values().map(|row| &row.bar)) {
            bar.tick();
        }
    }

    fn recorded(&mut self, at: Timestamp, record: &Record, state: &RunState) -> io::Result<()> {
        self.story.learn(state);
        self.head(state);
        let event = event(at, record, state);
        if event.stays {
            let line = self.story.line(at, record.step(), &event, &self.style);
            self.screen.println(line)?;
        }
        if let Some(step) = record.step() {
            if is_under_way(&state.steps[step].phase) {
                self.show(step, at, event.text);
                if let (Record::WaitStarted { .. }, Some(row)) = (record, self.rows.get_mut(step)) {
                    row.is_wait = true;
                }
            } else {
                self.hide(step);
            }
        }
        if state.standing != Standing::Running {
            self.clear();
        }
        Ok(())
    }
}

impl Reporter for Bars {
    fn notice(&mut self, notice: &Notice<'_>) -> io::Result<()> {
        let (Notice::Recorded { at, .. } | Notice::Waiting { at, .. }) = *notice;
        self.now.noticed_ms.store(at.as_millisecond(), Ordering::Relaxed);
        match *notice {
            Notice::Recorded { at, record, state } => self.recorded(at, record, state)?,
            // A wait's own record says how long it lasts.
            Notice::Waiting { step, .. } if self.rows.get(step).is_some_and(|row| row.is_wait) => {}
            Notice::Waiting { at, step, what } => self.show(step, at, clean(&what.replace('\n', " ")).into_owned()),
        }
        self.redraw();
        Ok(())
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Screen {
    /// Takes the lines away until [`Screen::release`]. The run goes on meanwhile; what happens is told afterwards.
    pub fn hold(&self) {
        let mut held = self.held();
        if held.is_none() && self.lines.clear().is_ok() {
            self.lines.set_draw_target(ProgressDrawTarget::hidden());
            *held = Some(Vec::new());
        }
    }

    /// Brings the lines back on standard error.
    pub fn release(&self) -> io::Result<()> {
        let Some(missed) = self.held().take() else { return Ok(()) };
        self.lines.set_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        missed.into_iter().try_for_each(|line| self.lines.println(line))
    }

    fn println(&self, line: String) -> io::Result<()> {
        match self.held().as_mut() {
            Some(missed) => {
                missed.push(line);
                Ok(())
            }
            None => self.lines.println(line),
        }
    }

    /// A panic while a line was pushed leaves the list as good as before.
    fn held(&self) -> std::sync::MutexGuard<'_, Option<Vec<String>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn get(&self) -> Timestamp {
        match &self.clock {
            Some(clock) => clock.now(),
            None => Timestamp::from_millisecond(self.noticed_ms.load(Ordering::Relaxed)).unwrap_or_default(),
        }
    }
}

/// Whether a step deserves a line of its own now. A check stays pending while it is tried.
fn is_under_way(phase: &StepPhase) -> bool {
    matches!(phase, StepPhase::Pending | StepPhase::Begun | StepPhase::WaitingUntil(_) | StepPhase::Undoing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, Telling};
    use indicatif::TermLike;
    use lifeboat_contract::Direction;

    const COLUMNS: usize = 80;

    /// A terminal that keeps what stands on it: rows of characters that wrap at the edge, and a cursor.
    #[derive(Debug, Clone, Default)]
    struct Glass(Arc<Mutex<Grid>>);

    #[derive(Debug, Default)]
    struct Grid {
        rows: Vec<String>,
        row: usize,
        column: usize,
    }

    impl Glass {
        fn edit(&self, edit: impl FnOnce(&mut Grid)) -> io::Result<()> {
            let mut grid = self.0.lock().map_err(|_| io::Error::other("a test panicked on it"))?;
            edit(&mut grid);
            Ok(())
        }

        fn text(&self) -> String {
            let rows: Vec<String> = self.0.lock().unwrap().rows.iter().map(|row| row.trim_end().to_owned()).collect();
            rows.join("\n").trim_end().to_owned()
        }
    }

    impl Grid {
        fn put(&mut self, c: char) {
            if c == '\n' || self.column == COLUMNS {
                (self.row, self.column) = (self.row + 1, 0);
            }
            if c == '\r' {
                self.column = 0;
            }
            self.rows.resize(self.rows.len().max(self.row + 1), String::new());
            if !c.is_control() {
                let mut row: Vec<char> = self.rows[self.row].chars().collect();
                row.resize(row.len().max(self.column + 1), ' ');
                row[self.column] = c;
                self.rows[self.row] = row.into_iter().collect();
                self.column += 1;
            }
        }
    }

    impl TermLike for Glass {
        fn width(&self) -> u16 {
            u16::try_from(COLUMNS).unwrap()
        }
        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            self.edit(|grid| grid.row = grid.row.saturating_sub(n))
        }
        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.edit(|grid| grid.row += n)
        }
        fn move_cursor_right(&self, n: usize) -> io::Result<()> {
            self.edit(|grid| grid.column = (grid.column + n).min(COLUMNS))
        }
        fn move_cursor_left(&self, n: usize) -> io::Result<()> {
            self.edit(|grid| grid.column = grid.column.saturating_sub(n))
        }
        fn write_line(&self, s: &str) -> io::Result<()> {
            self.write_str(s)?;
            self.edit(|grid| grid.put('\n'))
        }
        fn write_str(&self, s: &str) -> io::Result<()> {
            self.edit(|grid| s.chars().for_each(|c| grid.put(c)))
        }
        fn clear_line(&self) -> io::Result<()> {
            self.edit(|grid| {
                let row = grid.row;
                if let Some(row) = grid.rows.get_mut(row) {
                    row.clear();
                }
                grid.column = 0;
            })
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn bars() -> (Bars, Glass) {
        let glass = Glass::default();
        let target = ProgressDrawTarget::term_like(Box::new(glass.clone()));
        (Bars::on(target, Style { color: false, width: 80 }), glass)
    }

    fn tell(bars: &mut Bars, told: &Telling) {
        for (at, record, state) in &told.told {
            bars.notice(&Notice::Recorded { at: *at, record, state }).unwrap();
        }
    }

    #[test]
    fn a_step_under_way_says_what_it_waits_for_and_for_how_long() {
        let told = Telling::of(sample::failover())
            .passes("standby-ready", 3)
            .begins("promote-database")
            .sends("promote-database", 1, Direction::Forward)
            .answered("promote-database", 1, Some(sample::throttled()));
        let (mut bars, glass) = bars();
        tell(&mut bars, &told);
        let step = "promote-database".into();
        for ms in [10_000, 40_000, 75_000] {
            bars.notice(&Notice::Waiting { at: sample::at(ms), step: &step, what: "switching-over" }).unwrap();
        }
        insta::assert_snapshot!(glass.text(), @r"
             6s  standby-ready     passed after 4s: 200 OK, 12 ms
           6.4s  promote-database  attempt 1 failed: rds in us-west-2 answered Throttlin
        gException: Rate exceeded
        region-failover to r2  1m 15s of 10m  1 of 7 steps done
          promote-database  1m 5s  switching-over
        ");
    }

    #[test]
    fn a_run_that_ends_leaves_its_story_and_no_bars() {
        let (mut bars, glass) = bars();
        tell(&mut bars, &sample::completed());
        insta::assert_snapshot!(glass.text(), @r#"
             6s  standby-ready     passed after 4s: 200 OK, 12 ms
           6.4s  promote-database  attempt 1 failed: rds in us-west-2 answered Throttlin
        gException: Rate exceeded
            54s  promote-database  changed after 48s
          1m 7s  open-standby      changed after 12s
          1m 7s  close-active      unchanged: dial 0
          1m 7s  drain-active      owed: it needs us-east-1, declared lost
          1m 7s  announce          skipped: its condition does not hold: mode == "switch
        over"
         1m 11s  traffic-healthy   passed after 2s: 200 OK, 12 ms
         1m 11s  run               completed
        "#);
    }

    #[test]
    fn nothing_is_drawn_while_a_question_stands() {
        let (mut bars, glass) = bars();
        let told = Telling::of(sample::switchover()).passes("standby-ready", 1).begins("promote-database");
        tell(&mut bars, &told);
        bars.screen().hold();
        let asked = glass.text();
        let more = told.sends("promote-database", 1, Direction::Forward).answered(
            "promote-database",
            1,
            Some(sample::throttled()),
        );
        tell(&mut bars, &more);
        assert_eq!(glass.text(), asked);
        assert!(!asked.contains("steps done"), "the lines are away: {asked}");
        let missed = bars.screen.held().clone().unwrap();
        assert!(missed.last().is_some_and(|line| line.contains("Rate exceeded")), "{missed:?}");
    }
}
