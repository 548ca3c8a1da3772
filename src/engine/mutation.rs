//! Bugs that a test puts into the engine on purpose, to see that a rehearsal finds them.
//!
//! Only builds with debug assertions have them, and nothing but a value in [`Setting`](super::Setting) turns one on: no word of
//! the command line, no variable of the environment.

/// A bug that the engine must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// A life after a death drives from what the journal says, without a look at the world.
    RedriveUnseen,
    /// Nothing waits until a call of unknown outcome can't land any more, or an accepted one shows.
    LateEffectsIgnored,
    /// What is about to be sent is journaled once it has been sent.
    IntentAfterAct,
    /// The way back drives over what somebody else did.
    UndoUncompared,
    /// A drive that timed out is sent again at once, and a task that timed out is done again, whether it may be or not.
    TimeoutRetriedBlindly,
    /// One look at the goal is enough.
    SettlesAtFirstLook,
}

impl Mutation {
    /// Whether this bug is the one that was put in. Constant in a release build.
    pub(super) fn is(self, put_in: Option<Self>) -> bool {
        cfg!(debug_assertions) && put_in == Some(self)
    }
}
