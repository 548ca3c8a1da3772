//! What can be compared between two sites: a resource, read as an ordered map of aspects that must be equal.
//!
//! Reads only. Nothing here compares: that is one pure function of the program's, for all kinds.

use crate::{cx::Cx, error::CallError, findings::Findings, wire::BoxFuture};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Debug};

/// A kind of resource that each site has one of, and that should be the same at both.
///
/// The struct selects the resource at one site; it is decoded once for each site.
pub trait Comparable: DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static {
    /// The name in `uses`: `aws.ec2.vpc`.
    const KIND: &'static str;
    /// A `with` as an operator writes it, in YAML, for the kind's page.
    const EXAMPLE: &'static str = "";
    /// The provider's names of what a reader needs: `ec2:DescribeVpcs`. None of them reveals a secret's value.
    const PERMISSIONS: &'static [&'static str] = &[];

    /// Adds what is wrong with the fields. Pure.
    fn check(&self, _findings: &mut Findings) {}

    /// Reads the resource at the site of `cx.run.place`. Never changes anything.
    ///
    /// Whatever must differ from site to site (ids, ARNs, names of regions and zones) is left out or reduced to what must be
    /// equal. A resource that is not there is an error, never an empty snapshot.
    fn read(&self, cx: &Cx) -> impl Future<Output = Result<Snapshot, CallError>> + Send;
}

/// A resource as it is compared: its aspects by path, `subnets/zone 1/count`.
pub type Snapshot = BTreeMap<String, Aspect>;

/// One thing that must be equal at both sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aspect {
    pub value: Value,
    pub weight: Weight,
    /// Whether the value is good by itself. One that is not is reported even where the other site has the same.
    pub sound: bool,
}

/// What a difference does to a failover. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The other site can't take over with it.
    StopsFailover,
    /// The other site takes over, and serves worse.
    Degrades,
    /// It serves as well, and an auditor asks why they differ.
    Audit,
}

impl Aspect {
    pub fn stops(value: impl Into<Value>) -> Self {
        Self::new(Weight::StopsFailover, value)
    }

    pub fn degrades(value: impl Into<Value>) -> Self {
        Self::new(Weight::Degrades, value)
    }

    pub fn audit(value: impl Into<Value>) -> Self {
        Self::new(Weight::Audit, value)
    }

    fn new(weight: Weight, value: impl Into<Value>) -> Self {
        Self { value: value.into(), weight, sound: true }
    }

    /// The same aspect, wrong by itself unless `sound`.
    #[must_use]
    pub fn sound_if(self, sound: bool) -> Self {
        Self { sound, ..self }
    }
}

/// [`Comparable`], object-safe.
pub trait DynComparable: Debug + Send + Sync {
    fn check(&self, findings: &mut Findings);
    fn read<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<Snapshot, CallError>>;
}

impl<K: Comparable> DynComparable for K {
    fn check(&self, findings: &mut Findings) {
        Comparable::check(self, findings);
    }

    fn read<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<Snapshot, CallError>> {
        Box::pin(Comparable::read(self, cx))
    }
}
