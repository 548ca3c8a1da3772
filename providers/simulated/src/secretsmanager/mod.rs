//! Secrets Manager in one region: the names of secrets, and how their replicas are doing. Only described.
//!
//! Holds no value of any secret: there is none that anybody could read.

use crate::{
    codec::{ApiError, ServiceCx},
    ids,
    shape::seconds,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One region: its secrets by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SecretsManager {
    pub(crate) secrets: BTreeMap<String, Secret>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    /// The version that is current here.
    pub(crate) version: String,
    /// Where the secret is replicated from or, of a primary with replicas, where it stands.
    pub(crate) primary: Option<String>,
    /// The service's own words for how each replica is doing, by region.
    pub(crate) replicas: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl SecretsManager {
    /// Answers one call. Nothing here changes anything.
    pub(crate) fn answer(&self, operation: &str, input: &Value, cx: &ServiceCx<'_>) -> Result<Value, ApiError> {
        match operation {
            "DescribeSecret" => {
                let id = input["SecretId"].as_str().unwrap_or_default();
                let found = self.secrets.values().find(|secret| secret.name == id || secret.arn(cx) == id);
                let missing =
                    || ApiError::bad("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
                found.map(|secret| secret.describe(cx)).ok_or_else(missing)
            }
            "GetSecretValue" | "BatchGetSecretValue" => {
                Err(ApiError::bad("AccessDeniedException", "a simulated world has no values of secrets"))
            }
            _ => Err(ApiError::bad("UnknownOperationException", format!("{operation} is not simulated"))),
        }
    }
}

impl Secret {
    fn arn(&self, cx: &ServiceCx<'_>) -> String {
        let suffix = ids::hex(&self.name, 6);
        format!("arn:aws:secretsmanager:{}:{}:secret:{}-{suffix}", cx.region, cx.account, self.name)
    }

    fn describe(&self, cx: &ServiceCx<'_>) -> Value {
        let mut described = json!({
            "ARN": self.arn(cx),
            "Name": self.name,
            "CreatedDate": seconds(self.created),
            "LastChangedDate": seconds(self.created),
            "VersionIdsToStages": { &self.version: ["AWSCURRENT"] },
        });
        // Absent where there is nothing to say: clients tell an absent member from an empty one.
        if !self.tags.is_empty() {
            described["Tags"] = self.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        }
        if let Some(primary) = &self.primary {
            described["PrimaryRegion"] = primary.as_str().into();
        }
        if !self.replicas.is_empty() {
            let replica = |(region, status): (&String, &String)| json!({ "Region": region, "Status": status });
            described["ReplicationStatus"] = self.replicas.iter().map(replica).collect();
        }
        described
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::Pace;

    #[test]
    fn nobody_reads_a_value() {
        let cx =
            ServiceCx { now: Timestamp::UNIX_EPOCH, account: "1", region: "us-east-1", seed: 0, pace: Pace::default() };
        let answer = SecretsManager::default().answer("GetSecretValue", &json!({ "SecretId": "orders/database" }), &cx);
        assert_eq!(answer.map_err(|error| error.code), Err("AccessDeniedException".to_owned()));
    }
}
