//! Wires the program together: the only file that names the cloud adapters.
//!
//! Makes no decision about a run.

use crate::runbook::ProviderConfig;
use lifeboat_contract::{CallError, Catalog, Cx, Grants, Permission, Secrets, SharedClock, SharedWire};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Every kind that this build knows.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    lifeboat_probe::register(&mut catalog);
    #[cfg(feature = "aws")]
    lifeboat_aws::register(&mut catalog);
    #[cfg(feature = "azure")]
    lifeboat_azure::register(&mut catalog);
    catalog
}

/// Whether the providers' own configuration is read (profiles, environment), or fixed dummies stand in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// As the runbook says for each provider.
    Configured(BTreeMap<String, ProviderConfig>),
    Dummies,
}

/// What the providers keep for all their steps. Sends nothing. `secrets` holds those that credentials are made of.
pub fn providers(
    wire: &SharedWire,
    clock: &SharedClock,
    credentials: &Credentials,
    secrets: &Secrets,
) -> Result<http::Extensions, CallError> {
    let mut providers = http::Extensions::new();
    let config = |name: &str| match credentials {
        Credentials::Configured(configs) => Some(configs.get(name).cloned().unwrap_or_default()),
        Credentials::Dummies => None,
    };
    #[cfg(feature = "aws")]
    providers.insert(lifeboat_aws::Aws::new(wire.clone(), clock.clone(), aws(config("aws"))));
    #[cfg(feature = "azure")]
    {
        let (cloud, credentials) = azure(config("azure"), secrets)?;
        providers.insert(lifeboat_azure::Azure::new(wire.clone(), clock.clone(), cloud, credentials));
    }
    // A build without any cloud reads none of them.
    let _: (_, _, _, _, _) = (&mut providers, &config, wire, clock, secrets);
    Ok(providers)
}

#[cfg(feature = "aws")]
fn aws(config: Option<ProviderConfig>) -> lifeboat_aws::Credentials {
    match config {
        Some(config) => lifeboat_aws::Credentials::Environment { profile: config.profile },
        None => lifeboat_aws::Credentials::Fixed {
            access_key_id: "AKIDSIMULATED".to_owned(),
            secret_access_key: "simulated".to_owned(),
        },
    }
}

#[cfg(feature = "azure")]
fn azure(
    config: Option<ProviderConfig>,
    secrets: &Secrets,
) -> Result<(lifeboat_azure::CloudEnvironment, lifeboat_azure::Credentials), CallError> {
    use crate::runbook::{CloudChoice, CredentialChoice};
    use lifeboat_azure::{ClientSecret, CloudEnvironment, Credentials};
    use lifeboat_contract::Secret;
    // A simulated cloud answers at the public one's address, whichever the runbook is for.
    let Some(config) = config else { return Ok((CloudEnvironment::public(), Credentials::Fixed)) };
    let cloud = match &config.cloud {
        CloudChoice::Public => CloudEnvironment::public(),
        CloudChoice::Government => CloudEnvironment::government(),
        CloudChoice::China => CloudEnvironment::china(),
        CloudChoice::Custom { authority, endpoint } => CloudEnvironment::custom(authority, endpoint)
            .map_err(|error| CallError::definite("azure", "cloud.malformed", error.to_string()))?,
    };
    let (tenant, client_id) = (config.tenant, config.client_id);
    let credentials = match config.credential {
        CredentialChoice::Cli => Credentials::Cli { tenant },
        CredentialChoice::ManagedIdentity => Credentials::ManagedIdentity { client_id },
        CredentialChoice::WorkloadIdentity => Credentials::WorkloadIdentity { tenant, client_id },
        CredentialChoice::ClientSecret => {
            let named = config.client_secret.map(|secret| Secret { secret });
            let secret = named.map(|named| secrets.reveal(&named).map(ClientSecret::new)).transpose()?;
            Credentials::ClientSecret { tenant, client_id, secret }
        }
        CredentialChoice::ClientAssertion => {
            Credentials::ClientAssertion { tenant, client_id, token_file: config.token_file }
        }
    };
    Ok((cloud, credentials))
}

