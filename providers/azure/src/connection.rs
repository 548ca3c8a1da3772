//! Azure, as all steps of a run share it: the credential and its token, and what was learned of where resources are.
//!
//! Nothing is sent by building one. A token is fetched when the first call needs it and kept until shortly before it expires.

use crate::{
    arm::Arm,
    arm_id::ArmId,
    claims,
    credentials::{Credentials, Environment, build, process_environment},
    environment::CloudEnvironment,
    operations,
    transport::Transport,
};
use azure_core::credentials::TokenCredential;
use lifeboat_contract::{CallError, Chance, Cx, Effect, Permission, Retry, SharedClock, SharedWire};
use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Mutex as AsyncMutex;

/// How long before its end a token is no longer used. `azure_identity` renews its own at the same moment.
const RENEW_BEFORE_SECS: i64 = 300;

/// Azure. Cheap to clone; kinds take it from their surroundings.
#[derive(Clone)]
pub struct Azure(Arc<Inner>);

struct Inner {
    wire: SharedWire,
    clock: SharedClock,
    chance: Chance,
    credentials: Credentials,
    environment: Environment,
    cloud: CloudEnvironment,
    correlation: String,
    session: AsyncMutex<Session>,
    /// What is known of where each resource and group is, by key.
    regions: Mutex<BTreeMap<String, Whereabouts>>,
}

/// What was learned of where a resource or a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    At(String),
    /// It may not be read.
    Hidden,
}

#[derive(Default)]
struct Session {
    credential: Option<Arc<dyn TokenCredential>>,
    token: Option<Token>,
}

#[derive(Clone)]
struct Token {
    text: String,
    expires_at_secs: i64,
}

/// The subscription that the credentials can see, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub subscription: String,
    pub tenant: String,
    pub name: String,
}

/// What asking who the caller is needs.
pub fn caller_permission(subscription: &str) -> Permission {
    Permission {
        action: "Microsoft.Resources/subscriptions/read".to_owned(),
        resource: format!("/subscriptions/{subscription}"),
        reads: true,
    }
}

impl Azure {
    /// Sends nothing. With the dummy credential, the ids of requests repeat from run to run.
    pub fn new(wire: SharedWire, clock: SharedClock, cloud: CloudEnvironment, credentials: Credentials) -> Self {
        Self::reading(process_environment, wire, clock, cloud, credentials)
    }

    pub(crate) fn reading(
        environment: Environment,
        wire: SharedWire,
        clock: SharedClock,
        cloud: CloudEnvironment,
        credentials: Credentials,
    ) -> Self {
        let chance = match credentials {
            Credentials::Fixed => Chance::seeded(0),
            _ => Chance::from_system(),
        };
        let correlation = chance.uuid(clock.now()).to_string();
        let (session, regions) = (AsyncMutex::default(), Mutex::default());
        Self(Arc::new(Inner { wire, clock, chance, credentials, environment, cloud, correlation, session, regions }))
    }

    /// What the program put into the surroundings.
    pub(crate) fn of(cx: &Cx) -> Result<&Self, CallError> {
        cx.providers
            .get::<Self>()
            .ok_or_else(|| CallError::definite("azure", "provider.missing", "this run has no connection to Azure"))
    }

    /// The subscription as the credentials see it, and the tenant it belongs to.
    pub async fn caller(&self, cx: &Cx, subscription: &str) -> Result<Caller, CallError> {
        let arm = Arm::over(self, cx);
        let missing = |message: String| CallError::definite("Microsoft.Resources", "SubscriptionNotFound", message);
        let scope = ArmId::subscription_scope(subscription)
            .ok_or_else(|| missing(format!("{subscription:?} is not the id of a subscription")))?;
        let found = arm.read(&operations::SUBSCRIPTION_GET, &scope).await?;
        let found = found.ok_or_else(|| missing(format!("the credentials see no subscription {subscription}")))?;
        let text = |field: &str| found.body[field].as_str().unwrap_or_default().to_owned();
        let subscription = found.body["subscriptionId"].as_str().unwrap_or(subscription).to_owned();
        Ok(Caller { subscription, tenant: text("tenantId"), name: text("displayName") })
    }

    pub(crate) fn cloud(&self) -> &CloudEnvironment {
        &self.0.cloud
    }

    /// A GUID for one request.
    pub(crate) fn request_id(&self) -> String {
        self.0.chance.uuid(self.0.clock.now()).to_string()
    }

    /// The GUID that all requests of this process share.
    pub(crate) fn correlation(&self) -> &str {
        &self.0.correlation
    }

