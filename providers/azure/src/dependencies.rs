//! Which region this program runs in, where Azure says so. Its credentials depend on none: the authority that issues tokens has no region.
//!
//! Reads the environment alone, and asks nobody.

use crate::{
    credentials::{Environment, process_environment},
    resource::region,
};
use lifeboat_contract::{Dependency, DependsOn, Region};

/// Where this process runs, if the environment tells.
pub fn executor() -> Option<Dependency> {
    executor_in(process_environment)
}

fn executor_in(environment: Environment) -> Option<Dependency> {
    let app_service = || {
        let site = environment("WEBSITE_SITE_NAME")?;
        Some((region(&environment("REGION_NAME")?), format!("the app {site} of App Service")))
    };
    // `happyhill-70162bb9.canadacentral.azurecontainerapps.io`
    let container = || {
        let app = environment("CONTAINER_APP_NAME")?;
        let suffix = environment("CONTAINER_APP_ENV_DNS_SUFFIX")?;
        Some((suffix.split('.').nth(1)?.to_owned(), format!("the container app {app}")))
    };
    let (region, host) = app_service().or_else(container)?;
    Some(Dependency {
        on: DependsOn::Executor,
        what: format!("this program runs in {region}: it is {host}"),
        instead: "run it in another region, or on a machine outside of the cloud".to_owned(),
        region: Region::from(region.as_str()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_program_runs_is_told_by_what_runs_it() {
        let function = executor_in(|name| match name {
            "WEBSITE_SITE_NAME" => Some("dr".to_owned()),
            "REGION_NAME" => Some("East US".to_owned()),
            _ => None,
        });
        assert_eq!(function.unwrap().region.as_str(), "eastus");
        let container = executor_in(|name| match name {
            "CONTAINER_APP_NAME" => Some("dr".to_owned()),
            "CONTAINER_APP_ENV_DNS_SUFFIX" => Some("hill-70162bb9.canadacentral.azurecontainerapps.io".to_owned()),
            _ => None,
        });
        assert_eq!(container.unwrap().region.as_str(), "canadacentral");
        assert_eq!(executor_in(|name| (name == "REGION_NAME").then(|| "East US".to_owned())), None);
    }
}
