//! The probes' figures beside those of the simulated world's own clients. Pure; where one of the two measures nothing, nothing is compared.

use super::{
    measure::{Green, green, sampling_interval, seconds},
    record::{Agreement, ProbeRecord},
    verdict::{Moments, WorldMarks},
};
use http::Uri;
use jiff::Timestamp;
use lifeboat_simulated::{Figures, WatchedFigures};

/// The addresses of a host name in the world: a sender of packets knows no name.
pub type Addresses<'a> = &'a dyn Fn(&str) -> Vec<String>;

/// Every figure that both sides have.
pub fn agreement(
    probes: &[ProbeRecord],
    moments: &Moments,
    world: &WorldMarks<'_>,
    addresses: Addresses<'_>,
) -> Vec<Agreement> {
    let recovery = recovery(probes, moments, world.before_back);
    let outages = probes.iter().filter_map(|probe| outage(probe, world.last, addresses));
    recovery.into_iter().chain(outages).collect()
}

/// From the first failure to the recovery, before the way back: of all HTTP probes together, as clients speak HTTP.
fn recovery(probes: &[ProbeRecord], moments: &Moments, world: &Figures) -> Option<Agreement> {
    let probes: Vec<ProbeRecord> = probes.iter().filter(|probe| probe.kind == "http").cloned().collect();
    let clients: Vec<&WatchedFigures> = world.watched.iter().filter(|watched| watched.kind == "client").collect();
    let seen = green(&probes, moments.counted_from().min(moments.run_start), moments.watched_until);
    if clients.is_empty() || seen == Green::NotMeasured {
        return None;
    }
    let probes_s = match seen {
        Green::Always => Some(0.0),
        Green::Since { green, failed } => Some(seconds(failed, green)),
        Green::NotAgain { .. } | Green::NotMeasured => None,
    };
    let lasts = clients.iter().any(|client| client.first_at.is_some() && client.recovered_at.is_none());
    let between = |first: fn(&WatchedFigures) -> Option<Timestamp>, last: fn(&WatchedFigures) -> Option<Timestamp>| {
        let ends = clients.iter().filter_map(|client| first(client)).min();
        let ends = ends.zip(clients.iter().filter_map(|client| last(client)).max());
        Some(ends.map_or(0.0, |(first, last)| seconds(first, last))).filter(|_| !lasts)
    };
    let world = Outage {
        some_s: between(|client| client.first_at, |client| client.recovered_at),
        all_s: between(|client| client.all_first_at, |client| client.all_recovered_at),
    };
    let within_s = sampling_interval(&probes).as_secs_f64();
    Some(compared("first failure to recovery".to_owned(), probes_s, world, within_s))
}

/// The longest outage of a probe, over and back, beside the longest of those who ask for the same.
fn outage(probe: &ProbeRecord, world: &Figures, addresses: Addresses<'_>) -> Option<Agreement> {
    let uri: Uri = probe.asks.parse().ok()?;
    let host = uri.host()?;
    let same = |watched: &&WatchedFigures| match watched.kind.as_str() {
        "client" => watched.host == host && watched.path.as_deref() == Some(uri.path()),
        "sender" => watched.host == host && watched.port == uri.port_u16(),
        _ => watched.host == host || addresses(host).contains(&watched.host),
    };
    let longest = world.watched.iter().filter(same).max_by(|one, other| one.longest_s.total_cmp(&other.longest_s))?;
    let figure = format!("{}: longest outage", probe.name);
    let world = Outage { some_s: Some(longest.longest_s), all_s: Some(longest.longest_all_s) };
    Some(compared(figure, Some(probe.longest_outage_s), world, probe.interval_s))
}

/// What the world says of an outage: while some requests fail, a single one may go either way.
#[derive(Clone, Copy)]
struct Outage {
    some_s: Option<f64>,
    all_s: Option<f64>,
}

fn compared(figure: String, probes_s: Option<f64>, world: Outage, within_s: f64) -> Agreement {
    let agrees = match (probes_s, world.all_s, world.some_s) {
        (Some(probes), Some(all), Some(some)) => all - within_s <= probes && probes <= some + within_s,
        (probes, _, some) => probes.is_none() == some.is_none(),
    };
    let world_all_s = world.all_s.filter(|_| world.all_s != world.some_s);
    Agreement { figure, probes_s, world_s: world.some_s, world_all_s, within_s, agrees }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_some_requests_fail_a_probe_may_see_either() {
        let world = || Outage { some_s: Some(8.0), all_s: Some(3.0) };
        for (probes_s, agrees) in [(1.9, false), (2.0, true), (5.0, true), (9.0, true), (9.1, false)] {
            let compared = compared("outage".to_owned(), Some(probes_s), world(), 1.0);
            assert_eq!(compared.agrees, agrees, "{probes_s}");
            assert_eq!((compared.world_s, compared.world_all_s), (Some(8.0), Some(3.0)));
        }
        let lasting = || Outage { some_s: None, all_s: None };
        assert!(compared("outage".to_owned(), None, lasting(), 1.0).agrees);
        assert!(
            !compared("outage".to_owned(), Some(4.0), lasting(), 1.0).agrees,
            "one of the two says that it is over"
        );
    }
}
