//! Which regions a run needs besides those of its steps: where its credentials come from, and where this program runs.
//!
//! Follows the SDK's own credential chain through environment and profiles, and asks nobody: a metadata service that hangs would cost the
//! seconds that nobody has. A chain that is wrong in itself is the SDK's to tell.

use aws_config::profile::load;
use aws_runtime::env_config::{
    file::EnvConfigFiles,
    section::{EnvConfigSections, Profile},
};
use aws_types::os_shim_internal::{Env, Fs};
use lifeboat_contract::{Dependency, DependsOn, Region};

/// Where the endpoint without a region is.
const GLOBAL_STS: &str = "us-east-1";

/// What this process depends on. `profile` is the runbook's, which comes before `AWS_PROFILE`.
pub async fn of_this_process(profile: Option<&str>) -> Vec<Dependency> {
    let (env, fs) = (Env::real(), Fs::real());
    let selected = profile.map(|profile| profile.to_owned().into());
    // Files that cannot be read are told by the SDK, with the first call.
    let profiles = load(&fs, &env, &EnvConfigFiles::default(), selected).await.unwrap_or_default();
    credentials(&env, &profiles)
}

/// Where this process runs, if the environment tells.
pub fn executor() -> Option<Dependency> {
    executor_in(&Env::real())
}

/// The regions that credentials come through, in the order in which they are asked.
pub fn credentials(env: &Env, profiles: &EnvConfigSections) -> Vec<Dependency> {
    let chain = Chain { env, profiles };
    if variable(env, "AWS_ACCESS_KEY_ID").is_some() && variable(env, "AWS_SECRET_ACCESS_KEY").is_some() {
        return Vec::new();
    }
    if profiles.get_profile(profiles.selected_profile()).is_some() {
        return chain.of_profile();
    }
    let identity = variable(env, "AWS_WEB_IDENTITY_TOKEN_FILE").zip(variable(env, "AWS_ROLE_ARN"));
    identity.and_then(|_| chain.sts("the role AWS_ROLE_ARN is assumed")).into_iter().collect()
}

fn executor_in(env: &Env) -> Option<Dependency> {
    let named = |name: &str, what: &str| variable(env, name).map(|value| format!("{what} {value}"));
    let set = |name: &str, what: &str| variable(env, name).map(|_| what.to_owned());
    let host = named("AWS_LAMBDA_FUNCTION_NAME", "the Lambda function")
        .or_else(|| set("CODEBUILD_BUILD_ID", "a build of CodeBuild"))
        .or_else(|| set("ECS_CONTAINER_METADATA_URI_V4", "a task of ECS"))
        .or_else(|| named("AWS_EXECUTION_ENV", "the execution environment"))?;
    let region = home_of_environment(env)?;
    Some(Dependency {
        on: DependsOn::Executor,
        what: format!("this program runs in {region}: it is {host}"),
        instead: "run it in another region, or on a machine outside of the cloud".to_owned(),
        region: Region::from(region.as_str()),
    })
}

struct Chain<'a> {
    env: &'a Env,
    profiles: &'a EnvConfigSections,
}

