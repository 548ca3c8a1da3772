//! What is noted over time: changes alone, and nothing in a world that nobody asked.

use super::fixture::{R1, R2, STANDBY, Sim, overlay, two_regions};
use crate::{Lag, Share};
use serde_json::json;

/// Seconds since the world began.
fn since(sim: &Sim, at: jiff::Timestamp) -> f64 {
    at.duration_since(sim.world.start()).as_secs_f64()
}

/// Since when, served by whom, and what failed.
type Told = (f64, Vec<(String, f64)>, f64);

fn traffic(sim: &Sim, line: &[Share]) -> Vec<Told> {
    let told = |share: &Share| (since(sim, share.at), share.served.clone().into_iter().collect(), share.failed);
    line.iter().map(told).collect()
}

fn lag(sim: &Sim, line: &[Lag]) -> Vec<(f64, Option<f64>)> {
    line.iter().map(|point| (since(sim, point.at), point.seconds)).collect()
}

/// The region of the writer is lost for a while, and the standby promoted meanwhile.
fn lost_and_promoted() -> Sim {
    let incident = json!([{ "at": "10s", "lose_region": R1 }]);
    let mut sim = Sim::with(two_regions(), &[("/incident", incident)]);
    sim.world.note_series();
    assert_eq!(sim.go(40.0).failover(R2, STANDBY).0, 200);
    sim.go(300.0);
    sim
}

#[test]
fn traffic_and_lag_are_noted_where_they_change() {
    let sim = lost_and_promoted();
    let series = sim.world.series().expect("it was asked for");
    let all = |site: &str| vec![(site.to_owned(), 1.0)];
    assert_eq!(
        traffic(&sim, &series.traffic["customers"]),
        [(0.0, all("r1"), 0.0), (10.0, vec![], 1.0), (105.0, all("r2"), 0.0)],
        "nobody writes from the loss to the end of the promotion"
    );
    assert_eq!(
        lag(&sim, &series.lag["orders-r2"]),
        [(0.0, Some(0.7)), (10.0, Some(0.7)), (105.0, Some(95.7)), (105.0, None)],
        "it grows by a second each second, and ends with the promotion"
    );
    let told: Vec<_> = series.incidents.iter().map(|one| (since(&sim, one.at), one.what.as_str())).collect();
    assert_eq!(told, [(10.0, "us-east-1 lost")]);
}

#[test]
fn the_shares_add_up_to_the_figures() {
    let sim = lost_and_promoted();
    let line = &sim.world.series().expect("it was asked for").traffic["customers"];
    let ends = line.iter().skip(1).map(|next| next.at).chain([sim.world.now()]);
    let failed: f64 =
        line.iter().zip(ends).map(|(share, end)| share.failed * (since(&sim, end) - since(&sim, share.at))).sum();
    assert!((failed - sim.world.figures().unavailable_s).abs() < 1e-6, "{failed}");
}

#[test]
fn a_part_holds_what_was_so_at_its_beginning() {
    let sim = lost_and_promoted();
    let series = sim.world.series().expect("it was asked for");
    let part = series.between(sim.at(50.0), sim.at(60.0));
    assert_eq!(traffic(&sim, &part.traffic["customers"]), [(50.0, vec![], 1.0)]);
    assert_eq!(lag(&sim, &part.lag["orders-r2"]), [(50.0, Some(40.7)), (60.0, Some(50.7))]);
    assert_eq!(part.incidents, []);
    assert_eq!(series.between(sim.at(0.0), sim.at(300.0)), *series);
}

#[test]
fn packets_are_noted_by_who_gets_them() {
    let mut sim = Sim::with(overlay(), &[("/incident", json!([{ "at": "5s", "stop_instance": "i-a" }]))]);
    sim.world.note_series();
    sim.go(20.0);
    let line = &sim.world.series().expect("it was asked for").traffic["client packets"];
    let told: Vec<_> = line.iter().map(|share| (since(&sim, share.at), share.failed)).collect();
    assert_eq!(told, [(0.0, 0.0), (5.0, 1.0)]);
}

#[test]
fn nothing_is_noted_unless_asked_for_and_noting_changes_nothing_else() {
    let mut noting = lost_and_promoted();
    let incident = json!([{ "at": "10s", "lose_region": R1 }]);
    let mut quiet = Sim::with(two_regions(), &[("/incident", incident)]);
    assert_eq!(quiet.go(40.0).failover(R2, STANDBY).0, 200);
    quiet.go(300.0);
    assert_eq!(quiet.world.series(), None);
    noting.world.traffic.series = None;
    assert_eq!(noting.world, quiet.world);
}
