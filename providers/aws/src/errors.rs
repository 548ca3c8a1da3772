//! The one table that classifies what AWS answers, by error code. An HTTP status decides only where there is no code.
//!
//! A code that stands here for one service may mean something else in another. Nothing here retries.

use crate::operations;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId as _;
use lifeboat_contract::{Access, CallError, Effect, Retry, Sent, WireError};
use std::error::Error;

/// Which call it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallSite<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) region: &'a str,
}

impl CallSite<'_> {
    fn is_write(&self) -> bool {
        operations::access(self.service, self.operation) == Access::Write
    }

    /// An answer that is well formed and cannot be used.
    pub(crate) fn definite(&self, code: &str, message: impl Into<String>) -> CallError {
        CallError::definite(self.service, code, message).in_region(self.region)
    }
}

/// What an error code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Too many requests: later.
    Throttled,
    /// Another change is under way on the same resource: later.
    Busy,
    /// The service failed inside. A write may have taken effect.
    Ambiguous,
    /// No capacity now.
    Capacity,
    /// The request can never succeed as it is.
    Configuration,
    /// Not allowed.
    Denied,
    /// Credentials or signing time went stale: the SDK refreshes them before the next try.
    Stale,
}

use Class::{Ambiguous, Busy, Capacity, Configuration, Denied, Stale, Throttled};

