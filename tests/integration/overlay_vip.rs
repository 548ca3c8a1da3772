//! runbooks/overlay-vip in the simulated world: the address moves and no packet is lost.

use crate::program::Program;
use serde_json::Value;

const WORLD: [&str; 2] = ["--world", "runbooks/overlay-vip/world.yaml"];

fn run(to: &'static str) -> Vec<&'static str> {
    [&["run", "runbooks/overlay-vip", "--to", to, "--yes", "--format", "json"][..], &WORLD].concat()
}

#[test]
fn the_address_moves_and_no_packet_is_lost() {
    let program = Program::new();
    let over = program.run(&run("b")).json(0);
    assert_eq!(over["world"]["lost_packets"], 0);
    assert!(over["world"]["sent_packets"].as_u64().unwrap() > 20, "{}", over["world"]);
    let back = program.run(&run("a")).json(0);
    assert_eq!(back["outcome"], "completed");
    assert_eq!(back["world"]["lost_packets"], 0);
}

#[test]
fn a_rollback_restores_both_route_tables() {
    let program = Program::new();
    program.run(&[&["plan", "runbooks/overlay-vip", "--to", "b"][..], &WORLD].concat()).ended(0);
    let first = program.contents("overlay-vip.world");
    program.run(&run("b")).json(0);
    assert_ne!(program.contents("overlay-vip.world"), first);
    program.run(&["rollback", "latest", "--yes"]).ended(0);
    assert_eq!(program.contents("overlay-vip.world"), first);
}

#[test]
fn killed_at_each_record_it_resumes_and_it_rolls_back() {
    let program = Program::new();
    program.run(&[&["plan", "runbooks/overlay-vip", "--to", "b"][..], &WORLD].concat()).ended(0);
    let first = program.contents("overlay-vip.world");
    program.run(&run("b")).json(0);
    let last = program.contents("overlay-vip.world");
    for (command, expected) in [(&["resume", "latest"][..], &last), (&["rollback", "latest", "--yes"][..], &first)] {
        for record in 0.. {
            let program = Program::new();
            let died = program.run_until_record(&run("b"), record);
            if died.code.is_some() {
                assert!(record > 8, "the run wrote {record} records");
                break;
            }
            // Killed right after its last record, the run has ended: there is nothing to resume.
            if command[0] == "rollback" || !program.has_ended() {
                program.run(command).ended(0);
            }
            let now: Value = program.contents("overlay-vip.world");
            assert_eq!(&now, expected, "killed after record {record}, then {command:?}");
        }
    }
}
