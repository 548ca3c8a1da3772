//! The SDK clients: one of each service and region, built when first asked for, all over the same wire.
//!
//! Nothing is sent by building one. No client retries, times out, or reads a clock of its own.

use crate::{
    errors::{CallSite, classify},
    transport::Transport,
};
use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig, environment::EnvironmentVariableRegionProvider,
    identity::IdentityCache, meta::region::RegionProviderChain, profile::ProfileFileRegionProvider,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::invocation_id::{InvocationId, InvocationIdGenerator, SharedInvocationIdGenerator};
use aws_smithy_async::{rt::sleep::TokioSleep, time::TimeSource};
use aws_smithy_runtime_api::{box_error::BoxError, client::stalled_stream_protection::StalledStreamProtectionConfig};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use lifeboat_contract::{CallError, Chance, Cx, SharedClock, SharedWire};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::SystemTime,
};
use tokio::sync::OnceCell;

/// Where credentials come from.
#[derive(Clone)]
pub enum Credentials {
    /// Always these. No environment and no file is read: for simulated clouds.
    Fixed { access_key_id: String, secret_access_key: String },
    /// As every AWS tool finds them: profiles, environment, SSO, web identity, assumed roles, and `AWS_ENDPOINT_URL`.
    ///
    /// A profile named here comes before `AWS_PROFILE`.
    Environment { profile: Option<String> },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed { .. } => "Fixed",
            Self::Environment { .. } => "Environment",
        })
    }
}

/// AWS, as all steps of a run share it. Cheap to clone; kinds take it from their surroundings.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

struct Inner {
    wire: SharedWire,
    clock: SharedClock,
    credentials: Credentials,
    chance: Chance,
    invocation_ids: SharedInvocationIdGenerator,
    base: OnceCell<SdkConfig>,
    regions: Mutex<BTreeMap<String, Arc<RegionClients>>>,
}

#[derive(Default)]
struct RegionClients {
    autoscaling: OnceLock<aws_sdk_autoscaling::Client>,
    cloudwatch: OnceLock<aws_sdk_cloudwatch::Client>,
    #[cfg(feature = "parity")]
    acm: OnceLock<aws_sdk_acm::Client>,
    #[cfg(feature = "parity")]
    elasticache: OnceLock<aws_sdk_elasticache::Client>,
    #[cfg(feature = "parity")]
    secretsmanager: OnceLock<aws_sdk_secretsmanager::Client>,
    #[cfg(feature = "parity")]
    servicequotas: OnceLock<aws_sdk_servicequotas::Client>,
    ec2: OnceLock<aws_sdk_ec2::Client>,
    efs: OnceLock<aws_sdk_efs::Client>,
    eks: OnceLock<aws_sdk_eks::Client>,
    elb: OnceLock<aws_sdk_elasticloadbalancingv2::Client>,
    globalaccelerator: OnceLock<aws_sdk_globalaccelerator::Client>,
    rds: OnceLock<aws_sdk_rds::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
}

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub arn: String,
}

/// The client of one service in one region.
macro_rules! client {
    ($service:ident, $sdk:ident) => {
        pub(crate) async fn $service(&self, region: &str) -> $sdk::Client {
            let known = self.region(region);
            if let Some(client) = known.$service.get() {
                return client.clone();
            }
            let config = self.config(region).await;
            let build = || {
                let config =
                    $sdk::config::Builder::from(&config).invocation_id_generator(self.0.invocation_ids.clone());
                $sdk::Client::from_conf(config.build())
            };
            known.$service.get_or_init(build).clone()
        }
    };
}

impl Aws {
    /// Sends nothing.
    ///
    /// With fixed credentials the SDKs' invocation ids repeat from run to run, and so do the idempotency tokens that the kinds
    /// send. The SDKs' own tokens would not.
    pub fn new(wire: SharedWire, clock: SharedClock, credentials: Credentials) -> Self {
        let chance = match credentials {
            Credentials::Fixed { .. } => Chance::seeded(0),
            Credentials::Environment { .. } => Chance::from_system(),
        };
        let invocation_ids =
            SharedInvocationIdGenerator::new(InvocationIds { chance: chance.clone(), clock: clock.clone() });
        let (base, regions) = (OnceCell::new(), Mutex::default());
        Self(Arc::new(Inner { wire, clock, credentials, chance, invocation_ids, base, regions }))
    }

    /// What the program put into the surroundings.
    pub(crate) fn of(cx: &Cx) -> Result<&Self, CallError> {
        cx.providers
            .get::<Self>()
            .ok_or_else(|| CallError::definite("aws", "provider.missing", "this run has no connection to AWS"))
    }

    /// A new idempotency token. One per call that is to take effect: a call with the token of an earlier one does nothing.
    pub(crate) fn token(&self) -> String {
        self.0.chance.uuid(self.0.clock.now()).to_string()
    }

