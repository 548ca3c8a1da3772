//! The queue of a cluster, by the numbers of its messages alone: they are processed in order, so a number says it all.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queue {
    /// How many messages were stored.
    accepted: u64,
    /// How many of them are processed, as the last node wrote it down.
    position: u64,
    /// The highest number that was delivered.
    highest: u64,
    delivered: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
}

impl Queue {
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn processed(&self) -> u64 {
        self.delivered - self.duplicated
    }

    pub(crate) fn queued(&self) -> u64 {
        self.accepted.saturating_sub(self.position)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn duplicated(&self) -> u64 {
        self.duplicated
    }

    pub(crate) fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    pub(crate) fn accept(&mut self, messages: u64) {
        self.accepted += messages;
    }

    /// The last `messages` were acknowledged and never stored.
    pub(crate) fn lose(&mut self, messages: u64) {
        let messages = messages.min(self.accepted.saturating_sub(self.highest));
        self.accepted -= messages;
        self.lost += messages;
    }

    /// A node that stood at `position` delivers the next `count` messages, and writes down how far it is.
    pub(crate) fn deliver(&mut self, position: u64, count: u64) {
        if count == 0 {
            return;
        }
        let last = position + count;
        // All up to the highest were delivered before; those below it come after a later one.
        let again = self.highest.min(last).saturating_sub(position);
        let late = self.highest.saturating_sub(1).min(last).saturating_sub(position);
        self.duplicated += again;
        self.out_of_order += late;
        self.delivered += count;
        self.highest = self.highest.max(last);
        self.position = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_and_once() {
        let mut queue = Queue::default();
        queue.accept(10);
        queue.deliver(0, 4);
        queue.deliver(4, 6);
        assert_eq!((queue.processed(), queue.queued(), queue.duplicated(), queue.out_of_order()), (10, 0, 0, 0));
    }

    #[test]
    fn one_that_goes_on_from_an_old_position_repeats_and_disorders() {
        let mut queue = Queue::default();
        queue.accept(10);
        queue.deliver(0, 8);
        queue.deliver(5, 4);
        assert_eq!((queue.duplicated(), queue.out_of_order(), queue.processed()), (3, 2, 9));
    }

    #[test]
    fn what_was_processed_cannot_be_lost() {
        let mut queue = Queue::default();
        queue.accept(10);
        queue.deliver(0, 8);
        queue.lose(5);
        assert_eq!((queue.lost(), queue.accepted()), (2, 8));
    }
}
