//! Lifeboat.
