//! The cloud a command works on, and the wires to it: the providers themselves, a socket, or a world in this process.
//!
//! Two runtimes: real time, and virtual time for a world in this process.

use super::{
    args::{CloudArgs, Common},
    exit::Exit,
    trouble::Trouble,
    world::{self, WorldFile},
};
use crate::{
    journal::{CloudChoice, StateDirectory},
    runbook::{ProviderConfig, SecretSource},
    wire::{Audit, AuditFile, AuditSink, Cloud, Impairment, Network, NoAudit, RateLimit, ReadOnly},
    wiring,
};
use jiff::{SignedDuration, Timestamp};
use lifeboat_contract::{
    Catalog, Chance, CommandsAllowed, Cx, Dependency, Mode, Region, RunContext, Secrets, SharedClock, SharedWire,
    SystemClock, TokioClock, clock,
};
use lifeboat_simulated::{Figures, SimulatedCloud, World};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// Everything a command works with, whichever cloud it is.
pub(super) struct Surroundings {
    pub(super) catalog: Catalog,
    pub(super) clock: SharedClock,
    pub(super) chance: Chance,
    pub(super) choice: CloudChoice,
    simulated: Option<(Arc<SimulatedCloud>, WorldFile)>,
    bottom: SharedWire,
    /// The bottom, or what a drill has left of it.
    reached: RefCell<SharedWire>,
    commands_allowed: bool,
}

/// An incident that struck so long before a run led to it.
const LED_HERE_MAX: Duration = Duration::from_hours(1);

/// So much of the time before an incident shows what was usual.
const BEFORE_HARM: SignedDuration = SignedDuration::from_secs(30);

/// What a wire may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    ReadsOnly,
    Everything,
}

/// Where the state is kept.
pub(super) fn store(common: &Common) -> Result<StateDirectory, Trouble> {
    use etcetera::BaseStrategy as _;
    let root = match &common.state {
        Some(root) => root.clone(),
        None => {
            let base = etcetera::choose_base_strategy()
                .map_err(|error| Trouble::caused(Exit::Usage, error).hint("name a folder with `--state DIR`"))?;
            base.state_dir().unwrap_or_else(|| base.data_dir()).join("lifeboat")
        }
    };
    Ok(StateDirectory::new(root))
}

/// Whether a command with these arguments runs in virtual time.
pub(super) fn is_virtual(args: &CloudArgs) -> bool {
    args.world.is_some()
}

/// Runs a future to its end, in real or in virtual time.
pub(super) fn block_on<T>(virtual_time: bool, future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    if virtual_time {
        // No IO: with a socket in flight the paused clock would jump to the next timer.
        builder.enable_time().start_paused(true);
    } else {
        builder.enable_all();
    }
    builder.build().expect("a runtime without threads can be built").block_on(future)
}

impl Surroundings {
    /// As the command line says. Must be called inside the runtime whose time it shall follow.
    pub(super) async fn open(args: &CloudArgs, store: &StateDirectory, common: &Common) -> Result<Self, Trouble> {
        let around = match (&args.world, &args.cloud) {
            (Some(path), _) => {
                let (world, file) = world::open(path, store, args.fresh, common)?;
                let now = world.now();
                let choice = CloudChoice::World { name: world::name(path), file: path.display().to_string() };
                let around = Self::simulated(world, file, choice, now);
                around.note_series();
                if let Some(name) = &args.incident {
                    around.begin_incident(name)?;
                }
                if let Some(after) = args.after {
                    tokio::time::sleep(after.get()).await;
                }
                around
            }
            (None, Some(url)) => Self::socket(url)?,
            (None, None) => Self::real(),
        };
        Ok(Self { commands_allowed: common.allow_commands, ..around })
    }

    /// Lets an incident of the simulated world begin. Returns the moment of its first event.
    pub(super) fn begin_incident(&self, name: &str) -> Result<Timestamp, Trouble> {
        let Some((cloud, file)) = &self.simulated else {
            return Err(Trouble::usage("an incident can begin in a simulated world alone").hint("add `--world FILE`"));
        };
        let strikes_after = cloud.world().incident_strikes_after(name).unwrap_or_default();
        match cloud.begin_incident(name) {
            Ok(true) => Ok(clock::after(self.clock.now(), strikes_after)),
            Ok(false) => Err(world::unknown_incident(name, &cloud.world())),
            Err(error) => Err(world::cannot_keep(file.path(), error)),
        }
    }

