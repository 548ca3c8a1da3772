//! A journal cut at every byte is read or refused, never misread.

use crate::toy::{Bench, World, step};
use lifeboat::{
    engine::{Cancel, RunState},
    journal::read,
};
use serde_json::json;

async fn journal() -> Vec<u8> {
    let steps = [step("only", "toy.set", json!({"cells": {"a": 1}}))];
    let bench = Bench::new(World::with(&[("a", 0)]), &steps).await;
    bench.start(bench.memory(), Cancel::never()).await.unwrap().unwrap();
    bench.bytes.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn cut_at_every_byte_it_is_a_prefix_and_its_tail_is_told() {
    let whole = journal().await;
    let lines = read(&whole).unwrap().lines;
    for cut in 0..whole.len() {
        let reading = read(&whole[..cut]).expect("a cut journal is a torn one");
        assert_eq!(reading.lines, lines[..reading.lines.len()]);
        let ends_on_a_line = cut == 0 || whole[cut - 1] == b'\n';
        assert_eq!(reading.torn.is_none(), ends_on_a_line, "cut at {cut}");
        assert_eq!(reading.valid_bytes + reading.torn.map_or(0, |torn| torn.bytes), cut as u64);
        if !reading.lines.is_empty() {
            RunState::replay(&reading.lines).expect("any prefix of a journal is a journal");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_byte_in_the_middle_is_refused() {
    let whole = journal().await;
    let last_line = whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap();
    for at in (0..last_line).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x01;
        assert!(read(&damaged).is_err(), "a flipped bit at {at} went unnoticed");
    }
}

#[tokio::test(start_paused = true)]
async fn lines_taken_out_or_exchanged_are_refused() {
    let whole = journal().await;
    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    for missing in 0..lines.len() - 1 {
        let mut fewer = lines.clone();
        fewer.remove(missing);
        assert!(read(&fewer.concat()).is_err(), "line {missing} was taken out");
    }
    let mut exchanged = lines.clone();
    exchanged.swap(1, 2);
    assert!(read(&exchanged.concat()).is_err());
}
