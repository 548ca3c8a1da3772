//! Accounts and shares, over the Resource Manager's own requests and as machines see them.

use crate::azure::asked::{Asked, in_group, world};
use serde_json::json;

fn accounts() -> Asked {
    Asked::new(world(json!({ "storage_accounts": {
        "engineshare": { "file_shares": { "wk1": { "quota_gib": 200 } } },
        "zonalshare": { "sku": "Premium_LRS", "zone": "1", "file_shares": { "wk2": {} } },
    } })))
}

#[test]
fn a_share_is_described() {
    let mut sim = accounts();
    let account = "Microsoft.Storage/storageAccounts/engineshare";
    let told = sim.get(&in_group(&format!("{account}/fileServices/default/shares/wk1")));
    assert_eq!(told.status, 200);
    assert_eq!(told.body["properties"]["shareQuota"], 200);
    assert_eq!(told.body["properties"]["enabledProtocols"], "NFS");
    assert_eq!(told.body["properties"]["leaseState"], "Available");
    let told = sim.get(&in_group(account));
    assert_eq!(told.body["sku"], json!({ "name": "Premium_ZRS", "tier": "Premium" }));
    assert_eq!(told.body["properties"]["statusOfPrimary"], "available");
    assert!(told.body.get("zones").is_none());
    assert_eq!(sim.get(&in_group("Microsoft.Storage/storageAccounts/zonalshare")).body["zones"], json!(["1"]));
    let shares = sim.get(&in_group(&format!("{account}/fileServices/default/shares")));
    assert_eq!(shares.body["value"][0]["name"], "wk1");
    let missing = sim.get(&in_group(&format!("{account}/fileServices/default/shares/wk9")));
    assert_eq!((missing.status, missing.code()), (404, "ShareNotFound"));
    let missing = sim.get(&in_group("Microsoft.Storage/storageAccounts/nothing"));
    assert_eq!((missing.status, missing.code()), (404, "ResourceNotFound"));
    let refused = sim.call("DELETE", &in_group(account), None);
    assert_eq!(refused.status, 405);
}

#[test]
fn an_account_is_lost_with_its_region_or_the_zone_that_it_is_pinned_to() {
    let mut sim = accounts();
    let azure = &mut sim.world.cloud.azure;
    let both = |azure: &crate::azure::Azure| {
        (azure.share_available("engine/engineshare/wk1", "2"), azure.share_available("engine/zonalshare/wk2", "2"))
    };
    assert_eq!(both(azure), (true, true));
    assert!(!azure.share_available("engine/engineshare/none", "1"));
    assert!(azure.share_available("engine/engineshare/wk1", "eastus/1"));
    assert!(!azure.share_available("engine/engineshare/wk1", "westus/1"));
    azure.storage.notice(&|_| true, &|location, zone| (location, zone) != ("eastus", "1"));
    assert_eq!(both(azure), (true, false));
    azure.storage.notice(&|_| false, &|_, _| true);
    assert_eq!(both(azure), (false, false));
}

#[test]
fn wrong_accounts_are_found() {
    let found = Asked::findings(world(json!({ "storage_accounts": {
        "Engine-Share": { "sku": "Premium_MRS", "file_shares": { "a": { "quota_gib": 0 } } },
        "zonal": { "sku": "Premium_ZRS", "zone": "1" },
        "standard": { "sku": "Standard_LRS", "file_shares": { "b": {} } },
    } })));
    let all = found.join("\n");
    for part in ["3 to 24", "Premium_MRS is no sku", "1 to 102400", "pinned to one", "NFS needs a premium account"] {
        assert!(all.contains(part), "{part} in:\n{all}");
    }
}
