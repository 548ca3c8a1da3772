//! How the writer's role changes hands, stage by stage. Answers no calls.

use super::{GlobalCluster, Member, Promotion, Rds, Stage, Transition, TransitionKind};
use crate::pace::Pace;
use jiff::{SignedDuration, Timestamp};
use lifeboat_contract::{Span, clock::after};
use std::time::Duration;

/// How long the service takes to call a switchover off.
const CANCELLING: Duration = Duration::from_secs(5);

impl Rds {
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let globals = self.globals.values().flat_map(|global| {
            let moving = global.transition.as_ref().map(|transition| transition.until);
            let members =
                global.members.iter().flat_map(|member| member.resynced_at.into_iter().chain(member.fenced_at));
            moving.into_iter().chain(members)
        });
        let clusters = self.clusters.values().flat_map(|cluster| {
            cluster.ready_at.into_iter().chain(cluster.instances.iter().filter_map(|instance| instance.ready_at))
        });
        globals.chain(clusters).min()
    }

    /// Completes what is due at `now`, and takes note of regions that came and went.
    pub(crate) fn advance(&mut self, now: Timestamp, data_up: &dyn Fn(&str) -> bool) {
        self.finish_creations(now);
        let ids: Vec<String> = self.globals.keys().cloned().collect();
        for id in ids {
            self.note_regions(&id, now, data_up);
            while self.step(&id, now) {}
            self.follow(&id, now, data_up);
        }
    }

    fn finish_creations(&mut self, now: Timestamp) {
        for cluster in self.clusters.values_mut() {
            if cluster.ready_at.is_some_and(|at| at <= now) {
                cluster.ready_at = None;
                "available".clone_into(&mut cluster.status);
            }
            for instance in &mut cluster.instances {
                if instance.ready_at.is_some_and(|at| at <= now) {
                    instance.ready_at = None;
                    "available".clone_into(&mut instance.status);
                }
            }
        }
    }

    /// Replication stops where either end is gone; a role change whose ends are gone is called off.
    fn note_regions(&mut self, id: &str, now: Timestamp, data_up: &dyn Fn(&str) -> bool) {
        let Some(global) = self.globals.get_mut(id) else { return };
        let writer_up = global.writer().is_some_and(|writer| data_up(&writer.region));
        let failing_over =
            global.transition.as_ref().is_some_and(|transition| transition.kind == TransitionKind::Failover);
        for member in global.members.iter_mut().filter(|member| !member.writer && !member.pending_resync) {
            if !(writer_up && data_up(&member.region)) {
                member.cut_off.get_or_insert(now);
            } else if !failing_over {
                member.cut_off = None;
            }
        }
        let Some(transition) = &global.transition else { return };
        let up = |cluster: &str| global.region_of(cluster).is_some_and(data_up);
        let doomed = match transition.stage {
            Stage::Pending | Stage::Moving => {
                !up(&transition.to) || (transition.kind == TransitionKind::Switchover && !up(&transition.from))
            }
            Stage::Settling | Stage::Cancelling => false,
        };
        if doomed {
            self.call_off(id, now);
        }
    }

    /// Takes the transition of one global cluster to its next stage, when that is due.
    fn step(&mut self, id: &str, now: Timestamp) -> bool {
        let Some(global) = self.globals.get_mut(id) else { return false };
        let Some(transition) = global.transition.clone().filter(|transition| transition.until <= now) else {
            return false;
        };
        let durations = global.durations.of(transition.kind);
        match transition.stage {
            Stage::Pending if transition.cancel => self.call_off(id, now),
            Stage::Pending => {
                let until = match (transition.kind, transition.slow) {
                    (TransitionKind::Failover, None) => Timestamp::MAX,
                    (TransitionKind::Failover, Some(slow)) => after(transition.until, durations[1].get() + slow.get()),
                    (TransitionKind::Switchover, _) => after(transition.until, durations[1].get()),
                };
                global.transition = Some(Transition { stage: Stage::Moving, until, ..transition.clone() });
                self.begin_move(id, &transition, now);
            }
            Stage::Moving => {
                let until = after(transition.until, durations[2].get());
                global.transition = Some(Transition { stage: Stage::Settling, until, ..transition.clone() });
                self.promote(id, &transition, now);
            }
            Stage::Settling => {
                global.transition = None;
                self.set_status(&[&transition.from, &transition.to], "available");
                let what = if transition.kind == TransitionKind::Switchover { "switchover" } else { "failover" };
                self.tell(
                    &transition.to,
                    now,
                    "global-failover",
                    format!("Global {what} to DB cluster {} finished.", name(&transition.to)),
                );
                self.tell(
                    &transition.to,
                    now,
                    "configuration change",
                    "The global writer endpoint now points to this DB cluster.".to_owned(),
                );
            }
            Stage::Cancelling => {
                global.transition = None;
                self.set_status(&[&transition.from, &transition.to], "available");
                self.set_accepting(&transition.from, true);
                self.tell(&transition.from, now, "global-failover", "Global switchover was cancelled.".to_owned());
            }
        }
        true
    }

    fn begin_move(&mut self, id: &str, transition: &Transition, now: Timestamp) {
        let fenced = self.globals.get(id).is_some_and(|global| !global.durations.fencing_times_out);
        let status = if transition.kind == TransitionKind::Switchover {
            self.set_accepting(&transition.from, false);
            "switching-over"
        } else {
            if fenced {
                self.set_accepting(&transition.from, false);
            }
            "failing-over"
        };
        self.set_status(&[&transition.from, &transition.to], status);
        let message = if transition.kind == TransitionKind::Switchover {
            format!("Old primary DB cluster {} was shut down.", name(&transition.from))
        } else if fenced {
            "Write operations are blocked on the old primary DB cluster.".to_owned()
        } else {
            "Blocking write operations on the old primary DB cluster timed out.".to_owned()
        };
        self.tell(&transition.from, now, "global-failover", message);
    }

    fn promote(&mut self, id: &str, transition: &Transition, now: Timestamp) {
        let Some(global) = self.globals.get_mut(id) else { return };
        let loses = transition.kind == TransitionKind::Failover;
        let unfenced = loses && global.durations.fencing_times_out;
        let mut lost_since = None;
        for member in &mut global.members {
            let old_lag = member.lag;
            if member.cluster == transition.to {
                lost_since = loses.then(|| member.replicated_through(now));
                *member = Member { writer: true, cut_off: None, ..member.clone() };
            } else {
                member.unfenced = unfenced && member.writer;
                member.writer = false;
                member.pending_resync = member.pending_resync || loses;
                member.lag = old_lag;
            }
        }
        self.set_accepting(&transition.to, true);
        if !unfenced {
            self.set_accepting(&transition.from, false);
        }
        self.promotions.push(Promotion { family: id.to_owned(), old: transition.from.clone(), lost_since });
        self.tell(&transition.to, now, "global-failover", format!("DB cluster {} was promoted.", name(&transition.to)));
    }

    fn call_off(&mut self, id: &str, now: Timestamp) {
        if let Some(transition) = self.globals.get_mut(id).and_then(|global| global.transition.as_mut()) {
            transition.stage = Stage::Cancelling;
            transition.until = after(now, CANCELLING);
        }
    }

    /// Lets clusters that lost their place follow again, once both ends can be reached and the old writer is fenced.
    fn follow(&mut self, id: &str, now: Timestamp, data_up: &dyn Fn(&str) -> bool) {
        let Some(global) = self.globals.get_mut(id) else { return };
        let writer_up = global.writer().is_some_and(|writer| data_up(&writer.region));
        let (resync, split) = (global.durations.resync.get(), global.durations.split.get());
        let mut fenced = Vec::new();
        let mut resynced = Vec::new();
        for member in global.members.iter_mut().filter(|member| member.pending_resync && !member.writer) {
            if !(writer_up && data_up(&member.region)) {
                member.resynced_at = None;
                member.fenced_at = None;
                continue;
            }
            if member.unfenced && *member.fenced_at.get_or_insert(after(now, split)) <= now {
                member.unfenced = false;
                member.fenced_at = None;
                fenced.push(member.cluster.clone());
            }
            if !member.unfenced && *member.resynced_at.get_or_insert(after(now, resync)) <= now {
                *member = Member { pending_resync: false, resynced_at: None, cut_off: None, ..member.clone() };
                resynced.push(member.cluster.clone());
            }
        }
        for cluster in fenced {
            self.set_accepting(&cluster, false);
        }
        for cluster in resynced {
            self.tell(
                &cluster,
                now,
                "global-failover",
                "Resynchronization with the primary DB cluster finished.".to_owned(),
            );
        }
    }

    /// Begins a role change. The caller has checked that it is allowed.
    pub(super) fn begin(&mut self, id: &str, kind: TransitionKind, to: &str, now: Timestamp, pace: Pace) {
        let Some(global) = self.globals.get_mut(id) else { return };
        let Some(from) = global.writer().map(|writer| writer.cluster.clone()) else { return };
        let pending = global.durations.of(kind)[0].get();
        let slow = (!pace.stuck).then_some(Span(pace.slow));
        // A switchover waits in `pending` until the target has caught up: that is where it is slow or hangs.
        let until = if kind == TransitionKind::Switchover { pace.end(now, pending) } else { after(now, pending) };
        global.transition = Some(Transition {
            kind,
            from: from.clone(),
            to: to.to_owned(),
            stage: Stage::Pending,
            until,
            cancel: pace.cancel,
            slow,
        });
        if kind == TransitionKind::Failover {
            if let Some(target) = global.members.iter_mut().find(|member| member.cluster == to) {
                target.cut_off.get_or_insert(now);
            }
            if !global.durations.fencing_times_out {
                self.set_accepting(&from, false);
            }
        }
        let what = if kind == TransitionKind::Switchover { "switchover" } else { "failover" };
        self.tell(&from, now, "global-failover", format!("Global {what} to DB cluster {} started.", name(to)));
    }

    pub(super) fn set_status(&mut self, clusters: &[&str], status: &str) {
        for cluster in clusters {
            if let Some(cluster) = self.clusters.get_mut(*cluster) {
                status.clone_into(&mut cluster.status);
            }
        }
    }

    pub(super) fn set_accepting(&mut self, cluster: &str, accepting: bool) {
        if let Some(cluster) = self.clusters.get_mut(cluster) {
            cluster.accepts_writes = accepting;
        }
    }
}

impl GlobalCluster {
    pub(super) fn region_of(&self, cluster: &str) -> Option<&str> {
        self.members.iter().find(|member| member.cluster == cluster).map(|member| member.region.as_str())
    }
}

impl super::Durations {
    const fn of(&self, kind: TransitionKind) -> [Span; 3] {
        match kind {
            TransitionKind::Switchover => self.switchover,
            TransitionKind::Failover => self.failover,
        }
    }
}

impl Member {
    /// The moment up to which it has every write of the writer.
    pub(crate) fn replicated_through(&self, now: Timestamp) -> Timestamp {
        let heard = self.cut_off.unwrap_or(now);
        SignedDuration::try_from(self.lag.get())
            .ok()
            .and_then(|lag| heard.checked_sub(lag).ok())
            .unwrap_or(Timestamp::MIN)
    }
}

/// The identifier at the end of a cluster's ARN.
pub(super) fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}
