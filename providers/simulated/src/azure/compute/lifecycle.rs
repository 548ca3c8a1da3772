//! What time, and accidents, change of machines. Answers no requests.

use super::{Compute, Power, VirtualMachine};
use jiff::Timestamp;

impl Compute {
    /// When the next transition ends. Nothing for transitions that never end.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let changes = self.machines.values().filter_map(|machine| machine.change.as_ref());
        changes.map(|change| change.at).filter(|at| *at < Timestamp::MAX).min()
    }

    /// Completes what is due at `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for machine in self.machines.values_mut() {
            let Some(change) = machine.change.take_if(|change| change.at <= now) else { continue };
            machine.power = change.to;
            machine.since = change.at;
            machine.failed = change.failure.is_some();
            machine.generation += 1;
        }
    }

    /// Stops or starts a machine at once, as a power cut does: it keeps its allocation. A deallocated one stays so.
    pub(crate) fn set_power(&mut self, name: &str, on: bool, now: Timestamp) {
        let Some(machine) = self.machines.values_mut().find(|machine| machine.name.eq_ignore_ascii_case(name)) else {
            return;
        };
        if !on && matches!(machine.power, Power::Deallocated | Power::Deallocating) {
            return;
        }
        machine.change = None;
        machine.power = if on { Power::Running } else { Power::Stopped };
        machine.since = now;
        machine.generation += 1;
    }

    /// Takes note of which zones are there: in a lost one nothing can be started.
    pub(crate) fn notice(&mut self, zone_up: &dyn Fn(&str, &str) -> bool) {
        for machine in self.machines.values_mut() {
            machine.room.zone_lost = machine.zone.as_ref().is_some_and(|zone| !zone_up(&machine.location, zone));
        }
    }
}

impl VirtualMachine {
    /// Its operating system is up.
    pub(crate) fn runs(&self) -> bool {
        self.power == Power::Running
    }
}
