//! The conformance suite: what every change must do, whatever its kind and its cloud.
//!
//! Runs a change forward and back over a world that it is handed, and says which rule of the contract was broken. Knows no kind.

use crate::{
    catalog::{DynChange, ObservedValue, TransitionValue},
    change::{Direction, Phase},
    cx::Cx,
    error::CallError,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// A change, its surroundings, and the whole configuration of the world it works on.
pub struct Subject<'a> {
    pub change: &'a dyn DynChange,
    pub cx: &'a Cx,
    /// The world's configuration, without clocks and counters.
    pub contents: &'a (dyn Fn() -> Value + Sync),
}

/// A rule that was broken.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    #[error("observing changed the world")]
    ObservingChanges,
    #[error("the target is no fixed point: asked of a world at {at}, it is {target}")]
    NoFixedPoint { at: Value, target: String },
    #[error("driving {direction:?} a second time changed the world again")]
    NotIdempotent { direction: Direction },
    #[error("driving back to {before} left the world different:\n{differences}")]
    NotRestored { before: Value, differences: String },
    #[error("the world does not settle at {goal}: it stands at {stands}")]
    NeverSettles { goal: Value, stands: Value },
    #[error("the change asks for what is there already: nothing was tested")]
    NothingToDo,
    #[error("the target was refused: {0}")]
    Refused(String),
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Runs the suite: observe, target, drive twice, drive back twice, and drive back after a drive that nobody waited for.
pub async fn conforms(subject: &Subject<'_>) -> Result<(), Violation> {
    let first = (subject.contents)();
    let before = subject.observe().await?;
    if (subject.contents)() != first {
        return Err(Violation::ObservingChanges);
    }
    let target = subject.target(&before)?;
    if target == before.state {
        return Err(Violation::NothingToDo);
    }
    subject.drive_to(&target, Direction::Forward).await?;
    subject.fixed_point(&target).await?;
    subject.drive_to(&before.state, Direction::Back).await?;
    subject.restored(&first, &before.state)?;

    // A drive whose end nobody saw: the way back starts from wherever the world is.
    let now = subject.observe().await?;
    subject.drive(now, &target, Direction::Forward).await?;
    subject.settle(&target).await?;
    subject.drive_to(&before.state, Direction::Back).await?;
    subject.restored(&first, &before.state)
}

impl Subject<'_> {
    async fn observe(&self) -> Result<ObservedValue, Violation> {
        Ok(self.change.observe(self.cx).await?)
    }

    fn target(&self, now: &ObservedValue) -> Result<Value, Violation> {
        self.change.target(now, &self.cx.run).map_err(|refusal| Violation::Refused(refusal.to_string()))
    }

    async fn drive(&self, now: ObservedValue, to: &Value, direction: Direction) -> Result<(), Violation> {
        let data_loss = match direction {
            Direction::Forward => self.cx.run.accepted_loss,
            Direction::Back => None,
        };
        let transition = TransitionValue { now, to: to.clone(), direction, mode: self.cx.run.mode, data_loss };
        Ok(self.change.drive(self.cx, &transition).await?)
    }

    /// Drives to a state and waits, then drives there once more: the second drive must change nothing.
    async fn drive_to(&self, goal: &Value, direction: Direction) -> Result<(), Violation> {
        let now = self.observe().await?;
        self.drive(now, goal, direction).await?;
        self.settle(goal).await?;
        let once = (self.contents)();
        let again = self.observe().await?;
        self.drive(again, goal, direction).await?;
        self.settle(goal).await?;
        if (self.contents)() == once { Ok(()) } else { Err(Violation::NotIdempotent { direction }) }
    }

    /// Waits until the world stands at `goal` and is settled, as often in a row as the kind's pace wants.
    async fn settle(&self, goal: &Value) -> Result<(), Violation> {
        let pace = self.change.pace();
        let looks = (pace.settle_timeout.as_millis() / pace.poll.as_millis().max(1)).max(1);
        let mut streak = 0;
        let mut stands = Value::Null;
        for _ in 0..looks {
            let seen = self.observe().await?;
            streak = if seen.phase == Phase::Settled && seen.state == *goal { streak + 1 } else { 0 };
            if streak >= pace.settled_polls {
                return Ok(());
            }
            stands = seen.state;
            tokio::time::sleep(pace.poll).await;
        }
        Err(Violation::NeverSettles { goal: goal.clone(), stands })
    }

    async fn fixed_point(&self, target: &Value) -> Result<(), Violation> {
        let now = self.observe().await?;
        match self.target(&now) {
            Ok(again) if again == *target => Ok(()),
            Ok(other) => Err(Violation::NoFixedPoint { at: now.state, target: other.to_string() }),
            Err(refused) => Err(Violation::NoFixedPoint { at: now.state, target: refused.to_string() }),
        }
    }

    fn restored(&self, first: &Value, before: &Value) -> Result<(), Violation> {
        let left = (self.contents)();
        if left == *first {
            return Ok(());
        }
        let mut differences = Vec::new();
        compare("", first, &left, &mut differences);
        Err(Violation::NotRestored { before: before.clone(), differences: differences.join("\n") })
    }
}

/// Where two values differ, a line each, by JSON pointer.
fn compare(at: &str, first: &Value, left: &Value, found: &mut Vec<String>) {
    match (first, left) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let member = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                compare(&format!("{at}/{key}"), &member(one), &member(other), found);
            }
        }
        (one, other) if one == other => {}
        (one, other) => found.push(format!("  {at}: {one} became {other}")),
    }
}
