//! `aws.servicequotas.quotas`: how much of a service the account may use in a region.

use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::region,
};
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Compares service quotas: each must be the same at both sites or, where a minimum is given, no less than that.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    pub quotas: Vec<Quota>,
}

/// One quota.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the service calls it a quota code, and a bare code would be the service's"
)]
pub struct Quota {
    /// The service's own code: `ec2`.
    pub service: String,
    /// The quota's code: `L-1216C47A` is the vCPUs of running On-Demand Standard instances.
    pub quota: String,
    /// What it must be at least, at either site. The same at both, when not given.
    #[serde(default)]
    pub minimum: Option<u32>,
}

impl Comparable for Quotas {
    const KIND: &'static str = "aws.servicequotas.quotas";
    const EXAMPLE: &'static str = "quotas: [{ service: ec2, quota: L-1216C47A, minimum: 64 }]";
    const PERMISSIONS: &'static [&'static str] =
        &["servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota"];

    fn check(&self, findings: &mut Findings) {
        if self.quotas.is_empty() {
            findings.error(&["quotas"], codes::MISSING_FIELD, "no quota is named");
        }
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "servicequotas")?;
        let client = Aws::of(cx)?.servicequotas(region).await;
        let mut snapshot = Snapshot::new();
        for asked in &self.quotas {
            let value = value(&client, asked, region).await?;
            let aspect = match asked.minimum {
                Some(minimum) if value >= f64::from(minimum) => Aspect::stops(format!("at least {minimum}")),
                Some(_) => Aspect::stops(value).sound_if(false),
                None => Aspect::stops(Value::from(value)),
            };
            snapshot.insert(format!("{}/{}", asked.service, asked.quota), aspect);
        }
        Ok(snapshot)
    }
}

/// What was granted to the account or, where nothing was ever asked for, what everybody has.
async fn value(client: &aws_sdk_servicequotas::Client, asked: &Quota, region: &str) -> Result<f64, CallError> {
    let at = CallSite { service: "servicequotas", operation: "GetServiceQuota", region };
    let call = client.get_service_quota().service_code(&asked.service).quota_code(&asked.quota);
    let quota = match call.send().await.map_err(|error| classify(&at, error)) {
        Ok(answer) => answer.quota,
        Err(error) if error.code == "NoSuchResourceException" => {
            let at = CallSite { operation: "GetAWSDefaultServiceQuota", ..at };
            let call = client.get_aws_default_service_quota().service_code(&asked.service).quota_code(&asked.quota);
            call.send().await.map_err(|error| classify(&at, error))?.quota
        }
        Err(error) => return Err(error),
    };
    let missing = || at.definite("NoSuchResourceException", format!("there is no quota {}", asked.quota));
    quota.and_then(|quota| quota.value).ok_or_else(missing)
}
