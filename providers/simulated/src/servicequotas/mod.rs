//! Service Quotas in one region: what the account may use. Only described, and held against nobody.

use crate::codec::{ApiError, ServiceCx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One region: quotas by service and code.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceQuotas {
    pub(crate) quotas: BTreeMap<String, BTreeMap<String, u32>>,
}

impl ServiceQuotas {
    /// Answers one call. Nothing here changes anything.
    pub(crate) fn answer(&self, operation: &str, input: &Value, cx: &ServiceCx<'_>) -> Result<Value, ApiError> {
        if !["GetServiceQuota", "GetAWSDefaultServiceQuota"].contains(&operation) {
            return Err(ApiError::bad("UnknownOperationException", format!("{operation} is not simulated")));
        }
        let given = |name: &str| input[name].as_str().unwrap_or_default();
        let (service, code) = (given("ServiceCode"), given("QuotaCode"));
        let missing = || {
            ApiError::bad("NoSuchResourceException", "The request failed because the specified service does not exist.")
        };
        let value = self.quotas.get(service).and_then(|quotas| quotas.get(code)).ok_or_else(missing)?;
        let owner = if operation == "GetServiceQuota" { cx.account } else { "" };
        Ok(json!({
            "Quota": {
                "ServiceCode": service,
                "ServiceName": service,
                "QuotaArn": format!("arn:aws:servicequotas:{}:{owner}:{service}/{code}", cx.region),
                "QuotaCode": code,
                "QuotaName": code,
                "Value": f64::from(*value),
                "Unit": "None",
                "Adjustable": true,
                "GlobalQuota": false,
            }
        }))
    }
}