    /// A token that is good for the next minutes. Steps that need one at the same time fetch it once.
    pub(crate) async fn token(&self) -> Result<String, CallError> {
        let inner = &*self.0;
        let mut session = inner.session.lock().await;
        let fresh = |token: &Token| token.expires_at_secs - RENEW_BEFORE_SECS > inner.clock.now().as_second();
        if let Some(token) = session.token.as_ref().filter(|token| fresh(token)) {
            return Ok(token.text.clone());
        }
        let credential = match &session.credential {
            Some(credential) => credential.clone(),
            None => {
                let transport = Transport { wire: inner.wire.clone(), cloud: inner.cloud.clone() };
                let built = build(&inner.credentials, &inner.cloud, transport, inner.environment);
                match built.map_err(|why| CallError::definite("login", "credentials", why))? {
                    Some(credential) => session.credential.insert(credential).clone(),
                    None => return Ok(claims::dummy()),
                }
            }
        };
        let token = credential.get_token(&[inner.cloud.scope()], None).await.map_err(no_token)?;
        let text = token.token.secret().to_owned();
        session.token = Some(Token { text: text.clone(), expires_at_secs: token.expires_on.unix_timestamp() });
        Ok(text)
    }

    /// Forgets the token, which was refused, and the credential, which would hand out the same one again.
    pub(crate) async fn forget_token(&self) {
        *self.0.session.lock().await = Session::default();
    }

    /// What was learned of a resource or group; nothing where it was not asked for yet.
    pub(crate) fn whereabouts(&self, key: &str) -> Option<Whereabouts> {
        self.0.regions.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn learn(&self, key: String, found: Whereabouts) {
        self.0.regions.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found);
    }
}

