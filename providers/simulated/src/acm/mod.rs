//! ACM in one region: certificates, as they are presented. Only described; there are no keys.

use crate::{
    codec::{ApiError, ServiceCx},
    shape::seconds,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One region: its certificates by ARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Acm {
    pub(crate) certificates: BTreeMap<String, Certificate>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    pub(crate) domain: String,
    /// Its other names.
    pub(crate) names: Vec<String>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

impl Acm {
    /// Answers one call. Nothing here changes anything.
    pub(crate) fn answer(&self, operation: &str, input: &Value, cx: &ServiceCx<'_>) -> Result<Value, ApiError> {
        if operation != "DescribeCertificate" {
            return Err(ApiError::bad("UnknownOperationException", format!("{operation} is not simulated")));
        }
        let arn = input["CertificateArn"].as_str().unwrap_or_default();
        let missing = || {
            let message = format!("Could not find certificate {arn}.");
            ApiError::bad("ResourceNotFoundException", message)
        };
        let found = self.certificates.get(arn).ok_or_else(missing)?;
        let names: Vec<&String> = std::iter::once(&found.domain).chain(&found.names).collect();
        Ok(json!({
            "Certificate": {
                "CertificateArn": arn,
                "DomainName": found.domain,
                "SubjectAlternativeNames": names,
                "Status": if found.not_after <= cx.now { "EXPIRED" } else { "ISSUED" },
                "Type": "AMAZON_ISSUED",
                "NotBefore": seconds(found.not_before),
                "NotAfter": seconds(found.not_after),
                "KeyAlgorithm": "RSA-2048",
            }
        }))
    }
}
