//! Whom a load balancer sends a request to, and whether it counts as healthy. Sends nothing itself.

use super::{Action, ActionKind, Elb, Health, Listener, Target, TargetGroup};
use jiff::Timestamp;

/// Where a part of a listener's requests goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    /// The part, of 1. All shares of a listener add up to 1.
    pub(crate) part: f64,
    pub(crate) to: Destination,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// An instance's id or an address, and its port.
    Target { id: String, port: u16 },
    /// The load balancer answers by itself with this status.
    Status(u16),
}

impl Elb {
    /// The load balancer with this host name.
    pub(crate) fn named(&self, dns_name: &str) -> Option<&str> {
        let found = self.load_balancers.values().find(|balancer| balancer.dns_name.eq_ignore_ascii_case(dns_name));
        found.map(|balancer| balancer.arn.as_str())
    }

    /// Where a load balancer sends a plain GET of `path` on `host`. `None` when nobody listens on the port.
    ///
    /// A request first gets a target group, by weight and whatever the group's health: traffic of a group without healthy
    /// targets does not go to another group. Within the group the healthy targets share it. If there are none, the load
    /// balancer fails open: all that are checked share it. If there are none of these either, it answers 503.
    pub(crate) fn serving_targets(
        &self,
        load_balancer: &str,
        port: u16,
        host: &str,
        path: &str,
        now: Timestamp,
    ) -> Option<Vec<Share>> {
        let balancer = self.load_balancers.get(load_balancer).filter(|balancer| balancer.active_at <= now)?;
        let listener = self.listeners.values().find(|l| l.load_balancer == balancer.arn && l.port == port)?;
        Some(self.shares(self.actions_for(listener, host, path)))
    }

    /// Whether every target group that a load balancer uses has a healthy target: what an accelerator goes by.
    pub(crate) fn healthy(&self, load_balancer: &str) -> bool {
        let mut used =
            self.target_groups.values().filter(|group| self.users(&group.arn).contains(load_balancer)).peekable();
        used.peek().is_some() && used.all(|group| group.targets.values().any(|target| target.health == Health::Healthy))
    }

    fn actions_for<'a>(&'a self, listener: &'a Listener, host: &str, path: &str) -> &'a [Action] {
        let rules = self.rules_of(&listener.arn);
        let rule = rules.into_iter().find(|rule| rule.conditions.iter().all(|condition| condition.met(host, path)));
        rule.map_or(&listener.actions, |rule| &rule.actions)
    }

    fn shares(&self, actions: &[Action]) -> Vec<Share> {
        let status = |part, status| Share { part, to: Destination::Status(status) };
        // What comes before the last action lets users sign in: simulated ones have.
        let groups = match actions.last().map(|action| &action.kind) {
            Some(ActionKind::Forward { groups, .. }) => groups,
            Some(ActionKind::FixedResponse { status: code, .. } | ActionKind::Redirect { status: code, .. }) => {
                return vec![status(1.0, *code)];
            }
            None | Some(ActionKind::SignIn(_)) => return vec![status(1.0, 503)],
        };
        let total: u32 = groups.iter().map(|weighted| weighted.weight).sum();
        if total == 0 {
            return vec![status(1.0, 503)];
        }
        let mut shares = Vec::new();
        for weighted in groups.iter().filter(|weighted| weighted.weight > 0) {
            let part = f64::from(weighted.weight) / f64::from(total);
            let targets = self.target_groups.get(&weighted.group).map(TargetGroup::receivers).unwrap_or_default();
            // A group has at most a thousand targets.
            let count = u32::try_from(targets.len()).unwrap_or(u32::MAX);
            if targets.is_empty() {
                shares.push(status(part, 503));
            }
            shares.extend(targets.into_iter().map(|target| Share {
                part: part / f64::from(count),
                to: Destination::Target { id: target.id.clone(), port: target.port },
            }));
        }
        shares
    }
}

impl TargetGroup {
    fn receivers(&self) -> Vec<&Target> {
        let healthy: Vec<&Target> = self.targets.values().filter(|target| target.health == Health::Healthy).collect();
        if !healthy.is_empty() {
            return healthy;
        }
        let checked = |target: &&Target| matches!(target.health, Health::Initial { .. } | Health::Unhealthy);
        self.targets.values().filter(checked).collect()
    }
}
