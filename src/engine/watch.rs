//! Judges one observation of a change under way: what to believe, and what to do next. Pure.
//!
//! Counts settled polls, tells *not visible yet* from *not done*, and holds a decision back while a call may still land.

use crate::journal::{Failure, ThreeWay};
use jiff::Timestamp;
use lifeboat_contract::{ObservedValue, Pace, Phase, Position, clock::after};
use serde_json::Value;

pub use lifeboat_contract::Direction;

/// A change being watched, in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    pub direction: Direction,
    pub before: Value,
    pub target: Value,
    /// When the last drive in this direction was accepted, in this life of the process.
    pub acknowledged_at: Option<Timestamp>,
    /// Until then, a forward call of unknown outcome may still take effect.
    pub lands_by: Option<Timestamp>,
    /// When waiting ends.
    pub deadline: Timestamp,
    /// Observations in a row at the goal.
    pub streak: u32,
}

/// What to do after an observation.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The world stands where the watch wants it, and stays there.
    Settled,
    /// Observe again after a pause; says what is waited for.
    Hold(String),
    /// Observe again, not before this moment: a call may still land.
    HoldUntil(Timestamp),
    /// Drive from what was just observed.
    Drive,
    Fail(Failure),
}

impl Watch {
    /// Where the direction begins.
    pub(super) fn start(&self) -> &Value {
        match self.direction {
            Direction::Forward => &self.before,
            Direction::Back => &self.target,
        }
    }
}

/// Judges one observation. The streak is carried in the watch.
pub fn judge(watch: &mut Watch, seen: &ObservedValue, pace: &Pace, now: Timestamp) -> Verdict {
    let position = Position::of(&seen.state, &watch.before, &watch.target);
    let at_goal = match watch.direction {
        Direction::Forward => position == Position::Target,
        // A change that was nothing to do stands at both.
        Direction::Back => position == Position::Before || watch.before == watch.target && position == Position::Target,
    };
    let verdict = match &seen.phase {
        Phase::Moving { toward, status } if !stays(watch, seen, toward.as_ref()) => {
            moving(watch, toward.as_ref(), status)
        }
        Phase::Faulted { code, message } if faults(watch, at_goal) => {
            Verdict::Fail(Failure::new(code.clone(), message.clone()))
        }
        _ if position == Position::Foreign => Verdict::Fail(drifted(watch, &seen.state)),
        _ if at_goal => {
            watch.streak += 1;
            return at_rest(watch, pace, now);
        }
        _ => away(watch, position, pace, now),
    };
    watch.streak = 0;
    match verdict {
        Verdict::Hold(what) if now >= watch.deadline => Verdict::Fail(timed_out(&what)),
        verdict => verdict,
    }
}

/// At the goal: settled after enough polls, and going back only once nothing can land any more.
fn at_rest(watch: &Watch, pace: &Pace, now: Timestamp) -> Verdict {
    match watch.lands_by {
        Some(lands_by) if watch.direction == Direction::Back && now < lands_by => Verdict::HoldUntil(lands_by),
        _ if watch.streak >= pace.settled_polls => Verdict::Settled,
        _ => Verdict::Hold(format!("stays where it should, {} of {} looks", watch.streak, pace.settled_polls)),
    }
}

/// Not at the goal, and nobody else's work: not visible yet, or to be driven.
fn away(watch: &Watch, position: Position, pace: &Pace, now: Timestamp) -> Verdict {
    if let Some(visible_by) = watch.acknowledged_at.map(|at| after(at, pace.visible_within))
        && now < visible_by
    {
        let what = if position == Position::Between { "half of it is visible" } else { "accepted, not visible yet" };
        return Verdict::Hold(what.to_owned());
    }
    match watch.lands_by {
        Some(lands_by) if watch.direction == Direction::Back && now < lands_by => Verdict::HoldUntil(lands_by),
        _ if now >= watch.deadline => Verdict::Fail(timed_out("the world does not move")),
        _ => Verdict::Drive,
    }
}

/// Somebody moves it: joined when it leads to our goal, refused when it leads elsewhere.
///
/// Going back, it may be our own late call: it is waited for, then decided.
fn moving(watch: &Watch, toward: Option<&Value>, status: &str) -> Verdict {
    let joined = toward.is_none_or(|toward| Position::of(toward, &watch.before, &watch.target) == Position::Target);
    if watch.direction == Direction::Back || joined {
        return Verdict::Hold(status.to_owned());
    }
    let mut failure = Failure::new("move.under_way", format!("another change is under way ({status})"))
        .hint("find out who is changing it; `lifeboat resume` looks again");
    failure.states = toward.map(|toward| ThreeWay {
        before: watch.before.clone(),
        target: watch.target.clone(),
        now: toward.clone(),
    });
    Verdict::Fail(failure)
}

/// A target that is registered and never becomes healthy moves, and yet its state stays what it is: going back need not wait for
/// it.
fn stays(watch: &Watch, seen: &ObservedValue, toward: Option<&Value>) -> bool {
    watch.direction == Direction::Back && toward == Some(&seen.state)
}

/// A fault ends the wait where it is our own doing. What was broken before we came does not keep us from leaving it, and is
/// restored as it was.
fn faults(watch: &Watch, at_goal: bool) -> bool {
    watch.direction == Direction::Forward && (at_goal || watch.acknowledged_at.is_some())
}

pub(super) fn drifted(watch: &Watch, now: &Value) -> Failure {
    let mut failure =
        Failure::new("drifted", "the world is neither as before nor as asked for: somebody else changed it");
    failure.states = Some(ThreeWay { before: watch.before.clone(), target: watch.target.clone(), now: now.clone() });
    failure
}

