//! The overlay address on both clouds in the simulated world: it moves and no packet is lost.

use crate::program::Program;
use serde_json::Value;

/// Each system's runbook, its world, and the name under which that is kept.
const SYSTEMS: [(&str, &str, &str); 2] = [
    ("runbooks/overlay-vip", "runbooks/overlay-vip/world.yaml", "overlay-vip.world"),
    ("runbooks/overlay-vip-azure", "runbooks/overlay-vip-azure/world.yaml", "overlay-vip-azure.world"),
];

type System = (&'static str, &'static str, &'static str);

fn run((runbook, world, _): System, to: &'static str) -> Vec<&'static str> {
    vec!["run", runbook, "--to", to, "--yes", "--format", "json", "--world", world]
}

fn plan((runbook, world, _): System) -> Vec<&'static str> {
    vec!["plan", runbook, "--to", "b", "--world", world]
}

#[test]
fn the_address_moves_and_no_packet_is_lost() {
    for system in SYSTEMS {
        let program = Program::new();
        let over = program.run(&run(system, "b")).json(0);
        assert_eq!(over["world"]["lost_packets"], 0);
        assert!(over["world"]["sent_packets"].as_u64().unwrap() > 20, "{}", over["world"]);
        let back = program.run(&run(system, "a")).json(0);
        assert_eq!(back["outcome"], "completed");
        assert_eq!(back["world"]["lost_packets"], 0);
    }
}

#[test]
fn a_rollback_restores_both_route_tables() {
    for system in SYSTEMS {
        let program = Program::new();
        program.run(&plan(system)).ended(0);
        let first = program.contents(system.2);
        program.run(&run(system, "b")).json(0);
        assert_ne!(program.contents(system.2), first);
        program.run(&["rollback", "latest", "--yes"]).ended(0);
        assert_eq!(program.contents(system.2), first);
    }
}

#[test]
fn killed_at_each_record_it_resumes_and_it_rolls_back() {
    for system in SYSTEMS {
        let program = Program::new();
        program.run(&plan(system)).ended(0);
        let first = program.contents(system.2);
        program.run(&run(system, "b")).json(0);
        let last = program.contents(system.2);
        for (command, expected) in [(&["resume", "latest"][..], &last), (&["rollback", "latest", "--yes"][..], &first)]
        {
            for record in 0.. {
                let program = Program::new();
                let died = program.run_until_record(&run(system, "b"), record);
                if died.code.is_some() {
                    assert!(record > 8, "the run wrote {record} records");
                    break;
                }
                // Killed right after its last record, the run has ended: there is nothing to resume.
                if command[0] == "rollback" || !program.has_ended() {
                    program.run(command).ended(0);
                }
                let now: Value = program.contents(system.2);
                assert_eq!(&now, expected, "killed after record {record}, then {command:?}");
            }
        }
    }
}
