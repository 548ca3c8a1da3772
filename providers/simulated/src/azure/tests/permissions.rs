//! Roles: who may do what, where, and what is said to those who may not.

use super::{
    super::asked::{Asked, SUBSCRIPTION},
    fixture::{OVERLAY, POOL, Sim, document, id, route},
};
use serde_json::{Value, json};

const SUBSCRIPTION_SCOPE: &str = "/subscriptions/00000000-0000-0000-0000-000000000001";
const READ: &str = "Microsoft.Network/*/read";

fn role(name: &str, actions: &[&str], not_actions: &[&str]) -> Value {
    json!({
        "Name": name, "IsCustom": true, "Actions": actions, "NotActions": not_actions, "DataActions": [],
        "NotDataActions": [], "AssignableScopes": [SUBSCRIPTION_SCOPE],
    })
}

/// A world whose operator has one role, at a scope.
fn allowed(actions: &[&str], not_actions: &[&str], scope: &str) -> Sim {
    let operator = json!({ "role_assignments": [{ "role": "r", "scope": scope }] });
    let roles = json!([role("r", actions, not_actions)]);
    let authorization = json!({ "role_definitions": roles, "principals": { "operator": operator } });
    Sim::with(&[("/azure/authorization", authorization)])
}

fn group() -> String {
    id("").replace("/providers/Microsoft.Network/", "")
}

/// What the operator may do at a scope.
fn permissions(sim: &mut Sim, scope: &str) -> Value {
    let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
    let told = sim.call("GET", &path, &[], &Value::Null);
    assert_eq!(told.status, 200, "{}", told.body);
    told.body["value"].clone()
}

#[test]
fn a_refusal_names_client_action_and_scope_and_changes_nothing() {
    let mut sim = allowed(&[READ], &[], SUBSCRIPTION_SCOPE);
    let before = sim.world.contents();
    let told = sim.put(OVERLAY, &route("10.1.1.11"));
    assert_eq!((told.status, told.code()), (403, "AuthorizationFailed"));
    let message = told.body["error"]["message"].as_str().unwrap_or_default();
    let action =
        "does not have authorization to perform action 'Microsoft.Network/routeTables/routes/write' over scope";
    assert!(message.starts_with("The client 'operator' with object id '"), "{message}");
    assert!(message.contains(&format!("{action} '{}' or the scope is invalid.", id(OVERLAY))), "{message}");
    assert_eq!(sim.go(10.0).world.contents(), before);
    // Nobody learns what is there.
    assert_eq!(sim.put("routeTables/none/routes/none", &route("10.1.1.11")).status, 403);
}

#[test]
fn each_request_needs_the_action_of_its_method_and_type() {
    for (method, path, action) in [
        ("GET", SUBSCRIPTION_SCOPE.to_owned(), "Microsoft.Resources/subscriptions/read"),
        ("GET", group(), "Microsoft.Resources/subscriptions/resourceGroups/read"),
        ("GET", id("networkInterfaces"), "Microsoft.Network/networkInterfaces/read"),
        ("GET", id("routeTables/clients"), "Microsoft.Network/routeTables/read"),
        ("DELETE", id(OVERLAY), "Microsoft.Network/routeTables/routes/delete"),
        (
            "POST",
            id("networkInterfaces/c/effectiveRouteTable"),
            "Microsoft.Network/networkInterfaces/effectiveRouteTable/action",
        ),
        (
            "GET",
            format!("{}/providers/Microsoft.Compute/virtualMachines/vm-a/instanceView", group()),
            "Microsoft.Compute/virtualMachines/instanceView/read",
        ),
        (
            "POST",
            format!("{}/providers/Microsoft.Compute/virtualMachines/vm-a/powerOff", group()),
            "Microsoft.Compute/virtualMachines/powerOff/action",
        ),
        (
            "GET",
            format!("{}/providers/Microsoft.Authorization/permissions", id("routeTables/clients")),
            "Microsoft.Authorization/permissions/read",
        ),
    ] {
        let told =
            allowed(&["*"], &[&action.to_uppercase()], SUBSCRIPTION_SCOPE).call(method, &path, &[], &Value::Null);
        let message = told.body["error"]["message"].as_str().unwrap_or_default();
        assert!(told.status == 403 && message.contains(&format!("'{action}'")), "{method} {path}: {}", told.body);
        let told = allowed(&[action], &[], SUBSCRIPTION_SCOPE).call(method, &path, &[], &Value::Null);
        assert!((200..300).contains(&told.status), "{method} {path}: {}", told.body);
    }
}

#[test]
fn what_a_body_links_to_must_be_joined() {
    const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";
    const GROUP: &str = "Microsoft.Network/networkSecurityGroups/join/action";
    const NETWORK: &str = "Microsoft.Network/virtualNetworks/joinLoadBalancer/action";
    let interface = "networkInterfaces/a";
    let write = "Microsoft.Network/networkInterfaces/write";
    let mut sim = allowed(&[READ, write], &[], SUBSCRIPTION_SCOPE);
    let body = sim.get(interface);
    let told = sim.put(interface, &body);
    assert_eq!((told.status, told.code()), (403, "LinkedAuthorizationFailed"));
    let message = told.body["error"]["message"].as_str().unwrap_or_default();
    let (subnet, guard) = (id("virtualNetworks/net/subnets/servers"), id("networkSecurityGroups/guard"));
    for said in [
        format!("has permission to perform action '{write}' on scope '{}'", id(interface)),
        format!(
            "does not have permission to perform action(s) '{GROUP},{SUBNET}' on the linked scope(s) '{guard},{subnet}'"
        ),
    ] {
        assert!(message.contains(&said), "{said} is not in {message}");
    }
    assert_eq!(allowed(&[write, SUBNET], &[], SUBSCRIPTION_SCOPE).put(interface, &body).status, 403);
    assert_eq!(allowed(&[write, SUBNET, GROUP], &[], SUBSCRIPTION_SCOPE).put(interface, &body).status, 200);

    let pool = "Microsoft.Network/loadBalancers/backendAddressPools/write";
    let body = sim.get(POOL);
    let told = allowed(&[pool], &[], SUBSCRIPTION_SCOPE).put(POOL, &body);
    assert!(told.body["error"]["message"].as_str().is_some_and(|said| said.contains(NETWORK)), "{}", told.body);
    assert_eq!(allowed(&[pool, NETWORK], &[], SUBSCRIPTION_SCOPE).put(POOL, &body).status, 200);
}

