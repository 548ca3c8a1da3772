//! What each operation may do: the one table of reads, and the endpoints that hand out credentials.
//!
//! Whatever stands in neither list is a write. This file never looks at a request's parameters: `DryRun=true` does not make a
//! write a read.

use lifeboat_contract::Access;

/// Operations that change nothing, by signing name and operation.
const READS: &[(&str, &str)] = &[
    ("acm", "DescribeCertificate"),
    ("autoscaling", "DescribeAutoScalingGroups"),
    ("autoscaling", "DescribeScalingActivities"),
    ("ec2", "DescribeInstanceAttribute"),
    ("ec2", "DescribeInstanceTypeOfferings"),
    ("ec2", "DescribeInstances"),
    ("ec2", "DescribeNetworkInterfaces"),
    ("ec2", "DescribeRouteTables"),
    ("ec2", "DescribeSecurityGroups"),
    ("ec2", "DescribeSubnets"),
    ("ec2", "DescribeVpcAttribute"),
    ("ec2", "DescribeVpcs"),
    ("eks", "DescribeCluster"),
    ("eks", "DescribeNodegroup"),
    ("eks", "ListNodegroups"),
    ("elasticache", "DescribeCacheClusters"),
    ("elasticache", "DescribeReplicationGroups"),
    ("elasticfilesystem", "DescribeFileSystems"),
    ("elasticfilesystem", "DescribeMountTargets"),
    ("elasticloadbalancing", "DescribeListenerCertificates"),
    ("elasticloadbalancing", "DescribeListeners"),
    ("elasticloadbalancing", "DescribeLoadBalancers"),
    ("elasticloadbalancing", "DescribeRules"),
    ("elasticloadbalancing", "DescribeTags"),
    ("elasticloadbalancing", "DescribeTargetGroups"),
    ("elasticloadbalancing", "DescribeTargetHealth"),
    ("globalaccelerator", "DescribeAccelerator"),
    ("globalaccelerator", "DescribeEndpointGroup"),
    ("globalaccelerator", "DescribeListener"),
    ("globalaccelerator", "ListCrossAccountResources"),
    ("globalaccelerator", "ListEndpointGroups"),
    ("globalaccelerator", "ListListeners"),
    ("iam", "SimulatePrincipalPolicy"),
    ("monitoring", "GetMetricData"),
    ("monitoring", "ListMetrics"),
    ("rds", "DescribeDBClusters"),
    ("rds", "DescribeDBInstances"),
    ("rds", "DescribeGlobalClusters"),
    ("secretsmanager", "DescribeSecret"),
    ("servicequotas", "GetAWSDefaultServiceQuota"),
    ("servicequotas", "GetServiceQuota"),
    ("sts", "GetCallerIdentity"),
];

/// Operations that hand out credentials.
const CREDENTIALS: &[(&str, &str)] = &[
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithSAML"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "GetSessionToken"),
    ("sso", "GetRoleCredentials"),
    ("sso-oauth", "CreateToken"),
    // Instance metadata, and the credential endpoints of ECS and EKS.
    ("metadata", "GetCredentials"),
];

/// Operations that only their method and path tell, by signing name. `*` stands for one segment of the path.
const BY_PATH: &[(&str, &str, &str, &str)] = &[
    ("eks", "GET", "/clusters/*", "DescribeCluster"),
    ("eks", "GET", "/clusters/*/node-groups", "ListNodegroups"),
    ("eks", "GET", "/clusters/*/node-groups/*", "DescribeNodegroup"),
    ("eks", "POST", "/clusters/*/node-groups/*/update-config", "UpdateNodegroupConfig"),
    ("elasticfilesystem", "GET", "/2015-02-01/file-systems", "DescribeFileSystems"),
    ("elasticfilesystem", "GET", "/2015-02-01/mount-targets", "DescribeMountTargets"),
];

