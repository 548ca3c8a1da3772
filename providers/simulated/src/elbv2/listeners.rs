//! Listeners: where a load balancer listens, and what it does by default.

use super::{
    Elb, Listener, actions,
    input::{invalid, listed, page, port, required},
    names::listener_arn,
    operations::done,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};

impl Elb {
    pub(super) fn find_listener(&self, arn: &str) -> Result<&Listener, ApiError> {
        self.listeners.get(arn).ok_or_else(|| ApiError::bad("ListenerNotFound", format!("Listener '{arn}' not found")))
    }

    pub(super) fn describe_listeners(&self, params: &Params) -> Result<Shape, ApiError> {
        let arns = params.strings("ListenerArns");
        let balancer = params.given("LoadBalancerArn");
        if let Some(arn) = balancer {
            self.find_load_balancer(arn)?;
        } else if arns.is_empty() {
            return Err(invalid("You must specify either listener ARNs or a load balancer ARN"));
        }
        if arns.iter().any(|arn| !self.listeners.contains_key(arn)) {
            return Err(ApiError::bad("ListenerNotFound", "One or more listeners not found"));
        }
        let shown = self.listeners.values().filter(|listener| {
            (arns.is_empty() || arns.contains(&listener.arn))
                && balancer.is_none_or(|arn| arn == listener.load_balancer)
        });
        page(params, "Listeners", shown.map(Listener::describe).collect())
    }

    pub(super) fn describe_listener_certificates(&self, params: &Params) -> Result<Shape, ApiError> {
        let listener = self.find_listener(required(params, "ListenerArn")?)?;
        page(params, "Certificates", listener.describe_certificates(true))
    }

    pub(super) fn create_listener(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let balancer = self.find_load_balancer(required(params, "LoadBalancerArn")?)?;
        let (balancer, kind) = (balancer.arn.clone(), balancer.kind.clone());
        let port = port(params, "Port")?.ok_or_else(|| invalid("A listener port must be specified"))?;
        let protocol = protocol(required(params, "Protocol")?, &kind)?;
        let actions = self.actions(params, "DefaultActions", &balancer)?;
        let taken = self.listeners.values().find(|l| l.load_balancer == balancer && l.port == port);
        let certificates = certificates(params);
        if protocol == "HTTPS" && certificates.is_empty() {
            return Err(invalid("A certificate must be specified for HTTPS listeners"));
        }
        let secure = ["HTTPS", "TLS"].contains(&protocol.as_str());
        let policy = params.given("SslPolicy").unwrap_or("ELBSecurityPolicy-2016-08").to_owned();
        let listener = Listener {
            arn: String::new(),
            load_balancer: balancer.clone(),
            port,
            protocol,
            ssl_policy: secure.then_some(policy),
            certificates,
            actions,
        };
        if let Some(present) = taken {
            if (Listener { arn: String::new(), ..present.clone() }) == listener {
                return Ok(listed("Listeners", vec![present.describe()]));
            }
            return Err(ApiError::bad(
                "DuplicateListener",
                "A listener already exists on this port for this load balancer",
            ));
        }
        let arn = listener_arn(&balancer, &self.fresh("listener", cx));
        self.tag_new(params, &arn)?;
        let listener = Listener { arn: arn.clone(), ..listener };
        let described = listener.describe();
        self.listeners.insert(arn, listener);
        Ok(listed("Listeners", vec![described]))
    }

    /// Replaces what the call gives. Actions are replaced whole.
    pub(super) fn modify_listener(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let mut listener = self.find_listener(required(params, "ListenerArn")?)?.clone();
        let kind = self.find_load_balancer(&listener.load_balancer)?.kind.clone();
        listener.port = port(params, "Port")?.unwrap_or(listener.port);
        if let Some(given) = params.given("Protocol") {
            listener.protocol = protocol(given, &kind)?;
        }
        if params.has("DefaultActions") {
            listener.actions = self.actions(params, "DefaultActions", &listener.load_balancer)?;
        }
        if params.has("Certificates") {
            listener.certificates = certificates(params);
        }
        let secure = ["HTTPS", "TLS"].contains(&listener.protocol.as_str());
        let policy = params.given("SslPolicy").map(str::to_owned).or(listener.ssl_policy.take());
        listener.ssl_policy = secure.then(|| policy.unwrap_or_else(|| "ELBSecurityPolicy-2016-08".to_owned()));
        let taken = self.listeners.values().any(|other| {
            other.arn != listener.arn && other.load_balancer == listener.load_balancer && other.port == listener.port
        });
        if taken {
            return Err(ApiError::bad(
                "DuplicateListener",
                "A listener already exists on this port for this load balancer",
            ));
        }
        let described = listener.describe();
        self.listeners.insert(listener.arn.clone(), listener);
        Ok(listed("Listeners", vec![described]))
    }

    pub(super) fn delete_listener(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let arn = self.find_listener(required(params, "ListenerArn")?)?.arn.clone();
        self.remove_listener(&arn);
        Ok(done())
    }

    /// Takes a listener away, with its rules.
    pub(super) fn remove_listener(&mut self, arn: &str) {
        self.listeners.remove(arn);
        self.rules.retain(|_, rule| rule.listener != arn);
        let (listeners, rules) = (&self.listeners, &self.rules);
        self.tags.retain(|tagged, _| {
            let kept = !tagged.contains(":listener/") || listeners.contains_key(tagged);
            kept && (!tagged.contains(":listener-rule/") || rules.contains_key(tagged))
        });
    }
}

impl Listener {
    fn describe(&self) -> Shape {
        Shape::Struct(vec![
            ("ListenerArn", (&self.arn).into()),
            ("LoadBalancerArn", (&self.load_balancer).into()),
            ("Port", Shape::Integer(self.port.into())),
            ("Protocol", (&self.protocol).into()),
            ("Certificates", Shape::List("member", self.describe_certificates(false))),
            ("SslPolicy", self.ssl_policy.as_ref().into()),
            ("DefaultActions", actions::describe(&self.actions)),
        ])
    }

    fn describe_certificates(&self, with_default: bool) -> Vec<Shape> {
        let certificate = |arn: &String| {
            let default = if with_default { true.into() } else { Shape::Absent };
            Shape::Struct(vec![("CertificateArn", arn.into()), ("IsDefault", default)])
        };
        self.certificates.iter().map(certificate).collect()
    }
}

fn protocol(given: &str, kind: &str) -> Result<String, ApiError> {
    let allowed: &[&str] = if kind == "application" { &["HTTP", "HTTPS"] } else { &["TCP", "TLS", "UDP", "TCP_UDP"] };
    if allowed.contains(&given) {
        return Ok(given.to_owned());
    }
    Err(invalid(format!("Listener protocol '{given}' must be one of '{}'", allowed.join(", "))))
}

fn certificates(params: &Params) -> Vec<String> {
    params.list("Certificates").iter().filter_map(|c| c.given("CertificateArn")).map(str::to_owned).collect()
}
