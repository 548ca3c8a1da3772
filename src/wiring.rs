//! Wires the program together: the only file that names the cloud adapters.
//!
//! Makes no decision about a run.

use crate::runbook::ProviderConfig;
use lifeboat_contract::{CallError, Catalog, SharedClock, SharedWire};
use std::collections::BTreeMap;

/// Every kind that this build knows.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    lifeboat_probe::register(&mut catalog);
    #[cfg(feature = "aws")]
    lifeboat_aws::register(&mut catalog);
    catalog
}

/// Whether the providers' own configuration is read (profiles, environment), or fixed dummies stand in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// With the profile that the runbook names for each provider.
    Configured(BTreeMap<String, ProviderConfig>),
    Dummies,
}

/// What the providers keep for all their steps. Sends nothing.
pub fn providers(wire: &SharedWire, clock: &SharedClock, credentials: Credentials) -> http::Extensions {
    #[cfg(not(feature = "aws"))]
    {
        let _: (_, _, _) = (wire, clock, credentials);
        http::Extensions::new()
    }
    #[cfg(feature = "aws")]
    {
        let mut providers = http::Extensions::new();
        let credentials = match credentials {
            Credentials::Configured(configs) => lifeboat_aws::Credentials::Environment {
                profile: configs.get("aws").and_then(|config| config.profile.clone()),
            },
            Credentials::Dummies => lifeboat_aws::Credentials::Fixed {
                access_key_id: "AKIDSIMULATED".to_owned(),
                secret_access_key: "simulated".to_owned(),
            },
        };
        providers.insert(lifeboat_aws::Aws::new(wire.clone(), clock.clone(), credentials));
        providers
    }
}

/// The account that a provider says the caller is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub name: String,
}

/// Asks a provider who the caller is, in one region. `None` where this build does not know the provider.
pub async fn caller(providers: &http::Extensions, provider: &str, region: &str) -> Option<Result<Caller, CallError>> {
    #[cfg(feature = "aws")]
    if provider == "aws" {
        let caller = providers.get::<lifeboat_aws::Aws>()?.caller(region).await;
        return Some(caller.map(|caller| Caller { account: caller.account, name: caller.arn }));
    }
    let _: (_, _, _) = (providers, provider, region);
    None
}
