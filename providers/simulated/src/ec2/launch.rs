//! Instances that another service launches and terminates: groups of them, nodes. Decides nothing about how many.

use super::{
    Attachment, AttachmentStatus, Ec2, Instance, InstanceState, NetworkInterface, StateChange, capacity::Grant,
    instances::no_capacity,
};
use crate::{codec::ApiError, ids, pace::Pace};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use std::{collections::BTreeMap, time::Duration};

/// An instance to be launched, with one interface.
#[derive(Debug, Clone)]
pub(crate) struct Launch<'a> {
    pub(crate) id: &'a str,
    pub(crate) subnet: &'a str,
    pub(crate) instance_type: &'a str,
    /// The network's default group when there is none.
    pub(crate) security_groups: &'a [String],
    pub(crate) tags: BTreeMap<String, String>,
    /// How long it takes until it runs. `None`: it has been running for long.
    pub(crate) takes: Option<Duration>,
    pub(crate) pace: Pace,
}

impl Ec2 {
    /// Launches an instance. A refusal changes nothing: the zone has no capacity, or the subnet no address.
    pub(crate) fn launch(&mut self, launch: &Launch<'_>, now: Timestamp) -> Result<(), ApiError> {
        let vpc = self.find_subnet(launch.subnet)?.vpc.clone();
        let groups = self.groups_in(&vpc, launch.security_groups)?;
        let private_ips = self.allocate(launch.subnet, &[], 1)?;
        let before = self.clone();
        let grant = match launch.takes {
            None => Grant::Starts,
            Some(_) => self.take_capacity(launch.subnet, launch.instance_type),
        };
        if grant == Grant::Refused {
            return Err(self.insufficient(launch.subnet, launch.instance_type));
        }
        let fails = launch.pace.cancel || grant == Grant::FallsBack;
        let change = launch.takes.map(|takes| StateChange {
            to: if fails { InstanceState::Terminated } else { InstanceState::Running },
            at: launch.pace.end(now, takes),
            reason: no_capacity().filter(|_| fails),
        });
        let interface = format!("eni-{}", ids::hex(launch.id, 17));
        let attachment = Attachment {
            id: format!("eni-attach-{}", ids::hex(launch.id, 17)),
            instance: launch.id.to_owned(),
            device_index: 0,
            delete_on_termination: true,
            attached_at: now,
            status: AttachmentStatus::Attached,
        };
        let built = NetworkInterface {
            id: interface.clone(),
            subnet: launch.subnet.to_owned(),
            description: String::new(),
            private_ips,
            groups,
            source_dest_check: true,
            attachment: Some(attachment),
        };
        self.interfaces.insert(interface, built);
        let state = if change.is_some() { InstanceState::Pending } else { InstanceState::Running };
        self.instances.insert(launch.id.to_owned(), launched(launch, state, change, now));
        self.tags.insert(launch.id.to_owned(), launch.tags.clone());
        self.remember(&before, now);
        Ok(())
    }

    /// Terminates an instance that another service launched. One that is gone stays gone.
    pub(crate) fn terminate(&mut self, id: &str, pace: Pace, now: Timestamp) {
        let before = self.clone();
        let at = pace.end(now, self.options.terminate.get());
        let Some(instance) = self.instances.get_mut(id) else { return };
        if matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
            return;
        }
        instance.state = InstanceState::ShuttingDown;
        instance.change = Some(StateChange { to: InstanceState::Terminated, at, reason: None });
        let code = "Client.UserInitiatedShutdown";
        instance.state_reason = Some((code.to_owned(), format!("{code}: User initiated shutdown")));
        instance.transition_reason = format!("User initiated ({})", now.strftime("%Y-%m-%d %H:%M:%S GMT"));
        self.remember(&before, now);
    }
}

fn launched(launch: &Launch<'_>, state: InstanceState, change: Option<StateChange>, now: Timestamp) -> Instance {
    Instance {
        id: launch.id.to_owned(),
        state,
        change,
        state_reason: None,
        transition_reason: String::new(),
        checked_at: launch.takes.map_or(now, |takes| after(now, takes)),
        subnet: launch.subnet.to_owned(),
        image: format!("ami-{}", ids::hex(launch.subnet, 17)),
        instance_type: launch.instance_type.to_owned(),
        reservation: format!("r-{}", ids::hex(launch.id, 17)),
        launch_index: 0,
        launched: now,
        client_token: String::new(),
        key_name: None,
        user_data: None,
        profile: None,
        shutdown_behavior: "stop".to_owned(),
        disable_api_termination: false,
        disable_api_stop: false,
        ebs_optimized: false,
    }
}