/// Codes that mean the same everywhere (`*`), or something of their own in one service. The first match holds.
const TABLE: &[(&str, &str, Class)] = &[
    // A quota, though the SDKs' own table takes it for throttling.
    ("globalaccelerator", "LimitExceededException", Configuration),
    ("globalaccelerator", "TransactionInProgressException", Busy),
    ("globalaccelerator", "ConflictException", Busy),
    ("globalaccelerator", "InternalServiceErrorException", Ambiguous),
    ("globalaccelerator", "InvalidArgumentException", Configuration),
    ("globalaccelerator", "EndpointGroupNotFoundException", Configuration),
    ("globalaccelerator", "AcceleratorNotFoundException", Configuration),
    ("globalaccelerator", "ListenerNotFoundException", Configuration),
    // A drive reads the cluster again, and gives up unless a change is really under way.
    ("rds", "InvalidGlobalClusterStateFault", Busy),
    ("rds", "InvalidDBClusterStateFault", Busy),
    ("rds", "InvalidDBInstanceState", Busy),
    ("rds", "GlobalClusterNotFoundFault", Configuration),
    ("rds", "DBClusterNotFoundFault", Configuration),
    // Arrives with status 500, and is no server error.
    ("ec2", "InsufficientInstanceCapacity", Capacity),
    ("ec2", "InsufficientHostCapacity", Capacity),
    ("ec2", "InsufficientCapacity", Capacity),
    ("ec2", "ReservationCapacityExceeded", Capacity),
    ("ec2", "IncorrectInstanceState", Busy),
    ("ec2", "IncorrectState", Busy),
    ("ec2", "RouteAlreadyExists", Configuration),
    ("ec2", "RouteLimitExceeded", Configuration),
    ("ec2", "PrivateIpAddressLimitExceeded", Configuration),
    ("ec2", "AttachmentLimitExceeded", Configuration),
    ("ec2", "VcpuLimitExceeded", Configuration),
    ("ec2", "InstanceLimitExceeded", Configuration),
    ("ec2", "IncorrectSpotRequestState", Configuration),
    ("ec2", "SecurityGroupsPerInterfaceLimitExceeded", Configuration),
    ("ec2", "OperationNotPermitted", Configuration),
    ("ec2", "Resource.AlreadyAssociated", Configuration),
    ("ec2", "DryRunOperation", Configuration),
    ("elasticloadbalancing", "TargetGroupNotFound", Configuration),
    ("elasticloadbalancing", "InvalidTarget", Configuration),
    ("elasticloadbalancing", "TooManyTargets", Configuration),
    ("elasticloadbalancing", "TooManyRegistrationsForTargetId", Configuration),
    ("elasticloadbalancing", "OperationNotPermitted", Configuration),
    ("elasticloadbalancing", "InvalidLoadBalancerAction", Configuration),
    ("elasticloadbalancing", "InvalidConfigurationRequest", Configuration),
    ("elasticloadbalancing", "IncompatibleProtocols", Configuration),
    ("elasticloadbalancing", "TargetGroupAssociationLimit", Configuration),
    ("elasticloadbalancing", "TooManyActions", Configuration),
    ("elasticloadbalancing", "TooManyUniqueTargetGroupsPerLoadBalancer", Configuration),
    ("elasticloadbalancing", "ResourceInUse", Busy),
    ("elasticloadbalancing", "HealthUnavailable", Ambiguous),
    ("monitoring", "InternalServiceFault", Ambiguous),
    ("autoscaling", "ScalingActivityInProgress", Busy),
    // Arrives with status 500: another update of the group is pending, and this one was not made.
    ("autoscaling", "ResourceContention", Busy),
    // So does this one, and no repetition mends it.
    ("autoscaling", "ServiceLinkedRoleFailure", Configuration),
    ("autoscaling", "LimitExceeded", Configuration),
    ("eks", "ResourceInUseException", Busy),
    ("eks", "ResourcePropagationDelayException", Busy),
    ("eks", "ClientException", Configuration),
    ("eks", "InvalidRequestException", Configuration),
    ("eks", "InvalidStateException", Configuration),
    ("eks", "ResourceLimitExceededException", Configuration),
    ("eks", "ServerException", Ambiguous),
    ("elasticfilesystem", "BadRequest", Configuration),
    ("*", "RequestLimitExceeded", Throttled),
    ("*", "Throttling", Throttled),
    ("*", "ThrottlingException", Throttled),
    ("*", "ThrottledException", Throttled),
    ("*", "RequestThrottled", Throttled),
    ("*", "RequestThrottledException", Throttled),
    ("*", "TooManyRequestsException", Throttled),
    ("*", "ProvisionedThroughputExceededException", Throttled),
    ("*", "BandwidthLimitExceeded", Throttled),
    ("*", "LimitExceededException", Throttled),
    ("*", "SlowDown", Throttled),
    ("*", "EC2ThrottledException", Throttled),
    ("*", "PriorRequestNotComplete", Busy),
    ("*", "TransactionInProgressException", Busy),
    ("*", "InternalFailure", Ambiguous),
    ("*", "InternalError", Ambiguous),
    ("*", "InternalServerError", Ambiguous),
    ("*", "InternalServerException", Ambiguous),
    ("*", "InternalServiceError", Ambiguous),
    ("*", "ServiceUnavailable", Ambiguous),
    ("*", "ServiceUnavailableException", Ambiguous),
    ("*", "Unavailable", Ambiguous),
    ("*", "RequestTimeout", Ambiguous),
    ("*", "RequestTimeoutException", Ambiguous),
    ("*", "ValidationError", Configuration),
    ("*", "ValidationException", Configuration),
    ("*", "MissingParameter", Configuration),
    ("*", "UnauthorizedOperation", Denied),
    ("*", "AccessDenied", Denied),
    ("*", "AccessDeniedException", Denied),
    ("*", "NotAuthorized", Denied),
    ("*", "AuthFailure", Denied),
    ("*", "OptInRequired", Denied),
    ("*", "InvalidClientTokenId", Denied),
    ("*", "UnrecognizedClientException", Denied),
    ("*", "MissingAuthenticationToken", Denied),
    ("*", "RequestExpired", Stale),
    ("*", "ExpiredToken", Stale),
    ("*", "ExpiredTokenException", Stale),
    ("*", "SignatureDoesNotMatch", Stale),
    ("*", "InvalidSignatureException", Stale),
    ("*", "RequestTimeTooSkewed", Stale),
];

/// Families of codes, after the table: `InvalidRouteTableID.NotFound`, `InvalidParameterValue`, `UnsupportedOperation`.
fn family(code: &str) -> Option<Class> {
    let ends = |ends: &[&str]| ends.iter().any(|end| code.ends_with(end));
    let starts = |starts: &[&str]| starts.iter().any(|start| code.starts_with(start));
    if starts(&["AccessDenied"]) {
        Some(Denied)
    } else if starts(&["ExpiredToken"]) {
        Some(Stale)
    } else if ends(&[".NotFound", ".Malformed", "NotFound", "NotFoundFault", "NotFoundException"])
        || starts(&["InvalidParameter", "Unsupported"])
    {
        Some(Configuration)
    } else {
        None
    }
}

