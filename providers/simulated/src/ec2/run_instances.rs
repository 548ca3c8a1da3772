//! Creating instances with their interfaces. What they do afterwards is in `instances` and `lifecycle`.

use super::{
    AttachmentStatus, Ec2, Instance, InstanceState, StateChange,
    capacity::Grant,
    instances::no_capacity,
    refused::{INSTANCE, INTERFACE, combination, invalid, missing_parameter},
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};

/// Instances that one call may make.
const INSTANCES_MAX: u32 = 100;

impl Ec2 {
    pub(super) fn run_instances(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let token = params.given("ClientToken").map(|token| format!("RunInstances {token}"));
        if let Some(ids) = token.as_ref().and_then(|token| self.tokens.get(token)) {
            return Ok(self.answer_run(ids, cx));
        }
        let image = params.required("ImageId")?;
        if !image.starts_with("ami-") {
            return Err(ApiError::bad(
                "InvalidAMIID.Malformed",
                format!("Invalid id: \"{image}\" (expecting \"ami-...\")"),
            ));
        }
        let least = params.number::<u32>("MinCount")?.ok_or_else(|| missing_parameter("MinCount"))?;
        let count = params.number::<u32>("MaxCount")?.ok_or_else(|| missing_parameter("MaxCount"))?;
        if least == 0 || count < least {
            return Err(invalid(format!("Value ({least}) for parameter minCount is invalid.")));
        }
        if count > INSTANCES_MAX {
            let message = format!(
                "You have requested more vCPU capacity than your current limit of {INSTANCES_MAX} instances allows."
            );
            return Err(ApiError::bad("VcpuLimitExceeded", message));
        }
        let reservation = self.fresh("r-", cx);
        let mut ids = Vec::new();
        for index in 0..count {
            ids.push(self.run_one(params, &reservation, index, cx)?);
        }
        let answer = self.answer_run(&ids, cx);
        self.tokens.extend(token.map(|token| (token, ids)));
        Ok(answer)
    }

    fn answer_run(&self, ids: &[String], cx: &ServiceCx<'_>) -> Shape {
        let instances: Vec<&Instance> = ids.iter().filter_map(|id| self.instances.get(id)).collect();
        let reservation = instances.first().map(|instance| instance.reservation.clone()).unwrap_or_default();
        let described = instances.into_iter().map(|instance| self.describe_instance(instance, cx)).collect();
        Self::describe_reservation(&reservation, described, cx)
    }

    fn run_one(
        &mut self,
        params: &Params,
        reservation: &str,
        index: u32,
        cx: &ServiceCx<'_>,
    ) -> Result<String, ApiError> {
        let id = self.fresh("i-", cx);
        let at = cx.pace.end(cx.now, self.options.start.get());
        let landing = if cx.pace.cancel { InstanceState::Terminated } else { InstanceState::Running };
        let reason = cx.pace.cancel.then(no_capacity).flatten();
        let text = |name: &str| params.given(name).map(str::to_owned);
        let instance = Instance {
            id: id.clone(),
            state: InstanceState::Pending,
            change: Some(StateChange { to: landing, at, reason }),
            state_reason: None,
            transition_reason: String::new(),
            checked_at: at,
            subnet: String::new(),
            image: text("ImageId").unwrap_or_default(),
            instance_type: text("InstanceType").unwrap_or_else(|| "m1.small".to_owned()),
            reservation: reservation.to_owned(),
            launch_index: index,
            launched: cx.now,
            client_token: text("ClientToken").unwrap_or_default(),
            key_name: text("KeyName"),
            user_data: text("UserData"),
            profile: text("IamInstanceProfile.Arn").or_else(|| {
                text("IamInstanceProfile.Name")
                    .map(|name| format!("arn:aws:iam::{}:instance-profile/{name}", cx.account))
            }),
            shutdown_behavior: text("InstanceInitiatedShutdownBehavior").unwrap_or_else(|| "stop".to_owned()),
            disable_api_termination: params.flag("DisableApiTermination")? == Some(true),
            disable_api_stop: params.flag("DisableApiStop")? == Some(true),
            ebs_optimized: params.flag("EbsOptimized")? == Some(true),
        };
        let instance_type = instance.instance_type.clone();
        self.instances.insert(id.clone(), instance);
        let subnet = self.connect(params, &id, cx)?;
        let grant = self.take_capacity(&subnet, &instance_type);
        if grant == Grant::Refused {
            return Err(self.insufficient(&subnet, &instance_type));
        }
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.subnet = subnet;
            if grant == Grant::FallsBack {
                instance.change = Some(StateChange { to: InstanceState::Terminated, at, reason: no_capacity() });
            }
        }
        self.tag_new(params, &INSTANCE, &id)?;
        Ok(id)
    }

    /// Gives a new instance its interfaces: those that the call describes, or one in its subnet. Returns the primary's subnet.
    fn connect(&mut self, params: &Params, instance: &str, cx: &ServiceCx<'_>) -> Result<String, ApiError> {
        let mut described = params.list("NetworkInterface");
        let whole = params.given("SubnetId").is_some() || params.has("SecurityGroupId");
        if described.is_empty() {
            let subnet = params.given("SubnetId").ok_or_else(|| {
                let message =
                    "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.";
                ApiError::bad("VPCIdNotSpecified", message)
            })?;
            let id = self.new_interface(subnet, params, &params.strings("SecurityGroupId"), cx)?;
            self.plug(&id, instance, 0, true, cx);
            self.tag_new(params, &INTERFACE, &id)?;
            return Ok(subnet.to_owned());
        }
        if whole {
            return Err(combination(
                "Network interfaces and an instance-level subnet ID may not be specified on the same request",
            ));
        }
        described.sort_by_key(|interface| interface.number::<u32>("DeviceIndex").ok().flatten());
        let mut primary = None;
        for (place, interface) in described.iter().enumerate() {
            let device = interface.number::<u32>("DeviceIndex")?.ok_or_else(|| missing_parameter("deviceIndex"))?;
            if usize::try_from(device).ok() != Some(place) {
                return Err(invalid("Each network interface requires its own device index, counted from 0."));
            }
            let delete = interface.flag("DeleteOnTermination")?;
            let id = if let Some(id) = interface.given("NetworkInterfaceId") {
                let present = self.interfaces.get(id).ok_or_else(|| INTERFACE.missing(id))?;
                if present.attachment.is_some() {
                    return Err(ApiError::bad("InvalidNetworkInterface.InUse", format!("Interface: [{id}] in use.")));
                }
                self.plug(id, instance, device, delete.unwrap_or(false), cx);
                id.to_owned()
            } else {
                let subnet = interface.given("SubnetId").ok_or_else(|| missing_parameter("subnetId"))?;
                let id = self.new_interface(subnet, interface, &interface.strings("SecurityGroupId"), cx)?;
                self.plug(&id, instance, device, delete.unwrap_or(true), cx);
                self.tag_new(params, &INTERFACE, &id)?;
                id
            };
            let subnet = self.interfaces.get(&id).map(|interface| interface.subnet.clone());
            primary = primary.or(subnet);
        }
        primary.ok_or_else(|| missing_parameter("networkInterface"))
    }

    fn plug(&mut self, id: &str, instance: &str, device: u32, delete_on_termination: bool, cx: &ServiceCx<'_>) {
        self.attach(id, instance, device, AttachmentStatus::Attached, cx);
        if let Some(attachment) = self.interfaces.get_mut(id).and_then(|interface| interface.attachment.as_mut()) {
            attachment.delete_on_termination = delete_on_termination;
        }
    }
}
