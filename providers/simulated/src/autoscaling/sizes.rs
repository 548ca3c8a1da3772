//! A group's minimum, maximum and desired size: what of them may be asked for. Launches nothing.

use super::{AutoScaling, Group, input::invalid};
use crate::{codec::ApiError, shape::iso};
use jiff::Timestamp;

/// New sizes. What is not given stays, as far as the rest allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) minimum: Option<u32>,
    pub(crate) maximum: Option<u32>,
    pub(crate) desired: Option<u32>,
}

impl Group {
    /// Changes the sizes. A refusal changes nothing.
    ///
    /// Without a desired size, the present one follows a minimum above it and a maximum below it.
    pub(super) fn resize(&mut self, sizes: Sizes, now: Timestamp) -> Result<(), ApiError> {
        let minimum = sizes.minimum.unwrap_or(self.minimum);
        let maximum = sizes.maximum.unwrap_or(self.maximum);
        if maximum < minimum {
            return Err(invalid(format!(
                "Max bound, {maximum}, must be greater than or equal to min bound, {minimum}"
            )));
        }
        let desired = sizes.desired.unwrap_or_else(|| self.desired.clamp(minimum, maximum));
        if !(minimum..=maximum).contains(&desired) {
            return Err(invalid(format!(
                "Desired capacity:{desired} must be between the specified min size:{minimum} and max size:{maximum}"
            )));
        }
        let asked = format!(
            "a user request update of AutoScalingGroup constraints to min: {minimum}, max: {maximum}, desired: {desired}"
        );
        (self.minimum, self.maximum) = (minimum, maximum);
        self.desire(desired, &asked, now);
        Ok(())
    }

    /// Changes the desired size alone, within the bounds.
    pub(super) fn set_desired(&mut self, desired: u32, now: Timestamp) -> Result<(), ApiError> {
        if desired > self.maximum {
            return Err(invalid(format!(
                "New SetDesiredCapacity value {desired} is above max value {} for the AutoScalingGroup.",
                self.maximum
            )));
        }
        if desired < self.minimum {
            return Err(invalid(format!(
                "New SetDesiredCapacity value {desired} is below min value {} for the AutoScalingGroup.",
                self.minimum
            )));
        }
        self.desire(desired, "a user request explicitly set group desired capacity", now);
        Ok(())
    }

    fn desire(&mut self, desired: u32, asked: &str, now: Timestamp) {
        if desired == self.desired {
            return;
        }
        let change = format!("changing the desired capacity from {} to {desired}", self.desired);
        self.request = Some(format!("At {} {asked} {change}.  ", whole_seconds(now)));
        self.desired = desired;
        // A request is carried out at once, whenever the next attempt of the former one would have come.
        self.retry_at = None;
    }
}

impl AutoScaling {
    pub(super) fn group_mut(&mut self, name: &str) -> Result<&mut Group, ApiError> {
        self.groups.get_mut(name).ok_or_else(|| invalid("AutoScalingGroup name not found - null"))
    }

    /// Changes a group's sizes for another service.
    pub(crate) fn resize(&mut self, name: &str, sizes: Sizes, now: Timestamp) -> Result<(), ApiError> {
        self.group_mut(name)?.resize(sizes, now)
    }
}

/// A moment as causes name it.
pub(super) fn whole_seconds(at: Timestamp) -> String {
    let text = iso(at);
    text.split('.').next().map_or_else(|| text.clone(), |seconds| format!("{seconds}Z"))
}
