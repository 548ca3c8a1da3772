//! Whatever bytes come, what reads them answers and does not panic: the fuzz targets' corpus, as it is and bent at random.
//!
//! Tries the same inputs on every build, a few seconds' worth; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more and for others. Finds
//! less than a fuzzer that sees coverage: that one is in `fuzz/`, with the same targets and the same corpus.

#[path = "../../fuzz/targets/mod.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate needs them public")]
mod targets;

use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};
use std::{collections::BTreeMap, fs};
use targets::{TARGETS, Target};

/// What a line of an input may be cut at.
const MARKS: &[u8] = b"\n&,:/={}[]\"'|% ";

/// An input with cuts, copies and other bytes in it, some of another input's.
fn bent(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..7_u8, any::<u8>());
    let (one, other) = (prop::sample::select(seeds.clone()), prop::sample::select(seeds));
    (one, other, prop::collection::vec(change, 0..6)).prop_map(|(mut bytes, other, changes)| {
        for (at, to, how, byte) in changes {
            let (at, to) = (at.index(bytes.len() + 1), to.index(bytes.len() + 1));
            let (from, until) = (at.min(to), at.max(to).min(at.min(to) + 40));
            match how {
                0 => drop(bytes.drain(from..until)),
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(from.max(1)),
                3 => drop(bytes.splice(from..until, other.iter().copied().skip(from).take(40))),
                4 => exchange(&mut bytes, at, to),
                5 => renumber(&mut bytes, at, byte),
                _ => {
                    let copy = bytes[from..until].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        bytes
    })
}

/// Exchanges two words.
fn exchange(bytes: &mut Vec<u8>, at: usize, to: usize) {
    let word = |at: usize| {
        let is_mark = |byte: &u8| MARKS.contains(byte);
        let start = bytes[..at].iter().rposition(is_mark).map_or(0, |mark| mark + 1);
        start..bytes[at..].iter().position(is_mark).map_or(bytes.len(), |mark| at + mark)
    };
    let (first, second) = (word(at.min(to)), word(at.max(to)));
    if first.end <= second.start {
        let (one, other) = (bytes[first.clone()].to_vec(), bytes[second.clone()].to_vec());
        bytes.splice(second, one);
        bytes.splice(first, other);
    }
}

/// Puts a number that is hard to bear in the place of the next one.
fn renumber(bytes: &mut Vec<u8>, at: usize, which: u8) {
    const HARD: [&str; 8] =
        ["0", "-1", "65536", "4294967296", "9223372036854775807", "1e308", "99999999999999999999", ""];
    if let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) {
        let end = bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |end| start + end);
        bytes.splice(start..end, HARD[usize::from(which) % HARD.len()].bytes());
    }
}

fn corpus(name: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// Gives a target its corpus, and `cases` inputs bent from it.
fn hostile(name: &str, cases: u32) {
    let (_, target): Target = *TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let seeds = corpus(name);
    assert!(!seeds.is_empty(), "{name} has no corpus");
    for bytes in seeds.values() {
        target(bytes);
    }
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    };
    let seeds: Vec<Vec<u8>> = seeds.into_values().collect();
    let judged = TestRunner::new(proptest::test_runner::contextualize_config(config)).run(&bent(seeds), |bytes| {
        target(&bytes);
        Ok(())
    });
    if let Err(proptest::test_runner::TestError::Fail(reason, bytes)) = judged {
        panic!("{name}: {reason}\n{}\nas bytes: {bytes:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn every_target_has_a_test_here_and_a_binary() {
    let here = include_str!("hostile_bytes.rs");
    for (name, _) in TARGETS {
        assert!(here.contains(&format!("hostile(\"{name}\"")), "{name} is not tried here");
        let binary = fs::read_to_string(format!("{}/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR")));
        assert!(binary.unwrap().contains(&format!("targets::{name}(")));
    }
}

#[test]
fn a_runbook() {
    hostile("runbook", 96);
}

#[test]
fn a_world() {
    hostile("world", 192);
}

#[test]
fn a_condition() {
    hostile("condition", 256);
}

#[test]
fn a_journal() {
    hostile("journal", 64);
}

#[test]
fn what_a_journal_records() {
    hostile("records", 96);
}

#[test]
fn a_saved_plan() {
    hostile("plan", 96);
}

#[test]
fn a_request_to_aws() {
    hostile("aws", 256);
}

#[test]
fn a_request_to_azure() {
    hostile("azure", 256);
}

#[test]
fn what_comes_over_a_bare_connection() {
    hostile("mllp", 192);
}