    /// As the run began. `last_at` is the journal's last moment: virtual time never goes back.
    pub(super) fn reopen(
        choice: &CloudChoice,
        store: &StateDirectory,
        last_at: Timestamp,
        common: &Common,
    ) -> Result<Self, Trouble> {
        let around = match choice {
            CloudChoice::Real => Self::real(),
            CloudChoice::Socket(url) => Self::socket(url)?,
            CloudChoice::World { name, .. } => {
                let (world, file) = world::reopen(name, store)?;
                let now = world.now().max(last_at);
                let around = Self::simulated(world, file, choice.clone(), now);
                around.note_series();
                around
            }
        };
        Ok(Self { commands_allowed: common.allow_commands, ..around })
    }

    fn simulated(world: World, file: WorldFile, choice: CloudChoice, now: Timestamp) -> Self {
        let clock: SharedClock = Arc::new(TokioClock::starting_at(now, 1));
        let cloud = Arc::new(SimulatedCloud::new(world, clock.clone(), 1, Some(Box::new(file.clone()))));
        Self {
            catalog: wiring::catalog(),
            // The moment seeds chance: the same world at the same time gives the same run.
            chance: Chance::seeded(u64::try_from(now.as_millisecond()).unwrap_or_default()),
            choice,
            bottom: cloud.clone(),
            reached: RefCell::new(cloud.clone()),
            commands_allowed: false,
            simulated: Some((cloud, file)),
            clock,
        }
    }

    fn socket(url: &str) -> Result<Self, Trouble> {
        let clock: SharedClock = Arc::new(SystemClock);
        let cloud = Cloud::at(url, clock.clone()).map_err(|error| Trouble::caused(Exit::Usage, error))?;
        let cloud: SharedWire = Arc::new(cloud);
        Ok(Self {
            catalog: wiring::catalog(),
            chance: Chance::from_system(),
            choice: CloudChoice::Socket(url.to_owned()),
            simulated: None,
            bottom: cloud.clone(),
            reached: RefCell::new(cloud),
            commands_allowed: false,
            clock,
        })
    }

    fn real() -> Self {
        let clock: SharedClock = Arc::new(SystemClock);
        let network: SharedWire = Arc::new(Network::new(clock.clone()));
        Self {
            catalog: wiring::catalog(),
            chance: Chance::from_system(),
            choice: CloudChoice::Real,
            simulated: None,
            bottom: network.clone(),
            reached: RefCell::new(network),
            commands_allowed: false,
            clock,
        }
    }

    pub(super) fn is_virtual(&self) -> bool {
        self.simulated.is_some()
    }

    /// Cuts everything but probes off from these regions, until [`Self::restore`].
    pub(super) fn impair(&self, regions: BTreeSet<Region>) {
        self.reached.replace(Arc::new(Impairment::new(self.bottom.clone(), regions, self.clock.clone())));
    }

    pub(super) fn restore(&self) {
        self.reached.replace(self.bottom.clone());
    }

    /// From now on the figures of the simulated world, where there is one, tell what is interrupted.
    pub(super) fn watch(&self) {
        if let Some((cloud, _)) = &self.simulated {
            cloud.disturb(lifeboat_simulated::World::watch);
        }
    }

    /// The addresses of a host name in the simulated world, where there is one.
    pub(super) fn addresses(&self, host: &str) -> Vec<String> {
        let found = self.simulated.iter().flat_map(|(cloud, _)| cloud.ask(|world| world.resolve(host)));
        found.map(|address| address.to_string()).collect()
    }

    /// What the simulated world measured so far, where there is one.
    pub(super) fn figures(&self) -> Option<Figures> {
        let (cloud, _) = self.simulated.as_ref()?;
        Some(cloud.world().figures())
    }

    /// From now on the simulated world notes what happens over time.
    fn note_series(&self) {
        if let Some((cloud, _)) = &self.simulated {
            cloud.disturb(World::note_series);
        }
    }

    /// What the simulated world noted from `from` on; from an incident on that struck shortly before, where one did.
    pub(super) fn series(&self, from: Timestamp) -> Option<serde_json::Value> {
        let (cloud, _) = self.simulated.as_ref()?;
        let world = cloud.world();
        let noted = world.series()?;
        let struck = noted.incidents.iter().map(|incident| incident.at);
        let led_here = struck.filter(|at| *at <= from && clock::until(*at, from) <= LED_HERE_MAX).min();
        let since = led_here.map_or(from, |at| at.saturating_sub(BEFORE_HARM).unwrap_or(at));
        let part = noted.between(since, world.now());
        let mut series = serde_json::to_value(part).expect("a series is plain JSON");
        series["until"] = serde_json::json!(world.now());
        Some(series)
    }

