//! How node groups change: updates of their sizes and labels begin and end. Launches no machine itself.

use super::{
    Eks, Nodegroup,
    operations::parameter,
    state::{Update, UpdateStatus},
};
use crate::{
    autoscaling::{AutoScaling, Sizes},
    codec::{ApiError, ServiceCx},
    ids,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What a call may give here. The rest of the service's own list is not simulated.
const UPDATABLE: &[&str] = &["scalingConfig", "labels", "clientRequestToken"];

impl Eks {
    /// When the next update ends. Nothing for updates that never end.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let updates = self.clusters.values().flat_map(|cluster| cluster.nodegroups.values()).flat_map(|n| &n.updates);
        let ends = updates.filter_map(|update| match update.status {
            UpdateStatus::InProgress { until, .. } => Some(until),
            _ => None,
        });
        ends.filter(|until| *until < Timestamp::MAX).min()
    }

    /// Completes the updates that are due at `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let nodegroups = self.clusters.values_mut().flat_map(|cluster| cluster.nodegroups.values_mut());
        for update in nodegroups.flat_map(|nodegroup| &mut nodegroup.updates) {
            match update.status {
                UpdateStatus::InProgress { until, called_off } if until <= now => {
                    update.status = if called_off { UpdateStatus::Cancelled } else { UpdateStatus::Successful };
                }
                _ => {}
            }
        }
    }
}

impl Nodegroup {
    /// Begins an update; returns its description. A refusal changes nothing.
    ///
    /// New sizes hold at once. An update that the service will call off changes nothing at all.
    pub(super) fn update_config(
        &mut self,
        input: &Value,
        groups: &mut AutoScaling,
        cx: &ServiceCx<'_>,
    ) -> Result<Value, ApiError> {
        let fields = input.as_object().cloned().unwrap_or_default();
        let token = fields.get("clientRequestToken").and_then(Value::as_str).map(str::to_owned);
        let repeated = self.updates.iter().find(|update| token.is_some() && update.token == token);
        if let Some(update) = repeated {
            return Ok(update.describe());
        }
        if let Some(name) = fields.keys().find(|name| !UPDATABLE.contains(&name.as_str())) {
            return Err(parameter(format!("{name} can't be updated in a simulated world")));
        }
        if self.is_updating() {
            let message = "Nodegroup cannot be updated as it is currently not in Active State";
            return Err(ApiError::new("ResourceInUseException", 409, message));
        }
        let (sizes, mut changes) = self.sizes(fields.get("scalingConfig"), groups)?;
        let labels = self.labels(fields.get("labels"), &mut changes)?;
        if changes.is_empty() {
            return Err(parameter("The update contains no changes"));
        }
        if !cx.pace.cancel {
            groups.resize(&self.group, sizes, cx.now).map_err(|error| parameter(error.message))?;
            self.labels = labels;
            self.modified = cx.now;
        }
        let until = cx.pace.end(cx.now, self.update.get());
        let update = Update {
            id: ids::uuid(&format!("{}/update/{}", self.arn, self.updates.len())),
            token,
            changes,
            created: cx.now,
            status: UpdateStatus::InProgress { until, called_off: cx.pace.cancel },
        };
        let described = update.describe();
        self.updates.push(update);
        Ok(described)
    }

    /// The sizes that a call asks for, each checked against the others, whether given or present.
    fn sizes(&self, config: Option<&Value>, groups: &AutoScaling) -> Result<(Sizes, Vec<(String, String)>), ApiError> {
        let given = object(config, "scalingConfig")?;
        let size = |name: &str| match given.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64() {
                None => Err(ApiError::bad("SerializationException", format!("{name} is not an integer"))),
                Some(size) => {
                    let least = u32::from(name == "maxSize");
                    let valid = u32::try_from(size).ok().filter(|size| *size >= least);
                    valid.map(Some).ok_or_else(|| parameter(format!("{name} must be at least {least}")))
                }
            },
        };
        let sizes = Sizes { minimum: size("minSize")?, maximum: size("maxSize")?, desired: size("desiredSize")? };
        if let Some(group) = groups.groups.get(&self.group).filter(|_| !given.is_empty()) {
            let minimum = sizes.minimum.unwrap_or(group.minimum);
            let maximum = sizes.maximum.unwrap_or(group.maximum);
            let desired = sizes.desired.unwrap_or(group.desired);
            if minimum > desired {
                return Err(parameter(format!(
                    "Minimum capacity {minimum} can't be greater than desired size {desired}"
                )));
            }
            if desired > maximum {
                return Err(parameter(format!("desired capacity {desired} can't be greater than max size {maximum}")));
            }
        }
        let named = [("MinSize", sizes.minimum), ("MaxSize", sizes.maximum), ("DesiredSize", sizes.desired)];
        let changes = named.into_iter().filter_map(|(kind, size)| Some((kind.to_owned(), size?.to_string())));
        Ok((sizes, changes.collect()))
    }

    /// The labels after a call, with what it changes.
    fn labels(
        &self,
        payload: Option<&Value>,
        changes: &mut Vec<(String, String)>,
    ) -> Result<std::collections::BTreeMap<String, String>, ApiError> {
        let given = object(payload, "labels")?;
        let mut labels = self.labels.clone();
        let added = object(given.get("addOrUpdateLabels"), "addOrUpdateLabels")?;
        for (key, value) in &added {
            let value = value.as_str().ok_or_else(|| parameter("a label's value is text"))?;
            labels.insert(key.clone(), value.to_owned());
        }
        if !added.is_empty() {
            changes.push(("LabelsToAdd".to_owned(), Value::Object(added).to_string()));
        }
        if let Some(removed) = given.get("removeLabels").and_then(Value::as_array).filter(|keys| !keys.is_empty()) {
            labels.retain(|key, _| !removed.iter().any(|gone| gone == key));
            changes.push(("LabelsToRemove".to_owned(), Value::Array(removed.clone()).to_string()));
        }
        Ok(labels)
    }
}

fn object(value: Option<&Value>, name: &str) -> Result<Map<String, Value>, ApiError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields.clone()),
        Some(_) => Err(ApiError::bad("SerializationException", format!("{name} is not a structure"))),
    }
}
