//! Actions that let a user sign in before the request goes on: read and described. Nobody signs in here; all have done so.

use super::{
    input::{invalid, number, required},
    state::SignIn,
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};
use std::collections::BTreeMap;

/// How each kind of action is called, where its fields stand, which must be there, and which may.
struct Form {
    kind: &'static str,
    config: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

const FORMS: &[Form] = &[
    Form {
        kind: "authenticate-cognito",
        config: "AuthenticateCognitoConfig",
        required: &["UserPoolArn", "UserPoolClientId", "UserPoolDomain"],
        optional: &["SessionCookieName", "Scope", "OnUnauthenticatedRequest"],
    },
    Form {
        kind: "authenticate-oidc",
        config: "AuthenticateOidcConfig",
        required: &["Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "ClientId"],
        optional: &["SessionCookieName", "Scope", "OnUnauthenticatedRequest"],
    },
];

const TIMEOUT: &str = "SessionTimeout";
const SECRET: &str = "ClientSecret";
const EXTRA: &str = "AuthenticationRequestExtraParams";

/// Reads such an action; `None` when the type is another. `present` are the actions that it replaces.
pub(super) fn read(kind: &str, params: &Params, present: &[&SignIn]) -> Result<Option<SignIn>, ApiError> {
    let Some(form) = FORMS.iter().find(|form| form.kind == kind) else { return Ok(None) };
    let config = params.below(form.config);
    let mut fields = BTreeMap::new();
    for name in form.required {
        fields.insert((*name).to_owned(), required(&config, name)?.to_owned());
    }
    for name in form.optional {
        fields.extend(config.given(name).map(|value| ((*name).to_owned(), value.to_owned())));
    }
    let usual = [
        ("SessionCookieName", "AWSELBAuthSessionCookie"),
        ("Scope", "openid"),
        ("OnUnauthenticatedRequest", "authenticate"),
    ];
    for (name, value) in usual {
        fields.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    if !["deny", "allow", "authenticate"].contains(&fields["OnUnauthenticatedRequest"].as_str()) {
        return Err(invalid("OnUnauthenticatedRequest must be deny, allow or authenticate"));
    }
    let secret = if kind == "authenticate-oidc" { Some(secret(&config, &fields, present)?) } else { None };
    let pairs = config.below(EXTRA).list("entry").into_iter();
    let extra = pairs.filter_map(|pair| Some((pair.given("key")?.to_owned(), pair.get("value")?.to_owned())));
    Ok(Some(SignIn {
        kind: kind.to_owned(),
        timeout: number(&config, TIMEOUT, 1..=604_800)?.unwrap_or(604_800),
        extra: extra.collect(),
        fields,
        secret,
    }))
}

/// The client's secret: as given, or the present one of the same issuer where the call says so. It is never described.
fn secret(config: &Params, fields: &BTreeMap<String, String>, present: &[&SignIn]) -> Result<String, ApiError> {
    if let Some(secret) = config.given(SECRET) {
        return Ok(secret.to_owned());
    }
    let keep = super::input::flag(config, "UseExistingClientSecret")? == Some(true);
    let same = present.iter().find(|other| keep && other.fields.get("Issuer") == fields.get("Issuer"));
    same.and_then(|other| other.secret.clone()).ok_or_else(|| invalid("A client secret must be specified"))
}

/// The name of the field that holds the configuration, and the configuration.
pub(super) fn describe(sign_in: &SignIn) -> (&'static str, &'static str, Shape) {
    let form = FORMS.iter().find(|form| form.kind == sign_in.kind).unwrap_or(&FORMS[0]);
    let names = form.required.iter().chain(form.optional);
    let mut fields: Vec<(&'static str, Shape)> = names.map(|name| (*name, sign_in.fields.get(*name).into())).collect();
    fields.push((TIMEOUT, Shape::Integer(sign_in.timeout.into())));
    if !sign_in.extra.is_empty() {
        let pair = |(key, value): (&String, &String)| Shape::Struct(vec![("key", key.into()), ("value", value.into())]);
        fields.push((EXTRA, Shape::List("entry", sign_in.extra.iter().map(pair).collect())));
    }
    (form.kind, form.config, Shape::Struct(fields))
}
