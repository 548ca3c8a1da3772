//! What the world's clients went through, in figures. Measures nothing itself.

use super::{Client, Engine, Estate, Ping, Sender, Traffic, WHOLE, Watch};
use crate::cloud::Cloud;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures of a world, computed from the world alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How long the world has run.
    pub elapsed_s: f64,
    /// From the first failed request to the moment since which all succeed; 0 when none ever failed, `None` while some fail.
    pub recovery_s: Option<f64>,
    /// Some requests fail now.
    pub interrupted: bool,
    /// The time in which requests failed, weighed by how many of them did; of the client that fared worst.
    pub unavailable_s: f64,
    /// The longest time without a moment in which all requests of a client succeeded.
    pub longest_outage_s: f64,
    pub acknowledged_writes: u64,
    /// Writes that were acknowledged and are in no database that remained.
    pub lost_writes: u64,
    /// The time in which two databases of one family took writes.
    pub two_writers_s: f64,
    pub sent_packets: u64,
    pub lost_packets: u64,
    /// Requests and packets that were served, by site.
    pub served: BTreeMap<String, u64>,
    pub failed_requests: u64,
    /// Of all clusters of an integration engine: messages that senders had to send.
    pub messages_sent: u64,
    pub messages_acknowledged: u64,
    /// Messages that were processed, each once.
    pub messages_processed: u64,
    /// Messages that were acknowledged and are nowhere.
    pub messages_lost: u64,
    /// Messages that were processed once more.
    pub messages_duplicated: u64,
    /// Messages that were processed after a later one.
    pub messages_out_of_order: u64,
    /// The longest time in which a sender had a message and got no acknowledgement.
    pub longest_gap_s: f64,
    /// The time in which two nodes of one cluster had its queue.
    pub two_actives_s: f64,
    pub clients: BTreeMap<String, ClientFigures>,
    pub pings: BTreeMap<String, PingFigures>,
    pub engines: BTreeMap<String, EngineFigures>,
    /// Of each client, sender of messages and sender of packets: what was interrupted since somebody watches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<WatchedFigures>,
}

/// What was interrupted of one of those who ask the world for something.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchedFigures {
    /// `client`, `sender` or `ping`.
    pub kind: String,
    pub name: String,
    /// Whom it asks: a host name, or an address.
    pub host: String,
    pub port: Option<u16>,
    pub path: Option<String>,
    /// The longest time in which some requests failed, and in which all of them did.
    pub longest_s: f64,
    pub longest_all_s: f64,
    /// When the first interruption began.
    pub first_at: Option<Timestamp>,
    /// When the last one ended. Nothing where none began, or one lasts.
    pub recovered_at: Option<Timestamp>,
    /// The same, of interruptions in which all requests failed.
    pub all_first_at: Option<Timestamp>,
    pub all_recovered_at: Option<Timestamp>,
}

/// The figures of one cluster of an integration engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineFigures {
    pub messages_sent: u64,
    pub messages_acknowledged: u64,
    pub messages_processed: u64,
    /// Messages that wait to be processed.
    pub messages_queued: u64,
    pub messages_lost: u64,
    pub messages_duplicated: u64,
    pub messages_out_of_order: u64,
    /// Messages of others than the world's senders that were acknowledged.
    pub other_messages: u64,
    pub longest_gap_s: f64,
    pub two_actives_s: f64,
    /// The nodes that have the queue now.
    pub actives: Vec<String>,
}

/// The figures of one client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientFigures {
    pub recovery_s: Option<f64>,
    pub interrupted: bool,
    pub unavailable_s: f64,
    pub longest_outage_s: f64,
    pub failed_requests: u64,
    pub served: BTreeMap<String, u64>,
}

/// The figures of one sender of packets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PingFigures {
    pub sent: u64,
    pub lost: u64,
    /// The most packets lost in a row.
    pub longest_loss: u64,
    pub arrived: BTreeMap<String, u64>,
}