/// The code of a failure whose time was over.
pub(super) const TIMED_OUT: &str = "timed_out";

fn timed_out(what: &str) -> Failure {
    Failure { unknown: true, ..Failure::new(TIMED_OUT, format!("its time is over while waiting: {what}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_contract::Observed;
    use serde_json::json;

    fn watch(direction: Direction) -> Watch {
        Watch {
            direction,
            before: json!({"dial": 0}),
            target: json!({"dial": 100}),
            acknowledged_at: None,
            lands_by: None,
            deadline: at(1000),
            streak: 0,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(dial: i64, phase: Phase) -> ObservedValue {
        Observed { state: json!({"dial": dial}), facts: Value::Null, phase }
    }

    fn moving_to(dial: i64) -> Phase {
        Phase::Moving { toward: Some(json!({"dial": dial})), status: "moving".to_owned() }
    }

    #[test]
    fn forward_settles_after_as_many_looks_as_the_pace_wants() {
        let (mut watch, pace) = (watch(Direction::Forward), Pace::default());
        assert!(matches!(judge(&mut watch, &seen(100, Phase::Settled), &pace, at(0)), Verdict::Hold(_)));
        assert_eq!(judge(&mut watch, &seen(100, Phase::Settled), &pace, at(2)), Verdict::Settled);
    }

    #[test]
    fn a_look_elsewhere_breaks_the_streak() {
        let (mut watch, pace) = (watch(Direction::Forward), Pace::default());
        judge(&mut watch, &seen(100, Phase::Settled), &pace, at(0));
        judge(&mut watch, &seen(100, moving_to(100)), &pace, at(1));
        assert!(matches!(judge(&mut watch, &seen(100, Phase::Settled), &pace, at(2)), Verdict::Hold(_)));
    }

    #[test]
    fn accepted_is_not_visible_at_once() {
        let (mut watch, pace) = (watch(Direction::Forward), Pace::default());
        watch.acknowledged_at = Some(at(0));
        assert!(matches!(judge(&mut watch, &seen(0, Phase::Settled), &pace, at(14)), Verdict::Hold(_)));
        assert_eq!(judge(&mut watch, &seen(0, Phase::Settled), &pace, at(15)), Verdict::Drive);
    }

    #[test]
    fn going_back_waits_for_late_effects_at_either_end() {
        let pace = Pace::default();
        for dial in [0, 100] {
            let mut watch = watch(Direction::Back);
            watch.lands_by = Some(at(40));
            let early = judge(&mut watch, &seen(dial, Phase::Settled), &pace, at(39));
            assert_eq!(early, Verdict::HoldUntil(at(40)), "dial {dial}");
        }
        let mut watch = watch(Direction::Back);
        watch.lands_by = Some(at(40));
        assert_eq!(judge(&mut watch, &seen(100, Phase::Settled), &pace, at(40)), Verdict::Drive);
    }

    #[test]
    fn going_forward_again_need_not_wait_for_late_effects() {
        let mut watch = watch(Direction::Forward);
        watch.lands_by = Some(at(40));
        assert_eq!(judge(&mut watch, &seen(0, Phase::Settled), &Pace::default(), at(1)), Verdict::Drive);
    }

    #[test]
    fn somebody_elses_work_stops_both_directions() {
        for direction in [Direction::Forward, Direction::Back] {
            let verdict = judge(&mut watch(direction), &seen(7, Phase::Settled), &Pace::default(), at(0));
            let Verdict::Fail(failure) = verdict else { panic!("{verdict:?}") };
            assert_eq!((failure.code.as_str(), failure.states.unwrap().now), ("drifted", json!({"dial": 7})));
        }
    }

    #[test]
    fn a_move_to_our_goal_is_joined_and_any_other_refused() {
        let pace = Pace::default();
        let hold = judge(&mut watch(Direction::Forward), &seen(0, moving_to(100)), &pace, at(0));
        assert_eq!(hold, Verdict::Hold("moving".to_owned()));
        let fail = judge(&mut watch(Direction::Forward), &seen(0, moving_to(7)), &pace, at(0));
        assert!(matches!(fail, Verdict::Fail(failure) if failure.code == "move.under_way"));
        let wait = judge(&mut watch(Direction::Back), &seen(0, moving_to(100)), &pace, at(0));
        assert_eq!(wait, Verdict::Hold("moving".to_owned()), "going back, it may be our own late call");
    }

    #[test]
    fn going_back_does_not_wait_for_what_stays_as_it_is() {
        let verdict = judge(&mut watch(Direction::Back), &seen(100, moving_to(100)), &Pace::default(), at(0));
        assert_eq!(verdict, Verdict::Drive);
    }

    #[test]
    fn time_over_is_unknown_and_not_failed() {
        let verdict = judge(&mut watch(Direction::Forward), &seen(0, moving_to(100)), &Pace::default(), at(1000));
        assert!(matches!(verdict, Verdict::Fail(failure) if failure.unknown));
    }

    #[test]
    fn what_was_broken_before_does_not_hold_us() {
        let broken = || Phase::Faulted { code: "blackhole".to_owned(), message: "gone".to_owned() };
        let pace = Pace::default();
        assert_eq!(judge(&mut watch(Direction::Forward), &seen(0, broken()), &pace, at(0)), Verdict::Drive);
        assert!(matches!(judge(&mut watch(Direction::Forward), &seen(100, broken()), &pace, at(0)), Verdict::Fail(_)));
        let mut back = watch(Direction::Back);
        judge(&mut back, &seen(0, broken()), &pace, at(0));
        assert_eq!(judge(&mut back, &seen(0, broken()), &pace, at(2)), Verdict::Settled, "restored as it was");
    }
}
