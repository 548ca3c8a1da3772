//! The bytes of a journal: one JSON object a line, chained by SHA-256.
//!
//! A torn tail is dropped and told; a broken middle is refused. Nothing here knows what a record means.

use super::record::Record;
use crate::plan::sha256_hex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of this format.
const VERSION: u32 = 1;
const SUM_KEY: &str = ",\"sum\":\"";
/// `,"sum":"` and 64 hexadecimal digits and `"}`.
const SUM_LEN: usize = SUM_KEY.len() + 64 + 2;

/// What stands before the record in each line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    v: u32,
    seq: u64,
    /// Grows with every takeover; 0 until leases exist.
    epoch: u64,
    writer: String,
    at: Timestamp,
    /// The sum of the line before.
    prev: String,
}

/// One line as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Journaled {
    pub seq: u64,
    pub at: Timestamp,
    pub writer: String,
    pub record: Record,
}

/// A journal as it was read: its longest valid prefix.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub lines: Vec<Journaled>,
    /// How many bytes the valid prefix has.
    pub valid_bytes: u64,
    /// What was dropped from the end.
    pub torn: Option<Torn>,
    first_sum: String,
    last_sum: String,
}

impl Reading {
    /// The sum of the first line; empty where there is none.
    pub fn first_sum(&self) -> &str {
        &self.first_sum
    }

    /// The sum of the last line: the hash of the whole journal, for each line is chained to the one before.
    pub fn last_sum(&self) -> &str {
        &self.last_sum
    }
}

/// A last line that was not written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    pub bytes: u64,
    /// Whether it ends as a line does: a crash seldom leaves that, an alteration does.
    pub whole_line: bool,
}

/// Why a journal is refused: something in its middle is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the journal is damaged: {why}")]
pub struct Broken {
    pub line: usize,
    pub why: String,
}

/// The sums that chain one line to the next.
#[derive(Debug)]
pub(super) struct Chain {
    writer: String,
    seq: u64,
    prev: String,
}

impl Chain {
    pub(super) fn start(writer: String) -> Self {
        Self { writer, seq: 0, prev: String::new() }
    }

    pub(super) fn after(writer: String, reading: &Reading) -> Self {
        Self { writer, seq: reading.lines.len() as u64, prev: reading.last_sum.clone() }
    }

    /// The next line's bytes, newline included.
    pub(super) fn next(&self, at: Timestamp, record: &Record) -> (u64, Vec<u8>) {
        let head =
            Head { v: VERSION, seq: self.seq, epoch: 0, writer: self.writer.clone(), at, prev: self.prev.clone() };
        let head = serde_json::to_string(&head).expect("a line's head is plain JSON");
        let record = serde_json::to_string(record).expect("a record is plain JSON");
        // Both are objects: `{head}` and `{record}` become `{head,record`.
        let body = format!("{},{}", head.trim_end_matches('}'), &record[1..record.len() - 1]);
        let sum = sha256_hex(body.as_bytes());
        (self.seq, format!("{body}{SUM_KEY}{sum}\"}}\n").into_bytes())
    }

    pub(super) fn advance(&mut self, line: &[u8]) {
        let end = line.len() - "\"}\n".len();
        self.prev = String::from_utf8_lossy(&line[end - 64..end]).into_owned();
        self.seq += 1;
    }
}

/// Reads a journal's bytes.
pub fn read(bytes: &[u8]) -> Result<Reading, Broken> {
    let mut reading =
        Reading { lines: Vec::new(), valid_bytes: 0, torn: None, first_sum: String::new(), last_sum: String::new() };
    let mut rest = bytes;
    while !rest.is_empty() {
        let number = reading.lines.len() + 1;
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            reading.torn = Some(Torn { bytes: rest.len() as u64, whole_line: false });
            break;
        };
        match parse(&rest[..end], &reading) {
            Ok((line, sum)) => {
                reading.lines.push(line);
                if reading.first_sum.is_empty() {
                    reading.first_sum.clone_from(&sum);
                }
                reading.last_sum = sum;
                reading.valid_bytes += end as u64 + 1;
                rest = &rest[end + 1..];
            }
            // A bad last line was torn while it was written (a file system may keep its newline and lose its middle).
            Err(Flaw::Damage(_)) if end + 1 == rest.len() => {
                reading.torn = Some(Torn { bytes: rest.len() as u64, whole_line: true });
                break;
            }
            Err(Flaw::Damage(why) | Flaw::Foreign(why)) => return Err(Broken { line: number, why }),
        }
    }
    Ok(reading)
}

enum Flaw {
    /// The bytes are not what was written.
    Damage(String),
    /// The bytes are as written, and still not ours to read.
    Foreign(String),
}

fn parse(line: &[u8], before: &Reading) -> Result<(Journaled, String), Flaw> {
    let damage = |why: &str| Flaw::Damage(why.to_owned());
    let text = std::str::from_utf8(line).map_err(|_| damage("it is not UTF-8"))?;
    let cut = text
        .len()
        .checked_sub(SUM_LEN)
        .filter(|&cut| text.is_char_boundary(cut))
        .ok_or_else(|| damage("it has no sum"))?;
    let (body, tail) = text.split_at(cut);
    let sum =
        tail.strip_prefix(SUM_KEY).and_then(|tail| tail.strip_suffix("\"}")).ok_or_else(|| damage("it has no sum"))?;
    if sha256_hex(body.as_bytes()) != sum {
        return Err(damage("its sum does not match its bytes"));
    }
    // From here on the line is as its writer wrote it: what does not fit is not a torn tail but another journal or version.
    let foreign = |why: String| Flaw::Foreign(why);
    let whole = format!("{body}}}");
    let head: Head =
        serde_json::from_str(&whole).map_err(|error| foreign(format!("its head cannot be read: {error}")))?;
    if head.v != VERSION {
        return Err(foreign(format!("it has format version {}; this program reads version {VERSION}", head.v)));
    }
    if head.seq != before.lines.len() as u64 {
        return Err(foreign(format!("its number is {} where {} was expected", head.seq, before.lines.len())));
    }
    if head.prev != before.last_sum {
        return Err(foreign("it is not chained to the line before".to_owned()));
    }
    let record =
        serde_json::from_str(&whole).map_err(|error| foreign(format!("its record cannot be read: {error}")))?;
    Ok((Journaled { seq: head.seq, at: head.at, writer: head.writer, record }, sum.to_owned()))
}
