//! The calls behind `aws.ec2.instance_state`.
//!
//! Both of them may be repeated: starting what runs, and stopping what has stopped, succeed and change nothing.

use super::{Facts, InstanceState, Power, Reason, State};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
};
use aws_sdk_ec2::{
    Client,
    types::{Instance, InstanceAttributeName},
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use lifeboat_contract::{CallError, Effect, Retry, Transition};

/// The owner of a public address that comes and goes with the instance.
const PASSING: &str = "amazon";
const GROUP_TAG: &str = "aws:autoscaling:groupName";

fn at<'a>(operation: &'static str, region: &'a str) -> CallSite<'a> {
    CallSite { service: "ec2", operation, region }
}

pub(super) async fn read(step: &InstanceState, aws: &Aws, region: &str) -> Result<Facts, CallError> {
    let client = aws.ec2(region).await;
    let (instance, stop_protection) =
        tokio::join!(instance(&client, step, region), stop_protection(&client, step, region));
    let instance = instance?;
    Ok(facts(&instance, stop_protection?))
}

async fn instance(client: &Client, step: &InstanceState, region: &str) -> Result<Instance, CallError> {
    let at = at("DescribeInstances", region);
    let call = client.describe_instances().instance_ids(&step.instance);
    let answer = call.send().await.map_err(|error| classify(&at, error))?;
    let reservations = answer.reservations.unwrap_or_default().into_iter();
    reservations.flat_map(|reservation| reservation.instances.unwrap_or_default()).next().ok_or_else(|| {
        at.definite("InvalidInstanceID.NotFound", format!("there is no instance {} in {region}", step.instance))
    })
}

/// Whether the service refuses to stop it, or `None` where that is no longer known: of a terminated instance.
async fn stop_protection(client: &Client, step: &InstanceState, region: &str) -> Result<Option<bool>, CallError> {
    let at = at("DescribeInstanceAttribute", region);
    let call = client.describe_instance_attribute().instance_id(&step.instance);
    let answer = call.attribute(InstanceAttributeName::DisableApiStop).send().await;
    match answer.map_err(|error| classify(&at, error)) {
        Ok(answer) => Ok(answer.disable_api_stop.and_then(|flag| flag.value)),
        Err(error) if error.retry == Retry::Never && !error.denied => Ok(None),
        Err(error) => Err(error),
    }
}

fn facts(instance: &Instance, stop_protection: Option<bool>) -> Facts {
    let status = instance.state().and_then(|state| state.name()).map(|name| name.as_str().to_owned());
    let reason = instance.state_reason().map(|reason| Reason {
        code: reason.code().unwrap_or_default().to_owned(),
        message: reason.message().unwrap_or_default().to_owned(),
    });
    let launched = instance.launch_time().and_then(|at| at.to_millis().ok());
    let associations = instance.network_interfaces().iter().filter_map(|interface| interface.association());
    let mut passing = associations.filter(|association| association.ip_owner_id() == Some(PASSING));
    let tagged = instance.tags().iter().find(|tag| tag.key() == Some(GROUP_TAG));
    Facts {
        status: status.unwrap_or_default(),
        reason,
        launched: launched.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        stopping_since: instance.state_transition_reason().and_then(moment_in),
        availability_zone: instance.placement().and_then(|placement| placement.availability_zone()).map(str::to_owned),
        root_device: instance.root_device_type().map(|kind| kind.as_str().to_owned()),
        lifecycle: instance.instance_lifecycle().map(|kind| kind.as_str().to_owned()),
        autoscaling_group: tagged.and_then(|tag| tag.value()).map(str::to_owned),
        passing_address: passing.find_map(|association| association.public_ip()).map(str::to_owned),
        stop_protection,
    }
}

/// The moment in `User initiated (2026-01-01 00:00:00 GMT)`.
fn moment_in(reason: &str) -> Option<Timestamp> {
    let (_, moment) = reason.split_once('(')?;
    let moment = DateTime::strptime("%Y-%m-%d %H:%M:%S GMT)", moment).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

pub(super) async fn drive(
    step: &InstanceState,
    aws: &Aws,
    region: &str,
    transition: &Transition<State, Facts>,
    now: Timestamp,
) -> Result<(), CallError> {
    if transition.now.state == transition.to {
        return Ok(());
    }
    let client = aws.ec2(region).await;
    match transition.to.state {
        Power::Running => {
            // The start before this one was accepted and came to nothing: the engine is told as if it had been refused.
            if let Some(reason) = transition.now.facts.out_of_capacity(now) {
                let error = CallError::new(Effect::None, Retry::Capacity, "ec2", &reason.code, &reason.message);
                return Err(error.in_region(region));
            }
            let at = at("StartInstances", region);
            let call = client.start_instances().instance_ids(&step.instance);
            call.send().await.map(drop).map_err(|error| classify(&at, error))
        }
        Power::Stopped => {
            let at = at("StopInstances", region);
            let call = client.stop_instances().instance_ids(&step.instance).set_force(step.force.then_some(true));
            call.send().await.map(drop).map_err(|error| classify(&at, error))
        }
        Power::Terminated => {
            Err(at("StartInstances", region).definite("instance.terminated", "a terminated instance stays terminated"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::step;
    use super::*;
    use crate::recorded::{Recorded, RecordedWire, surroundings};
    use lifeboat_contract::{Change as _, Direction, Mode, Observed, Phase};
    use std::sync::Arc;

    const RUNNING: &str = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
        <instanceState><code>16</code><name>running</name></instanceState><launchTime>2025-12-31T00:00:00.000Z</launchTime>\
        <placement><availabilityZone>us-east-1a</availabilityZone></placement><rootDeviceType>ebs</rootDeviceType>\
        <networkInterfaceSet><item><association><publicIp>203.0.113.7</publicIp><ipOwnerId>amazon</ipOwnerId></association>\
        </item></networkInterfaceSet><tagSet><item><key>Name</key><value>a</value></item></tagSet>\
        </item></instancesSet></item></reservationSet></DescribeInstancesResponse>";
    const FALLEN: &str = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
        <instanceState><code>80</code><name>stopped</name></instanceState><launchTime>2026-01-01T00:00:00.000Z</launchTime>\
        <stateReason><code>Server.InsufficientInstanceCapacity</code><message>none left</message></stateReason>\
        </item></instancesSet></item></reservationSet></DescribeInstancesResponse>";
    const UNPROTECTED: &str = "<DescribeInstanceAttributeResponse><instanceId>i-1</instanceId><disableApiStop>\
        <value>false</value></disableApiStop></DescribeInstanceAttributeResponse>";
    const STOPPED: &str = "<StopInstancesResponse><instancesSet/></StopInstancesResponse>";
    const STARTED: &str = "<StartInstancesResponse><instancesSet/></StartInstancesResponse>";

    fn wire(instances: &'static str, start: Recorded) -> Arc<RecordedWire> {
        RecordedWire::new([
            ("DescribeInstances", Ok((200, instances))),
            ("DescribeInstanceAttribute", Ok((200, UNPROTECTED))),
            ("StopInstances", Ok((200, STOPPED))),
            ("StartInstances", start),
        ])
    }

    async fn driven(step: &InstanceState, wire: Arc<RecordedWire>) -> (Observed<State, Facts>, Result<(), CallError>) {
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let now = step.observe(&cx).await.unwrap();
        let to = step.target(&now, &cx.run).unwrap();
        let (direction, mode) = (Direction::Forward, Mode::Switchover);
        let transition = Transition { now, to, direction, mode, data_loss: None };
        let result = step.drive(&cx, &transition).await;
        (transition.now, result)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_forced_only_where_that_is_asked_for() {
        for force in [false, true] {
            let wire = wire(RUNNING, Ok((200, STARTED)));
            let (seen, result) = driven(&InstanceState { force, ..step("stopped") }, wire.clone()).await;
            result.unwrap();
            assert_eq!(
                (seen.facts.stop_protection, seen.facts.passing_address.as_deref()),
                (Some(false), Some("203.0.113.7"))
            );
            let [(operation, region, body)] = &wire.writes()[..] else { panic!("one write") };
            assert_eq!((operation.as_str(), region.as_str()), ("StopInstances", "us-east-1"));
            assert!(body.contains("InstanceId.1=i-1") && body.contains("Force=true") == force, "{body}");
        }
    }

    #[test]
    fn a_transition_tells_when_it_began() {
        let began = moment_in("User initiated (2026-01-01 00:00:30 GMT)");
        assert_eq!(began, Some("2026-01-01T00:00:30Z".parse().unwrap()));
        assert_eq!(["", "User initiated", "Server.InternalError (x)"].map(moment_in), [None; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_capacity_waits_whether_the_service_says_so_at_once_or_later() {
        let refused = "<Response><Errors><Error><Code>InsufficientInstanceCapacity</Code><Message>none</Message></Error>\
            </Errors><RequestID>r</RequestID></Response>";
        let stopped = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
            <instanceState><name>stopped</name></instanceState></item></instancesSet></item></reservationSet>\
            </DescribeInstancesResponse>";
        let at_once = wire(stopped, Ok((500, refused)));
        let error = driven(&step("running"), at_once).await.1.unwrap_err();
        assert_eq!((error.retry, error.effect), (Retry::Capacity, Effect::None));

        let later = wire(FALLEN, Ok((200, STARTED)));
        let (seen, result) = driven(&step("running"), later.clone()).await;
        assert_eq!(seen.phase, Phase::Settled);
        let error = result.unwrap_err();
        assert_eq!((error.retry, error.code.as_str()), (Retry::Capacity, "Server.InsufficientInstanceCapacity"));
        assert_eq!(later.writes(), [], "not before the pause is over");
    }
}