fn class(service: &str, code: &str) -> Option<Class> {
    let own = |row: &&(&str, &str, Class)| row.1 == code && (row.0 == service || row.0 == "*");
    TABLE.iter().find(own).map(|row| row.2).or_else(|| family(code))
}

/// Classifies what a call of an SDK ended in.
pub(crate) fn classify<E>(at: &CallSite<'_>, error: SdkError<E, HttpResponse>) -> CallError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let request_id = error.meta().request_id().or_else(|| error.request_id()).map(str::to_owned);
    let mut found = match &error {
        SdkError::ServiceError(_) => {
            let status = error.raw_response().map(|response| response.status().as_u16());
            answered(at, error.code(), error.message(), status)
        }
        // It answered, and the answer could not be read: as good as none.
        SdkError::ResponseError(_) => ambiguous(at, "response.unreadable", &innermost(&error)),
        SdkError::TimeoutError(_) => ambiguous(at, "wire.timed_out", &innermost(&error)),
        _ => unanswered(at, &error),
    };
    found.request_id = request_id;
    if found.source.is_none() {
        found.source = error.into_source().ok();
    }
    found
}

/// What a step can do without, or `None` where it cannot be read. A missing permission is told all the same: it can be granted
/// before anything is changed, and would be missed later.
pub(crate) fn if_readable<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.denied => Err(error),
        Err(_) => Ok(None),
    }
}

/// The service answered with an error.
pub(crate) fn answered(at: &CallSite<'_>, code: Option<&str>, message: Option<&str>, status: Option<u16>) -> CallError {
    let class = code.and_then(|code| class(at.service, code)).unwrap_or(match status {
        Some(429) => Throttled,
        Some(400..500) => Configuration,
        _ => Ambiguous,
    });
    let (effect, retry) = match class {
        Throttled | Busy | Stale => (Effect::None, Retry::Backoff),
        Ambiguous => (unknown(at), Retry::Backoff),
        Capacity => (Effect::None, Retry::Capacity),
        Configuration | Denied => (Effect::None, Retry::Never),
    };
    let code = code.map_or_else(|| format!("http.{}", status.unwrap_or_default()), str::to_owned);
    let error = CallError::new(effect, retry, at.service, code, message.unwrap_or("no message")).in_region(at.region);
    CallError { denied: class == Denied, ..error }
}

/// No answer came, because the call was not made or was cut off.
fn unanswered(at: &CallSite<'_>, error: &(dyn Error + 'static)) -> CallError {
    // Credentials are fetched before the call itself is sent, by calls of their own.
    if chain(error).any(<dyn Error + 'static>::is::<CredentialsError>) {
        let message = format!("no usable credentials: {}", innermost(error));
        return CallError::new(Effect::None, Retry::Backoff, at.service, "credentials", message).in_region(at.region);
    }
    let Some(wire) = chain(error).find_map(|cause| cause.downcast_ref::<WireError>()) else {
        return at.definite("request.not_sent", innermost(error));
    };
    let mut found = CallError::from_wire(at.service, Some(at.region), wire.clone());
    if wire.sent == Sent::Maybe {
        found.effect = unknown(at);
    }
    found
}

fn ambiguous(at: &CallSite<'_>, code: &str, message: &str) -> CallError {
    CallError::new(unknown(at), Retry::Backoff, at.service, code, message).in_region(at.region)
}

