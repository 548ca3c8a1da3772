//! Elastic Load Balancing v2 in one region: load balancers, listeners, rules, target groups, and the health of targets.
//!
//! Does not know what runs on an instance: whether a target answers is asked of the caller.

mod actions;
mod attributes;
mod authentication;
mod conditions;
mod contents;
mod groups;
mod health;
mod input;
mod listeners;
mod load_balancers;
mod names;
mod operations;
mod rules;
mod serving;
mod state;
mod tags;
mod targets;

#[cfg(test)]
mod tests;

pub(crate) use health::Probe;
pub(crate) use names::{listener_arn, load_balancer_arn, load_balancer_dns, target_group_arn};
pub(crate) use serving::{Destination, Share};
pub(crate) use state::{
    Action, ActionKind, Condition, Elb, Health, HealthCheck, Listener, LoadBalancer, Rule, Target, TargetGroup, Unused,
    Verdict, Weighted,
};
