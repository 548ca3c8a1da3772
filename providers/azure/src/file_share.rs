//! `azure.storage.file_share`: whether a file share can be used, and in the zone asked for.
//!
//! Does not mount it: whether a machine sees it is for that machine's own health page to say.

use crate::{
    arm::Arm,
    arm_id::{ArmId, expect},
    needs::{may_read, planes_at},
    operations::{FILE_SHARE_GET, STORAGE_ACCOUNT_GET},
    resource::Resource,
};
use lifeboat_contract::{Answer, Cadence, CallError, Check, Cx, Findings, Phase, RunContext, Touches, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

const SHARES: &str = "Microsoft.Storage/storageAccounts/fileServices/shares";

/// Checks that a file share and its storage account are available, and in the zone where it is going to be used.
///
/// A zone-redundant account is in every zone of its region. A locally redundant one is in a single zone: the one it was placed
/// in, or one that Azure does not tell, and then nobody can say that it will outlive another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileShare {
    /// The id of the share: `/subscriptions/S/resourceGroups/G/providers/Microsoft.Storage/storageAccounts/queues/fileServices/default/shares/engine`.
    share: ArmId,
    /// The availability zone in which it shall be available: `"1"`. Anywhere when not given.
    #[serde(default)]
    zone: Option<String>,
}

/// Whether the share may be counted on, and why not.
struct Judgement {
    passed: bool,
    why: String,
}

impl Check for FileShare {
    const KIND: &'static str = "azure.storage.file_share";
    const EXAMPLE: &'static str = "\
share: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/engine/providers/Microsoft.Storage/storageAccounts/enginequeues/fileServices/default/shares/engine
zone: \"2\"";

    fn check(&self, findings: &mut Findings) {
        expect(findings, &["share"], &self.share, SHARES);
        if let Some(zone) = self.zone.as_deref().filter(|zone| !matches!(zone.parse(), Ok(1..=9_u8))) {
            findings
                .error(&["zone"], codes::BAD_VALUE, format!("{zone:?} is not the number of a zone"))
                .hint("write it like \"1\"");
        }
    }

    fn touches(&self, run: &RunContext) -> Touches {
        Touches {
            planes: planes_at(FILE_SHARE_GET.service, run, []),
            permissions: vec![
                may_read("Microsoft.Storage/storageAccounts/read", &self.share.top()),
                may_read(&format!("{SHARES}/read"), &self.share),
            ],
            ..Touches::default()
        }
    }

    async fn ask(&self, cx: &Cx) -> Result<Answer, CallError> {
        let arm = Arm::of(cx)?;
        let account = arm.read_existing(&STORAGE_ACCOUNT_GET, &self.share.top()).await?;
        let share = arm.read_existing(&FILE_SHARE_GET, &self.share).await?;
        let Judgement { passed, why } = judge(&account, &share, self.zone.as_deref());
        Ok(Answer { passed, evidence: format!("{why}; {}", described(&account, &share)) })
    }

    fn cadence(&self) -> Cadence {
        Cadence { interval: Duration::from_secs(5), try_timeout: Duration::from_secs(20), ..Cadence::default() }
    }

    fn question(&self) -> String {
        let place = self.zone.as_ref().map(|zone| format!(" in zone {zone}")).unwrap_or_default();
        format!("the file share {} is available{place}", self.share.short())
    }
}

fn judge(account: &Resource, share: &Resource, zone: Option<&str>) -> Judgement {
    let no = |why: String| Judgement { passed: false, why };
    match account.provisioning() {
        Phase::Settled => {}
        Phase::Moving { status, .. } => return no(format!("the account is {status}")),
        Phase::Faulted { message, .. } => return no(message),
    }
    // Not told of accounts that have no secondary in older answers: silence is no failure.
    let primary = account.properties()["statusOfPrimary"].as_str().unwrap_or("available");
    if !primary.eq_ignore_ascii_case("available") {
        return no(format!("the account's primary is {primary}"));
    }
    if share.properties()["deleted"] == true || share.properties()["deletedTime"].is_string() {
        return no("the share is deleted".to_owned());
    }
    match zone {
        None => Judgement { passed: true, why: "available".to_owned() },
        Some(zone) => in_zone(account, zone),
    }
}