/// The operation behind a request of a service that names it by method and path.
pub(crate) fn by_path(service: &str, method: &str, path: &str) -> Option<&'static str> {
    let fits = |pattern: &str| {
        let (mut asked, mut given) = (pattern.split('/'), path.split('/'));
        let same = |asked: &str, given: &str| asked == given || asked == "*" && !given.is_empty();
        let fits = asked.by_ref().zip(given.by_ref()).all(|(asked, given)| same(asked, given));
        fits && pattern.split('/').count() == path.split('/').count()
    };
    let row = BY_PATH.iter().find(|row| row.0 == service && row.1 == method && fits(row.2))?;
    Some(row.3)
}

/// What `operation` of `service` may do.
pub(crate) fn access(service: &str, operation: &str) -> Access {
    let listed = |table: &[(&str, &str)]| table.contains(&(service, operation));
    if listed(READS) {
        Access::Read
    } else if listed(CREDENTIALS) {
        Access::Credential
    } else {
        Access::Write
    }
}

/// The service and operation behind an unsigned request, by its host and path. Credential endpoints are asked without a signature.
pub(crate) fn unsigned(host: &str, path: &str) -> Option<(&'static str, &'static str)> {
    let host = host.trim_matches(['[', ']']);
    match host {
        // The instance's, the ECS agent's and the EKS pod identity agent's link-local addresses.
        "169.254.169.254" | "fd00:ec2::254" if path.starts_with("/latest/") => Some(("metadata", "GetCredentials")),
        "169.254.170.2" | "169.254.170.23" | "fd00:ec2::23" => Some(("metadata", "GetCredentials")),
        _ if host.starts_with("portal.sso.") && path == "/federation/credentials" => {
            Some(("sso", "GetRoleCredentials"))
        }
        _ if host.starts_with("oidc.") && path == "/token" => Some(("sso-oauth", "CreateToken")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_a_write() {
        assert_eq!(access("rds", "DescribeGlobalClusters"), Access::Read);
        assert_eq!(access("rds", "FailoverGlobalCluster"), Access::Write);
        assert_eq!(access("ec2", "DescribeGlobalClusters"), Access::Write, "a read of another service");
        assert_eq!(access("sts", "AssumeRole"), Access::Credential);
        assert_eq!(access("secretsmanager", "GetSecretValue"), Access::Write, "parity compares names, never values");
    }

    #[test]
    fn a_path_tells_one_operation_and_nothing_longer_or_shorter() {
        let group = "/clusters/orders/node-groups/web";
        assert_eq!(by_path("eks", "GET", group), Some("DescribeNodegroup"));
        assert_eq!(by_path("eks", "POST", &format!("{group}/update-config")), Some("UpdateNodegroupConfig"));
        for (service, method, path) in [
            ("eks", "DELETE", group),
            ("eks", "GET", "/clusters"),
            ("eks", "GET", "/clusters/orders/node-groups/"),
            ("eks", "GET", "/clusters/orders/node-groups/web/more"),
            ("elasticfilesystem", "GET", group),
            ("elasticfilesystem", "POST", "/2015-02-01/file-systems"),
        ] {
            assert_eq!(by_path(service, method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn what_a_method_that_writes_names_is_no_read() {
        for (service, method, path, operation) in BY_PATH {
            assert_eq!(access(service, operation) == Access::Read, *method == "GET", "{method} {path}");
        }
    }

    #[test]
    fn every_read_is_called_one() {
        for (service, operation) in READS {
            let named = ["Describe", "List", "Get", "Simulate"].iter().any(|verb| operation.starts_with(verb));
            assert!(named, "{service}:{operation}");
        }
    }

    #[test]
    fn only_the_known_credential_endpoints_go_unsigned() {
        assert!(unsigned("169.254.169.254", "/latest/api/token").is_some());
        assert!(unsigned("portal.sso.eu-west-1.amazonaws.com", "/federation/credentials").is_some());
        assert_eq!(unsigned("portal.sso.eu-west-1.amazonaws.com", "/logout"), None);
        assert_eq!(unsigned("rds.us-east-1.amazonaws.com", "/"), None);
    }
}