/// A read changes nothing, whatever became of it.
fn unknown(at: &CallSite<'_>) -> Effect {
    if at.is_write() { Effect::Unknown } else { Effect::None }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::error::ErrorMetadata;
    use lifeboat_contract::WireFailure;
    use std::fmt;

    const WRITE: CallSite<'_> = CallSite { service: "ec2", operation: "ReplaceRoute", region: "us-east-1" };
    const READ: CallSite<'_> = CallSite { service: "ec2", operation: "DescribeRouteTables", region: "us-east-1" };

    #[derive(Debug)]
    struct Answer(ErrorMetadata);
    impl fmt::Display for Answer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }
    impl Error for Answer {}
    impl ProvideErrorMetadata for Answer {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    fn class_of(service: &'static str, code: &str, status: u16) -> (Effect, Retry) {
        let error = answered(&CallSite { service, ..WRITE }, Some(code), None, Some(status));
        (error.effect, error.retry)
    }

    #[test]
    fn every_known_code_has_its_class() {
        let never = (Effect::None, Retry::Never);
        let later = (Effect::None, Retry::Backoff);
        let unknown = (Effect::Unknown, Retry::Backoff);
        for &(service, code, class) in TABLE {
            let service = if service == "*" { "ec2" } else { service };
            let expected = match class {
                Throttled | Busy | Stale => later,
                Ambiguous => unknown,
                Capacity => (Effect::None, Retry::Capacity),
                Configuration | Denied => never,
            };
            for status in [400, 500] {
                assert_eq!(class_of(service, code, status), expected, "{service} {code}");
            }
        }
        for (service, code, expected) in [
            ("ec2", "InvalidRouteTableID.NotFound", never),
            ("ec2", "InvalidRoute.NotFound", never),
            ("ec2", "InvalidNetworkInterfaceID.Malformed", never),
            ("ec2", "InvalidParameterValue", never),
            ("ec2", "UnsupportedOperation", never),
            ("rds", "InvalidParameterCombination", never),
            ("rds", "AccessDeniedForSomething", never),
            ("sts", "ExpiredTokenSomething", later),
            ("elasticfilesystem", "FileSystemNotFound", never),
            ("elasticloadbalancing", "ListenerNotFound", never),
            ("eks", "ResourceNotFoundException", never),
            ("eks", "InvalidParameterException", never),
            ("eks", "ServiceUnavailableException", unknown),
        ] {
            assert_eq!(class_of(service, code, 400), expected, "{service} {code}");
        }
    }

    #[test]
    fn no_code_stands_twice_for_one_service() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(!TABLE[..at].iter().any(|other| (other.0, other.1) == (row.0, row.1)), "{row:?}");
        }
    }

    #[test]
    fn the_two_codes_that_the_sdks_misjudge() {
        assert_eq!(class_of("ec2", "InsufficientInstanceCapacity", 500), (Effect::None, Retry::Capacity));
        assert_eq!(class_of("globalaccelerator", "LimitExceededException", 400), (Effect::None, Retry::Never));
    }

    #[test]
    fn an_unknown_code_is_judged_by_its_status() {
        assert_eq!(class_of("ec2", "Novel", 400), (Effect::None, Retry::Never));
        assert_eq!(class_of("ec2", "Novel", 503), (Effect::Unknown, Retry::Backoff));
        assert_eq!(answered(&WRITE, None, None, Some(502)).code, "http.502");
    }

    #[test]
    fn a_failed_read_has_no_effect() {
        assert_eq!(answered(&READ, Some("InternalError"), None, Some(500)).effect, Effect::None);
        let cut = WireError::maybe_sent(WireFailure::Broken, "reset");
        let error = SdkError::<Answer, HttpResponse>::dispatch_failure(ConnectorError::io(cut.into()));
        assert_eq!(classify(&READ, error).effect, Effect::None);
    }

    #[test]
    fn the_wire_says_whether_a_write_was_sent() {
        let dispatched = |error: WireError| {
            let error = SdkError::<Answer, HttpResponse>::dispatch_failure(ConnectorError::io(error.into()));
            classify(&WRITE, error)
        };
        let unsent = dispatched(WireError::unsent(WireFailure::Connect, "refused"));
        assert_eq!(
            (unsent.effect, unsent.retry, unsent.code.as_str()),
            (Effect::None, Retry::Backoff, "wire.unreachable")
        );
        let sent = dispatched(WireError::maybe_sent(WireFailure::TimedOut, "no answer in 8 s"));
        assert_eq!((sent.effect, sent.code.as_str()), (Effect::Unknown, "wire.timed_out"));
    }

    #[test]
    fn a_cut_off_credential_call_is_no_effect_of_the_write() {
        let cut = WireError::maybe_sent(WireFailure::TimedOut, "no answer");
        let error = CredentialsError::provider_error(ConnectorError::timeout(cut.into()));
        let error = SdkError::<Answer, HttpResponse>::dispatch_failure(ConnectorError::other(error.into(), None));
        let found = classify(&WRITE, error);
        assert_eq!((found.effect, found.code.as_str()), (Effect::None, "credentials"));
    }
}
