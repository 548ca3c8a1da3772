//! Capacity for instances: how many more of a type a zone can start. Starts nothing itself.

use super::Ec2;
use crate::codec::ApiError;
use serde::{Deserialize, Serialize};

/// What is left of a zone's capacity for a type. What stops or is terminated does not come back: others take its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capacity {
    /// `None`: any zone.
    pub(crate) zone: Option<String>,
    /// `None`: any type.
    pub(crate) instance_type: Option<String>,
    /// How many more instances can start.
    pub(crate) available: u32,
    /// A start beyond that is accepted, and comes to nothing later.
    pub(crate) falls_back: bool,
}

/// What becomes of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    Starts,
    /// It is accepted, and falls back.
    FallsBack,
    Refused,
}

impl Capacity {
    fn is_for(&self, zone: &str, instance_type: &str) -> bool {
        self.zone.as_ref().is_none_or(|wanted| wanted == zone)
            && self.instance_type.as_ref().is_none_or(|wanted| wanted == instance_type)
    }
}

impl Ec2 {
    /// Takes the capacity for one instance in a subnet's zone, if there is any.
    pub(super) fn take_capacity(&mut self, subnet: &str, instance_type: &str) -> Grant {
        let zone = self.subnets.get(subnet).map(|subnet| subnet.zone.clone()).unwrap_or_default();
        let short = |capacity: &&Capacity| capacity.is_for(&zone, instance_type) && capacity.available == 0;
        if let Some(capacity) = self.capacity.iter().find(short) {
            return if capacity.falls_back { Grant::FallsBack } else { Grant::Refused };
        }
        for capacity in self.capacity.iter_mut().filter(|capacity| capacity.is_for(&zone, instance_type)) {
            capacity.available -= 1;
        }
        Grant::Starts
    }

    /// The refusal of a launch for want of capacity, in a subnet's zone.
    pub(super) fn insufficient(&self, subnet: &str, instance_type: &str) -> ApiError {
        let zone = self.subnets.get(subnet).map(|subnet| subnet.zone.as_str()).unwrap_or_default();
        insufficient_in(zone, instance_type)
    }
}

/// The refusal of a launch for want of capacity. The service reports it as an error of its own, with status 500.
pub(crate) fn insufficient_in(zone: &str, instance_type: &str) -> ApiError {
    let region = zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let others: Vec<String> = super::account::zones(region).into_iter().filter(|other| other != zone).collect();
    let message = format!(
        "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity. You can currently get {instance_type} capacity by not specifying an Availability Zone in your request or choosing {}.",
        others.join(", ")
    );
    ApiError::new("InsufficientInstanceCapacity", 500, message)
}
