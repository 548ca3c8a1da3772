//! Builds caches, secrets and quotas: what stands in a region and is only described.

use super::Builder;
use crate::{
    document::{ReplicaStatusDocument, SecretDocument},
    elasticache::ReplicationGroup,
    ids,
    secretsmanager::Secret,
};

impl Builder<'_> {
    pub(super) fn standing(&mut self) {
        for (region, contents) in &self.document.aws.regions {
            for (id, document) in &contents.replication_groups {
                let role = if document.secondary { "SECONDARY" } else { "PRIMARY" };
                let built = ReplicationGroup {
                    id: id.clone(),
                    created: self.start,
                    engine: document.engine.clone(),
                    engine_version: document.engine_version.clone(),
                    node_type: document.node_type.clone(),
                    shards: document.shards,
                    nodes: document.nodes,
                    encrypted: document.encrypted,
                    global: document.global_datastore.clone().map(|id| (id, role.to_owned())),
                };
                self.region(region).elasticache.groups.insert(id.clone(), built);
            }
            for (name, document) in &contents.secrets {
                self.secret(region, name, document);
            }
            self.region(region).servicequotas.quotas.clone_from(&contents.quotas);
        }
    }

    /// A secret in its own region, and its replicas. A replica that is not in sync still has the version before.
    fn secret(&mut self, region: &str, name: &str, document: &SecretDocument) {
        let version = |number: u32| ids::uuid(&format!("secret/{name}/{number}"));
        let replicated = !document.replicas.is_empty();
        let primary = Secret {
            name: name.to_owned(),
            created: self.start,
            version: version(2),
            primary: replicated.then(|| region.to_owned()),
            replicas: document.replicas.iter().map(|(r, status)| (r.clone(), status.name().to_owned())).collect(),
            tags: document.tags.clone(),
        };
        for (replica, status) in &document.replicas {
            if !self.document.aws.regions.contains_key(replica) || replica == region {
                let at = ["aws", "regions", region, "secrets", name, "replicas", replica];
                self.unknown(&at, "other region", replica);
                continue;
            }
            let current = if *status == ReplicaStatusDocument::InSync { version(2) } else { version(1) };
            let built = Secret { version: current, replicas: std::collections::BTreeMap::new(), ..primary.clone() };
            self.region(replica).secretsmanager.secrets.insert(name.to_owned(), built);
        }
        self.region(region).secretsmanager.secrets.insert(name.to_owned(), primary);
    }
}
