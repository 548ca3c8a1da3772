//! Every operation that is ever sent to Azure Resource Manager, with its version and what it may do: the one table.
//!
//! An operation that is not in this table cannot be sent. Nothing here looks at a body.

use http::Method;
use lifeboat_contract::Access;

/// One operation, as the provider's own specification names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The resource provider's namespace: `Microsoft.Network`.
    pub(crate) service: &'static str,
    /// The `operationId`: `Routes_CreateOrUpdate`.
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// What follows the resource's id in the path: `/start`.
    pub(crate) suffix: &'static str,
    pub(crate) api_version: &'static str,
    pub(crate) access: Access,
}

impl Operation {
    /// Where it is sent. `endpoint` has no slash at its end; an id starts with one.
    pub(crate) fn url(&self, endpoint: &str, id: &impl std::fmt::Display) -> String {
        format!("{endpoint}{id}{}?api-version={}", self.suffix, self.api_version)
    }
}

const NETWORK: &str = "Microsoft.Network";
const NETWORK_VERSION: &str = "2024-03-01";
pub(crate) const TRAFFIC_MANAGER_VERSION: &str = "2022-04-01";
const COMPUTE: &str = "Microsoft.Compute";
const COMPUTE_VERSION: &str = "2024-07-01";
const STORAGE: &str = "Microsoft.Storage";
const STORAGE_VERSION: &str = "2023-05-01";
pub(crate) const RESOURCES: &str = "Microsoft.Resources";
pub(crate) const AUTHORIZATION: &str = "Microsoft.Authorization";
const AUTHORIZATION_VERSION: &str = "2022-04-01";

/// Declares operations and the list of them all.
macro_rules! operations {
    ($($constant:ident = $service:ident $name:literal $method:ident $suffix:literal $version:expr, $access:ident;)*) => {
        $(pub(crate) const $constant: Operation = Operation {
            service: $service,
            name: $name,
            method: Method::$method,
            suffix: $suffix,
            api_version: $version,
            access: Access::$access,
        };)*
        #[cfg(test)]
        const ALL: &[Operation] = &[$($constant),*];
    };
}

operations! {
    ROUTE_TABLE_GET = NETWORK "RouteTables_Get" GET "" NETWORK_VERSION, Read;
    ROUTE_PUT = NETWORK "Routes_CreateOrUpdate" PUT "" NETWORK_VERSION, Write;
    ROUTE_DELETE = NETWORK "Routes_Delete" DELETE "" NETWORK_VERSION, Write;
    INTERFACE_GET = NETWORK "NetworkInterfaces_Get" GET "" NETWORK_VERSION, Read;
    INTERFACE_PUT = NETWORK "NetworkInterfaces_CreateOrUpdate" PUT "" NETWORK_VERSION, Write;
    INTERFACE_LIST = NETWORK "NetworkInterfaces_List" GET "/providers/Microsoft.Network/networkInterfaces"
        NETWORK_VERSION, Read;
    // Sent as a POST, and changes nothing: it computes.
    EFFECTIVE_ROUTES = NETWORK "NetworkInterfaces_GetEffectiveRouteTable" POST "/effectiveRouteTable"
        NETWORK_VERSION, Read;
    LOAD_BALANCER_GET = NETWORK "LoadBalancers_Get" GET "" NETWORK_VERSION, Read;
    POOL_GET = NETWORK "LoadBalancerBackendAddressPools_Get" GET "" NETWORK_VERSION, Read;
    POOL_PUT = NETWORK "LoadBalancerBackendAddressPools_CreateOrUpdate" PUT "" NETWORK_VERSION, Write;
    SECURITY_GROUP_GET = NETWORK "NetworkSecurityGroups_Get" GET "" NETWORK_VERSION, Read;
    SECURITY_RULE_GET = NETWORK "SecurityRules_Get" GET "" NETWORK_VERSION, Read;
    SECURITY_RULE_PUT = NETWORK "SecurityRules_CreateOrUpdate" PUT "" NETWORK_VERSION, Write;
    SECURITY_RULE_DELETE = NETWORK "SecurityRules_Delete" DELETE "" NETWORK_VERSION, Write;
    TRAFFIC_PROFILE_GET = NETWORK "Profiles_Get" GET "" TRAFFIC_MANAGER_VERSION, Read;
    TRAFFIC_ENDPOINT_GET = NETWORK "Endpoints_Get" GET "" TRAFFIC_MANAGER_VERSION, Read;
    TRAFFIC_ENDPOINT_PATCH = NETWORK "Endpoints_Update" PATCH "" TRAFFIC_MANAGER_VERSION, Write;
    MACHINE_GET = COMPUTE "VirtualMachines_Get" GET "" COMPUTE_VERSION, Read;
    MACHINE_VIEW = COMPUTE "VirtualMachines_InstanceView" GET "/instanceView" COMPUTE_VERSION, Read;
    MACHINE_START = COMPUTE "VirtualMachines_Start" POST "/start" COMPUTE_VERSION, Write;
    MACHINE_POWER_OFF = COMPUTE "VirtualMachines_PowerOff" POST "/powerOff" COMPUTE_VERSION, Write;
    MACHINE_DEALLOCATE = COMPUTE "VirtualMachines_Deallocate" POST "/deallocate" COMPUTE_VERSION, Write;
    STORAGE_ACCOUNT_GET = STORAGE "StorageAccounts_GetProperties" GET "" STORAGE_VERSION, Read;
    FILE_SHARE_GET = STORAGE "FileShares_Get" GET "" STORAGE_VERSION, Read;
    RESOURCE_GROUP_GET = RESOURCES "ResourceGroups_Get" GET "" "2021-04-01", Read;
    PERMISSIONS_OF_GROUP = AUTHORIZATION "Permissions_ListForResourceGroup" GET
        "/providers/Microsoft.Authorization/permissions" AUTHORIZATION_VERSION, Read;
    PERMISSIONS_OF_RESOURCE = AUTHORIZATION "Permissions_ListForResource" GET
        "/providers/Microsoft.Authorization/permissions" AUTHORIZATION_VERSION, Read;
    SUBSCRIPTION_GET = RESOURCES "Subscriptions_Get" GET "" "2022-12-01", Read;
}

