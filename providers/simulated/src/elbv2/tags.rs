//! Tags of any resource of load balancing. Does not create the resources.

use super::{
    Elb,
    groups::no_group,
    input::{invalid, listed, required},
    names::default_rule_arn,
    operations::done,
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};

impl Elb {
    /// Tags a new resource as the call says.
    pub(super) fn tag_new(&mut self, params: &Params, arn: &str) -> Result<(), ApiError> {
        let tags = read(params)?;
        if !tags.is_empty() {
            self.tags.entry(arn.to_owned()).or_default().extend(tags);
        }
        Ok(())
    }

    pub(super) fn describe_tags(&self, params: &Params) -> Result<Shape, ApiError> {
        let arns = self.tagged(params)?;
        let tag = |(key, value): (&String, &String)| Shape::Struct(vec![("Key", key.into()), ("Value", value.into())]);
        let describe = |arn: &String| {
            let tags = self.tags.get(arn).into_iter().flatten().map(tag).collect();
            Shape::Struct(vec![("ResourceArn", arn.into()), ("Tags", Shape::List("member", tags))])
        };
        Ok(listed("TagDescriptions", arns.iter().map(describe).collect()))
    }

    pub(super) fn add_tags(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let tags = read(params)?;
        for arn in self.tagged(params)? {
            self.tags.entry(arn).or_default().extend(tags.clone());
        }
        Ok(done())
    }

    pub(super) fn remove_tags(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let keys = params.strings("TagKeys");
        for arn in self.tagged(params)? {
            if let Some(tags) = self.tags.get_mut(&arn) {
                tags.retain(|key, _| !keys.contains(key));
                if tags.is_empty() {
                    self.tags.remove(&arn);
                }
            }
        }
        Ok(done())
    }

    /// The resources that a call names. Each must be there.
    fn tagged(&self, params: &Params) -> Result<Vec<String>, ApiError> {
        let arns = params.strings("ResourceArns");
        if arns.is_empty() {
            return Err(invalid("At least one resource ARN must be specified"));
        }
        for arn in &arns {
            if arn.contains(":targetgroup/") {
                self.find_group(arn).map_err(|_| no_group(arn))?;
            } else if arn.contains(":listener-rule/") {
                let default = self.listeners.keys().any(|listener| default_rule_arn(listener) == *arn);
                if !default && !self.rules.contains_key(arn) {
                    return Err(ApiError::bad("RuleNotFound", format!("Rule '{arn}' not found")));
                }
            } else if arn.contains(":listener/") {
                self.find_listener(arn)?;
            } else {
                self.find_load_balancer(arn)?;
            }
        }
        Ok(arns)
    }
}

fn read(params: &Params) -> Result<Vec<(String, String)>, ApiError> {
    let tag = |tag: &Params| Ok((required(tag, "Key")?.to_owned(), tag.get("Value").unwrap_or_default().to_owned()));
    let tags: Vec<(String, String)> = params.list("Tags").iter().map(tag).collect::<Result<_, _>>()?;
    for (place, (key, _)) in tags.iter().enumerate() {
        if tags[..place].iter().any(|(earlier, _)| earlier == key) {
            return Err(ApiError::bad("DuplicateTagKeys", format!("The tag key '{key}' occurs twice")));
        }
    }
    Ok(tags)
}
