//! Messages over MLLP from others than the world's own senders: HL7 version 2, as far as an acknowledgement needs it.

use super::Engine;
use crate::{cloud::Cloud, traffic::Estate};
use jiff::Timestamp;

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub(crate) machine: String,
    pub(crate) port: u16,
}

/// What becomes of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// It is acknowledged with this message, after the storage's own delay.
    Answered(Vec<u8>, std::time::Duration),
    /// Nobody is there any more: the connection ends.
    Closed,
    /// Whoever is there says nothing.
    Silent,
}

impl Estate {
    /// Hands one message to the engine at the other end of a connection.
    pub(crate) fn speak(&mut self, cloud: &Cloud, peer: &Peer, message: &[u8], now: Timestamp) -> Spoken {
        if self.engine_hangs(&peer.machine, peer.port) || !self.lets_in(cloud, &peer.machine, peer.port) {
            return Spoken::Silent;
        }
        let at_port = self
            .engines
            .values_mut()
            .find(|engine| engine.mllp_port == peer.port && engine.node_on(&peer.machine).is_some());
        // Nobody speaks MLLP here: the stream is held, and nothing is said.
        let Some(engine) = at_port else { return Spoken::Silent };
        engine.hear(cloud, &peer.machine, message, now)
    }
}

impl Engine {
    fn hear(&mut self, cloud: &Cloud, machine: &str, message: &[u8], now: Timestamp) -> Spoken {
        let Some((name, node)) = self.node_on(machine) else { return Spoken::Closed };
        if !node.takes_messages(cloud) {
            return Spoken::Closed;
        }
        let (name, sees) = (name.to_owned(), self.sees_storage(cloud, node));
        let header = Header::read(message);
        let code = if sees && header.as_ref().is_some_and(Header::is_whole) { "AA" } else { "AE" };
        if code == "AA"
            && let Some(node) = self.nodes.get_mut(&name)
        {
            node.strangers += 1;
        }
        Spoken::Answered(acknowledgement(&header.unwrap_or_default(), code, now), self.slow.get())
    }
}

/// The fields of a message's header that an acknowledgement repeats.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    sending: [String; 2],
    receiving: [String; 2],
    kind: String,
    control_id: String,
    processing_id: String,
    version: String,
}

impl Header {
    /// Reads `MSH|^~\&|A|B|C|D|time||TYPE|ID|P|2.5…`. Nothing for anything else, whatever the bytes are.
    fn read(message: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(message);
        let first = text.split(['\r', '\n']).next()?;
        let rest = first.strip_prefix("MSH")?;
        let separator = rest.chars().next().filter(|separator| !separator.is_alphanumeric())?;
        let fields: Vec<&str> = rest[separator.len_utf8()..].split(separator).collect();
        // The first of these is MSH-2.
        let field = |number: usize| fields.get(number - 2).map(|field| (*field).to_owned()).unwrap_or_default();
        Some(Self {
            sending: [field(3), field(4)],
            receiving: [field(5), field(6)],
            kind: field(9),
            control_id: field(10),
            processing_id: field(11),
            version: field(12),
        })
    }

    fn is_whole(&self) -> bool {
        !self.kind.is_empty() && !self.control_id.is_empty()
    }
}

fn acknowledgement(header: &Header, code: &str, now: Timestamp) -> Vec<u8> {
    let time = now.strftime("%Y%m%d%H%M%S");
    let trigger = header.kind.split('^').nth(1).map(|trigger| format!("ACK^{trigger}^ACK"));
    let kind = trigger.unwrap_or_else(|| "ACK".to_owned());
    let [to, at] = &header.sending;
    let [from, of] = &header.receiving;
    let (id, processing, version) = (&header.control_id, &header.processing_id, &header.version);
    let own = format!("A{id}");
    let processing = if processing.is_empty() { "P" } else { processing };
    let version = if version.is_empty() { "2.5" } else { version };
    format!("MSH|^~\\&|{from}|{of}|{to}|{at}|{time}||{kind}|{own}|{processing}|{version}\rMSA|{code}|{id}\r")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_goes_back_to_who_sent() {
        let message = b"MSH|^~\\&|LAB|WEST|ENGINE|HOSPITAL|20260115090000||ADT^A01|ID7|P|2.3\rPID|1\r";
        let header = Header::read(message).unwrap();
        assert!(header.is_whole());
        let text = String::from_utf8(acknowledgement(&header, "AA", Timestamp::UNIX_EPOCH)).unwrap();
        assert_eq!(text, "MSH|^~\\&|ENGINE|HOSPITAL|LAB|WEST|19700101000000||ACK^A01^ACK|AID7|P|2.3\rMSA|AA|ID7\r");
    }

    #[test]
    fn anything_else_is_no_header() {
        for bytes in [&b""[..], b"MSH", b"MSHabc", b"PID|1", b"\xff\xfe", b"MSH|"] {
            assert!(!Header::read(bytes).is_some_and(|header| header.is_whole()), "{bytes:?}");
        }
    }
}
