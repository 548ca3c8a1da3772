//! The simulated cloud as a wire: waits as long as an answer takes. All that it answers comes from the world.

use crate::{Answer, Opening, Reply, World, conversation::Conversation};
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use lifeboat_contract::{
    Call, CallScope, Duplex, SharedClock, Wire, WireError, WireFailure, clock,
    wire::{BoxFuture, CALL_TIMEOUT, CONNECT_TIMEOUT},
};
use std::{
    fmt::Debug,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Keeps a world beside the journal, so that a later process goes on with it.
pub trait Keep: Debug + Send + Sync {
    /// Saves the world before the answer to a mutating call leaves it.
    fn keep(&self, world: &World) -> io::Result<()>;
}

/// A world behind the [`Wire`] trait.
#[derive(Debug)]
pub struct SimulatedCloud {
    world: Arc<Mutex<World>>,
    clock: SharedClock,
    /// How many of the world's seconds pass in one second of the runtime.
    speed: u32,
    keep: Option<Box<dyn Keep>>,
}

impl SimulatedCloud {
    /// `clock` must run at `speed` times the runtime's pace.
    pub fn new(world: World, clock: SharedClock, speed: u32, keep: Option<Box<dyn Keep>>) -> Self {
        Self { world: Arc::new(Mutex::new(world)), clock, speed: speed.max(1), keep }
    }

    /// Lets a named incident of the world begin now. Tells whether there is one of this name.
    pub fn begin_incident(&self, name: &str) -> io::Result<bool> {
        let mut world = self.lock();
        world.advance(self.clock.now());
        let known = world.begin_incident(name);
        match &self.keep {
            Some(keep) if known => keep.keep(&world)?,
            _ => {}
        }
        Ok(known)
    }

    /// Lets something happen to the world now, by somebody who is not its caller.
    pub fn disturb(&self, disturbance: impl FnOnce(&mut World)) {
        let mut world = self.lock();
        world.advance(self.clock.now());
        disturbance(&mut world);
    }

    /// Asks the world something, as it is now.
    pub fn ask<T>(&self, question: impl FnOnce(&World) -> T) -> T {
        let mut world = self.lock();
        world.advance(self.clock.now());
        question(&world)
    }

    /// How many requests the world has answered.
    pub fn requests(&self) -> u64 {
        self.lock().requests()
    }

    /// A copy of the world, advanced to now.
    pub fn world(&self) -> World {
        let mut world = self.lock();
        world.advance(self.clock.now());
        world.clone()
    }

    /// Answers one request at once, as [`World::answer`] does, and keeps the world if the request changed it.
    fn answer(&self, request: &Request<Bytes>) -> io::Result<Answer> {
        let mut world = self.lock();
        let answer = world.answer(self.clock.now(), request);
        match &self.keep {
            Some(keep) if answer.mutated => keep.keep(&world)?,
            _ => {}
        }
        Ok(answer)
    }

    /// Opens a connection at once, as [`World::open`] does.
    fn open(&self, host: &str, port: u16) -> Opening {
        self.lock().open(self.clock.now(), host, port)
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, request: &Request<Bytes>) -> bool {
        self.lock().knows(request)
    }

    /// Waits for `duration` of the world's time, or until `deadline`. Tells whether the deadline came first.
    async fn wait(&self, duration: Duration, deadline: Timestamp) -> bool {
        let left = clock::until(self.clock.now(), deadline);
        tokio::time::sleep(duration.min(left) / self.speed).await;
        duration > left
    }

    fn deadline(&self, given: Option<Timestamp>, at_most: Duration) -> Timestamp {
        given.unwrap_or_else(|| clock::after(self.clock.now(), at_most))
    }

    async fn call(&self, call: Call) -> Result<Response<Bytes>, WireError> {
        let deadline = self.deadline(call.scope.deadline, CALL_TIMEOUT);
        let host = call.request.uri().host().unwrap_or_default().to_owned();
        if !self.knows(&call.request) {
            return Err(unresolved(&host));
        }
        let answer = self.answer(&call.request).map_err(|error| {
            WireError::maybe_sent(WireFailure::Broken, format!("the simulated world could not be kept: {error}"))
        })?;
        let timed_out =
            || WireError::maybe_sent(WireFailure::TimedOut, format!("no answer from {host} before the deadline"));
        match answer.reply {
            Reply::Response(response) => {
                if self.wait(answer.after, deadline).await {
                    return Err(timed_out());
                }
                Ok(response)
            }
            Reply::Silent => {
                self.wait(Duration::MAX, deadline).await;
                Err(timed_out())
            }
            Reply::Unreachable => {
                self.wait(CONNECT_TIMEOUT, deadline).await;
                Err(WireError::unsent(WireFailure::Connect, format!("{host} does not answer")))
            }
        }
    }
}

fn unresolved(host: &str) -> WireError {
    WireError::unsent(WireFailure::Resolve, format!("{host} is not a host of the simulated world"))
}

impl Wire for SimulatedCloud {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(self.call(call))
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async move {
            let deadline = self.deadline(CallScope::current().deadline, CONNECT_TIMEOUT);
            match self.open(host, port) {
                Opening::Unknown => Err(unresolved(host)),
                Opening::Open { after, peer } => {
                    if self.wait(after, deadline).await {
                        return Err(WireError::unsent(
                            WireFailure::Connect,
                            format!("{host}:{port} did not open in time"),
                        ));
                    }
                    let conversation = Conversation::new(self.world.clone(), self.clock.clone(), self.speed, peer);
                    Ok(Box::new(conversation) as Box<dyn Duplex>)
                }
                Opening::Refused { after } => {
                    self.wait(after, deadline).await;
                    Err(WireError::unsent(WireFailure::Connect, format!("{host}:{port} refused the connection")))
                }
                Opening::Unreachable => {
                    self.wait(CONNECT_TIMEOUT, deadline).await;
                    Err(WireError::unsent(WireFailure::Connect, format!("{host}:{port} does not answer")))
                }
            }
        })
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        let addresses = {
            let mut world = self.lock();
            world.advance(self.clock.now());
            world.resolve(host)
        };
        Box::pin(async move { if addresses.is_empty() { Err(unresolved(host)) } else { Ok(addresses) } })
    }
}