fn in_zone(account: &Resource, zone: &str) -> Judgement {
    let sku = account.body["sku"]["name"].as_str().unwrap_or_default();
    let redundancy = sku.rsplit('_').next().unwrap_or_default().to_ascii_uppercase();
    if matches!(redundancy.as_str(), "ZRS" | "GZRS" | "RAGZRS") {
        return Judgement { passed: true, why: format!("available in every zone, {zone} among them") };
    }
    let placed: Vec<&str> =
        account.body["zones"].as_array().into_iter().flatten().filter_map(|placed| placed.as_str()).collect();
    let why = match placed[..] {
        [] => format!("{sku} is in one zone, and Azure does not tell which"),
        _ if placed.contains(&zone) => return Judgement { passed: true, why: format!("available in zone {zone}") },
        _ => format!("in zone {}, not in {zone}", placed.join(", ")),
    };
    Judgement { passed: false, why }
}

/// What an operator wants to see of it: `NFS, 100 GiB, lease available, Premium_ZRS`.
fn described(account: &Resource, share: &Resource) -> String {
    let text = |value: &serde_json::Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let properties = share.properties();
    let parts = [
        Some(text(&properties["enabledProtocols"]).unwrap_or_else(|| "SMB".to_owned())),
        properties["shareQuota"].as_u64().map(|quota| format!("{quota} GiB")),
        text(&properties["leaseState"]).map(|lease| format!("lease {}", lease.to_ascii_lowercase())),
        text(&account.body["sku"]["name"]),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{Recorded, RecordedWire, answer, ok, surroundings};
    use lifeboat_contract::{Mode, Retry};
    use serde_json::{Value, json};

    const SHARE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/queues/fileServices/default/shares/wk1";

    fn step(zone: Option<&str>) -> FileShare {
        serde_json::from_value(json!({"share": SHARE, "zone": zone})).unwrap()
    }

    async fn asked(zone: Option<&str>, account: Value, share: Recorded) -> Result<Answer, CallError> {
        let wire =
            RecordedWire::new([("StorageAccounts_GetProperties", vec![ok(account)]), ("FileShares_Get", vec![share])]);
        let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
        let answer = step(zone).ask(&cx).await;
        assert_eq!(wire.writes(), []);
        answer
    }

    fn account(sku: &str, more: &Value) -> Value {
        let mut account = json!({"location": "eastus", "sku": {"name": sku},
            "properties": {"provisioningState": "Succeeded", "statusOfPrimary": "available"}});
        for (name, value) in more.as_object().into_iter().flatten() {
            if account["properties"].get(name).is_some() {
                account["properties"][name] = value.clone();
            } else {
                account[name] = value.clone();
            }
        }
        account
    }

    fn share() -> Recorded {
        ok(json!({"properties": {"shareQuota": 100, "enabledProtocols": "NFS", "leaseState": "Available"}}))
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_is_available_where_its_account_is() {
        for (zone, sku, more, passed) in [
            (None, "Premium_LRS", json!({}), true),
            (Some("2"), "Premium_ZRS", json!({}), true),
            (Some("2"), "Standard_RAGZRS", json!({}), true),
            (Some("2"), "Premium_LRS", json!({"zones": ["2"]}), true),
            (Some("2"), "Premium_LRS", json!({"zones": ["1"]}), false),
            (Some("2"), "Premium_LRS", json!({}), false),
            (None, "Premium_ZRS", json!({"statusOfPrimary": "unavailable"}), false),
            (None, "Premium_ZRS", json!({"provisioningState": "ResolvingDNS"}), false),
        ] {
            let answer = asked(zone, account(sku, &more), share()).await.unwrap();
            assert_eq!(answer.passed, passed, "{zone:?} {sku} {more}: {}", answer.evidence);
            assert!(answer.evidence.ends_with(&format!("NFS, 100 GiB, lease available, {sku}")), "{}", answer.evidence);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_that_is_not_there_fails_at_once() {
        let absent = answer(404, json!({"error": {"code": "ShareNotFound", "message": "m"}}));
        let error = asked(None, account("Premium_ZRS", &json!({})), absent).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry), ("ResourceNotFound", Retry::Never));
    }

    #[test]
    fn findings() {
        let found = |step: &FileShare| {
            let mut findings = Findings::default();
            step.check(&mut findings);
            findings.as_slice().len()
        };
        assert_eq!(
            [step(None), step(Some("1")), step(Some("eastus")), step(Some("0"))].map(|step| found(&step)),
            [0, 0, 1, 1]
        );
        let account = FileShare { share: step(None).share.top(), zone: None };
        assert_eq!(found(&account), 1);
    }
}