/// Who a provider says the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account, or the subscription, that the caller can act in.
    pub account: String,
    /// The tenant that it belongs to, where the provider has such a thing.
    pub tenant: Option<String>,
    pub name: String,
}

/// Asks a provider who the caller is, in one region and of one account. `None` where this build does not know the provider.
pub async fn caller(cx: &Cx, provider: &str, region: &str, account: &str) -> Option<Result<Caller, CallError>> {
    #[cfg(feature = "aws")]
    if provider == "aws" {
        let caller = cx.providers.get::<lifeboat_aws::Aws>()?.caller(region).await;
        return Some(caller.map(|caller| Caller { account: caller.account, tenant: None, name: caller.arn }));
    }
    #[cfg(feature = "azure")]
    if provider == "azure" {
        let caller = cx.providers.get::<lifeboat_azure::Azure>()?.caller(cx, account).await;
        return Some(caller.map(|caller| Caller {
            account: caller.subscription,
            tenant: Some(caller.tenant),
            name: caller.name,
        }));
    }
    let _: (_, _, _, _) = (cx, provider, region, account);
    None
}

/// Which regions this process depends on besides those of the steps, for the providers that are used. Asks no cloud.
pub async fn dependencies(
    configs: &BTreeMap<String, ProviderConfig>,
    used: &BTreeSet<String>,
) -> Vec<lifeboat_contract::Dependency> {
    let mut found = Vec::new();
    #[cfg(feature = "aws")]
    {
        found.extend(lifeboat_aws::dependencies::executor());
        if used.contains("aws") {
            let profile = configs.get("aws").and_then(|config| config.profile.as_deref());
            found.extend(lifeboat_aws::dependencies::of_this_process(profile).await);
        }
    }
    #[cfg(feature = "azure")]
    found.extend(lifeboat_azure::dependencies::executor());
    let _: (_, _, _) = (&mut found, configs, used);
    found
}

/// Asks a provider which of these permissions the caller has. `None` where this build does not know the provider.
pub async fn grants(
    cx: &Cx,
    provider: &str,
    region: &str,
    permissions: &BTreeSet<Permission>,
) -> Option<Result<Grants, CallError>> {
    #[cfg(feature = "aws")]
    if provider == "aws" {
        return Some(cx.providers.get::<lifeboat_aws::Aws>()?.grants(cx, region, permissions).await);
    }
    #[cfg(feature = "azure")]
    if provider == "azure" {
        return Some(cx.providers.get::<lifeboat_azure::Azure>()?.grants(cx, permissions).await);
    }
    let _: (_, _, _, _) = (cx, provider, region, permissions);
    None
}

/// What asking who the caller is, and what the caller may do, needs of a provider.
pub fn caller_permissions(provider: &str, account: Option<&str>) -> Vec<Permission> {
    match provider {
        // AWS tells everybody who they are.
        #[cfg(feature = "aws")]
        "aws" => vec![lifeboat_aws::simulate_permission(account)],
        #[cfg(feature = "azure")]
        "azure" => {
            let caller = account.map(lifeboat_azure::caller_permission);
            caller.into_iter().chain([lifeboat_azure::permissions_permission(account)]).collect()
        }
        _ => {
            let _: (_, _) = (provider, account);
            Vec::new()
        }
    }
}

/// Permissions as the provider's own document: an IAM policy, a role definition. `None` where this build does not know the provider.
pub fn grant(provider: &str, name: &str, permissions: &BTreeSet<Permission>) -> Option<Value> {
    match provider {
        #[cfg(feature = "aws")]
        "aws" => Some(lifeboat_aws::policy::policy(permissions)),
        #[cfg(feature = "azure")]
        "azure" => Some(lifeboat_azure::role::role(name, permissions)),
        _ => {
            let _: (_, _) = (name, permissions);
            None
        }
    }
}

/// What to do about a document that the provider does not take as it is.
pub fn too_long(provider: &str, document: &Value) -> Option<String> {
    #[cfg(feature = "aws")]
    if provider == "aws" {
        let length = document.to_string().len();
        let max = lifeboat_aws::policy::CHARACTERS_MAX;
        return (length > max).then(|| {
            format!("a managed policy has {max} characters at most, and this one {length}: make one for each `--to`")
        });
    }
    let _: (_, _) = (provider, document);
    None
}
