//! `lifeboat sim`: a simulated world on a socket, for any client.

use super::{args::SimArgs, cloud, exit::Exit, load, trouble::Trouble, world};
use crate::{cli::args::Common, wire::serve};
use lifeboat_contract::{SharedClock, TokioClock};
use lifeboat_simulated::{SimulatedCloud, World};
use std::sync::Arc;
use tokio::net::TcpListener;

pub(super) fn sim(args: &SimArgs, common: &Common) -> Result<Exit, Trouble> {
    let (source, document) = load::world(&args.world, common)?;
    let mut world = World::build(&document).map_err(|list| load::findings(&source, &list, common))?;
    if let Some(name) = &args.incident
        && !world.begin_incident(name)
    {
        return Err(world::unknown_incident(name, &world));
    }
    cloud::block_on(false, async {
        let listener = TcpListener::bind(args.listen).await.map_err(|error| {
            Trouble::caused(Exit::Refused, error)
                .hint(format!("choose another address with `--listen`; {} is not free", args.listen))
        })?;
        let address = listener.local_addr().map_err(|error| Trouble::caused(Exit::Refused, error))?;
        let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now(), args.speed));
        let sim = Arc::new(SimulatedCloud::new(world, clock, args.speed, None));
        eprintln!("listening on http://{address}");
        if !common.quiet {
            eprintln!("  aws --endpoint-url http://{address} …        any AWS client, any region");
            eprintln!("  lifeboat run … --cloud http://{address}      Lifeboat, in another terminal");
            eprintln!("Ctrl-C ends it and prints what the world measured");
        }
        let stop = async {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        serve(listener, sim.clone(), stop).await.map_err(|error| Trouble::caused(Exit::Refused, error))?;
        let figures = serde_json::to_value(sim.world().figures()).expect("figures are plain JSON");
        println!("{figures:#}");
        Ok(Exit::Completed)
    })
}
