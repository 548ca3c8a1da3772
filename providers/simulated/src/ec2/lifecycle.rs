//! What time changes: instances that start and stop, interfaces that attach and detach. Answers no calls.

use super::{AttachmentStatus, Ec2, InstanceState, StateChange};
use jiff::Timestamp;
use lifeboat_contract::clock::after;

impl Ec2 {
    /// When the next transition ends. Nothing for transitions that never end.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let instances = self.instances.values().filter_map(|instance| instance.change.as_ref()).map(|change| change.at);
        let attachments =
            self.interfaces.values().filter_map(|interface| interface.attachment.as_ref()?.status.until());
        instances.chain(attachments).filter(|at| *at < Timestamp::MAX).min()
    }

    /// Completes what is due at `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        if self.next_event().is_none_or(|next| next > now) {
            return;
        }
        let before = self.clone();
        for interface in self.interfaces.values_mut() {
            let Some(attachment) = interface.attachment.as_mut() else { continue };
            match attachment.status {
                AttachmentStatus::Attaching { until } if until <= now => attachment.status = AttachmentStatus::Attached,
                AttachmentStatus::Detaching { until } if until <= now => interface.attachment = None,
                _ => {}
            }
        }
        let ids: Vec<String> = self.instances.keys().cloned().collect();
        for id in ids {
            // One instance may have several transitions behind it after a long pause.
            while let Some(change) = self.due(&id, now) {
                self.settle(&id, change);
            }
        }
        self.remember(&before, now);
    }

    /// Stops or starts an instance at once, as a power cut does. One that is gone stays gone.
    pub(crate) fn set_power(&mut self, instance: &str, on: bool, now: Timestamp) {
        let before = self.clone();
        let checks = self.options.checks.get();
        let Some(instance) = self.instances.get_mut(instance) else { return };
        if matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
            return;
        }
        instance.change = None;
        instance.state = if on { InstanceState::Running } else { InstanceState::Stopped };
        instance.checked_at = after(now, checks);
        let code = "Client.InstanceInitiatedShutdown";
        instance.state_reason = (!on).then(|| (code.to_owned(), format!("{code}: Instance initiated shutdown")));
        self.remember(&before, now);
    }

    fn due(&mut self, id: &str, now: Timestamp) -> Option<StateChange> {
        self.instances.get_mut(id)?.change.take_if(|change| change.at <= now)
    }

    fn settle(&mut self, id: &str, change: StateChange) {
        let options = self.options.clone();
        let Some(instance) = self.instances.get_mut(id) else { return };
        if instance.state == InstanceState::Terminated {
            self.instances.remove(id);
            self.tags.remove(id);
            return;
        }
        instance.state = change.to;
        if change.reason.is_some() {
            instance.state_reason = change.reason;
        }
        match change.to {
            InstanceState::Running => instance.checked_at = after(change.at, options.checks.get()),
            InstanceState::Terminated => {
                let forgotten = after(change.at, options.remember.get());
                instance.change = Some(StateChange { to: InstanceState::Terminated, at: forgotten, reason: None });
                self.release_interfaces(id);
            }
            _ => {}
        }
    }

    /// Deletes the interfaces of a terminated instance that were to go with it, and detaches the others.
    fn release_interfaces(&mut self, instance: &str) {
        let mut deleted = Vec::new();
        for interface in self.interfaces.values_mut() {
            let Some(attachment) = interface.attachment.take_if(|attachment| attachment.instance == instance) else {
                continue;
            };
            if attachment.delete_on_termination {
                deleted.push(interface.id.clone());
            }
        }
        for id in deleted {
            self.interfaces.remove(&id);
            self.tags.remove(&id);
        }
    }
}

impl AttachmentStatus {
    const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Attached => None,
            Self::Attaching { until } | Self::Detaching { until } => Some(until),
        }
    }
}
