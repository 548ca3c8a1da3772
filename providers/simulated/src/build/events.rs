//! Builds incidents and faults.

use super::{Builder, place};
use crate::{
    document::{FaultDocument, IncidentDocument, TimeOutDocument},
    fault::{Fault, FaultEffect, Rejection},
    incident::{Happening, Incident},
};
use jiff::Timestamp;
use lifeboat_contract::{clock::after, codes};

impl Builder<'_> {
    /// The incidents in order of time; of two at the same moment, in the document's order.
    pub(super) fn incidents(&mut self) -> Vec<Incident> {
        let mut incidents = Vec::new();
        for (index, document) in self.document.incident.iter().enumerate() {
            let number = place(index);
            if let Some(what) = self.happening(&["incident", &number], document) {
                incidents.push(Incident { at: after(self.start, document.at.get()), what });
            }
        }
        incidents.sort_by_key(|incident| incident.at);
        incidents
    }

    fn happening(&mut self, at: &[&str], document: &IncidentDocument) -> Option<Happening> {
        let planes = document.planes;
        let mut found = Vec::new();
        let instances =
            [("stop_instance", &document.stop_instance, false), ("start_instance", &document.start_instance, true)];
        for (field, instance, start) in instances {
            let Some(instance) = instance.clone() else { continue };
            match self.instance_region(&instance) {
                Some(region) if start => found.push(Happening::InstanceStarted { region, instance }),
                Some(region) => found.push(Happening::InstanceStopped { region, instance }),
                None => {
                    self.unknown(&[at, &[field]].concat(), "instance", instance);
                    return None;
                }
            }
        }
        let region = |name: &Option<String>| name.clone();
        found.extend(region(&document.lose_region).map(|region| Happening::RegionLost { region, planes }));
        found.extend(region(&document.restore_region).map(|region| Happening::RegionRestored { region, planes }));
        found.extend(region(&document.silence_metrics).map(|region| Happening::MetricsSilenced { region }));
        found.extend(region(&document.restore_metrics).map(|region| Happening::MetricsRestored { region }));
        if let Some(cluster) = &document.replication {
            let arn =
                self.cloud.rds.clusters.values().find(|known| known.id == *cluster).map(|known| known.arn.clone());
            match (arn, document.lag) {
                (Some(cluster), Some(lag)) => found.push(Happening::LagChanged { cluster, lag }),
                (None, _) => self.unknown(&[at, &["replication"]].concat(), "database cluster", cluster),
                (_, None) => {
                    self.error(at, codes::MISSING_FIELD, "replication needs lag");
                }
            }
        }
        for (field, name) in [("lose_region", &document.lose_region), ("restore_region", &document.restore_region)] {
            if let Some(name) = name.as_ref().filter(|name| !self.is_known_region(name)) {
                self.error(&[at, &[field]].concat(), codes::BAD_VALUE, format!("{name} is not the name of a region"));
            }
        }
        if found.len() != 1 && document.replication.is_none() {
            let fields = "lose_region, restore_region, stop_instance, start_instance, replication, silence_metrics, restore_metrics";
            self.error(at, codes::CONFLICTING_FIELDS, format!("an incident has exactly one of {fields}"));
        }
        found.pop()
    }

    pub(super) fn faults(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, document) in self.document.faults.iter().enumerate() {
            let effects = effects(document);
            if effects.len() != 1 {
                let number = place(index);
                let fields = "reject, throttle, time_out, land_late, stale, delay, slow, stuck, cancel";
                self.error(
                    &["faults", &number],
                    codes::CONFLICTING_FIELDS,
                    format!("a fault has exactly one of {fields}"),
                );
            }
            faults.extend(effects.into_iter().map(|effect| self.fault(document, effect)));
        }
        faults
    }

    fn fault(&self, document: &FaultDocument, effect: FaultEffect) -> Fault {
        let matching = &document.matching;
        Fault {
            service: matching.service.clone(),
            operation: matching.operation.clone(),
            region: matching.region.clone(),
            host: matching.host.as_ref().map(|host| host.to_ascii_lowercase()),
            nth: matching.nth,
            every: matching.every,
            times: matching.times,
            from: matching.from.map_or(self.start, |from| after(self.start, from.get())),
            until: matching.until.map_or(Timestamp::MAX, |until| after(self.start, until.get())),
            effect,
            seen: 0,
            met: 0,
        }
    }
}

fn effects(document: &FaultDocument) -> Vec<FaultEffect> {
    let rejection = document.reject.as_ref().map(|reject| {
        FaultEffect::Reject(Rejection {
            code: reject.code.clone(),
            status: reject.status,
            message: reject.message.clone(),
            after_effect: reject.after_effect,
        })
    });
    let time_out = document.time_out.map(|when| match when {
        TimeOutDocument::Before => FaultEffect::TimeOutBefore,
        TimeOutDocument::After => FaultEffect::TimeOutAfter,
    });
    [
        rejection,
        document.throttle.then_some(FaultEffect::Throttle),
        time_out,
        document.land_late.map(|after| FaultEffect::LandLate(after.get())),
        document.stale.map(|within| FaultEffect::Stale(within.get())),
        document.delay.map(|delay| FaultEffect::Delay(delay.get())),
        document.slow.map(|slow| FaultEffect::Slow(slow.get())),
        document.stuck.then_some(FaultEffect::Stuck),
        document.cancel.then_some(FaultEffect::Cancel),
    ]
    .into_iter()
    .flatten()
    .collect()
}
