//! A connection to something in the world that speaks MLLP: messages in, acknowledgements out. A connection to anything else is
//! held, and nothing is said.
//!
//! Decides nothing: what is answered comes from the world.

use crate::{
    World,
    traffic::{Peer, Spoken},
};
use lifeboat_contract::SharedClock;
use std::{
    collections::VecDeque,
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// The bytes around a message: start of block, end of block, carriage return.
const START: u8 = 0x0b;
const END: [u8; 2] = [0x1c, 0x0d];
/// More than any message. What is longer is no MLLP, and nobody answers it.
const MESSAGE_MAX: usize = 4 * 1024 * 1024;

pub(crate) struct Conversation {
    world: Arc<Mutex<World>>,
    clock: SharedClock,
    /// How many of the world's seconds pass in one second of the runtime.
    speed: u32,
    peer: Option<Peer>,
    written: Vec<u8>,
    to_read: VecDeque<u8>,
    /// The next answer, and until when it takes.
    coming: Option<(Pin<Box<Sleep>>, Vec<u8>)>,
    closed: bool,
    reader: Option<Waker>,
}

impl Conversation {
    pub(crate) fn new(world: Arc<Mutex<World>>, clock: SharedClock, speed: u32, peer: Option<Peer>) -> Self {
        Self {
            world,
            clock,
            speed,
            peer,
            written: Vec::new(),
            to_read: VecDeque::new(),
            coming: None,
            closed: false,
            reader: None,
        }
    }

    /// Hands over every whole message that was written.
    fn hand_over(&mut self) {
        while let Some(message) = self.next_message() {
            let Some(peer) = &self.peer else { continue };
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            let spoken = world.speak(self.clock.now(), peer, &message);
            drop(world);
            match spoken {
                Spoken::Answered(answer, after) => {
                    let framed = [&[START][..], &answer, &END].concat();
                    match &mut self.coming {
                        Some((_, coming)) => coming.extend(framed),
                        None => self.coming = Some((Box::pin(sleep(self.real(after))), framed)),
                    }
                }
                Spoken::Closed => self.closed = true,
                Spoken::Silent => {}
            }
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn real(&self, span: Duration) -> Duration {
        span / self.speed
    }

    fn next_message(&mut self) -> Option<Vec<u8>> {
        let end = self.written.windows(END.len()).position(|window| window == END)?;
        let rest = self.written.split_off(end + END.len());
        let frame = std::mem::replace(&mut self.written, rest);
        let start = frame.iter().position(|byte| *byte == START).map_or(0, |at| at + 1);
        Some(frame.get(start..end).unwrap_or_default().to_vec())
    }
}

impl AsyncWrite for Conversation {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.written.len() + bytes.len() > MESSAGE_MAX {
            self.closed = true;
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        self.written.extend_from_slice(bytes);
        self.hand_over();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Conversation {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.to_read.is_empty() {
                let count = into.remaining().min(self.to_read.len());
                let bytes: Vec<u8> = self.to_read.drain(..count).collect();
                into.put_slice(&bytes);
                return Poll::Ready(Ok(()));
            }
            let Some((sleep, _)) = &mut self.coming else {
                if self.closed {
                    return Poll::Ready(Ok(()));
                }
                self.reader = Some(cx.waker().clone());
                return Poll::Pending;
            };
            ready!(sleep.as_mut().poll(cx));
            if let Some((_, answer)) = self.coming.take() {
                self.to_read.extend(answer);
            }
        }
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("peer", &self.peer).field("closed", &self.closed).finish_non_exhaustive()
    }
}
