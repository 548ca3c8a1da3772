//! What a runbook says about a provider: whose account its steps are for, which cloud it is, and where credentials come from.
//!
//! Holds no secret, and asks nobody: the guard that compares the caller with it is the command line's.

use super::{
    fields::Fields,
    problems::{Problems, quoted},
};
use lifeboat_contract::{DocumentPath, codes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::PathBuf};

/// What the runbook says about one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderConfig {
    /// The account that the caller must be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The profile of the provider's own configuration to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The subscription that the caller must see and that every step must be about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// The tenant that the subscription must belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub cloud: CloudChoice,
    #[serde(default, skip_serializing_if = "is_default")]
    pub credential: CredentialChoice,
    /// The application, or the user-assigned identity, that the credential is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name of the runbook's secret that is the application's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The file in which another issuer's token is kept fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

/// Which of a provider's clouds: authority and endpoint belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloudChoice {
    #[default]
    Public,
    Government,
    China,
    Custom {
        authority: String,
        endpoint: String,
    },
}

/// Where credentials come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialChoice {
    #[default]
    Cli,
    ManagedIdentity,
    WorkloadIdentity,
    ClientSecret,
    ClientAssertion,
}

/// The provider whose accounts are subscriptions.
const AZURE: &str = "azure";
const FIELDS: [&str; 2] = ["account", "profile"];
const AZURE_FIELDS: [&str; 9] = [
    "subscription",
    "tenant",
    "cloud",
    "authority",
    "endpoint",
    "credential",
    "client_id",
    "client_secret",
    "token_file",
];
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CloudWord {
    Public,
    Government,
    China,
    Custom,
}
const CLOUDS: [(&str, CloudWord); 4] = [
    ("public", CloudWord::Public),
    ("government", CloudWord::Government),
    ("china", CloudWord::China),
    ("custom", CloudWord::Custom),
];
const CREDENTIALS: [(&str, CredentialChoice); 5] = [
    ("cli", CredentialChoice::Cli),
    ("managed_identity", CredentialChoice::ManagedIdentity),
    ("workload_identity", CredentialChoice::WorkloadIdentity),
    ("client_secret", CredentialChoice::ClientSecret),
    ("client_assertion", CredentialChoice::ClientAssertion),
];

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl ProviderConfig {
    /// What the provider calls an account, whichever word it has for one.
    pub fn account_or_subscription(&self) -> Option<&str> {
        self.account.as_deref().or(self.subscription.as_deref())
    }
}

/// The fields that a provider of this name takes.
pub(super) fn fields_of(provider: &str) -> &'static [&'static str] {
    if provider == AZURE { &AZURE_FIELDS } else { &FIELDS }
}

/// Reads one provider's fields; they are known to be among those of [`fields_of`].
pub(super) fn read(
    provider: &Fields<'_>,
    secrets: &BTreeSet<String>,
    path: &DocumentPath,
    problems: &mut Problems,
) -> ProviderConfig {
    let mut text = |name: &str| provider.text(name, problems).map(str::to_owned);
    let mut config = ProviderConfig {
        account: text("account"),
        profile: text("profile"),
        subscription: text("subscription"),
        tenant: text("tenant"),
        client_id: text("client_id"),
        client_secret: text("client_secret"),
        token_file: text("token_file").map(PathBuf::from),
        ..ProviderConfig::default()
    };
    config.cloud = cloud(provider, path, problems);
    config.credential = provider.word("credential", &CREDENTIALS, problems).unwrap_or_default();
    for (field, is_there, of) in [
        ("client_secret", config.client_secret.is_some(), CredentialChoice::ClientSecret),
        ("token_file", config.token_file.is_some(), CredentialChoice::ClientAssertion),
    ] {
        if is_there && config.credential != of {
            let word = CREDENTIALS.iter().find(|(_, choice)| *choice == of).map_or("", |(word, _)| word);
            problems
                .error(path.join(field), codes::CONFLICTING_FIELDS, format!("`{field}` is not read by this credential"))
                .hint(format!("write `credential: {word}`, or leave it out"));
        }
    }
    if let Some(name) = config.client_secret.as_ref().filter(|name| !secrets.contains(*name)) {
        problems
            .error(
                path.join("client_secret"),
                codes::UNKNOWN_NAME,
                format!("the runbook has no secret {}", quoted(name)),
            )
            .because("this is the name of one of the runbook's `secrets`, never the secret itself")
            .hint("leave it out to read the environment variable AZURE_CLIENT_SECRET");
    }
    config
}

fn cloud(provider: &Fields<'_>, path: &DocumentPath, problems: &mut Problems) -> CloudChoice {
    let word = provider.word("cloud", &CLOUDS, problems).unwrap_or(CloudWord::Public);
    if word == CloudWord::Custom {
        let authority = provider.required_text("authority", problems).map(str::to_owned);
        let endpoint = provider.required_text("endpoint", problems).map(str::to_owned);
        for (field, address) in [("authority", &authority), ("endpoint", &endpoint)] {
            if address.as_ref().is_some_and(|address| !address.starts_with("https://")) {
                problems
                    .error(path.join(field), codes::BAD_VALUE, format!("`{field}` must start with https://"))
                    .because("tokens go there, and go nowhere unencrypted");
            }
        }
        return match (authority, endpoint) {
            (Some(authority), Some(endpoint)) => CloudChoice::Custom { authority, endpoint },
            _ => CloudChoice::Public,
        };
    }
    for field in ["authority", "endpoint"] {
        if provider.get(field).is_some() {
            problems
                .error(path.join(field), codes::CONFLICTING_FIELDS, format!("`{field}` is a custom cloud's"))
                .because("a known cloud has an authority and an endpoint that belong together")
                .hint("write `cloud: custom`, or leave it out");
        }
    }
    match word {
        CloudWord::Government => CloudChoice::Government,
        CloudWord::China => CloudChoice::China,
        CloudWord::Public | CloudWord::Custom => CloudChoice::Public,
    }
}

/// The schema of `providers`.
pub(super) fn schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let words = |words: Vec<&str>, description: &str| json!({ "enum": words, "description": description });
    let clouds = CLOUDS.map(|(word, _)| word).to_vec();
    let credentials = CREDENTIALS.map(|(word, _)| word).to_vec();
    let object =
        |properties: Value| json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let azure = object(json!({
        "subscription": text("The subscription the caller must see and every step must be about; another one is refused."),
        "tenant": text("The tenant the subscription must belong to; another one is refused."),
        "cloud": words(clouds, "Which cloud: its authority and its endpoint. `public`, unless given."),
        "authority": text("A custom cloud's authority, which issues the tokens: https://login.example"),
        "endpoint": text("A custom cloud's Resource Manager: https://management.example"),
        "credential": words(credentials, "Where tokens come from. `cli`, unless given."),
        "client_id": text("The application, or the user-assigned identity; AZURE_CLIENT_ID, unless given."),
        "client_secret": text("The name of the runbook's secret that is the application's; AZURE_CLIENT_SECRET, unless given."),
        "token_file": text("The file with another issuer's token; AZURE_FEDERATED_TOKEN_FILE, unless given."),
    }));
    let other = object(json!({
        "account": text("The account the caller must be in; a run by anybody else is refused."),
        "profile": text("The profile of the provider's own configuration to use."),
    }));
    json!({
        "type": "object",
        "propertyNames": { "pattern": super::schema::NAME },
        "properties": { AZURE: azure },
        "additionalProperties": other,
        "description": "What holds for a whole provider.",
    })
}
