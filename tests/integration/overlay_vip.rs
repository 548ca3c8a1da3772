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

/// A write that is turned down is watched as long as its step has time, in case that it came through all the same. What the operator
/// reads then is why it was turned down.
#[test]
fn a_write_that_is_turned_down_is_told_with_the_reason() {
    let program = Program::new();
    let text = std::fs::read_to_string("runbooks/overlay-vip/world.yaml").unwrap();
    let fault = "\nfaults: [{ match: { operation: ReplaceRoute }, reject: { code: UnauthorizedOperation, status: 403 } }]\naws:\n";
    assert!(text.contains("\naws:\n"));
    let world = program.state().join("refuses.yaml");
    std::fs::write(&world, text.replacen("\naws:\n", fault, 1)).unwrap();
    let words = ["run", "runbooks/overlay-vip", "--to", "b", "--yes", "--format", "json", "--world"];
    let run = program.run(&[&words[..], &[world.to_str().unwrap()]].concat()).json(6);
    let steps = run["steps"].as_array().unwrap();
    let failed = steps.iter().find(|step| step["id"] == "move-address").unwrap();
    assert_eq!(failed["code"], "UnauthorizedOperation", "{failed:#}");
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
