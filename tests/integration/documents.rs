//! What is committed beside the code is what the code says: the schema, the shipped runbooks, the shipped worlds.

use lifeboat::{
    runbook::{self, Source, document},
    wiring,
};
use lifeboat_contract::Finding;
use lifeboat_simulated::{World, WorldDocument};
use std::path::{Path, PathBuf};

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_committed_schema_is_current() {
    let committed = std::fs::read_to_string(at("runbooks/runbook.schema.json")).unwrap();
    let current = format!("{:#}\n", runbook::schema(&wiring::catalog()));
    assert!(committed == current, "run `lifeboat schema > runbooks/runbook.schema.json`");
}

#[test]
fn every_shipped_runbook_is_without_findings_and_every_world_can_be_built() {
    let mut runbooks = 0;
    let mut worlds = 0;
    for folder in
        std::fs::read_dir(at("runbooks")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if name == "runbook.yaml" {
                let checked = runbook::check(&Source::read(&file).unwrap(), &wiring::catalog());
                assert_eq!(checked.findings, Vec::<Finding>::new(), "{}", file.display());
                runbooks += 1;
            } else if name.starts_with("world") {
                let node = document::parse(&Source::read(&file).unwrap()).unwrap();
                let document: WorldDocument = document::decode(&node).unwrap();
                World::build(&document).unwrap_or_else(|findings| panic!("{}: {findings:?}", file.display()));
                worlds += 1;
            }
        }
    }
    assert!(runbooks >= 2 && worlds >= 3, "{runbooks} runbooks and {worlds} worlds");
}