/// Looks how far an accepted operation is. Its address comes from the answer that accepted it.
pub(crate) fn progress_of(operation: &Operation) -> Operation {
    Operation { name: "OperationStatus_Get", method: Method::GET, access: Access::Read, ..operation.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm_id::ArmId;

    const ENDPOINT: &str = "https://management.azure.com";

    /// The resource that each operation is about, and the exact URL it goes to.
    const URLS: &[(&str, &str, &str)] = &[
        ("RouteTables_Get", "N/routeTables/t", "N/routeTables/t?api-version=2024-03-01"),
        ("Routes_CreateOrUpdate", "N/routeTables/t/routes/r", "N/routeTables/t/routes/r?api-version=2024-03-01"),
        ("Routes_Delete", "N/routeTables/t/routes/r", "N/routeTables/t/routes/r?api-version=2024-03-01"),
        ("NetworkInterfaces_Get", "N/networkInterfaces/i", "N/networkInterfaces/i?api-version=2024-03-01"),
        ("NetworkInterfaces_CreateOrUpdate", "N/networkInterfaces/i", "N/networkInterfaces/i?api-version=2024-03-01"),
        ("NetworkInterfaces_List", "G", "N/networkInterfaces?api-version=2024-03-01"),
        (
            "NetworkInterfaces_GetEffectiveRouteTable",
            "N/networkInterfaces/i",
            "N/networkInterfaces/i/effectiveRouteTable?api-version=2024-03-01",
        ),
        ("LoadBalancers_Get", "N/loadBalancers/b", "N/loadBalancers/b?api-version=2024-03-01"),
        (
            "LoadBalancerBackendAddressPools_Get",
            "N/loadBalancers/b/backendAddressPools/p",
            "N/loadBalancers/b/backendAddressPools/p?api-version=2024-03-01",
        ),
        (
            "LoadBalancerBackendAddressPools_CreateOrUpdate",
            "N/loadBalancers/b/backendAddressPools/p",
            "N/loadBalancers/b/backendAddressPools/p?api-version=2024-03-01",
        ),
        ("NetworkSecurityGroups_Get", "N/networkSecurityGroups/g", "N/networkSecurityGroups/g?api-version=2024-03-01"),
        (
            "SecurityRules_Get",
            "N/networkSecurityGroups/g/securityRules/r",
            "N/networkSecurityGroups/g/securityRules/r?api-version=2024-03-01",
        ),
        (
            "SecurityRules_CreateOrUpdate",
            "N/networkSecurityGroups/g/securityRules/r",
            "N/networkSecurityGroups/g/securityRules/r?api-version=2024-03-01",
        ),
        (
            "SecurityRules_Delete",
            "N/networkSecurityGroups/g/securityRules/r",
            "N/networkSecurityGroups/g/securityRules/r?api-version=2024-03-01",
        ),
        ("Profiles_Get", "N/trafficManagerProfiles/p", "N/trafficManagerProfiles/p?api-version=2022-04-01"),
        (
            "Endpoints_Get",
            "N/trafficManagerProfiles/p/externalEndpoints/e",
            "N/trafficManagerProfiles/p/externalEndpoints/e?api-version=2022-04-01",
        ),
        (
            "Endpoints_Update",
            "N/trafficManagerProfiles/p/externalEndpoints/e",
            "N/trafficManagerProfiles/p/externalEndpoints/e?api-version=2022-04-01",
        ),
        ("VirtualMachines_Get", "C/virtualMachines/v", "C/virtualMachines/v?api-version=2024-07-01"),
        (
            "VirtualMachines_InstanceView",
            "C/virtualMachines/v",
            "C/virtualMachines/v/instanceView?api-version=2024-07-01",
        ),
        ("VirtualMachines_Start", "C/virtualMachines/v", "C/virtualMachines/v/start?api-version=2024-07-01"),
        ("VirtualMachines_PowerOff", "C/virtualMachines/v", "C/virtualMachines/v/powerOff?api-version=2024-07-01"),
        ("VirtualMachines_Deallocate", "C/virtualMachines/v", "C/virtualMachines/v/deallocate?api-version=2024-07-01"),
        ("StorageAccounts_GetProperties", "T/storageAccounts/a", "T/storageAccounts/a?api-version=2023-05-01"),
        (
            "FileShares_Get",
            "T/storageAccounts/a/fileServices/default/shares/s",
            "T/storageAccounts/a/fileServices/default/shares/s?api-version=2023-05-01",
        ),
        ("ResourceGroups_Get", "G", "G?api-version=2021-04-01"),
        (
            "Permissions_ListForResourceGroup",
            "G",
            "G/providers/Microsoft.Authorization/permissions?api-version=2022-04-01",
        ),
        (
            "Permissions_ListForResource",
            "N/routeTables/t",
            "N/routeTables/t/providers/Microsoft.Authorization/permissions?api-version=2022-04-01",
        ),
        ("Subscriptions_Get", "S", "S?api-version=2022-12-01"),
    ];

    fn spelled_out(text: &str) -> String {
        let group = "/subscriptions/s/resourceGroups/g";
        let long = match text.as_bytes()[0] {
            b'N' => format!("{group}/providers/Microsoft.Network"),
            b'C' => format!("{group}/providers/Microsoft.Compute"),
            b'T' => format!("{group}/providers/Microsoft.Storage"),
            b'G' => group.to_owned(),
            _ => "/subscriptions/s".to_owned(),
        };
        format!("{long}{}", &text[1..])
    }

    #[test]
    fn each_operation_goes_to_exactly_its_url() {
        let named: Vec<&str> = ALL.iter().map(|operation| operation.name).collect();
        let asserted: Vec<&str> = URLS.iter().map(|(name, ..)| *name).collect();
        assert_eq!(named, asserted, "every operation has its URL asserted, in the table's order");
        for (operation, (_, id, url)) in ALL.iter().zip(URLS) {
            assert_eq!(
                operation.url(ENDPOINT, &spelled_out(id)),
                format!("{ENDPOINT}{}", spelled_out(url)),
                "{}",
                operation.name
            );
            if !matches!(*id, "G" | "S") {
                assert!(spelled_out(id).parse::<ArmId>().is_ok(), "{id}");
            }
        }
    }

    #[test]
    fn every_read_is_called_one_and_no_write_is_a_get() {
        for operation in ALL {
            let computes = *operation == EFFECTIVE_ROUTES;
            let is_get = operation.method == Method::GET;
            assert_eq!(operation.access == Access::Read, is_get || computes, "{}", operation.name);
        }
    }
}
