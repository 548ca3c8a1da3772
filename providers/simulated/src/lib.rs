//! The simulated cloud: a world of resources behind the providers' real wire formats.
