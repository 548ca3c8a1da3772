//! `aws.ec2.security_group_fence`: cuts an instance off by its security groups, where it cannot be stopped.
//!
//! Never alters a security group itself, and does not cut connections that are open already: see the note of the plan.

mod calls;
mod standing;

pub use standing::{Facts, GroupFacts, InterfaceFacts, State};

use crate::{connection::Aws, place};
use lifeboat_contract::{
    CallError, CellKey, Change, Cx, Findings, Observed, Pace, Refusal, ResourceKey, RunContext, Touches, Transition,
    codes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeSet, time::Duration};

/// Isolates an EC2 instance: puts one security group that admits nothing in the place of all the groups it has.
///
/// For an instance that cannot be stopped, or must be kept for an inquiry. Stopping it (`aws.ec2.instance_state`) is the stronger
/// fence: a change of security groups keeps connections out that are opened later, but lets those go on that are open and
/// tracked, a mounted file system among them, until they are closed or idle for long enough. Going back gives each interface
/// exactly the groups it had.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupFence {
    /// The id of the instance, all of whose network interfaces are fenced: `i-0123456789abcdef0`.
    #[serde(default)]
    pub instance: Option<String>,
    /// The id of one network interface, instead of an instance: `eni-0123456789abcdef0`.
    #[serde(default)]
    pub network_interface: Option<String>,
    /// The id of the isolating security group, which must have no rule at all, neither in nor out: `sg-0123456789abcdef0`. A new
    /// group lets everything out until that rule of it is removed.
    pub security_group: String,
    /// Whether it shall be fenced. `false` gives each fenced interface `security_groups` and leaves one alone that is not fenced.
    #[serde(default = "yes")]
    pub fenced: bool,
    /// The groups of an interface that is fenced no more. Needed where `fenced` is `false`; not used otherwise, because going
    /// back from a fence restores what was there.
    #[serde(default)]
    pub security_groups: BTreeSet<String>,
}

fn yes() -> bool {
    true
}

impl Change for SecurityGroupFence {
    const KIND: &'static str = "aws.ec2.security_group_fence";
    const EXAMPLE: &'static str = "\
instance: i-0123456789abcdef0
security_group: sg-0123456789abcdef0";
    const REVERSAL: &'static str = "Driving back gives each network interface exactly the security groups it had.";
    type State = State;
    type Facts = Facts;

    fn check(&self, findings: &mut Findings) {
        match (&self.instance, &self.network_interface) {
            (Some(instance), None) => place::expect_id(findings, &["instance"], instance, "i-", "an instance"),
            (None, Some(interface)) => {
                place::expect_id(findings, &["network_interface"], interface, "eni-", "a network interface");
            }
            (Some(_), Some(_)) => {
                findings.error(&[], codes::CONFLICTING_FIELDS, "both `instance` and `network_interface` are given");
            }
            (None, None) => {
                findings.error(&[], codes::MISSING_FIELD, "neither `instance` nor `network_interface` is given");
            }
        }
        place::expect_id(findings, &["security_group"], &self.security_group, "sg-", "a security group");
        for (index, group) in self.security_groups.iter().enumerate() {
            let path = ["security_groups", &index.to_string()];
            place::expect_id(findings, &path, group, "sg-", "a security group");
            if *group == self.security_group {
                findings.error(&path, codes::BAD_VALUE, format!("{group} is the isolating group"));
            }
        }
        if !self.fenced && self.security_groups.is_empty() {
            findings
                .error(&[], codes::MISSING_FIELD, "`fenced: false` needs `security_groups`")
                .because("which groups the interfaces had before they were fenced is known to nobody but the run that fenced them")
                .hint("name the groups, or roll that run back instead");
        }
    }

    fn touches(&self, run: &RunContext, now: Option<&Observed<State, Facts>>) -> Touches {
        let instance = self.instance.iter().map(|instance| CellKey::of(instance, "security_groups"));
        // An instance's interfaces are known once it was looked at.
        let seen = now.iter().flat_map(|now| now.state.0.keys());
        let interfaces: BTreeSet<&String> = seen.chain(&self.network_interface).collect();
        let named = self.instance.iter().chain(&self.network_interface);
        let mut permissions =
            vec![place::may_read("ec2:DescribeNetworkInterfaces"), place::may_read("ec2:DescribeSecurityGroups")];
        let resource = |id: &str| place::arn(run, "ec2", &format!("network-interface/{id}"));
        let modify = |id: &str| place::may_write("ec2:ModifyNetworkInterfaceAttribute", resource(id));
        permissions.extend(interfaces.iter().map(|id| modify(id)));
        if interfaces.is_empty() {
            permissions.push(modify("*"));
        }
        // Whoever gives an interface its groups needs the permission on each of them, and so does the way back.
        let worn: BTreeSet<&String> = now.iter().flat_map(|now| now.state.0.values().flatten()).collect();
        let groups = worn.into_iter().chain(&self.security_groups).chain(std::iter::once(&self.security_group));
        let group = |id: &str| {
            let arn = place::arn(run, "ec2", &format!("security-group/{id}"));
            place::may_write("ec2:ModifyNetworkInterfaceAttribute", arn)
        };
        permissions.extend(groups.map(|id| group(id)).chain(now.is_none().then(|| group("*"))));
        Touches {
            owns: instance.chain(interfaces.iter().map(|id| CellKey::of(id, id))).collect(),
            serialise_on: named.map(|id| ResourceKey::new(id.clone())).collect(),
            planes: vec![place::plane(run, "ec2")],
            permissions,
            // Nothing could prove an instance healthy that is cut off.
            opens_traffic: false,
            fences: self.fenced,
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<State, Facts>, CallError> {
        let facts = calls::read(self, Aws::of(cx)?, place::region(cx, "ec2")?).await?;
        Ok(standing::observed(facts))
    }

    fn target(&self, now: &Observed<State, Facts>, _run: &RunContext) -> Result<State, Refusal> {
        let target = now.state.asked(self);
        if now.state != target {
            standing::admit(self, &now.facts)?;
        }
        Ok(target)
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<State, Facts>) -> Result<(), CallError> {
        calls::drive(self, Aws::of(cx)?, place::region(cx, "ec2")?, transition).await
    }

    fn pace(&self) -> Pace {
        Pace { settle_timeout: Duration::from_mins(2), visible_within: Duration::from_secs(20), ..Pace::default() }
    }

    fn note(&self, _transition: &Transition<State, Facts>) -> Option<String> {
        self.fenced.then(|| {
            "connections that are open and tracked are not cut: they last until they are closed or idle, up to five days, and a \
             mounted file system among them; stopping the instance, or a network ACL, cuts them"
                .to_owned()
        })
    }
}
