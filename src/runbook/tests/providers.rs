//! What a runbook may say about a provider. The one test of the language that names clouds: their words differ.

use super::fixture::{catalog, edited, going_to};
use crate::runbook::{CloudChoice, CredentialChoice, ProviderConfig};
use serde_json::json;

/// The sound runbook with this said of Azure.
fn azure(fields: &str) -> String {
    format!("  toy: {{ account: \"1111\" }}\n  azure: {{ {fields} }}\n")
}

fn with(fields: &str) -> super::fixture::Test {
    edited("  toy: { account: \"1111\" }\n", &azure(fields))
}

fn config(fields: &str) -> ProviderConfig {
    let test = with(fields);
    test.finds(&[]);
    let mut resolved = test.checked.runbook.unwrap().resolve(&catalog(), &going_to("r2")).unwrap();
    resolved.providers.remove("azure").unwrap()
}

#[test]
fn a_subscription_its_tenant_and_its_credential() {
    let plain = config("subscription: s-1, tenant: t-1");
    assert_eq!((plain.account_or_subscription(), plain.tenant.as_deref()), (Some("s-1"), Some("t-1")));
    assert_eq!((plain.cloud, plain.credential), (CloudChoice::Public, CredentialChoice::Cli));
    let own = config("cloud: china, credential: client_secret, client_id: app, client_secret: TOKEN");
    assert_eq!((own.cloud, own.credential), (CloudChoice::China, CredentialChoice::ClientSecret));
    assert_eq!(own.client_secret.as_deref(), Some("TOKEN"), "the name of a secret");
    let custom = config("cloud: custom, authority: \"https://login.x\", endpoint: \"https://arm.x\"");
    let (authority, endpoint) = ("https://login.x".to_owned(), "https://arm.x".to_owned());
    assert_eq!(custom.cloud, CloudChoice::Custom { authority, endpoint });
}

#[test]
fn what_is_said_to_nobody_is_found() {
    with("account: \"1111\"").finds(&[("LB0101", "account", "unknown field", "")]);
    with("cloud: chine").finds(&[("LB0104", "chine", "is not one of", "`china`")]);
    with("credential: cli, client_secret: TOKEN").finds(&[(
        "LB0109",
        "TOKEN",
        "not read",
        "credential: client_secret",
    )]);
    with("credential: client_secret, client_secret: hunter2").finds(&[(
        "LB0302",
        "hunter2",
        "has no secret",
        "AZURE_CLIENT_SECRET",
    )]);
    with("endpoint: \"https://arm.x\"").finds(&[("LB0109", "\"https://arm.x\"", "a custom cloud's", "cloud: custom")]);
    with("cloud: custom, authority: \"http://login.x\", endpoint: \"https://arm.x\"").finds(&[(
        "LB0104",
        "\"http://login.x\"",
        "must start with https://",
        "",
    )]);
    edited("toy: { account: \"1111\" }", "toy: { subscription: s }").finds(&[(
        "LB0101",
        "subscription",
        "unknown field",
        "",
    )]);
}

#[test]
fn an_older_plan_without_the_new_words_still_reads() {
    let old: ProviderConfig = serde_json::from_value(json!({ "account": "1111" })).unwrap();
    assert_eq!(old.account_or_subscription(), Some("1111"));
    assert_eq!(serde_json::to_value(&old).unwrap(), json!({ "account": "1111" }));
}
