//! Simulated worlds on disk: where a run left one, the next goes on.
//!
//! A world is saved whole, beside the file and then renamed, before the answer to a mutating call leaves it.

use super::{args::Common, exit::Exit, load, trouble::Trouble};
use crate::{journal::StateDirectory, plan::sha256_hex, runbook::nearest};
use lifeboat_simulated::{Keep, World};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where a world's state is kept.
#[derive(Debug, Clone)]
pub(super) struct WorldFile {
    path: PathBuf,
    /// SHA-256 of the world's YAML.
    digest: String,
}

#[derive(Serialize)]
struct Saving<'a> {
    digest: &'a str,
    world: &'a World,
}

#[derive(Deserialize)]
struct Saved {
    digest: String,
    world: World,
}

impl Keep for WorldFile {
    fn keep(&self, world: &World) -> io::Result<()> {
        let text = serde_json::to_vec(&Saving { digest: &self.digest, world }).map_err(io::Error::other)?;
        let beside = self.path.with_extension("json.new");
        fs::write(&beside, text)?;
        fs::rename(&beside, &self.path)
    }
}

/// The name under which a world's state is kept: the name of its file and of its folder, so that two worlds do not meet.
pub(super) fn name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path
        .canonicalize()
        .ok()
        .and_then(|path| path.parent()?.file_name().map(|folder| folder.to_string_lossy().into_owned()));
    folder.map_or(stem.clone(), |folder| format!("{folder}.{stem}"))
}

/// The world of a YAML file: as the last run left it, or anew.
pub(super) fn open(
    path: &Path,
    store: &StateDirectory,
    fresh: bool,
    common: &Common,
) -> Result<(World, WorldFile), Trouble> {
    let (source, document) = load::world(path, common)?;
    let file = WorldFile { path: file(store, &name(path)), digest: sha256_hex(source.text.as_bytes()) };
    if !fresh && let Some(saved) = read(&file.path)? {
        if saved.digest != file.digest {
            return Err(Trouble::new(
                Exit::Refused,
                format!("{} was changed since its state was saved", path.display()),
            )
            .hint("add `--fresh` to start the world anew, or use another `--state` directory"));
        }
        return Ok((saved.world, file));
    }
    let world = World::build(&document).map_err(|list| load::findings(&source, &list, common))?;
    fs::create_dir_all(store.worlds())
        .and_then(|()| file.keep(&world))
        .map_err(|error| cannot_keep(&file.path, error))?;
    Ok((world, file))
}

/// The world that a run worked on, as it left it.
pub(super) fn reopen(name: &str, store: &StateDirectory) -> Result<(World, WorldFile), Trouble> {
    let path = file(store, name);
    let saved = read(&path)?.ok_or_else(|| {
        Trouble::new(
            Exit::Refused,
            format!("the simulated world {name} of this run is not in the state directory any more"),
        )
    })?;
    Ok((saved.world, WorldFile { path, digest: saved.digest }))
}

/// There is no such incident: says which ones there are.
pub(super) fn unknown_incident(name: &str, world: &World) -> Trouble {
    let known = world.incident_names();
    let hint = match (nearest(name, known.iter().map(String::as_str)), known.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, false) => format!("it has {}", known.join(", ")),
        (None, true) => "it has none; `lifeboat schema world` describes `incidents`".to_owned(),
    };
    Trouble::usage(format!("the world {} has no incident {name}", world.name())).hint(hint)
}

pub(super) fn cannot_keep(path: &Path, error: io::Error) -> Trouble {
    Trouble::caused(Exit::Refused, error).hint(format!("the simulated world is kept in {}", path.display()))
}

impl WorldFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn file(store: &StateDirectory, name: &str) -> PathBuf {
    store.worlds().join(format!("{name}.json"))
}

fn read(path: &Path) -> Result<Option<Saved>, Trouble> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot_keep(path, error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Trouble::caused(Exit::Refused, error)
            .hint(format!("{} was written by another version; add `--fresh` to start anew", path.display()))
    })
}
