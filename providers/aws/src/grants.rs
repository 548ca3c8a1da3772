//! Asks IAM what the caller's policies would say to the calls of a run, before any of them is made.
//!
//! There is no client of IAM here: this is its one operation, signed as the SDKs sign theirs. Only what IAM denies for certain is
//! called denied: it knows no session policy, and no policy of a resource.

use crate::{
    connection::{Aws, Caller},
    errors::{CallSite, answered},
    evaluation::{self, Evaluation},
    operations,
};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http::{Method, Request, header::CONTENT_TYPE};
use lifeboat_contract::{Call, CallError, CallLabel, CallScope, Cx, Grants, Permission, Region};
use std::collections::{BTreeMap, BTreeSet};

const SERVICE: &str = "iam";
const OPERATION: &str = "SimulatePrincipalPolicy";
/// The condition key that policies of the regions use.
const REGION: &str = "aws:RequestedRegion";
/// How many pages of one answer are read.
const PAGES_MAX: usize = 20;

/// What asking for permissions needs.
pub fn simulate_permission(account: Option<&str>) -> Permission {
    let resource = account.map_or_else(|| "*".to_owned(), |account| format!("arn:aws:iam::{account}:*"));
    Permission { action: format!("{SERVICE}:{OPERATION}"), resource, reads: true }
}

/// Actions that are asked for together: on the same resources, in the same region.
type Groups<'p> = BTreeMap<(Option<String>, BTreeSet<&'p str>), BTreeSet<&'p str>>;

impl Aws {
    /// What the caller's own policies say to `permissions`. `region` is one that answers who the caller is.
    pub async fn grants(&self, cx: &Cx, region: &str, permissions: &BTreeSet<Permission>) -> Result<Grants, CallError> {
        let Caller { arn, account } = self.caller(region).await?;
        let mut grants = Grants { principal: arn.clone(), ..Grants::default() };
        let Some(source) = entity(&arn)? else { return Ok(grants) };
        let home = Partition::of(&arn);
        if cx.run.impaired.contains(&Region::from(home.region)) {
            let message = format!("IAM answers in {} alone, which was declared lost", home.region);
            return Err(home.site().definite("region.impaired", message));
        }
        let mut asked: Vec<(String, &Permission)> = Vec::new();
        for permission in permissions {
            match resource(permission, &account) {
                Some(resource) => asked.push((resource, permission)),
                None => {
                    grants.unknown.insert(permission.clone());
                }
            }
        }
        for ((region, resources), actions) in groups(&asked) {
            let form = form(&source, region.as_deref(), &resources, &actions);
            let results = self.simulate(cx, &home, &form).await?;
            let answered = asked.iter().filter(|(resource, permission)| {
                actions.contains(permission.action.as_str()) && resources.contains(resource.as_str())
            });
            for (resource, permission) in answered {
                match evaluation::of(&results, &permission.action, resource) {
                    Evaluation::Allowed => {}
                    Evaluation::Denied(why) => {
                        grants.denied.insert((*permission).clone(), why);
                    }
                    Evaluation::Unknown => {
                        grants.unknown.insert((*permission).clone());
                    }
                }
            }
        }
        Ok(grants)
    }

