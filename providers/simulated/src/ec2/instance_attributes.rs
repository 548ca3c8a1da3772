//! Single attributes of instances. The rest of an instance is described whole: see `instance_shape`.

use super::{
    Ec2, InstanceState,
    operations::done,
    refused::{INSTANCE, combination, invalid, missing_parameter, wrong_state},
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};

impl Ec2 {
    pub(super) fn describe_instance_attribute(&self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("InstanceId")?;
        let instance = self.instances.get(id).ok_or_else(|| INSTANCE.missing(id))?;
        let primary = self.interfaces_of(id).first().copied();
        let text = |value: Option<&String>| Shape::Struct(vec![("value", value.into())]);
        let flag = |value: bool| Shape::Struct(vec![("value", value.into())]);
        let attribute = match params.required("Attribute")? {
            "instanceType" => ("instanceType", text(Some(&instance.instance_type))),
            "userData" => ("userData", text(instance.user_data.as_ref())),
            "disableApiTermination" => ("disableApiTermination", flag(instance.disable_api_termination)),
            "disableApiStop" => ("disableApiStop", flag(instance.disable_api_stop)),
            "instanceInitiatedShutdownBehavior" => {
                ("instanceInitiatedShutdownBehavior", text(Some(&instance.shutdown_behavior)))
            }
            "rootDeviceName" => ("rootDeviceName", text(Some(&"/dev/xvda".to_owned()))),
            "blockDeviceMapping" => ("blockDeviceMapping", Shape::List("item", Vec::new())),
            "sourceDestCheck" => ("sourceDestCheck", flag(primary.is_none_or(|interface| interface.source_dest_check))),
            "groupSet" => ("groupSet", self.group_set(primary.map_or(&[], |interface| &interface.groups))),
            "ebsOptimized" => ("ebsOptimized", flag(instance.ebs_optimized)),
            "enaSupport" => ("enaSupport", flag(true)),
            "enclaveOptions" => ("enclaveOptions", Shape::Struct(vec![("enabled", false.into())])),
            "kernel" => ("kernel", text(None)),
            "ramdisk" => ("ramdisk", text(None)),
            "sriovNetSupport" => ("sriovNetSupport", text(None)),
            "productCodes" => ("productCodes", Shape::List("item", Vec::new())),
            other => {
                return Err(invalid(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.")));
            }
        };
        Ok(Shape::Struct(vec![("instanceId", id.into()), attribute]))
    }

    pub(super) fn modify_instance_attribute(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("InstanceId")?;
        let Some(state) = self.instances.get(id).map(|instance| instance.state) else {
            return Err(INSTANCE.missing(id));
        };
        let (name, value) = named_attribute(params)?;
        let groups = params.strings("GroupId");
        match name.as_str() {
            "sourceDestCheck" => {
                let value = truth(&value)?;
                let interface = self.only_interface(id)?;
                if let Some(interface) = self.interfaces.get_mut(&interface) {
                    interface.source_dest_check = value;
                }
                return Ok(done());
            }
            "groupSet" => {
                let interface = self.only_interface(id)?;
                let vpc =
                    self.interfaces.get(&interface).and_then(|interface| self.vpc_of(interface)).map(str::to_owned);
                let groups = self.groups_in(&vpc.unwrap_or_default(), &groups)?;
                if let Some(interface) = self.interfaces.get_mut(&interface) {
                    interface.groups = groups;
                }
                return Ok(done());
            }
            "instanceType" | "userData" | "ebsOptimized" if state != InstanceState::Stopped => {
                return Err(wrong_state(format!("The instance '{id}' is not in the 'stopped' state.")));
            }
            _ => {}
        }
        let instance = self.instances.get_mut(id).ok_or_else(|| INSTANCE.missing(id))?;
        match name.as_str() {
            "disableApiTermination" => instance.disable_api_termination = truth(&value)?,
            "disableApiStop" => instance.disable_api_stop = truth(&value)?,
            "ebsOptimized" => instance.ebs_optimized = truth(&value)?,
            "instanceType" => instance.instance_type = value,
            "userData" => instance.user_data = Some(value).filter(|data| !data.is_empty()),
            "instanceInitiatedShutdownBehavior" if ["stop", "terminate"].contains(&value.as_str()) => {
                instance.shutdown_behavior = value;
            }
            _ => return Err(invalid(format!("Value ({value}) for parameter {name} is invalid."))),
        }
        Ok(done())
    }
}

/// The one attribute that a call modifies, in either of the two ways of naming it, and its value.
fn named_attribute(params: &Params) -> Result<(String, String), ApiError> {
    const NAMES: &[(&str, &str)] = &[
        ("SourceDestCheck", "sourceDestCheck"),
        ("DisableApiTermination", "disableApiTermination"),
        ("DisableApiStop", "disableApiStop"),
        ("InstanceType", "instanceType"),
        ("UserData", "userData"),
        ("EbsOptimized", "ebsOptimized"),
        ("InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior"),
    ];
    let direct = NAMES.iter().filter_map(|(field, name)| Some((*name, params.get(&format!("{field}.Value"))?)));
    let by_name = params.given("Attribute").map(|name| (name, params.get("Value").unwrap_or_default()));
    let groups = params.has("GroupId").then_some(("groupSet", ""));
    let given: Vec<(&str, &str)> = direct.chain(by_name).chain(groups).collect();
    match given[..] {
        [(name, value)] => Ok((name.to_owned(), value.to_owned())),
        [] => Err(missing_parameter("attribute")),
        _ => Err(combination(
            "Fields for multiple attribute types specified: only one attribute may be modified at a time",
        )),
    }
}

fn truth(value: &str) -> Result<bool, ApiError> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(invalid(format!("Value ({value}) for parameter value is invalid. It must be true or false."))),
    }
}
