//! Checks over HTTP and TCP: they ask, and never change anything.
