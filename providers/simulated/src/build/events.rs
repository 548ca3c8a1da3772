//! Builds incidents and faults.

use super::{Builder, place};
use crate::{
    document::{FaultDocument, IncidentDocument, TimeOutDocument},
    fault::{Fault, FaultEffect, Rejection},
    incident::{Happening, Incident},
    machine::Zone,
};
use jiff::Timestamp;
use lifeboat_contract::{clock::after, codes};
use std::collections::BTreeMap;

/// What happens to a process, given its cluster and node.
type Made = fn(String, String) -> Happening;

impl Builder<'_> {
    /// What happens by itself, counted from the world's start.
    pub(super) fn incident(&mut self) -> Vec<Incident> {
        self.incidents(&["incident"], &self.document.incident)
    }

    /// What happens once it is asked for, by name; counted as if it were asked for at the world's start.
    pub(super) fn named_incidents(&mut self) -> BTreeMap<String, Vec<Incident>> {
        let named = &self.document.incidents;
        named.iter().map(|(name, list)| (name.clone(), self.incidents(&["incidents", name], list))).collect()
    }

    /// In order of time; of two at the same moment, in the document's order.
    fn incidents(&mut self, at: &[&str], documents: &[IncidentDocument]) -> Vec<Incident> {
        let mut incidents = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            let number = place(index);
            if let Some(what) = self.happening(&[at, &[number.as_str()]].concat(), document) {
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
        found.extend(self.engine_happenings(at, document));
        for (field, name) in [("lose_region", &document.lose_region), ("restore_region", &document.restore_region)] {
            if let Some(name) = name.as_ref().filter(|name| !self.is_known_region(name)) {
                self.error(&[at, &[field]].concat(), codes::BAD_VALUE, format!("{name} is not the name of a region"));
            }
        }
        if found.len() != 1 && document.replication.is_none() {
            let fields = "lose_region, restore_region, lose_zone, restore_zone, stop_instance, start_instance, replication, \
                          silence_metrics, restore_metrics, crash_process, restart_process, hang_process, resume_process, \
                          slow_storage, restore_storage";
            self.error(at, codes::CONFLICTING_FIELDS, format!("an incident has exactly one of {fields}"));
        }
        found.pop()
    }

    /// What happens to zones and to engines.
    fn engine_happenings(&mut self, at: &[&str], document: &IncidentDocument) -> Vec<Happening> {
        let mut found = Vec::new();
        for (field, zone, lost) in
            [("lose_zone", &document.lose_zone, true), ("restore_zone", &document.restore_zone, false)]
        {
            let Some(name) = zone else { continue };
            match zone_named(name) {
                Some(zone) if lost => found.push(Happening::ZoneLost(zone)),
                Some(zone) => found.push(Happening::ZoneRestored(zone)),
                None => {
                    let message = format!("{name} is not the name of a zone");
                    self.error(&[at, &[field]].concat(), codes::BAD_VALUE, message)
                        .hint("write it like us-east-1a, or eastus/1 on Azure");
                }
            }
        }
        let processes: [(&str, &Option<String>, Made); 4] = [
            ("crash_process", &document.crash_process, |cluster, node| Happening::ProcessCrashed { cluster, node }),
            ("restart_process", &document.restart_process, |cluster, node| Happening::ProcessRestarted {
                cluster,
                node,
            }),
            ("hang_process", &document.hang_process, |cluster, node| Happening::ProcessHung { cluster, node }),
            ("resume_process", &document.resume_process, |cluster, node| Happening::ProcessResumed { cluster, node }),
        ];
        for (field, named, made) in processes {
            let Some(named) = named else { continue };
            let named = self.engine_node(&[at, &[field]].concat(), named);
            found.extend(named.map(|(cluster, node)| made(cluster, node)));
        }
        for (field, cluster, slow) in
            [("slow_storage", &document.slow_storage, true), ("restore_storage", &document.restore_storage, false)]
        {
            let Some(cluster) = cluster else { continue };
            if !self.document.engines.contains_key(cluster) {
                self.unknown(&[at, &[field]].concat(), "engine", cluster);
            }
            if slow && document.delay.is_none() {
                self.error(at, codes::MISSING_FIELD, "slow_storage needs delay");
            }
            let delay = document.delay.filter(|_| slow).unwrap_or_default();
            found.push(Happening::StorageSlowed { cluster: cluster.clone(), delay });
        }
        found
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
            request: None,
            spreads: false,
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

/// `us-east-1a`, or `eastus/1`.
fn zone_named(name: &str) -> Option<Zone> {
    let (region, name) = match name.split_once('/') {
        Some((location, zone)) => (location, zone),
        None => (name.strip_suffix(|letter: char| letter.is_ascii_lowercase())?, name),
    };
    let whole = !region.is_empty() && !name.is_empty() && (name.len() <= 2 || crate::answer::is_region(region));
    whole.then(|| Zone { region: region.to_owned(), name: name.to_owned() })
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