    /// Who the credentials belong to, asked at the region's own endpoint.
    pub async fn caller(&self, region: &str) -> Result<Caller, CallError> {
        let at = CallSite { service: "sts", operation: "GetCallerIdentity", region };
        let answer = self.sts(region).await.get_caller_identity().send().await.map_err(|error| classify(&at, error))?;
        Ok(Caller { account: answer.account.unwrap_or_default(), arn: answer.arn.unwrap_or_default() })
    }

    client!(autoscaling, aws_sdk_autoscaling);
    client!(cloudwatch, aws_sdk_cloudwatch);
    client!(ec2, aws_sdk_ec2);
    client!(efs, aws_sdk_efs);
    #[cfg(feature = "parity")]
    client!(acm, aws_sdk_acm);
    #[cfg(feature = "parity")]
    client!(elasticache, aws_sdk_elasticache);
    #[cfg(feature = "parity")]
    client!(secretsmanager, aws_sdk_secretsmanager);
    #[cfg(feature = "parity")]
    client!(servicequotas, aws_sdk_servicequotas);
    client!(eks, aws_sdk_eks);
    client!(elb, aws_sdk_elasticloadbalancingv2);
    client!(globalaccelerator, aws_sdk_globalaccelerator);
    client!(rds, aws_sdk_rds);
    client!(sts, aws_sdk_sts);

    /// What a request is signed with that no SDK makes.
    pub(crate) async fn signing_config(&self, region: &str) -> SdkConfig {
        self.config(region).await
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.0.clock.now().into()
    }

    fn region(&self, region: &str) -> Arc<RegionClients> {
        let mut regions = self.0.regions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(regions.entry(region.to_owned()).or_default())
    }

    async fn config(&self, region: &str) -> SdkConfig {
        let base = self.0.base.get_or_init(|| self.base(region)).await;
        base.to_builder().region(Region::new(region.to_owned())).build()
    }

    async fn base(&self, region: &str) -> SdkConfig {
        match &self.0.credentials {
            Credentials::Fixed { access_key_id, secret_access_key } => self.fixed(access_key_id, secret_access_key),
            Credentials::Environment { profile } => self.environment(region, profile.as_deref()).await,
        }
    }

    fn fixed(&self, access_key_id: &str, secret_access_key: &str) -> SdkConfig {
        let credentials =
            aws_credential_types::Credentials::new(access_key_id, secret_access_key, None, None, "lifeboat");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            // A cache would time its loading, and draw jitter from a source of its own.
            .identity_cache(IdentityCache::no_cache())
            .http_client(Transport::new(self.0.wire.clone()))
            .time_source(WallClock(self.0.clock.clone()))
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build()
    }

    async fn environment(&self, region: &str, profile: Option<&str>) -> SdkConfig {
        // Every call names its region. This one is for the credential chain, and must not come from the instance's metadata:
        // a lost region's instance would slow every start.
        let of_profile = ProfileFileRegionProvider::builder();
        let of_profile = match profile {
            Some(profile) => of_profile.profile_name(profile),
            None => of_profile,
        };
        let home = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(of_profile.build())
            .or_else(Region::new(region.to_owned()));
        let loader = ConfigLoader::default()
            .behavior_version(BehaviorVersion::latest())
            .region(home)
            .http_client(Transport::new(self.0.wire.clone()))
            .time_source(WallClock(self.0.clock.clone()))
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        match profile {
            Some(profile) => loader.profile_name(profile).load().await,
            None => loader.load().await,
        }
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("credentials", &self.0.credentials).finish_non_exhaustive()
    }
}

/// The run's clock, as the SDKs ask for it.
#[derive(Debug)]
struct WallClock(SharedClock);

impl TimeSource for WallClock {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

#[derive(Debug)]
struct InvocationIds {
    chance: Chance,
    clock: SharedClock,
}

impl InvocationIdGenerator for InvocationIds {
    fn generate(&self) -> Result<Option<InvocationId>, BoxError> {
        Ok(Some(InvocationId::new(self.chance.uuid(self.clock.now()).to_string())))
    }
}

#[cfg(test)]
mod tests {
    use crate::recorded::{RecordedWire, surroundings};
    use lifeboat_contract::{Effect, Mode, Retry};

    #[tokio::test(start_paused = true)]
    async fn the_caller_is_asked_at_the_regions_own_endpoint() {
        let answer = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/a</Arn>\
                      <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        let wire = RecordedWire::new([("GetCallerIdentity", Ok((200, answer)))]);
        let (aws, _) = surroundings(wire.clone(), Mode::Switchover);
        assert_eq!(aws.caller("eu-west-1").await.unwrap().account, "111122223333");
        assert_eq!(wire.calls().first().unwrap().1, "eu-west-1");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_carries_its_code_and_request() {
        let answer = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>late</Message></Error>\
                      <RequestId>request-2</RequestId></ErrorResponse>";
        let (aws, _) = surroundings(RecordedWire::new([("GetCallerIdentity", Ok((403, answer)))]), Mode::Switchover);
        let error = aws.caller("eu-west-1").await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect, error.retry), ("ExpiredToken", Effect::None, Retry::Backoff));
        assert!(error.request_id.is_some());
    }
}
