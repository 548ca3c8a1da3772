//! One life of the process: what its journal, its wire and its witness share, and how it dies.

use super::{
    fault::{Fault, Place},
    log::Log,
    witness::Sent,
};
use lifeboat_simulated::SimulatedCloud;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::{Notify, watch};

/// What outlives the process: the disk, the cloud, what was sent, what still goes wrong, and what was seen.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) cloud: Arc<SimulatedCloud>,
    /// The journal's bytes, as they would be found on the disk.
    disk: Arc<Mutex<Vec<u8>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
    /// Faults that have not struck yet, and those that have.
    pending: Arc<Mutex<Vec<Fault>>>,
    struck: Arc<Mutex<Vec<Fault>>>,
    log: Arc<Mutex<Log>>,
}

/// What a process leaves behind, and the next one finds.
#[derive(Debug, Clone, Default)]
pub(super) struct Left {
    pub(super) disk: Vec<u8>,
    pub(super) sent: Vec<Sent>,
    pub(super) log: Log,
    pub(super) struck: Vec<Fault>,
}

impl Surroundings {
    /// As a fork left them, with `faults` of which some have struck already.
    pub(super) fn new(cloud: Arc<SimulatedCloud>, left: Left, faults: &[Fault]) -> Self {
        let Left { disk, sent, log, struck } = left;
        let pending = faults.iter().filter(|fault| !struck.contains(fault)).cloned().collect();
        Self {
            cloud,
            disk: Arc::new(Mutex::new(disk)),
            sent: Arc::new(Mutex::new(sent)),
            pending: Arc::new(Mutex::new(pending)),
            struck: Arc::new(Mutex::new(struck)),
            log: Arc::new(Mutex::new(log)),
        }
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Vec<u8>> {
        lock(&self.disk)
    }

    /// How many records are durable.
    pub(super) fn records(&self) -> u64 {
        super::fork::lines(&self.disk())
    }

    pub(super) fn sent(&self) -> MutexGuard<'_, Vec<Sent>> {
        lock(&self.sent)
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    pub(super) fn struck(&self) -> Vec<Fault> {
        lock(&self.struck).clone()
    }

    pub(super) fn pending(&self) -> Vec<Fault> {
        lock(&self.pending).clone()
    }

    /// Takes the pending faults that `strike` there. Each strikes once.
    fn take(&self, strikes: impl Fn(&Fault) -> bool) -> Vec<Fault> {
        let mut pending = lock(&self.pending);
        if pending.is_empty() {
            return Vec::new();
        }
        let (struck, left): (Vec<Fault>, Vec<Fault>) = pending.drain(..).partition(|fault| strikes(fault));
        *pending = left;
        lock(&self.struck).extend(struck.iter().cloned());
        struck
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One life.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) around: Surroundings,
    dead: AtomicBool,
    death: Notify,
    disk_full: AtomicBool,
    interrupts: watch::Sender<u32>,
}

impl Life {
    pub(super) fn new(around: Surroundings) -> Self {
        let (interrupts, _) = watch::channel(0);
        Self {
            around,
            dead: AtomicBool::new(false),
            death: Notify::new(),
            disk_full: AtomicBool::new(false),
            interrupts,
        }
    }

    /// Nothing is sent or written after this.
    fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.death.notify_one();
    }

    pub(super) fn is_over(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(super) async fn ends(&self) {
        self.death.notified().await;
    }

    pub(super) fn interrupts(&self) -> watch::Receiver<u32> {
        self.interrupts.subscribe()
    }

    pub(super) fn is_interrupted(&self) -> bool {
        *self.interrupts.borrow() > 0
    }

    /// Lets strike what strikes while a record is being written. Tells whether the disk takes it.
    pub(super) fn before_record(&self, seq: u64) -> bool {
        for fault in
            self.around.take(|fault| matches!(fault, Fault::KilledBeforeRecord(n) | Fault::JournalFull(n) if *n == seq))
        {
            match fault {
                Fault::JournalFull(_) => self.disk_full.store(true, Ordering::SeqCst),
                _ => self.die(),
            }
        }
        !self.has_full_disk()
    }

    pub(super) fn has_full_disk(&self) -> bool {
        self.disk_full.load(Ordering::SeqCst)
    }

    /// Lets strike what strikes once a record is durable.
    pub(super) fn after_record(&self, seq: u64) {
        for fault in self.around.take(|fault| fault.place() == Place::Record(seq)) {
            match fault {
                Fault::Interrupted(_) => {
                    self.interrupts.send_replace(1);
                }
                Fault::Recovered(_) => self.around.cloud.disturb(lifeboat_simulated::World::recover),
                Fault::RegionLost(_, region, planes) => {
                    self.around.log().harm();
                    self.around.cloud.disturb(|world| world.lose(&region, planes));
                }
                Fault::Meddled(_, which) => {
                    let log = &mut self.around.log();
                    log.harm();
                    self.around.cloud.disturb(|world| log.meddle(world, which));
                }
                _ => self.die(),
            }
        }
    }

    /// Lets strike what strikes before a request is sent: the process dies, or the world does something to the request.
    pub(super) fn before_request(&self, place: u64) {
        let strikes =
            |fault: &Fault| matches!(fault, Fault::KilledBeforeRequest(n) | Fault::Request(n, _) if *n == place);
        for fault in self.around.take(strikes) {
            match fault {
                Fault::Request(_, injected) => self.around.cloud.disturb(|world| {
                    world.inject(world.requests() + 1, injected);
                }),
                _ => self.die(),
            }
        }
    }

    /// Lets the process die once a request took effect.
    pub(super) fn after_request(&self, place: u64) {
        if !self.around.take(|fault| *fault == Fault::KilledAfterRequest(place)).is_empty() {
            self.die();
        }
    }
}
