//! Properties of the engine's core, over generated plans, records, answers and runs.
//!
//! Every build tries the same cases, a few seconds' worth. `PROPTEST_CASES` asks for more and `PROPTEST_RNG_SEED` for others; an
//! input that broke a property is kept in the `.regressions` file beside it and tried first from then on. No cloud is simulated here.

mod decide;
mod fold;
mod plans;
mod runs;

use proptest::{
    prelude::ProptestConfig,
    test_runner::{FileFailurePersistence, RngSeed},
};

/// `usual` cases, unless the environment says otherwise.
fn cases(usual: u32) -> ProptestConfig {
    ProptestConfig {
        cases: usual,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}
