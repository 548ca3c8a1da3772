//! Where tokens come from, by the operator's choice: `azure_identity`'s credentials over our own wire.
//!
//! There is no chain that tries one after another: the choice is declared. No value of a secret is ever printed.

use crate::{environment::CloudEnvironment, transport::Transport};
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::{Secret, TokenCredential},
    http::{ClientMethodOptions, ClientOptions, RetryOptions},
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use std::{fmt, path::PathBuf, sync::Arc};

const TENANT: &str = "AZURE_TENANT_ID";
const CLIENT: &str = "AZURE_CLIENT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// Where tokens come from. What is not given is read from the environment variables that every Azure tool reads.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// The account that is logged in to the Azure CLI.
    Cli { tenant: Option<String> },
    /// The identity of the machine that this runs on: its own, or the user-assigned one with this client id.
    ManagedIdentity { client_id: Option<String> },
    /// The identity of the Kubernetes pod that this runs in.
    WorkloadIdentity { tenant: Option<String>, client_id: Option<String> },
    /// An application with a secret; without one here, that of `AZURE_CLIENT_SECRET`.
    ClientSecret { tenant: Option<String>, client_id: Option<String>, secret: Option<ClientSecret> },
    /// An application with a token of another issuer that it trusts, read from a file each time it is needed.
    ClientAssertion { tenant: Option<String>, client_id: Option<String>, token_file: Option<PathBuf> },
    /// Always the same dummy. Nothing is asked and no environment is read: for simulated clouds.
    Fixed,
}

/// An application's secret. Never printed.
#[derive(Clone)]
pub struct ClientSecret(String);

impl ClientSecret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret")
    }
}

/// Reads one environment variable. A parameter, so that tests need not write the process's own.
pub(crate) type Environment = fn(&str) -> Option<String>;

pub(crate) fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Builds the chosen credential. Sends nothing. `None` for the dummy, which needs none.
pub(crate) fn build(
    chosen: &Credentials,
    cloud: &CloudEnvironment,
    transport: Transport,
    environment: Environment,
) -> Result<Option<Arc<dyn TokenCredential>>, String> {
    let client_options = client_options(cloud, transport);
    let given = |value: &Option<String>, variable: &str, what: &str| {
        value.clone().or_else(|| environment(variable)).ok_or_else(|| format!("no {what}: {variable} is not set"))
    };
    let built: azure_core::Result<Arc<dyn TokenCredential>> = match chosen {
        Credentials::Fixed => return Ok(None),
        Credentials::Cli { tenant } => {
            let options =
                AzureCliCredentialOptions { tenant_id: tenant.clone(), ..AzureCliCredentialOptions::default() };
            AzureCliCredential::new(Some(options)).map(|credential| credential as Arc<dyn TokenCredential>)
        }
        Credentials::ManagedIdentity { client_id } => {
            let user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
            let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
            ManagedIdentityCredential::new(Some(options)).map(|credential| credential as Arc<dyn TokenCredential>)
        }
        Credentials::WorkloadIdentity { tenant, client_id } => {
            let options = WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options },
                client_id: client_id.clone(),
                tenant_id: tenant.clone(),
                token_file_path: None,
            };
            WorkloadIdentityCredential::new(Some(options)).map(|credential| credential as Arc<dyn TokenCredential>)
        }
        Credentials::ClientSecret { tenant, client_id, secret } => {
            let tenant = given(tenant, TENANT, "tenant")?;
            let client = given(client_id, CLIENT, "client id")?;
            let secret = given(&secret.clone().map(|secret| secret.0), SECRET, "client secret")?;
            let options = Some(ClientSecretCredentialOptions { client_options });
            ClientSecretCredential::new(&tenant, client, Secret::new(secret), options)
                .map(|credential| credential as Arc<dyn TokenCredential>)
        }
        Credentials::ClientAssertion { tenant, client_id, token_file } => {
            let tenant = given(tenant, TENANT, "tenant")?;
            let client = given(client_id, CLIENT, "client id")?;
            let file = token_file.as_ref().map(|file| file.display().to_string());
            let file = TokenFile(PathBuf::from(given(&file, TOKEN_FILE, "file with the token of the other issuer")?));
            let options = Some(ClientAssertionCredentialOptions { client_options });
            ClientAssertionCredential::new(tenant, client, file, options)
                .map(|credential| credential as Arc<dyn TokenCredential>)
        }
    };
    built.map(Some).map_err(|error| error.to_string())
}

fn client_options(cloud: &CloudEnvironment, transport: Transport) -> ClientOptions {
    let mut authority = CustomConfiguration::default();
    cloud.authority().clone_into(&mut authority.authority_host);
    ClientOptions {
        transport: Some(azure_core::http::Transport::new(Arc::new(transport))),
        // The engine is the one layer that retries.
        retry: RetryOptions::none(),
        cloud: Some(Arc::new(CloudConfiguration::from(authority))),
        ..ClientOptions::default()
    }
}

/// A file that another issuer keeps fresh.
#[derive(Debug)]
struct TokenFile(PathBuf);

#[async_trait::async_trait]
impl ClientAssertion for TokenFile {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let text = std::fs::read_to_string(&self.0).map_err(|error| {
            let message = format!("cannot read {}: {error}", self.0.display());
            azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, message)
        })?;
        Ok(text.trim().to_owned())
    }
}
