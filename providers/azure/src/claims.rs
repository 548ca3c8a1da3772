//! Who a token says that its bearer is: to be told to people, and believed by nobody.

use serde_json::Value;

/// What people know a principal by, the best name first.
const NAMES: &[&str] = &["upn", "unique_name", "app_displayname", "appid", "oid"];

/// The principal's name, and its object id where that is another one.
pub(crate) fn principal(token: &str) -> String {
    let Some(claims) = claims(token) else { return "the caller".to_owned() };
    let text = |field: &str| claims[field].as_str().filter(|text| !text.is_empty());
    match (NAMES.iter().find_map(|field| text(field)), text("oid")) {
        (Some(name), Some(id)) if name != id => format!("{name} (object id {id})"),
        (Some(name), _) => name.to_owned(),
        (None, _) => "the caller".to_owned(),
    }
}

/// The token of nobody, which no cloud but a simulated one takes.
pub(crate) fn dummy() -> String {
    let part = |text: &str| azure_core::base64::encode_url_safe(text).trim_end_matches('=').to_owned();
    format!("{}.{}.", part(r#"{"alg":"none"}"#), part(r#"{"upn":"operator"}"#))
}

/// The claims of a JSON Web Token. A token is opaque to its bearer: one of another form tells nothing.
fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let bytes = azure_core::base64::decode_url_safe(payload).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_bearer_by_the_best_name_that_it_has() {
        let token = |claims: &str| {
            let payload = azure_core::base64::encode_url_safe(claims);
            format!("h.{}.s", payload.trim_end_matches('='))
        };
        assert_eq!(
            principal(&token(r#"{"upn":"ops@example.org","oid":"1","appid":"2"}"#)),
            "ops@example.org (object id 1)"
        );
        assert_eq!(principal(&token(r#"{"appid":"2"}"#)), "2");
        assert_eq!(principal(&token(r#"{"oid":"1"}"#)), "1");
        assert_eq!(principal(&dummy()), "operator");
        for opaque in [token("{}"), token("no JSON"), "simulated".to_owned(), "a.%.c".to_owned()] {
            assert_eq!(principal(&opaque), "the caller", "{opaque}");
        }
    }
}
