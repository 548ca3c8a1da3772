//! A region's configuration alone, to compare worlds by: the sizes of groups, and not the instances that these called for.

use super::AutoScaling;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl AutoScaling {
    pub(crate) fn contents(&self) -> Value {
        let groups = self.groups.iter().map(|(name, group)| {
            let value = json!({
                "minimum": group.minimum,
                "maximum": group.maximum,
                "desired": group.desired,
                "subnets": group.subnets,
                "target_groups": group.target_groups,
                "security_groups": group.security_groups,
                "instance_type": group.instance_type,
                "health_check_type": group.health_check_type,
                "grace_period": group.grace_period,
                "cooldown": group.cooldown,
                "suspended": group.suspended,
                "tags": group.tags,
            });
            (name, value)
        });
        json!({ "groups": groups.collect::<BTreeMap<_, _>>() })
    }

    /// The instances that groups launched. They come and go by themselves.
    pub(crate) fn instances(&self) -> BTreeSet<&str> {
        self.groups.values().flat_map(|group| group.members.keys().map(String::as_str)).collect()
    }
}
