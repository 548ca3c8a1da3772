//! STS: who a caller is, and the roles it takes on. Checks no signature.

use crate::{
    codec::{ApiError, Params, ServiceCx},
    ids,
    shape::Shape,
};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// The operations that change nothing. Taking on a role changes nothing that a world is judged by.
pub(crate) const READS: &[&str] = &["Get", "Assume", "Decode"];

/// The sessions that were handed out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sts {
    /// The ARN of the assumed role, by access key.
    sessions: BTreeMap<String, String>,
}

/// Who signed a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    /// The principal's unique id.
    pub(crate) id: String,
}

impl Sts {
    /// Whose `access_key` is: a session's, or `user`'s.
    pub(crate) fn caller(&self, access_key: &str, account: &str, user: &str) -> Caller {
        let session = self.sessions.get(access_key).cloned();
        let kind = if session.is_some() { "AROA" } else { "AIDA" };
        Caller {
            arn: session.unwrap_or_else(|| format!("arn:aws:iam::{account}:user/{user}")),
            id: format!("{kind}{}", ids::hex(access_key, 16).to_uppercase()),
        }
    }

    pub(crate) fn answer(
        &mut self,
        operation: &str,
        params: &Params,
        caller: &Caller,
        cx: &ServiceCx<'_>,
    ) -> Result<Shape, ApiError> {
        match operation {
            "GetCallerIdentity" => Ok(Shape::Struct(vec![
                ("Arn", (&caller.arn).into()),
                ("UserId", (&caller.id).into()),
                ("Account", cx.account.into()),
            ])),
            "AssumeRole" => self.assume_role(params, cx.now),
            "GetSessionToken" => Ok(Shape::Struct(vec![("Credentials", credentials("session", cx.now, 43_200))])),
            "DecodeAuthorizationMessage" => {
                Err(invalid("InvalidAuthorizationMessageException", "the message is not valid"))
            }
            _ => Err(invalid("InvalidAction", &format!("could not find operation {operation} for version 2011-06-15"))),
        }
    }

    fn assume_role(&mut self, params: &Params, now: Timestamp) -> Result<Shape, ApiError> {
        let required = |field: &str| {
            params
                .get(field)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| invalid("ValidationError", &format!("{field} is required")))
        };
        let role = required("RoleArn")?;
        let session = required("RoleSessionName")?;
        let lifetime = params.get("DurationSeconds").map_or(Ok(3600), str::parse::<u64>);
        let lifetime = lifetime
            .ok()
            .filter(|seconds| (900..=43_200).contains(seconds))
            .ok_or_else(|| invalid("ValidationError", "DurationSeconds must be from 900 to 43200"))?;
        let parts: Vec<&str> = role.splitn(6, ':').collect();
        let [_, partition, "iam", _, owner, name] = parts[..] else {
            return Err(invalid("ValidationError", &format!("{role} is invalid")));
        };
        let role_name = name.rsplit('/').next().unwrap_or(name);
        let arn = format!("arn:{partition}:sts::{owner}:assumed-role/{role_name}/{session}");
        let credentials = credentials(&arn, now, lifetime);
        self.sessions.insert(access_key(&arn, now), arn.clone());
        let id = format!("AROA{}:{session}", ids::hex(role, 16).to_uppercase());
        Ok(Shape::Struct(vec![
            ("Credentials", credentials),
            ("AssumedRoleUser", Shape::Struct(vec![("AssumedRoleId", id.into()), ("Arn", arn.into())])),
            ("PackedPolicySize", Shape::Integer(0)),
        ]))
    }
}

fn access_key(seed: &str, now: Timestamp) -> String {
    format!("ASIA{}", ids::hex(&format!("{seed}{now}"), 16).to_uppercase())
}

fn credentials(seed: &str, now: Timestamp, lifetime: u64) -> Shape {
    Shape::Struct(vec![
        ("AccessKeyId", access_key(seed, now).into()),
        ("SecretAccessKey", ids::hex(&format!("secret {seed}{now}"), 40).into()),
        ("SessionToken", ids::hex(&format!("token {seed}{now}"), 64).into()),
        ("Expiration", after(now, Duration::from_secs(lifetime)).into()),
    ])
}

fn invalid(code: &str, message: &str) -> ApiError {
    ApiError::new(code, 400, message)
}