impl Chain<'_> {
    /// A role is assumed with the credentials of its source profile, and so on, down to one that has credentials of its own.
    fn of_profile(&self) -> Vec<Dependency> {
        let mut found = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        let mut name = self.profiles.selected_profile();
        while let Some(profile) = self.profiles.get_profile(name).filter(|profile| !seen.contains(&profile.name())) {
            let is_first = seen.is_empty();
            seen.push(profile.name());
            if !is_first && profile.get("aws_access_key_id").is_some() {
                break;
            }
            let assumes = profile.get("role_arn").is_some() && profile.get("web_identity_token_file").is_none();
            if assumes {
                found.extend(self.sts(&format!("the role of the profile {name} is assumed")));
            }
            match profile.get("source_profile").filter(|source| assumes && *source != name) {
                Some(source) => name = source,
                None => {
                    found.extend(self.base(profile));
                    break;
                }
            }
        }
        // Each is needed; the one that is asked first comes first.
        found.reverse();
        found.dedup();
        found
    }

    fn base(&self, profile: &Profile) -> Option<Dependency> {
        let name = profile.name();
        if profile.get("credential_source").is_some() {
            return None;
        }
        if profile.get("web_identity_token_file").is_some() {
            return self.sts(&format!("the role of the profile {name} is assumed"));
        }
        if let Some(region) = self.sso_region(profile) {
            return Some(Dependency {
                on: DependsOn::Credentials,
                what: format!("the credentials of the profile {name} come from IAM Identity Center in {region}"),
                instead: "name a profile that does without it, as `profile` under `providers.aws` or as AWS_PROFILE"
                    .to_owned(),
                region: Region::from(region),
            });
        }
        let legacy = variable(self.env, "AWS_STS_REGIONAL_ENDPOINTS")
            .or_else(|| profile.get("sts_regional_endpoints").map(str::to_owned))
            .is_some_and(|value| value.eq_ignore_ascii_case("legacy"));
        // The SDK here always asks STS in a region. The program that it starts may be one that does not.
        (legacy && profile.get("credential_process").is_some()).then(|| Dependency {
            on: DependsOn::Credentials,
            what: format!(
                "the `credential_process` of the profile {name} may ask the global STS, which is in {GLOBAL_STS}: \
                 `sts_regional_endpoints` is `legacy`"
            ),
            instead: "set AWS_STS_REGIONAL_ENDPOINTS=regional".to_owned(),
            region: Region::from(GLOBAL_STS),
        })
    }

    fn sso_region<'p>(&'p self, profile: &'p Profile) -> Option<&'p str> {
        match profile.get("sso_session") {
            Some(session) => self.profiles.sso_session(session)?.get("sso_region"),
            None => profile.get("sso_start_url").and_then(|_| profile.get("sso_region")),
        }
    }

    /// STS is asked where the environment or the profile says. Where neither does, at the first step's region, which is not a lost one.
    fn sts(&self, what: &str) -> Option<Dependency> {
        let endpoint = variable(self.env, "AWS_ENDPOINT_URL_STS").or_else(|| variable(self.env, "AWS_ENDPOINT_URL"));
        let (region, at, instead) = match endpoint {
            Some(url) => (
                region_of_endpoint(&url)?,
                format!("at {url}"),
                "leave AWS_ENDPOINT_URL_STS out: STS is then asked in AWS_REGION",
            ),
            None => (self.home()?, "at STS".to_owned(), "set AWS_REGION to a region that is there: STS is asked in it"),
        };
        Some(Dependency {
            on: DependsOn::Credentials,
            what: format!("{what} {at} in {region}"),
            instead: instead.to_owned(),
            region: Region::from(region.as_str()),
        })
    }

    fn home(&self) -> Option<String> {
        home_of_environment(self.env).or_else(|| {
            let mut seen: Vec<&str> = Vec::new();
            let mut profile = self.profiles.get_profile(self.profiles.selected_profile())?;
            while profile.get("region").is_none() {
                seen.push(profile.name());
                let source = profile.get("source_profile").filter(|source| !seen.contains(source))?;
                profile = self.profiles.get_profile(source)?;
            }
            profile.get("region").map(str::to_owned)
        })
    }
}

fn home_of_environment(env: &Env) -> Option<String> {
    variable(env, "AWS_REGION").or_else(|| variable(env, "AWS_DEFAULT_REGION"))
}

/// `https://sts.amazonaws.com` has no region of its own, and is in one; `https://sts.eu-west-1.amazonaws.com` names its own.
fn region_of_endpoint(url: &str) -> Option<String> {
    let host = url.split("://").nth(1)?.split(['/', ':']).next()?;
    let mut labels = host.split('.').skip_while(|label| *label != "sts");
    labels.next()?;
    let region = labels.next()?;
    Some(if region == "amazonaws" { GLOBAL_STS.to_owned() } else { region.to_owned() })
}

