//! Ids that look like the providers' own, derived from names: the same world has the same ids. Draws no chance.

use std::fmt::Write as _;

/// `length` hexadecimal digits that belong to `name`.
pub(crate) fn hex(name: &str, length: usize) -> String {
    let mut digits = String::new();
    let mut round = 0_u64;
    while digits.len() < length {
        write!(digits, "{:016x}", mix(name, round)).expect("writing to a string does not fail");
        round += 1;
    }
    digits.truncate(length);
    digits
}

/// `length` lower-case letters and digits that belong to `name`.
pub(crate) fn short(name: &str, length: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::new();
    let mut round = 0_u64;
    while text.len() < length {
        let mut bits = mix(name, round);
        for _ in 0..12 {
            text.push(char::from(LETTERS[(bits & 31) as usize]));
            bits >>= 5;
        }
        round += 1;
    }
    text.truncate(length);
    text
}

/// A UUID that belongs to `name`.
pub(crate) fn uuid(name: &str) -> String {
    let digits = hex(name, 32);
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..32])
}

/// A number that belongs to `name` and `round`: FNV-1a, finished as `SplitMix64` does.
pub(crate) fn mix(name: &str, round: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
