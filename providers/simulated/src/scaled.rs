//! How Auto Scaling, EKS and EFS stand in the world: what they share with EC2 and load balancing. Holds no state.

use crate::{
    autoscaling::{GROUP_TAG, Ground},
    cloud::{Cloud, RegionState},
    codec::{ApiError, Params, RestRequest, ServiceCx},
    pace::Pace,
    shape::Shape,
    traffic::{Estate, Software},
};
use jiff::Timestamp;
use serde_json::Value;

impl Cloud {
    pub(crate) fn answer_auto_scaling(
        &mut self,
        operation: &str,
        params: &Params,
        cx: &ServiceCx<'_>,
    ) -> Result<Shape, ApiError> {
        let region = self.regions.entry(cx.region.to_owned()).or_default();
        let RegionState { ec2, elb, autoscaling, .. } = region;
        autoscaling.answer(operation, params, &mut Ground { ec2, elb, now: cx.now, pace: cx.pace })
    }

    pub(crate) fn answer_eks(&mut self, request: &RestRequest<'_>, cx: &ServiceCx<'_>) -> Result<Value, ApiError> {
        let region = self.regions.entry(cx.region.to_owned()).or_default();
        let RegionState { ec2, elb, autoscaling, eks, .. } = region;
        eks.answer(request, autoscaling, &mut Ground { ec2, elb, now: cx.now, pace: cx.pace }, cx)
    }

    pub(crate) fn answer_efs(&mut self, request: &RestRequest<'_>, cx: &ServiceCx<'_>) -> Result<Value, ApiError> {
        self.regions.entry(cx.region.to_owned()).or_default().efs.answer(request, cx)
    }

    /// Whether a zone can use a file system: it is there, with a mount target in that zone, in a region that is not lost.
    pub(crate) fn file_system_in(&self, region: &str, file_system: &str, zone: &str) -> bool {
        let found = self.regions.get(region).filter(|_| self.data_up(region));
        found.is_some_and(|region| region.efs.is_available_in(file_system, zone))
    }

    /// Lets groups launch and terminate what they have to at `now`, and lets the estate take note of machines that come and go.
    pub(crate) fn scale(&mut self, estate: &mut Estate, now: Timestamp) {
        for (name, region) in &mut self.regions {
            let RegionState { ec2, elb, autoscaling, eks, .. } = region;
            ec2.advance(now);
            autoscaling.advance(&mut Ground { ec2, elb, now, pace: Pace::default() });
            eks.advance(now);
            for joined in std::mem::take(&mut autoscaling.joined) {
                let software = Software {
                    region: name.clone(),
                    site: joined.site.unwrap_or_else(|| name.clone()),
                    application: joined.application,
                    addresses: Vec::new(),
                };
                estate.software.insert(joined.instance, software);
            }
            for left in std::mem::take(&mut autoscaling.left) {
                estate.software.remove(&left);
            }
        }
    }
}

impl RegionState {
    /// The region without the machines that groups launched: these come and go by themselves, and are no configuration.
    pub(crate) fn unscaled(&self) -> Self {
        let mut region = self.clone();
        let scaled = self.autoscaling.instances();
        // A terminated one is described for a while, and its group has forgotten it by then.
        let tagged = |id: &str| self.ec2.tags.get(id).is_some_and(|tags| tags.contains_key(GROUP_TAG));
        let is_scaled = |id: &str| scaled.contains(id) || tagged(id);
        region.ec2.instances.retain(|id, _| !is_scaled(id));
        region.ec2.tags.retain(|id, _| !is_scaled(id));
        region.ec2.interfaces.retain(|_, interface| {
            interface.attachment.as_ref().is_none_or(|attachment| !is_scaled(&attachment.instance))
        });
        for group in region.elb.target_groups.values_mut() {
            group.targets.retain(|_, target| !is_scaled(&target.id));
        }
        region
    }
}