    /// What steps are given: the layers of wire around the cloud, and the providers' clients on top.
    pub(super) fn cx(
        &self,
        carries: Carries,
        configs: &BTreeMap<String, ProviderConfig>,
        audit: Option<&Path>,
        secrets: Secrets,
    ) -> Result<Cx, Trouble> {
        let sink: Arc<dyn AuditSink> = match audit {
            Some(path) => {
                let file = AuditFile::open(path).map_err(|error| Trouble::caused(Exit::Refused, error))?;
                Arc::new(file)
            }
            None => Arc::new(NoAudit),
        };
        let reached = self.reached.borrow().clone();
        // A simulated cloud throttles by itself, as its world says.
        let limited: SharedWire = match self.choice {
            CloudChoice::Real => Arc::new(RateLimit::new(reached, self.clock.clone())),
            CloudChoice::Socket(_) | CloudChoice::World { .. } => reached,
        };
        let audited: SharedWire = Arc::new(Audit::new(limited, sink, self.clock.clone()));
        let wire: SharedWire = match carries {
            Carries::Everything => audited,
            Carries::ReadsOnly => Arc::new(ReadOnly::new(audited)),
        };
        let credentials = match self.choice {
            CloudChoice::Real => wiring::Credentials::Configured(configs.clone()),
            CloudChoice::Socket(_) | CloudChoice::World { .. } => wiring::Credentials::Dummies,
        };
        let mut providers = wiring::providers(&wire, &self.clock, &credentials, &secrets)
            .map_err(|error| Trouble::caused(Exit::Refused, error))?;
        if self.commands_allowed {
            providers.insert(CommandsAllowed);
        }
        Ok(Cx {
            wire,
            clock: self.clock.clone(),
            run: Arc::new(nobody()),
            providers: Arc::new(providers),
            secrets: Arc::new(secrets),
        })
    }

    /// Which regions this program depends on besides the steps'. A simulated cloud wants no credentials, and is in this process.
    pub(super) async fn dependencies(
        &self,
        configs: &BTreeMap<String, ProviderConfig>,
        used: &BTreeSet<String>,
    ) -> Vec<Dependency> {
        match self.choice {
            CloudChoice::Real => wiring::dependencies(configs, used).await,
            CloudChoice::Socket(_) | CloudChoice::World { .. } => Vec::new(),
        }
    }

    /// The values of the secrets that credentials are made of: all that planning needs. A simulated cloud wants none.
    pub(super) fn credential_secrets(
        &self,
        providers: &BTreeMap<String, ProviderConfig>,
        sources: &BTreeMap<String, SecretSource>,
    ) -> Result<Secrets, Trouble> {
        if self.choice != CloudChoice::Real {
            return Ok(Secrets::default());
        }
        let named = |name: &String| providers.values().any(|config| config.client_secret.as_ref() == Some(name));
        let sources = sources.iter().filter(|(name, _)| named(name));
        secrets(&sources.map(|(name, source)| (name.clone(), source.clone())).collect())
    }

    /// What the simulated world measured, where there is one. Saves the world as it stands now.
    pub(super) fn close(&self) -> Result<Option<serde_json::Value>, Trouble> {
        use lifeboat_simulated::Keep as _;
        let Some((cloud, file)) = &self.simulated else { return Ok(None) };
        let world = cloud.world();
        file.keep(&world).map_err(|error| world::cannot_keep(file.path(), error))?;
        Ok(Some(serde_json::to_value(world.figures()).expect("figures are plain JSON")))
    }
}

/// The values of the runbook's secrets, read now and kept in memory alone.
pub(super) fn secrets(sources: &BTreeMap<String, SecretSource>) -> Result<Secrets, Trouble> {
    let mut values = BTreeMap::new();
    for (name, source) in sources {
        let (value, place) = match source {
            SecretSource::Env(variable) => {
                (std::env::var(variable).ok(), format!("the environment variable {variable}"))
            }
            SecretSource::File(path) => (std::fs::read_to_string(path).ok(), path.display().to_string()),
        };
        let value = value.ok_or_else(|| {
            Trouble::new(Exit::Refused, format!("the secret {name} has no value"))
                .hint(format!("it is read from {place}"))
        })?;
        values.insert(name.clone(), value.trim_end_matches(['\r', '\n']).to_owned());
    }
    Ok(Secrets::new(values))
}

/// The context before any step has its own.
fn nobody() -> RunContext {
    RunContext {
        mode: Mode::Switchover,
        accepted_loss: None,
        rpo: None,
        impaired: BTreeSet::new(),
        to: "".into(),
        from: "".into(),
        place: None,
    }
}
