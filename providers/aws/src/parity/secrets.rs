//! `aws.secretsmanager.secrets`: which secrets there are, and whether their replicas are in sync. Never asks for a value.

use super::tags::{self, RequiredTags};
use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::region,
};
use aws_sdk_secretsmanager::{operation::describe_secret::DescribeSecretOutput, types::StatusType};
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Compares secrets by their names: whether each is there, is replicated, and has the same current version at both sites.
///
/// No value is ever read: none of its permissions would allow it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The names of the secrets.
    pub secrets: BTreeSet<String>,
    /// Whether each is one secret, replicated from one site to the other. Default true.
    #[serde(default = "replicated")]
    pub replicated: bool,
    /// Tags that each secret must have, for audit; `*` stands for any value.
    #[serde(default)]
    pub required_tags: RequiredTags,
}

fn replicated() -> bool {
    true
}

impl Comparable for Secrets {
    const KIND: &'static str = "aws.secretsmanager.secrets";
    const EXAMPLE: &'static str = "secrets: [orders/database, orders/signing-key]";
    const PERMISSIONS: &'static [&'static str] = &["secretsmanager:DescribeSecret"];

    fn check(&self, findings: &mut Findings) {
        if self.secrets.is_empty() {
            findings.error(&["secrets"], codes::MISSING_FIELD, "no secret is named");
        }
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "secretsmanager")?;
        let client = Aws::of(cx)?.secretsmanager(region).await;
        let at = CallSite { service: "secretsmanager", operation: "DescribeSecret", region };
        let mut snapshot = Snapshot::new();
        for name in &self.secrets {
            let answer = client.describe_secret().secret_id(name).send().await;
            match answer.map_err(|error| classify(&at, error)) {
                Ok(found) => self.add(&mut snapshot, name, &found),
                Err(error) if error.code == "ResourceNotFoundException" => {
                    snapshot.insert(name.clone(), Aspect::stops("missing").sound_if(false));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(snapshot)
    }
}

impl Secrets {
    fn add(&self, snapshot: &mut Snapshot, name: &str, found: &DescribeSecretOutput) {
        let deleted = found.deleted_date().is_some();
        let standing = if deleted { "to be deleted" } else { "present" };
        snapshot.insert(name.to_owned(), Aspect::stops(standing).sound_if(!deleted));
        snapshot.insert(format!("{name}/rotation"), Aspect::degrades(found.rotation_enabled().unwrap_or_default()));
        let pairs = found.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
        tags::add(snapshot, &format!("{name}/"), &self.required_tags, &pairs.collect::<BTreeMap<_, _>>());
        if !self.replicated {
            return;
        }
        let (replication, sound) = replication(found);
        snapshot.insert(format!("{name}/replication"), Aspect::stops(replication).sound_if(sound));
        // A replica has the versions of its primary, by the same ids.
        let stages = found.version_ids_to_stages().into_iter().flatten();
        let mut current = stages.filter(|(_, stages)| stages.iter().any(|stage| stage == "AWSCURRENT"));
        let version = current.next().map_or("none", |(id, _)| id.as_str());
        snapshot.insert(format!("{name}/current version"), Aspect::stops(version));
    }
}

/// Whether a secret is one of several that are kept the same. Only the primary knows how its replicas are doing.
fn replication(found: &DescribeSecretOutput) -> (String, bool) {
    let statuses = found.replication_status();
    if statuses.is_empty() && found.primary_region().is_none() {
        return ("not replicated".to_owned(), false);
    }
    let late = statuses.iter().find_map(|replica| {
        let status = replica.status().map(StatusType::as_str).unwrap_or_default();
        (status != "InSync").then(|| format!("{}: {status}", replica.region().unwrap_or_default()))
    });
    late.map_or_else(|| ("in sync".to_owned(), true), |late| (late, false))
}