/// Nothing of the step was sent: tokens are fetched before the call itself.
fn no_token(error: azure_core::Error) -> CallError {
    let mut chain = std::iter::successors(Some(&error as &(dyn Error + 'static)), |&error| error.source());
    let status = chain.find_map(|cause| cause.downcast_ref::<azure_core::Error>()?.http_status());
    // An issuer that answered, and refused, refuses again.
    let refused = matches!(status.map(u16::from), Some(400..=403));
    let retry = if refused { Retry::Never } else { Retry::Backoff };
    let message = format!("no usable credentials: {error}");
    let failure = CallError::new(Effect::None, retry, "login", "credentials", message);
    CallError { source: Some(Box::new(error)), ..failure }
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Azure").field("credentials", &self.0.credentials).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arm_id::ArmId,
        operations::{ROUTE_TABLE_GET, SUBSCRIPTION_GET},
        recorded::{Recorded, RecordedWire, answer, connected, ok, surroundings},
    };
    use lifeboat_contract::{Access, Mode};
    use serde_json::json;

    const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

    fn environment(name: &str) -> Option<String> {
        (name == "AZURE_CLIENT_SECRET").then(|| "s3cret".to_owned())
    }

    fn with_secret() -> Credentials {
        Credentials::ClientSecret { tenant: Some(TENANT.to_owned()), client_id: Some("app".to_owned()), secret: None }
    }

    fn token(text: &str) -> Recorded {
        ok(json!({ "token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": text }))
    }

    fn subscription() -> Recorded {
        ok(json!({ "subscriptionId": "s", "tenantId": TENANT, "displayName": "Drills" }))
    }

    #[tokio::test(start_paused = true)]
    async fn the_caller_is_told_by_the_subscription_itself() {
        let wire = RecordedWire::new([("Subscriptions_Get", vec![subscription()])]);
        let (azure, cx) = surroundings(wire.clone(), Mode::Switchover);
        let caller = azure.caller(&cx, "s").await.unwrap();
        assert_eq!((caller.subscription.as_str(), caller.tenant.as_str()), ("s", TENANT));
        let absent = answer(404, json!({ "error": { "code": "SubscriptionNotFound", "message": "m" } }));
        let (azure, cx) = surroundings(RecordedWire::new([("Subscriptions_Get", vec![absent])]), Mode::Switchover);
        assert_eq!(azure.caller(&cx, "s").await.unwrap_err().code, "SubscriptionNotFound");
        assert_eq!(azure.caller(&cx, "s/../t").await.unwrap_err().code, "SubscriptionNotFound");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_carries_its_token_its_ids_and_its_condition() {
        let wire = RecordedWire::new([("RouteTables_Get", vec![ok(json!({ "location": "West US" }))])]);
        let (azure, cx) = surroundings(wire.clone(), Mode::Switchover);
        let arm = Arm::over(&azure, &cx);
        let id: ArmId = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/t".parse().unwrap();
        for _ in 0..2 {
            arm.read(&ROUTE_TABLE_GET, &id).await.unwrap();
        }
        let requests = wire.requests();
        let header = |at: usize, name: &str| requests[at].headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header(0, "authorization"), format!("Bearer {}", claims::dummy()));
        assert_ne!(header(0, "x-ms-client-request-id"), header(1, "x-ms-client-request-id"));
        assert_eq!(header(0, "x-ms-correlation-request-id"), header(1, "x-ms-correlation-request-id"));
        let regions: Vec<String> = wire.calls().into_iter().map(|(_, region)| region).collect();
        assert_eq!(regions, ["eastus", "westus"], "the site's until the resource has told its own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_fetched_over_the_wire_once_and_again_when_it_was_refused() {
        let refused = answer(401, json!({ "error": { "code": "ExpiredAuthenticationToken", "message": "m" } }));
        let wire = RecordedWire::new([
            ("GetToken", vec![token("one"), token("two")]),
            ("Subscriptions_Get", vec![subscription(), subscription(), refused, subscription()]),
        ]);
        let (azure, cx) = connected(wire.clone(), Mode::Switchover, with_secret(), environment);
        let arm = Arm::over(&azure, &cx);
        let scope = ArmId::subscription_scope("s").unwrap();
        for expected in [true, true, false, true] {
            assert_eq!(arm.read(&SUBSCRIPTION_GET, &scope).await.is_ok(), expected);
        }
        let bearer = |request: &http::Request<bytes::Bytes>| {
            request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned())
        };
        let requests = wire.requests();
        let sent: Vec<String> = requests.iter().filter_map(bearer).collect();
        assert_eq!(sent, ["Bearer one", "Bearer one", "Bearer one", "Bearer two"]);
        let asked = wire.urls("GetToken");
        let issuer = format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token");
        assert_eq!(asked, [issuer.clone(), issuer]);
        assert!(wire.accesses("GetToken").iter().all(|access| *access == Access::Credential));
        let form = String::from_utf8(requests[0].body().to_vec()).unwrap();
        assert!(form.contains("client_secret=s3cret") && form.contains("management.azure.com%2F.default"), "{form}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_secret_is_printed_and_a_refused_application_is_not_asked_again() {
        let refused = answer(
            401,
            json!({ "error": "invalid_client", "error_description": "AADSTS7000215", "error_codes": [7_000_215] }),
        );
        let wire = RecordedWire::new([("GetToken", vec![refused])]);
        let (azure, _) = connected(wire, Mode::Switchover, with_secret(), environment);
        let error = azure.token().await.unwrap_err();
        assert_eq!((error.code.as_str(), error.effect, error.retry), ("credentials", Effect::None, Retry::Never));
        assert!(error.message.contains("AADSTS7000215") && !error.message.contains("s3cret"), "{error}");
        let told = Credentials::ClientSecret {
            tenant: None,
            client_id: None,
            secret: Some(crate::ClientSecret::new("s3cret")),
        };
        assert!(!format!("{told:?}").contains("s3cret"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_is_named_and_nothing_is_sent() {
        let wire = RecordedWire::new([]);
        let missing = Credentials::ClientSecret { tenant: None, client_id: Some("app".to_owned()), secret: None };
        let (azure, _) = connected(wire.clone(), Mode::Switchover, missing, |_| None);
        let error = azure.token().await.unwrap_err();
        assert!(error.message.contains("AZURE_TENANT_ID"), "{error}");
        assert_eq!(wire.calls(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machines_own_identity_is_asked_at_its_own_address() {
        let expires = (jiff::Timestamp::UNIX_EPOCH.as_second() + 4_000_000_000).to_string();
        let body = json!({ "access_token": "mine", "expires_on": expires, "token_type": "Bearer", "resource": "r" });
        let wire = RecordedWire::new([("GetToken", vec![ok(body)])]);
        let chosen = Credentials::ManagedIdentity { client_id: Some("app".to_owned()) };
        let (azure, _) = connected(wire.clone(), Mode::Switchover, chosen, |_| None);
        assert_eq!(azure.token().await.unwrap(), "mine");
        let [asked] = &wire.urls("GetToken")[..] else { panic!("one question") };
        assert!(asked.starts_with("http://169.254.169.254/metadata/identity/oauth2/token?"), "{asked}");
        assert!(asked.contains("client_id=app"), "{asked}");
    }
}