fn variable(env: &Env, name: &str) -> Option<String> {
    env.get(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_runtime::env_config::file::EnvConfigFileKind;

    /// What credentials depend on: regions and the beginnings of the clauses.
    async fn through(environment: &[(&str, &str)], config: &str) -> Vec<(String, String)> {
        let env = Env::from_slice(environment);
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, config).build();
        let profiles = load(&Fs::from_slice(&[]), &env, &files, None).await.unwrap();
        let found = credentials(&env, &profiles).into_iter();
        found.map(|dependency| (dependency.region.to_string(), dependency.what)).collect()
    }

    fn regions(found: &[(String, String)]) -> Vec<&str> {
        found.iter().map(|(region, _)| region.as_str()).collect()
    }

    const SSO: &str = "[profile ops]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = ops\nregion = eu-west-1\n\
                       [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\n";

    #[tokio::test]
    async fn keys_depend_on_no_region() {
        let keys = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_REGION", "us-east-1")];
        assert_eq!(through(&keys, SSO).await, []);
        let static_keys = "[default]\naws_access_key_id = k\naws_secret_access_key = s\nregion = us-east-1\n";
        assert_eq!(through(&[], static_keys).await, []);
    }

    #[tokio::test]
    async fn single_sign_on_is_in_a_region_of_its_own() {
        let found = through(&[("AWS_PROFILE", "ops")], SSO).await;
        assert_eq!(regions(&found), ["us-east-1"]);
        assert!(found[0].1.contains("the profile ops come from IAM Identity Center"), "{found:?}");
        let old = "[default]\nsso_region = eu-north-1\nsso_start_url = https://c/start\nsso_account_id = 1\nsso_role_name = r\n";
        assert_eq!(regions(&through(&[], old).await), ["eu-north-1"]);
    }

    #[tokio::test]
    async fn a_role_is_assumed_where_the_environment_or_a_profile_says() {
        let chained = format!("{SSO}[profile dr]\nrole_arn = arn:aws:iam::1:role/dr\nsource_profile = ops\n");
        let found = through(&[("AWS_PROFILE", "dr")], &chained).await;
        assert_eq!(regions(&found), ["us-east-1", "eu-west-1"], "signed on first, at the source profile's region then");
        let found = through(&[("AWS_PROFILE", "dr"), ("AWS_REGION", "ap-south-1")], &chained).await;
        assert_eq!(regions(&found), ["us-east-1", "ap-south-1"]);
        let nowhere = "[default]\nrole_arn = arn:aws:iam::1:role/dr\ncredential_source = Environment\n";
        assert_eq!(through(&[], nowhere).await, [], "STS is asked in a step's region then");
    }

    #[tokio::test]
    async fn a_profile_that_refers_to_itself_ends() {
        let circle = "[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\nregion = us-east-1\n\
                      [profile b]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = default\n";
        assert_eq!(regions(&through(&[], circle).await), ["us-east-1", "us-east-1"]);
        let own =
            "[default]\nrole_arn = r\nsource_profile = default\naws_access_key_id = k\naws_secret_access_key = s\n";
        assert_eq!(through(&[], own).await, []);
    }

    #[tokio::test]
    async fn a_web_identity_is_exchanged_at_sts() {
        let identity =
            [("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn:r"), ("AWS_DEFAULT_REGION", "us-east-1")];
        assert_eq!(regions(&through(&identity, "").await), ["us-east-1"]);
        let global = [identity.as_slice(), &[("AWS_ENDPOINT_URL_STS", "https://sts.amazonaws.com")]].concat();
        let found = through(&[global.as_slice(), &[("AWS_REGION", "eu-west-1")]].concat(), "").await;
        assert_eq!(regions(&found), ["us-east-1"], "the endpoint counts, not the region");
    }

    #[tokio::test]
    async fn the_global_sts_counts_where_another_program_is_started_that_may_ask_it() {
        let process = "[default]\ncredential_process = /opt/get\nsts_regional_endpoints = legacy\n";
        assert_eq!(regions(&through(&[], process).await), ["us-east-1"]);
        assert_eq!(through(&[("AWS_STS_REGIONAL_ENDPOINTS", "regional")], process).await, []);
    }

    #[test]
    fn endpoints_name_their_region() {
        let of = |url: &str| region_of_endpoint(url);
        assert_eq!(of("https://sts.amazonaws.com").as_deref(), Some("us-east-1"));
        assert_eq!(of("https://sts.eu-west-1.amazonaws.com/").as_deref(), Some("eu-west-1"));
        assert_eq!(of("https://vpce-1.sts.eu-west-1.vpce.amazonaws.com").as_deref(), Some("eu-west-1"));
        assert_eq!(of("http://localhost:4566"), None);
    }

    #[test]
    fn where_the_program_runs_is_told_by_what_runs_it() {
        let at = |environment: &[(&str, &str)]| executor_in(&Env::from_slice(environment));
        let function = at(&[("AWS_LAMBDA_FUNCTION_NAME", "dr"), ("AWS_REGION", "us-east-1")]).unwrap();
        assert_eq!((function.on, function.region.as_str()), (DependsOn::Executor, "us-east-1"));
        assert!(function.what.contains("the Lambda function dr"), "{function:?}");
        assert_eq!(at(&[("AWS_REGION", "us-east-1")]), None, "a laptop has such a variable, too");
        let task = at(&[("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"), ("AWS_DEFAULT_REGION", "r")]);
        assert_eq!(task.unwrap().region.as_str(), "r");
    }
}
