//! Starting, stopping, rebooting and terminating instances. Does not create them: see `run_instances`.

use super::{
    Ec2, Instance, InstanceState, StateChange,
    capacity::Grant,
    operations::done,
    refused::{INSTANCE, missing_parameter, wrong_state},
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};
use std::collections::BTreeSet;

impl Ec2 {
    pub(super) fn start_instances(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let ids = self.batch(params)?;
        let at = cx.pace.end(cx.now, self.options.start.get());
        let falling_back = self.capacity_for(&ids)?;
        self.move_all(&ids, |instance| {
            match instance.state {
                InstanceState::Pending | InstanceState::Running => return Ok(()),
                InstanceState::Stopped => {}
                _ => {
                    return Err(wrong_state(format!(
                        "The instance '{}' is not in a state from which it can be started.",
                        instance.id
                    )));
                }
            }
            instance.state = InstanceState::Pending;
            instance.state_reason = None;
            instance.transition_reason.clear();
            instance.launched = cx.now;
            // A start can be accepted and come to nothing: the instance falls back.
            let change = |to, reason| StateChange { to, at, reason };
            instance.change = Some(if cx.pace.cancel || falling_back.contains(&instance.id) {
                change(InstanceState::Stopped, no_capacity())
            } else {
                change(InstanceState::Running, None)
            });
            Ok(())
        })
    }

    /// Takes the capacity that the stopped ones of these instances need; returns those whose start will come to nothing.
    fn capacity_for(&mut self, ids: &[String]) -> Result<BTreeSet<String>, ApiError> {
        let mut falling_back = BTreeSet::new();
        for id in ids {
            let instance = self.instances.get(id).filter(|instance| instance.state == InstanceState::Stopped);
            let Some((subnet, kind)) =
                instance.map(|instance| (instance.subnet.clone(), instance.instance_type.clone()))
            else {
                continue;
            };
            match self.take_capacity(&subnet, &kind) {
                Grant::Starts => {}
                Grant::FallsBack => {
                    falling_back.insert(id.clone());
                }
                Grant::Refused => {
                    return Err(ApiError::new("InsufficientInstanceCapacity", 500, "Insufficient capacity."));
                }
            }
        }
        Ok(falling_back)
    }

    /// Stops instances. `Force` begins anew with one that is on its way: one that hangs there gets stopped.
    pub(super) fn stop_instances(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let ids = self.batch(params)?;
        let at = cx.pace.end(cx.now, self.options.stop.get());
        let force = params.flag("Force")? == Some(true);
        self.move_all(&ids, |instance| {
            match instance.state {
                InstanceState::Stopping if force => {}
                InstanceState::Stopping | InstanceState::Stopped => return Ok(()),
                InstanceState::Running if instance.disable_api_stop => {
                    return Err(protected(&instance.id, "stopped", "disableApiStop"));
                }
                InstanceState::Running => {}
                _ => {
                    return Err(wrong_state(format!(
                        "The instance '{}' is not in a state from which it can be stopped.",
                        instance.id
                    )));
                }
            }
            instance.state = InstanceState::Stopping;
            instance.change = Some(StateChange { to: InstanceState::Stopped, at, reason: None });
            initiated_by_user(instance, cx);
            Ok(())
        })
    }

    pub(super) fn terminate_instances(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let ids = self.batch(params)?;
        let at = cx.pace.end(cx.now, self.options.terminate.get());
        self.move_all(&ids, |instance| {
            match instance.state {
                InstanceState::ShuttingDown | InstanceState::Terminated => return Ok(()),
                _ if instance.disable_api_termination => {
                    return Err(protected(&instance.id, "terminated", "disableApiTermination"));
                }
                _ => {}
            }
            instance.state = InstanceState::ShuttingDown;
            instance.change = Some(StateChange { to: InstanceState::Terminated, at, reason: None });
            initiated_by_user(instance, cx);
            Ok(())
        })
    }

    pub(super) fn reboot_instances(&mut self, params: &Params) -> Result<Shape, ApiError> {
        for id in self.batch(params)? {
            let instance = self.instances.get(&id).ok_or_else(|| INSTANCE.missing(&id))?;
            if instance.state != InstanceState::Running {
                return Err(wrong_state(format!(
                    "The instance '{id}' is not in a state from which it can be rebooted."
                )));
            }
        }
        Ok(done())
    }

    /// The instances that a call names. One that is missing fails the whole batch.
    fn batch(&self, params: &Params) -> Result<Vec<String>, ApiError> {
        let mut ids = params.strings("InstanceId");
        if ids.is_empty() {
            return Err(missing_parameter("InstanceId"));
        }
        let missing: Vec<&str> =
            ids.iter().filter(|id| !self.instances.contains_key(*id)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(INSTANCE.all_missing(&missing));
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Begins a transition of each instance, and answers with each one's state before and now.
    fn move_all(
        &mut self,
        ids: &[String],
        begin: impl Fn(&mut Instance) -> Result<(), ApiError>,
    ) -> Result<Shape, ApiError> {
        let mut changes = Vec::new();
        for id in ids {
            let instance = self.instances.get_mut(id).ok_or_else(|| INSTANCE.missing(id))?;
            let previous = instance.state;
            begin(instance)?;
            changes.push(Shape::Struct(vec![
                ("instanceId", id.into()),
                ("currentState", instance.state.describe()),
                ("previousState", previous.describe()),
            ]));
        }
        Ok(Shape::Struct(vec![("instancesSet", Shape::List("item", changes))]))
    }
}

impl InstanceState {
    pub(super) fn describe(self) -> Shape {
        Shape::Struct(vec![("code", Shape::Integer(self.code())), ("name", self.name().into())])
    }
}

/// Why a start came to nothing.
#[expect(clippy::unnecessary_wraps, reason = "it is the reason of a state change, which may have none")]
pub(super) fn no_capacity() -> Option<(String, String)> {
    let code = "Server.InsufficientInstanceCapacity";
    let message = format!("{code}: There was insufficient instance capacity to satisfy the request");
    Some((code.to_owned(), message))
}

fn initiated_by_user(instance: &mut Instance, cx: &ServiceCx<'_>) {
    let code = "Client.UserInitiatedShutdown".to_owned();
    let message = format!("{code}: User initiated shutdown");
    instance.state_reason = Some((code, message));
    instance.transition_reason = format!("User initiated ({})", cx.now.strftime("%Y-%m-%d %H:%M:%S GMT"));
}

fn protected(id: &str, verb: &str, attribute: &str) -> ApiError {
    let message =
        format!("The instance '{id}' may not be {verb}. Modify its '{attribute}' instance attribute and try again.");
    ApiError::bad("OperationNotPermitted", message)
}