    /// All pages of one answer.
    async fn simulate(
        &self,
        cx: &Cx,
        home: &Partition,
        form: &[(String, String)],
    ) -> Result<Vec<evaluation::Decision>, CallError> {
        let mut results = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut body = form_urlencoded::Serializer::new(String::new());
            body.extend_pairs(form).extend_pairs(marker.iter().map(|marker| ("Marker", marker)));
            let answer = self.send(cx, home, body.finish()).await?;
            let unreadable = |why| home.site().definite("response.unreadable", why);
            let mut page = evaluation::page(&answer).map_err(unreadable)?;
            results.append(&mut page.results);
            marker = page.marker;
            if marker.is_none() {
                return Ok(results);
            }
        }
        Err(home.site().definite("list.endless", format!("the answer has more than {PAGES_MAX} pages")))
    }

    async fn send(&self, cx: &Cx, home: &Partition, body: String) -> Result<Bytes, CallError> {
        let site = home.site();
        let malformed = |why: String| site.definite("request.malformed", why);
        let config = self.signing_config(home.region).await;
        let endpoint = config.endpoint_url().map_or_else(|| home.endpoint.to_owned(), str::to_owned);
        let url = format!("{}/", endpoint.trim_end_matches('/'));
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .map_err(|error| malformed(error.to_string()))?;
        let provider = config.credentials_provider().ok_or_else(|| malformed("there are no credentials".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let identity = credentials.map_err(|error| site.definite("credentials", error.to_string()))?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(home.region)
            .name(SERVICE)
            .time(self.now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| malformed(error.to_string()))?
            .into();
        let headers = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")];
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(request.body()))
            .map_err(|error| malformed(error.to_string()))?;
        let signed = sign(signable, &parameters).map_err(|error| malformed(error.to_string()))?;
        signed.into_parts().0.apply_to_request_http1x(&mut request);
        let label = CallLabel {
            service: SERVICE.to_owned(),
            operation: OPERATION.to_owned(),
            region: Some(home.region.to_owned()),
            access: operations::access(SERVICE, OPERATION),
        };
        let sent = cx.wire.send(Call { request, label, scope: CallScope::current() }).await;
        let answer = sent.map_err(|error| CallError::from_wire(SERVICE, Some(home.region), error))?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        let told = evaluation::error(answer.body());
        let (code, message) = (told.code.as_deref(), told.message.as_deref());
        Err(answered(&site, code, message, Some(answer.status().as_u16())))
    }
}

/// Where IAM is: each partition has its own.
struct Partition {
    region: &'static str,
    endpoint: &'static str,
}

impl Partition {
    fn of(arn: &str) -> Self {
        match arn.split(':').nth(1) {
            Some("aws-cn") => Self { region: "cn-north-1", endpoint: "https://iam.cn-north-1.amazonaws.com.cn" },
            Some("aws-us-gov") => Self { region: "us-gov-west-1", endpoint: "https://iam.us-gov.amazonaws.com" },
            _ => Self { region: "us-east-1", endpoint: "https://iam.amazonaws.com" },
        }
    }

    fn site(&self) -> CallSite<'static> {
        CallSite { service: SERVICE, operation: OPERATION, region: self.region }
    }
}

/// The user or role that a caller's permissions belong to. `None` for the account's root, which may do everything.
///
/// A session's name does not tell its role's path: a role with one is not found under the name that this yields.
fn entity(arn: &str) -> Result<Option<String>, CallError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let unknown = || {
        let message = format!("{arn} is neither a user nor a session of a role: IAM tells nothing of its permissions");
        CallError::definite(SERVICE, "principal.unknown", message)
    };
    let [_, partition, service, _, account, name] = parts[..] else { return Err(unknown()) };
    match (service, name.split('/').collect::<Vec<_>>().as_slice()) {
        ("iam", ["root"]) => Ok(None),
        ("iam", ["user" | "role", ..]) => Ok(Some(arn.to_owned())),
        ("sts", ["assumed-role", role, _]) => Ok(Some(format!("arn:{partition}:iam::{account}:role/{role}"))),
        _ => Err(unknown()),
    }
}

/// What to ask about: the resource itself, in the caller's own account where it was not said whose it is.
///
/// `None` where a part of the name is not known. A write on everything is asked of no policy: a narrower one may be enough.
fn resource(permission: &Permission, account: &str) -> Option<String> {
    if permission.resource == "*" {
        return permission.reads.then(|| "*".to_owned());
    }
    let parts: Vec<&str> = permission.resource.splitn(6, ':').collect();
    let own = parts.iter().enumerate().map(|(at, part)| if at == 4 && *part == "*" { account } else { *part });
    let resource = own.collect::<Vec<_>>().join(":");
    (!resource.contains('*')).then_some(resource)
}