impl Traffic {
    pub(crate) fn figures(&self, cloud: &Cloud, estate: &Estate, start: Timestamp, now: Timestamp) -> Figures {
        let engines: BTreeMap<String, EngineFigures> = estate
            .engines
            .iter()
            .map(|(name, engine)| (name.clone(), engine.figures(cloud, self.senders_of(name), now)))
            .collect();
        let sum = |figure: fn(&EngineFigures) -> u64| engines.values().map(figure).sum();
        let longest = |figure: fn(&EngineFigures) -> f64| engines.values().map(figure).fold(0.0, f64::max);
        let clients: BTreeMap<_, _> =
            self.clients.iter().map(|(name, client)| (name.clone(), client.figures())).collect();
        let pings: BTreeMap<_, _> = self.pings.iter().map(|(name, ping)| (name.clone(), ping.figures())).collect();
        let interrupted = clients.values().any(|client| client.interrupted);
        let first = self.clients.values().filter_map(|client| client.measures.first_failure_ms).min();
        let last = self.clients.values().filter_map(|client| client.measures.recovered_ms).max();
        let worst = |figure: fn(&ClientFigures) -> f64| clients.values().map(figure).fold(0.0, f64::max);
        let mut served: BTreeMap<String, u64> = BTreeMap::new();
        let counts =
            clients.values().flat_map(|client| &client.served).chain(pings.values().flat_map(|ping| &ping.arrived));
        for (site, count) in counts {
            *served.entry(site.clone()).or_default() += count;
        }
        Figures {
            elapsed_s: seconds(super::millis(now) - super::millis(start)),
            recovery_s: recovery(first, last, interrupted),
            interrupted,
            unavailable_s: worst(|client| client.unavailable_s),
            longest_outage_s: worst(|client| client.longest_outage_s),
            acknowledged_writes: whole(self.families.acknowledged()),
            // A write that is lost in part is lost. What is left of rounding is none.
            lost_writes: whole((self.families.lost() - 1e-6).ceil()),
            two_writers_s: seconds(i64::try_from(self.families.two_writers_ms()).unwrap_or(i64::MAX)),
            sent_packets: pings.values().map(|ping| ping.sent).sum(),
            lost_packets: pings.values().map(|ping| ping.lost).sum(),
            served,
            failed_requests: clients.values().map(|client| client.failed_requests).sum(),
            messages_sent: sum(|engine| engine.messages_sent),
            messages_acknowledged: sum(|engine| engine.messages_acknowledged),
            messages_processed: sum(|engine| engine.messages_processed),
            messages_lost: sum(|engine| engine.messages_lost),
            messages_duplicated: sum(|engine| engine.messages_duplicated),
            messages_out_of_order: sum(|engine| engine.messages_out_of_order),
            longest_gap_s: longest(|engine| engine.longest_gap_s),
            two_actives_s: longest(|engine| engine.two_actives_s),
            clients,
            pings,
            engines,
            watched: self.watched(),
        }
    }

    fn watched(&self) -> Vec<WatchedFigures> {
        let clients = self.clients.iter().filter_map(|(name, client)| {
            let (measures, watch) = (&client.measures, client.measures.watch?);
            let figures = WatchedFigures {
                host: client.host.clone(),
                port: Some(client.port),
                path: Some(client.path.clone()),
                ..WatchedFigures::of("client", name, watch, measures.failing_since_ms.is_some())
            };
            Some(figures)
        });
        let senders = self.senders.iter().filter_map(|(name, sender)| {
            let figures = WatchedFigures {
                host: sender.host.clone(),
                port: Some(sender.port),
                ..WatchedFigures::of("sender", name, sender.watch?, sender.waiting_since_ms.is_some())
            };
            Some(figures)
        });
        let pings = self.pings.iter().filter_map(|(name, ping)| {
            let figures = WatchedFigures {
                host: ping.to.to_string(),
                ..WatchedFigures::of("ping", name, ping.watch?, ping.losing > 0)
            };
            Some(figures)
        });
        clients.chain(senders).chain(pings).collect()
    }

