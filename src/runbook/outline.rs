//! A runbook as it was read: names checked, durations parsed, templates parsed but not evaluated.
//!
//! While it is being checked it may be incomplete; a [`super::Runbook`] only ever holds a complete one.

use super::{
    calendar::Calendar,
    expression::Expression,
    parity::ParityEntry,
    provider::ProviderConfig,
    resolved::{OnFailure, OnImpaired, RetryPolicy, SecretSource},
    scope::{SITE_FIELDS, Vocabulary},
    template::{Template, Tree},
};
use lifeboat_contract::{Place, Region, SiteId, Span, StepId};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Duration};

/// The whole of a runbook.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) rto: Option<Duration>,
    pub(super) rpo: Option<Duration>,
    pub(super) unavailability: Option<Duration>,
    /// In the order of the document.
    pub(super) probes: Vec<Probe>,
    pub(super) calendar: Calendar,
    pub(super) inputs: BTreeMap<String, Input>,
    pub(super) secrets: BTreeMap<String, SecretSource>,
    pub(super) providers: BTreeMap<String, ProviderConfig>,
    /// In the order of the document.
    pub(super) sites: Vec<Site>,
    pub(super) lock: Option<Template>,
    pub(super) on_failure: OnFailure,
    /// In the order of the document.
    pub(super) steps: Vec<Step>,
    /// What must be equal at all sites, in the order of the document.
    pub(super) parity: Vec<ParityEntry>,
}

/// A question that a drill keeps asking.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) name: String,
    /// Nothing while it is missing or unknown.
    pub(super) kind: Option<String>,
    pub(super) with: Tree,
    pub(super) interval: Duration,
    /// How long it may fail in one piece.
    pub(super) tolerance: Option<Duration>,
}

/// A value that is given when a run is asked for.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) of: InputType,
    pub(super) default: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputType {
    String,
    Number,
    Boolean,
    Duration,
}

impl InputType {
    pub(super) const NAMES: [&'static str; 4] = ["string", "number", "boolean", "duration"];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "duration" => Self::Duration,
            _ => return None,
        })
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Duration => "a duration like 90s or 5m",
        }
    }

    /// Whether `value` is one of this type.
    pub(super) fn accepts(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Duration => value.as_str().is_some_and(|text| Span::parse(text).is_some()),
        }
    }

    /// Reads what was typed on a command line.
    pub(super) fn read(self, text: &str) -> Option<Value> {
        let value = match self {
            Self::String | Self::Duration => Value::String(text.to_owned()),
            Self::Number | Self::Boolean => serde_json::from_str(text.trim()).ok()?,
        };
        self.accepts(&value).then_some(value)
    }

    /// Stands for a value that is not known until the run is asked for.
    pub(super) fn placeholder(self) -> Value {
        match self {
            Self::String => json!("input"),
            Self::Number => json!(1),
            Self::Boolean => json!(true),
            Self::Duration => json!("1s"),
        }
    }
}

/// One of the places that a run moves between.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) id: SiteId,
    pub(super) provider: String,
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) vars: Map<String, Value>,
}

impl Site {
    /// What expressions see of the site: its own fields, and its vars beside them.
    pub(super) fn members(&self) -> Value {
        let mut members = self.vars.clone();
        let own = [
            ("id", Some(self.id.as_str())),
            ("provider", Some(self.provider.as_str())),
            ("region", self.region.as_deref()),
            ("account", self.account.as_deref()),
            ("zone", self.zone.as_deref()),
        ];
        members.extend(own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
        Value::Object(members)
    }

    /// Where a step of this site works.
    pub(super) fn place(&self, providers: &BTreeMap<String, ProviderConfig>) -> Place {
        let of_provider = || providers.get(&self.provider)?.account_or_subscription().map(str::to_owned);
        let account = self.account.clone().or_else(of_provider);
        Place { provider: self.provider.clone(), region: self.region.as_deref().map(Region::from), account }
    }
}

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) id: StepId,
    pub(super) name: Option<Template>,
    /// Nothing while it is missing or unknown.
    pub(super) kind: Option<String>,
    pub(super) with: Tree,
    /// A task's way back: another `with` for the same kind.
    pub(super) undo: Option<Tree>,
    pub(super) site: Option<SiteRef>,
    /// The positions of the steps that must be done before.
    pub(super) needs: Vec<usize>,
    /// Whether the runbook itself says `needs`.
    pub(super) needs_given: bool,
    pub(super) condition: Option<Condition>,
    pub(super) timeout: Option<Template>,
    pub(super) retry: RetryPolicy,
    pub(super) on_failure: Option<OnFailure>,
    pub(super) on_impaired: Option<OnImpaired>,
}

/// Which site a step works at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SiteRef {
    To,
    From,
    Fixed(SiteId),
}

/// An `if`.
#[derive(Debug)]
pub(super) struct Condition {
    /// As written.
    pub(super) text: String,
    pub(super) expression: Expression,
}

impl Outline {
    pub(super) fn site(&self, id: &SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == *id)
    }

    /// Every ordered pair of sites: to, from.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&Site, &Site)> {
        self.sites
            .iter()
            .flat_map(|to| self.sites.iter().map(move |from| (to, from)))
            .filter(|(to, from)| to.id != from.id)
    }

    /// The names that expressions may use.
    pub(super) fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            inputs: self.inputs.keys().cloned().collect(),
            secrets: self.secrets.keys().cloned().collect(),
            sites: self
                .sites
                .iter()
                .map(|site| {
                    let names = site.vars.keys().cloned().chain(SITE_FIELDS.iter().map(|&name| name.to_owned()));
                    (site.id.to_string(), names.collect())
                })
                .collect(),
            at_site: false,
        }
    }
}
