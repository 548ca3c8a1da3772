//! What is asked of a machine's power: which action may follow which state, and how it will end. Completes none itself.

use super::{Action, ComputeTimes, Power, PowerChange, VirtualMachine};
use crate::azure::{ArmCx, ArmError, ArmReply, ArmRequest, NewOperation, Style};
use std::time::Duration;

impl Action {
    /// The action of a path's last segment, in lower case.
    pub(super) fn of(segment: &str) -> Option<Self> {
        match segment {
            "start" => Some(Self::Start),
            "restart" => Some(Self::Restart),
            "poweroff" => Some(Self::PowerOff),
            "deallocate" => Some(Self::Deallocate),
            _ => None,
        }
    }

    /// The state while it goes on, and the state it leads to.
    const fn states(self) -> (Power, Power) {
        match self {
            Self::Start | Self::Restart => (Power::Starting, Power::Running),
            Self::PowerOff => (Power::Stopping, Power::Stopped),
            Self::Deallocate => (Power::Deallocating, Power::Deallocated),
        }
    }

    const fn duration(self, times: ComputeTimes) -> Duration {
        match self {
            Self::Start => times.start,
            Self::Restart => times.restart,
            Self::PowerOff => times.power_off,
            Self::Deallocate => times.deallocate,
        }
    }
}

impl VirtualMachine {
    /// Begins an action. One that is going on already is joined; one that has nothing to do succeeds at once.
    pub(super) fn act(
        &mut self,
        action: Action,
        request: &ArmRequest<'_>,
        cx: &ArmCx<'_>,
        times: ComputeTimes,
    ) -> Result<ArmReply, ArmError> {
        if let Some(change) = self.change.clone() {
            return if change.action == action { Ok(self.running(&change, cx)) } else { Err(busy()) };
        }
        if !self.needs(action)? {
            self.failed = false;
            return Ok(ArmReply::Empty(200));
        }
        let at_once = action == Action::PowerOff
            && request.parameter("skipShutdown").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let duration = if at_once { Duration::from_secs(1) } else { action.duration(times) };
        let (meanwhile, target) = action.states();
        let refusal = if action == Action::Start { self.allocate(cx) } else { None };
        let (duration, to, failure) = match refusal {
            Some(refusal) => (times.refuse, self.power, Some(refusal)),
            None => match cx.outcome(None) {
                Ok(_) => (duration, target, None),
                Err(failure) => (duration, self.power, Some(failure)),
            },
        };
        let change = PowerChange { action, at: cx.end(duration), to, failure };
        self.power = meanwhile;
        self.since = cx.now;
        self.generation += 1;
        self.change = Some(change.clone());
        Ok(self.running(&change, cx))
    }

    /// Whether an action would change anything here and now.
    fn needs(&self, action: Action) -> Result<bool, ArmError> {
        match (action, self.power) {
            (Action::Start, Power::Running)
            | (Action::PowerOff, Power::Stopped | Power::Deallocated)
            | (Action::Deallocate, Power::Deallocated) => Ok(false),
            (Action::Restart, Power::Stopped | Power::Deallocated) => {
                let message =
                    format!("Operation 'restart' is not allowed on VM '{}' since it does not run.", self.name);
                Err(ArmError::conflict("OperationNotAllowed", message))
            }
            _ => Ok(true),
        }
    }

    /// Takes room for a machine that starts. Returns the code and message of a refusal.
    ///
    /// Only a deallocated machine needs new room: a stopped one has kept its own. In a lost zone neither starts.
    fn allocate(&mut self, cx: &ArmCx<'_>) -> Option<(String, String)> {
        let again = self.room.again_from.is_some_and(|from| from <= cx.now);
        let left = self.room.left.filter(|_| self.power == Power::Deallocated && !again);
        if self.room.zone_lost || left == Some(0) {
            return Some(self.refusal());
        }
        if let Some(left) = left {
            self.room.left = Some(left - 1);
        }
        None
    }

    fn refusal(&self) -> (String, String) {
        let (code, place) = match &self.zone {
            Some(zone) => ("ZonalAllocationFailed", format!("zone {zone} of {}", self.location)),
            None => ("AllocationFailed", self.location.clone()),
        };
        let message = format!(
            "Allocation failed. We do not have sufficient capacity for the requested VM size {} in {place}. Read more \
             about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
            self.size
        );
        (code.to_owned(), message)
    }

    fn running(&self, change: &PowerChange, cx: &ArmCx<'_>) -> ArmReply {
        let outcome = change.failure.clone().map_or(Ok(None), Err);
        let operation = NewOperation {
            style: Style::Both,
            ends_at: change.at,
            resource: self.id(cx),
            location: self.location.clone(),
            outcome,
        };
        ArmReply::Running { status: 202, body: None, operation }
    }
}

fn busy() -> ArmError {
    let message = "The request failed due to conflict with a concurrent request. To resolve it, please refer to \
                   https://aka.ms/activitylog to get more details on the conflicting requests.";
    ArmError::conflict("Conflict", message)
}