    fn senders_of<'a>(&'a self, engine: &'a str) -> impl Iterator<Item = &'a Sender> + Clone {
        self.senders.values().filter(move |sender| sender.engine == engine)
    }
}

impl WatchedFigures {
    fn of(kind: &str, name: &str, watch: Watch, lasts: bool) -> Self {
        let moment = |ms: Option<i64>| ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            longest_s: seconds(i64::try_from(watch.some.longest_ms).unwrap_or(i64::MAX)),
            longest_all_s: seconds(i64::try_from(watch.all.longest_ms).unwrap_or(i64::MAX)),
            first_at: moment(watch.some.first_ms),
            recovered_at: moment(watch.some.last_ms.filter(|_| !lasts)),
            all_first_at: moment(watch.all.first_ms),
            all_recovered_at: moment(watch.all.last_ms.filter(|_| !lasts)),
            ..Self::default()
        }
    }
}

impl Engine {
    fn figures<'a>(
        &'a self,
        cloud: &'a Cloud,
        senders: impl Iterator<Item = &'a Sender> + Clone,
        now: Timestamp,
    ) -> EngineFigures {
        let signed = |millis: u64| i64::try_from(millis).unwrap_or(i64::MAX);
        EngineFigures {
            messages_sent: senders.clone().map(|sender| sender.created_before(now)).sum(),
            messages_acknowledged: senders.clone().map(|sender| sender.acknowledged).sum(),
            messages_processed: self.queue.processed(),
            messages_queued: self.queue.queued(),
            messages_lost: self.queue.lost(),
            messages_duplicated: self.queue.duplicated(),
            messages_out_of_order: self.queue.out_of_order(),
            other_messages: self.nodes.values().map(|node| node.strangers).sum(),
            longest_gap_s: seconds(signed(senders.map(|sender| sender.longest_gap_ms).max().unwrap_or(0))),
            two_actives_s: seconds(signed(self.two_actives_ms)),
            actives: self.actives(cloud).map(str::to_owned).collect(),
        }
    }
}

impl Client {
    fn figures(&self) -> ClientFigures {
        let measures = &self.measures;
        let requests = |share_ms: u64| whole(share_seconds(share_ms) * self.requests_per_second);
        ClientFigures {
            recovery_s: recovery(measures.first_failure_ms, measures.recovered_ms, measures.failing_since_ms.is_some()),
            interrupted: measures.failing_since_ms.is_some(),
            unavailable_s: share_seconds(measures.failed),
            longest_outage_s: seconds(i64::try_from(measures.longest_outage_ms).unwrap_or(i64::MAX)),
            failed_requests: requests(measures.failed),
            served: measures.served.iter().map(|(site, share_ms)| (site.clone(), requests(*share_ms))).collect(),
        }
    }
}

impl Ping {
    fn figures(&self) -> PingFigures {
        PingFigures { sent: self.sent, lost: self.lost, longest_loss: self.longest_loss, arrived: self.arrived.clone() }
    }
}

fn recovery(first_failure_ms: Option<i64>, recovered_ms: Option<i64>, interrupted: bool) -> Option<f64> {
    match (first_failure_ms, recovered_ms) {
        _ if interrupted => None,
        (Some(first), Some(last)) => Some(seconds(last - first)),
        _ => Some(0.0),
    }
}

fn seconds(millis: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact in a float for 285,000 years")]
    let millis = millis as f64;
    millis / 1000.0
}

/// Millionths times milliseconds, as seconds.
fn share_seconds(share_ms: u64) -> f64 {
    seconds(i64::try_from(share_ms / WHOLE).unwrap_or(i64::MAX))
        + seconds(i64::try_from(share_ms % WHOLE).unwrap_or(0)) / 1_000_000.0
}

fn whole(count: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are positive and small")]
    let count = count.max(0.0).round() as u64;
    count
}
