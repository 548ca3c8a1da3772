//! Tags of any resource of EC2. Does not create the resources.

use super::{
    Ec2, filters,
    listing::page,
    operations::done,
    refused::{
        ASSOCIATION, INSTANCE, INTERFACE, INTERNET_GATEWAY, Kind, ROUTE_TABLE, SECURITY_GROUP, SECURITY_RULE, SUBNET,
        VPC, invalid,
    },
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};
use std::collections::BTreeMap;

const KINDS: &[Kind] =
    &[VPC, SUBNET, ROUTE_TABLE, INTERFACE, INSTANCE, SECURITY_GROUP, SECURITY_RULE, INTERNET_GATEWAY, ASSOCIATION];

const FILTERS: filters::Table =
    &[("key", &["key"]), ("resource-id", &["resourceId"]), ("resource-type", &["resourceType"]), ("value", &["value"])];

impl Ec2 {
    pub(super) fn tag_set(&self, id: &str) -> Shape {
        let tag = |(key, value): (&String, &String)| Shape::Struct(vec![("key", key.into()), ("value", value.into())]);
        Shape::List("item", self.tags.get(id).into_iter().flatten().map(tag).collect())
    }

    /// Tags a new resource as the call's `TagSpecification` says.
    pub(super) fn tag_new(&mut self, params: &Params, kind: &Kind, id: &str) -> Result<(), ApiError> {
        for specification in params.list("TagSpecification") {
            let wanted = specification.required("ResourceType")?;
            if wanted == kind.tagged {
                let tags = read(&specification)?;
                self.tags.entry(id.to_owned()).or_default().extend(tags);
            } else if !["instance", "volume", "network-interface", "spot-instances-request"].contains(&wanted) {
                return Err(invalid(format!("'{wanted}' is not a valid taggable resource type for this operation.")));
            }
        }
        Ok(())
    }

    pub(super) fn create_tags(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let tags = read(params)?;
        for id in self.tagged(params)? {
            self.tags.entry(id).or_default().extend(tags.clone());
        }
        Ok(done())
    }

    pub(super) fn delete_tags(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let given = params.list("Tag");
        for id in self.tagged(params)? {
            let Some(tags) = self.tags.get_mut(&id) else { continue };
            if given.is_empty() {
                tags.clear();
            }
            for tag in &given {
                let key = tag.required("Key")?;
                // A key alone takes the tag away whatever its value; with a value, only that one.
                if tag.get("Value").is_none_or(|value| tags.get(key).is_some_and(|present| present == value)) {
                    tags.remove(key);
                }
            }
            if tags.is_empty() {
                self.tags.remove(&id);
            }
        }
        Ok(done())
    }

    pub(super) fn describe_tags(&self, params: &Params) -> Result<Shape, ApiError> {
        let all = self.tags.iter().flat_map(|(id, tags)| {
            let kind = KINDS.iter().find(|kind| id.starts_with(kind.prefix)).map(|kind| kind.tagged);
            tags.iter().map(move |(key, value)| {
                Shape::Struct(vec![
                    ("resourceId", id.into()),
                    ("resourceType", kind.into()),
                    ("key", key.into()),
                    ("value", value.into()),
                ])
            })
        });
        page(params, "tagSet", 1000, filters::keep(params, FILTERS, all.collect())?)
    }

    /// The resources that a call names. Each must be there.
    fn tagged(&self, params: &Params) -> Result<Vec<String>, ApiError> {
        let ids = params.strings("ResourceId");
        if ids.is_empty() {
            return Err(super::refused::missing_parameter("resourceIdSet"));
        }
        for id in &ids {
            let kind = KINDS.iter().find(|kind| id.starts_with(kind.prefix));
            let kind = kind.ok_or_else(|| ApiError::bad("InvalidID", format!("The ID '{id}' is not valid")))?;
            if !self.has(id) {
                return Err(kind.missing(id));
            }
        }
        Ok(ids)
    }

    fn has(&self, id: &str) -> bool {
        self.vpcs.contains_key(id)
            || self.subnets.contains_key(id)
            || self.route_tables.contains_key(id)
            || self.interfaces.contains_key(id)
            || self.instances.contains_key(id)
            || self.security_groups.contains_key(id)
            || self.security_groups.values().any(|group| group.rules.contains_key(id))
            || self.internet_gateways.contains_key(id)
    }
}

fn read(params: &Params) -> Result<BTreeMap<String, String>, ApiError> {
    let tag = |tag: &Params| {
        let key = tag.required("Key")?;
        if key.starts_with("aws:") {
            return Err(invalid("Tag keys starting with 'aws:' are reserved for internal use"));
        }
        Ok((key.to_owned(), tag.get("Value").unwrap_or_default().to_owned()))
    };
    params.list("Tag").iter().map(tag).collect()
}
