//! Permissions as an IAM policy, ready for `aws iam create-policy`. Asks nobody whether they were granted.

use lifeboat_contract::Permission;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most characters, white space aside, that a managed policy may have.
pub const CHARACTERS_MAX: usize = 6144;

/// The narrowest policy that grants `permissions`: one statement for all actions of a service on the same resources.
pub fn policy(permissions: &BTreeSet<Permission>) -> Value {
    let mut resources: BTreeMap<(&str, bool, &str), BTreeSet<&str>> = BTreeMap::new();
    for permission in permissions {
        let service = permission.action.split(':').next().unwrap_or_default();
        let key = (service, !permission.reads, permission.action.as_str());
        resources.entry(key).or_default().insert(&permission.resource);
    }
    let mut statements: BTreeMap<(&str, bool, BTreeSet<&str>), BTreeSet<&str>> = BTreeMap::new();
    for ((service, writes, action), on) in resources {
        statements.entry((service, writes, narrowed(&on))).or_default().insert(action);
    }
    let mut numbers: BTreeMap<(&str, bool), u32> = BTreeMap::new();
    let mut written = Vec::with_capacity(statements.len());
    for ((service, writes, resources), actions) in statements {
        let number = numbers.entry((service, writes)).or_default();
        *number += 1;
        let verb = if writes { "Write" } else { "Read" };
        let number = if *number == 1 { String::new() } else { number.to_string() };
        written.push(json!({
            "Sid": format!("{}{verb}{number}", capitalized(service)),
            "Effect": "Allow",
            "Action": actions,
            "Resource": resources,
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": written })
}

/// Leaves out what another one of the resources covers.
fn narrowed<'r>(resources: &BTreeSet<&'r str>) -> BTreeSet<&'r str> {
    let covered = |one: &str| resources.iter().any(|other| *other != one && covers(other, one));
    resources.iter().copied().filter(|one| !covered(one)).collect()
}

/// Whether every resource that `narrow` stands for is one of `wide`: part by part, for both are ARNs.
fn covers(wide: &str, narrow: &str) -> bool {
    let mut narrow_parts = narrow.splitn(6, ':');
    wide == "*"
        || wide.splitn(6, ':').all(|wide| {
            let narrow = narrow_parts.next().unwrap_or_default();
            wide == narrow || wide.strip_suffix('*').is_some_and(|start| narrow.starts_with(start))
        })
}

fn capitalized(service: &str) -> String {
    let mut letters = service.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{may_read, may_write};

    #[test]
    fn actions_on_the_same_resources_share_a_statement() {
        const TABLES: &str = "arn:aws:ec2:us-east-1:111122223333:route-table/";
        let table = |name: &str| format!("{TABLES}{name}");
        let permissions = BTreeSet::from([
            may_read("ec2:DescribeVpcs"),
            may_read("ec2:DescribeRouteTables"),
            may_write("ec2:ReplaceRoute", table("rtb-1")),
            may_write("ec2:CreateRoute", table("rtb-1")),
            may_write("ec2:DeleteRoute", table("rtb-2")),
            may_write("ec2:StopInstances", "arn:aws:ec2:*:111122223333:instance/*"),
            may_write("ec2:StopInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1"),
        ]);
        let expected = json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "Ec2Read", "Effect": "Allow", "Action": ["ec2:DescribeRouteTables", "ec2:DescribeVpcs"], "Resource": ["*"] },
            { "Sid": "Ec2Write", "Effect": "Allow", "Action": ["ec2:StopInstances"], "Resource": ["arn:aws:ec2:*:111122223333:instance/*"] },
            { "Sid": "Ec2Write2", "Effect": "Allow", "Action": ["ec2:CreateRoute", "ec2:ReplaceRoute"], "Resource": [table("rtb-1")] },
            { "Sid": "Ec2Write3", "Effect": "Allow", "Action": ["ec2:DeleteRoute"], "Resource": [table("rtb-2")] },
        ] });
        assert_eq!(policy(&permissions), expected);
    }

    #[test]
    fn a_pattern_covers_what_it_describes_and_nothing_else() {
        let cluster = "arn:aws:rds:us-east-1:1:cluster:a";
        for wide in ["*", "arn:aws:rds:*:1:cluster:*", "arn:aws:rds:us-*:1:*"] {
            assert!(covers(wide, cluster), "{wide}");
        }
        for wide in
            ["arn:aws:rds:*:2:cluster:*", "arn:aws:rds:eu-*:1:*", "arn:aws:ec2:*:1:*", "arn:aws:rds::1:cluster:a"]
        {
            assert!(!covers(wide, cluster), "{wide}");
        }
    }
}