#[test]
fn a_role_holds_where_it_was_assigned_and_below() {
    let table = id("routeTables/clients");
    for (scope, status) in [
        ("/subscriptions/00000000-0000-0000-0000-000000000001".to_owned(), 200),
        (group().to_uppercase().replace("/SUBSCRIPTIONS/", "/subscriptions/"), 200),
        (table.clone(), 200),
        (format!("{}x", group()), 403),
        (id("routeTables/cli"), 403),
        (id(OVERLAY), 403),
    ] {
        let told = allowed(&[READ], &[], &scope).call("GET", &table, &[], &Value::Null);
        assert_eq!(told.status, status, "{scope}: {}", told.body);
    }
}

#[test]
fn roles_add_up_and_what_one_leaves_out_another_may_hold() {
    let assigned = |names: &[&str]| {
        let assignments: Vec<Value> =
            names.iter().map(|name| json!({ "role": name, "scope": SUBSCRIPTION_SCOPE })).collect();
        let principals = json!({ "other": { "tokens": ["t"], "role_assignments": assignments } });
        let all = role("all but routes", &["Microsoft.Network/*"], &["Microsoft.Network/routeTables/routes/*"]);
        let roles = [all, role("routes", &["Microsoft.Network/routeTables/routes/write"], &[])];
        Sim::with(&[("/azure/authorization", json!({ "role_definitions": roles, "principals": principals }))])
    };
    let token = [("authorization", "Bearer t")];
    let write = |sim: &mut Sim| sim.call("PUT", &id(OVERLAY), &token, &route("10.1.1.11")).status;
    assert_eq!(write(&mut assigned(&["all but routes"])), 403);
    let mut both = assigned(&["all but routes", "routes"]);
    assert_eq!(write(&mut both), 200);
    assert_eq!(both.call("GET", &id(OVERLAY), &[], &Value::Null).status, 403, "another token is another principal's");
}

#[test]
fn the_caller_is_told_what_it_may_do_at_a_scope() {
    let table = id("routeTables/clients");
    let actions = ["Microsoft.Authorization/permissions/read", "Microsoft.Network/routeTables/*"];
    let mut sim = allowed(&actions, &["Microsoft.Network/routeTables/delete"], &group());
    for scope in [group(), table.clone()] {
        let [entry] = &permissions(&mut sim, &scope).as_array().cloned().unwrap_or_default()[..] else {
            panic!("one role")
        };
        assert_eq!(entry["actions"][1], "microsoft.network/routetables/*");
        assert_eq!(entry["notActions"], json!(["microsoft.network/routetables/delete"]));
    }
    assert_eq!(permissions(&mut Sim::new(), &table)[0]["actions"], json!(["*"]), "nobody is asked for a role");
    // What a caller may do is told also where the resource's own region is lost.
    let lost = ("/incident", json!([{ "at": "1s", "lose_region": "eastus", "planes": "control" }]));
    let mut sim = Sim::with(&[lost]);
    assert_eq!(permissions(sim.go(2.0), &table)[0]["actions"], json!(["*"]));
}

#[test]
fn an_operation_can_be_followed_without_a_permission_of_its_own() {
    let mut sim = allowed(&["Microsoft.Network/routeTables/routes/write"], &[], &id("routeTables/clients"));
    let url = sim.put(OVERLAY, &route("10.1.1.11")).header("azure-asyncoperation");
    assert_eq!(sim.go(6.0).call("GET", &url, &[], &Value::Null).body["status"], "Succeeded");
}

#[test]
fn an_assignment_names_a_role_and_a_scope_that_it_can_be_assigned_at() {
    let mut world = document();
    let assignments = json!([
        { "role": "none", "scope": SUBSCRIPTION_SCOPE },
        { "role": "r", "scope": "/subscriptions/00000000-0000-0000-0000-000000000002" },
    ]);
    let roles = [role("r", &["*"], &[]), role("r", &[], &[])];
    let operator = json!({ "tokens": ["t"], "role_assignments": assignments });
    world["azure"]["authorization"] =
        json!({ "role_definitions": roles, "principals": { "operator": operator, "other": { "tokens": ["t"] } } });
    let found = Asked::findings(world);
    for expected in [
        "azure/authorization/role_definitions/1/Name: another role is called r",
        "azure/authorization/principals/operator/role_assignments/0/role: the world has no role definition none",
        "azure/authorization/principals/operator/role_assignments/1/scope: the role r can't be assigned at",
        "azure/authorization/principals/other/tokens: one of these tokens is another principal's",
    ] {
        assert!(found.iter().any(|finding| finding.starts_with(expected)), "{expected} is not in {found:#?}");
    }
    assert!(SUBSCRIPTION_SCOPE.ends_with(SUBSCRIPTION));
}