fn groups<'p>(asked: &'p [(String, &'p Permission)]) -> Groups<'p> {
    let mut resources: BTreeMap<(Option<String>, &str), BTreeSet<&str>> = BTreeMap::new();
    for (resource, permission) in asked {
        let key = (region(&permission.action, resource), permission.action.as_str());
        resources.entry(key).or_default().insert(resource);
    }
    let mut groups = Groups::new();
    for ((region, action), on) in resources {
        groups.entry((region, on)).or_default().insert(action);
    }
    groups
}

/// The region that the call goes to, as far as its action and its resource tell.
fn region(action: &str, resource: &str) -> Option<String> {
    if action.starts_with("globalaccelerator:") {
        return Some("us-west-2".to_owned());
    }
    resource.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned)
}

fn form(
    source: &str,
    region: Option<&str>,
    resources: &BTreeSet<&str>,
    actions: &BTreeSet<&str>,
) -> Vec<(String, String)> {
    let mut form = vec![
        ("Action".to_owned(), OPERATION.to_owned()),
        ("Version".to_owned(), "2010-05-08".to_owned()),
        ("PolicySourceArn".to_owned(), source.to_owned()),
    ];
    let member = |list: &str, place: usize| format!("{list}.member.{}", place + 1);
    form.extend(actions.iter().enumerate().map(|(at, action)| (member("ActionNames", at), (*action).to_owned())));
    form.extend(resources.iter().enumerate().map(|(at, arn)| (member("ResourceArns", at), (*arn).to_owned())));
    if let Some(region) = region {
        let entry = [("ContextKeyName", REGION), ("ContextKeyType", "string"), ("ContextKeyValues.member.1", region)];
        form.extend(entry.map(|(field, value)| (format!("ContextEntries.member.1.{field}"), value.to_owned())));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{RecordedWire, surroundings};
    use lifeboat_contract::Mode;
    use std::sync::Arc;

    const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
        <Arn>arn:aws:sts::111122223333:assumed-role/failover/session</Arn><Account>111122223333</Account>\
        </GetCallerIdentityResult></GetCallerIdentityResponse>";
    const TABLE: &str = "arn:aws:ec2:us-east-1:111122223333:route-table/rtb-1";

    const DECISIONS: &str = "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
        <SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>\
        <member><EvalActionName>ec2:CreateRoute</EvalActionName><EvalResourceName>arn:aws:ec2:us-east-1:111122223333:\
        route-table/rtb-1</EvalResourceName><EvalDecision>allowed</EvalDecision></member>\
        <member><EvalActionName>ec2:ReplaceRoute</EvalActionName><EvalResourceName>arn:aws:ec2:us-east-1:111122223333:\
        route-table/rtb-1</EvalResourceName><EvalDecision>implicitDeny</EvalDecision><MissingContextValues/></member>\
        </EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>";

    fn write(action: &str, resource: &str) -> Permission {
        Permission { action: action.to_owned(), resource: resource.to_owned(), reads: false }
    }

    fn asked() -> BTreeSet<Permission> {
        let pattern = write("ec2:StopInstances", "arn:aws:ec2:us-east-1:111122223333:instance/*");
        BTreeSet::from([write("ec2:CreateRoute", TABLE), write("ec2:ReplaceRoute", TABLE), pattern])
    }

    async fn grants(wire: Arc<RecordedWire>, impaired: &[&str]) -> Result<Grants, CallError> {
        let (aws, mut cx) = surroundings(wire, Mode::Failover);
        let impaired = impaired.iter().map(|region| Region::from(*region)).collect();
        cx.run = Arc::new(lifeboat_contract::RunContext { impaired, ..(*cx.run).clone() });
        aws.grants(&cx, "eu-west-1", &asked()).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_denied_is_told_from_what_is_allowed_and_what_is_not_known() {
        let wire = RecordedWire::new([("GetCallerIdentity", Ok((200, IDENTITY))), (OPERATION, Ok((200, DECISIONS)))]);
        let grants = grants(wire.clone(), &[]).await.unwrap();
        assert_eq!(grants.principal, "arn:aws:sts::111122223333:assumed-role/failover/session");
        let denied: Vec<_> = grants.denied.iter().map(|(one, why)| (one.action.as_str(), why.as_str())).collect();
        assert_eq!(denied, [("ec2:ReplaceRoute", "no policy allows it")]);
        let unknown: Vec<_> = grants.unknown.iter().map(|one| one.action.as_str()).collect();
        assert_eq!(unknown, ["ec2:StopInstances"]);
        let asked = wire.calls();
        assert!(asked.contains(&(OPERATION.to_owned(), "us-east-1".to_owned())), "{asked:?}");
        assert_eq!(wire.writes(), [], "asking changes nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_home_of_iam_is_not_asked() {
        let wire = RecordedWire::new([("GetCallerIdentity", Ok((200, IDENTITY)))]);
        let error = grants(wire.clone(), &["us-east-1"]).await.unwrap_err();
        assert_eq!(error.code, "region.impaired");
        assert!(wire.calls().iter().all(|(operation, _)| operation != OPERATION));
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_not_ask_is_told_so() {
        let refusal = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: \
                       iam:SimulatePrincipalPolicy</Message></Error></ErrorResponse>";
        let wire = RecordedWire::new([("GetCallerIdentity", Ok((200, IDENTITY))), (OPERATION, Ok((403, refusal)))]);
        let error = grants(wire, &[]).await.unwrap_err();
        assert!(error.denied && error.message.contains("iam:SimulatePrincipalPolicy"), "{error}");
    }

    #[test]
    fn a_session_is_asked_for_by_its_role() {
        let of = |arn: &str| entity(arn).map_err(|error| error.code);
        let role = "arn:aws-cn:iam::111122223333:role/failover";
        assert_eq!(of("arn:aws-cn:sts::111122223333:assumed-role/failover/session"), Ok(Some(role.to_owned())));
        let user = "arn:aws:iam::111122223333:user/path/ops";
        assert_eq!(of(user), Ok(Some(user.to_owned())));
        assert_eq!(of("arn:aws:iam::111122223333:root"), Ok(None));
        assert_eq!(of("arn:aws:sts::111122223333:federated-user/ops"), Err("principal.unknown".to_owned()));
        assert_eq!(Partition::of(role).region, "cn-north-1");
    }

    #[test]
    fn each_action_is_asked_on_its_own_resources_in_their_region() {
        let cluster = "arn:aws:rds:us-west-2:111122223333:cluster:orders";
        let permissions = [
            write("ec2:CreateRoute", TABLE),
            write("ec2:ReplaceRoute", "arn:aws:ec2:us-east-1:*:route-table/rtb-1"),
            write("rds:FailoverGlobalCluster", cluster),
            write("rds:FailoverGlobalCluster", "arn:aws:rds::111122223333:global-cluster:orders"),
        ];
        let asked: Vec<_> = permissions.iter().map(|one| (resource(one, "111122223333").unwrap(), one)).collect();
        let groups = groups(&asked);
        let regions: Vec<Option<&str>> = groups.keys().map(|(region, _)| region.as_deref()).collect();
        assert_eq!(regions, [None, Some("us-east-1"), Some("us-west-2")]);
        let table = (Some("us-east-1".to_owned()), BTreeSet::from([TABLE]));
        assert_eq!(groups[&table], BTreeSet::from(["ec2:CreateRoute", "ec2:ReplaceRoute"]));
        assert_eq!(resource(&write("ec2:StopInstances", "*"), "1"), None, "a policy may be narrower");
    }
}
