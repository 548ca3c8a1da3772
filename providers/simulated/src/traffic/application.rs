//! What runs on an instance, and what it answers. Does not know how a request came to it.

use crate::{cloud::Cloud, document::NeedsDocument, machine::Flow, traffic::Estate};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// What the cloud does not know of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Software {
    pub(crate) region: String,
    pub(crate) site: String,
    pub(crate) application: Option<String>,
    /// The addresses that its operating system owns besides those of its interfaces.
    pub(crate) addresses: Vec<Ipv4Addr>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Application {
    pub(crate) ports: Vec<u16>,
    /// What each instance can answer in a second. `None`: no limit.
    pub(crate) requests_per_second: Option<f64>,
    /// The global cluster, or the ARN of the cluster, that holds its data.
    pub(crate) database: Option<String>,
    pub(crate) paths: BTreeMap<String, ApplicationPath>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ApplicationPath {
    pub(crate) status: u16,
    pub(crate) needs: NeedsDocument,
    pub(crate) otherwise: u16,
    pub(crate) json: BTreeMap<String, Value>,
    pub(crate) text: Option<String>,
}

/// What an application makes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Served {
    pub(crate) status: u16,
    pub(crate) site: String,
    /// The cluster that a write went to.
    pub(crate) wrote_to: Option<String>,
}

impl Served {
    pub(crate) fn is_success(&self) -> bool {
        (200..400).contains(&self.status)
    }
}

impl Estate {
    /// What `instance` answers, or nothing where nobody listens.
    pub(crate) fn serve(&self, cloud: &Cloud, instance: &str, port: u16, path: &str) -> Option<Served> {
        if let Some(asked) = self.ask_engine(cloud, instance, port, path) {
            let site = self.software.get(instance).map(|software| software.site.clone()).unwrap_or_default();
            return Some(Served { status: asked.status, site, wrote_to: None });
        }
        let (software, application) = self.listener(cloud, instance, port)?;
        let site = software.site.clone();
        let Some(answer) = application.paths.get(path) else {
            return Some(Served { status: 404, site, wrote_to: None });
        };
        let writer = application.database.as_ref().and_then(|family| writer_for(cloud, family, &software.region));
        let satisfied = match answer.needs {
            NeedsDocument::Nothing => true,
            NeedsDocument::Reader => {
                application.database.as_ref().is_some_and(|family| has_reader(cloud, family, &software.region))
            }
            NeedsDocument::Writer => writer.is_some(),
            NeedsDocument::LocalWriter => writer
                .as_ref()
                .and_then(|arn| cloud.rds.clusters.get(arn))
                .is_some_and(|cluster| cluster.region == software.region),
        };
        let status = if satisfied { answer.status } else { answer.otherwise };
        let writes = matches!(answer.needs, NeedsDocument::Writer | NeedsDocument::LocalWriter);
        let wrote_to = writer.filter(|_| satisfied && writes);
        Some(Served { status, site, wrote_to })
    }

    /// The body of that answer.
    pub(crate) fn body(&self, cloud: &Cloud, instance: &str, path: &str, status: u16) -> (&'static str, String) {
        let software = self.software.get(instance);
        let name = software.and_then(|software| software.application.clone()).unwrap_or_default();
        let (site, region) = software.map_or(("", ""), |software| (software.site.as_str(), software.region.as_str()));
        let application = self.applications.get(&name);
        let answer = application.and_then(|application| application.paths.get(path));
        if let Some(text) = answer.and_then(|answer| answer.text.as_ref()) {
            let text = text.replace("{site}", site).replace("{instance}", instance).replace("{region}", region);
            return ("text/html; charset=utf-8", text);
        }
        let mut body = Map::new();
        for (member, value) in [("application", name.as_str()), ("instance", instance), ("path", path)] {
            body.insert(member.to_owned(), value.into());
        }
        body.insert("region".to_owned(), region.into());
        body.insert("site".to_owned(), site.into());
        body.insert("status".to_owned(), if (200..400).contains(&status) { "ok" } else { "unavailable" }.into());
        if let Some(family) = application.and_then(|application| application.database.as_ref()) {
            body.insert("writable".to_owned(), writer_for(cloud, family, region).is_some().into());
        }
        body.extend(answer.map(|answer| answer.json.clone()).unwrap_or_default());
        ("application/json", Value::Object(body).to_string() + "\n")
    }

    /// Whether anything on a machine takes connections to a port.
    pub(crate) fn listens(&self, cloud: &Cloud, machine: &str, port: u16) -> bool {
        self.listener(cloud, machine, port).is_some() || self.engine_listens(cloud, machine, port)
    }

    /// Whether the network lets anybody ask at a port of a machine.
    pub(crate) fn lets_in(&self, cloud: &Cloud, machine: &str, port: u16) -> bool {
        let interface = self.engine_port(machine, port).and_then(|node| node.interface.as_deref());
        cloud.admits(machine, interface, Flow::In(port))
    }

    /// The application that listens on a port of an instance that runs in a region that is there.
    pub(crate) fn listener(&self, cloud: &Cloud, instance: &str, port: u16) -> Option<(&Software, &Application)> {
        let software = self.software.get(instance)?;
        if !cloud.machine_up(instance) {
            return None;
        }
        let application = self.applications.get(software.application.as_ref()?)?;
        application.ports.contains(&port).then_some((software, application))
    }
}

/// The cluster to which an application in `region` writes: the one beside it if that takes writes, else the global writer.
fn writer_for(cloud: &Cloud, family: &str, region: &str) -> Option<String> {
    let up = |region: &str| cloud.data_up(region);
    let writers: Vec<_> = cloud.rds.writers(family, &up).collect();
    let official = |arn: &str| cloud.rds.member(arn).is_some_and(|member| member.writer);
    let local = writers.iter().find(|cluster| cluster.region == region);
    let chosen = local.or_else(|| writers.iter().find(|cluster| official(&cluster.arn))).or(writers.first());
    chosen.map(|cluster| cluster.arn.clone())
}

fn has_reader(cloud: &Cloud, family: &str, region: &str) -> bool {
    cloud
        .rds
        .clusters
        .values()
        .any(|cluster| cluster.family.as_deref() == Some(family) && cluster.region == region && cluster.runs())
}
