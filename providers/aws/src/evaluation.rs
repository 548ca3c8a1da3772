//! IAM's answers to a simulation, read from their XML. Sends nothing.

use quick_xml::{Reader, events::Event};
use std::collections::BTreeSet;

/// What was decided on one action and one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    action: String,
    resource: String,
    verdict: String,
    /// Keys of conditions whose value IAM was not told.
    missing: BTreeSet<String>,
    /// Decisions on single resources, where one result holds several.
    specific: Vec<(String, String)>,
}

/// One page of results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) results: Vec<Decision>,
    /// Where the next page begins.
    pub(crate) marker: Option<String>,
}

/// The code and message of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Evaluation {
    Allowed,
    /// For certain; and why.
    Denied(String),
    Unknown,
}

/// What the results say of a permission.
pub(crate) fn of(results: &[Decision], action: &str, resource: &str) -> Evaluation {
    let Some(result) = results.iter().find(|one| {
        let specific = || one.specific.iter().any(|(name, _)| name == resource);
        one.action.eq_ignore_ascii_case(action) && (one.resource == resource || specific())
    }) else {
        return Evaluation::Unknown;
    };
    let specific = result.specific.iter().find(|(name, _)| name == resource).map(|(_, decision)| decision);
    match specific.unwrap_or(&result.verdict).as_str() {
        "allowed" => Evaluation::Allowed,
        "explicitDeny" if result.missing.is_empty() => Evaluation::Denied("a policy denies it".to_owned()),
        "implicitDeny" if result.missing.is_empty() => Evaluation::Denied("no policy allows it".to_owned()),
        // A condition on something that IAM was not told may turn out either way.
        _ => Evaluation::Unknown,
    }
}

/// Reads a page, or says why it cannot be read.
pub(crate) fn page(xml: &[u8]) -> Result<Page, String> {
    let mut page = Page::default();
    let mut truncated = false;
    walk(xml, |path, text| {
        let path = path.iter().map(String::as_str).collect::<Vec<_>>();
        let [_, _, rest @ ..] = path.as_slice() else { return };
        let text = text.to_owned();
        match rest {
            ["IsTruncated"] => truncated = text == "true",
            ["Marker"] => page.marker = Some(text),
            ["EvaluationResults", "member"] => page.results.push(Decision::default()),
            ["EvaluationResults", "member", field @ ..] => {
                let Some(result) = page.results.last_mut() else { return };
                match field {
                    ["EvalActionName"] => result.action = text,
                    ["EvalResourceName"] => result.resource = text,
                    ["EvalDecision"] => result.verdict = text,
                    ["MissingContextValues", "member"] if !text.is_empty() => {
                        result.missing.insert(text);
                    }
                    ["ResourceSpecificResults", "member"] => result.specific.push(Default::default()),
                    ["ResourceSpecificResults", "member", field] => {
                        let Some(specific) = result.specific.last_mut() else { return };
                        match *field {
                            "EvalResourceName" => specific.0 = text,
                            "EvalResourceDecision" => specific.1 = text,
                            _ => {}
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    })?;
    page.marker = page.marker.filter(|_| truncated);
    Ok(page)
}

/// Reads an error. What is no XML tells nothing.
pub(crate) fn error(xml: &[u8]) -> Told {
    let mut told = Told::default();
    let read = walk(xml, |path, text| match path.last().map(String::as_str) {
        Some("Code") => told.code = Some(text.to_owned()),
        Some("Message") => told.message = Some(text.to_owned()),
        _ => {}
    });
    if read.is_ok() { told } else { Told::default() }
}

/// Tells of each element as it begins, without a text, and of each text in it.
fn walk(xml: &[u8], mut tell: impl FnMut(&[String], &str)) -> Result<(), String> {
    let mut reader = Reader::from_reader(xml);
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                path.push(start.local_name().as_ref().to_owned());
                text.clear();
                tell(&path, "");
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content();
                let resolved = reference.resolve_char_ref().map_err(|error| error.to_string())?.map(String::from);
                let known = || quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned);
                text.push_str(&resolved.or_else(known).unwrap_or_default());
            }
            Event::End(_) => {
                if !text.trim().is_empty() {
                    tell(&path, text.trim());
                }
                path.pop();
                text.clear();
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(more: &str) -> String {
        format!("<R xmlns=\"x\"><SimulatePrincipalPolicyResult>{more}</SimulatePrincipalPolicyResult></R>")
    }

    fn result(decision: &str, more: &str) -> String {
        answer(&format!(
            "<EvaluationResults><member><EvalActionName>ec2:A</EvalActionName><EvalResourceName>*</EvalResourceName>\
             <EvalDecision>{decision}</EvalDecision>{more}</member></EvaluationResults><IsTruncated>false</IsTruncated>"
        ))
    }

    #[test]
    fn only_what_is_certain_is_denied() {
        let judged = |xml: &str, resource: &str| of(&page(xml.as_bytes()).unwrap().results, "EC2:a", resource);
        assert_eq!(judged(&result("allowed", ""), "*"), Evaluation::Allowed);
        assert!(matches!(judged(&result("explicitDeny", ""), "*"), Evaluation::Denied(_)));
        let missing = "<MissingContextValues><member>aws:SourceIp</member></MissingContextValues>";
        assert_eq!(judged(&result("implicitDeny", missing), "*"), Evaluation::Unknown);
        assert_eq!(judged(&result("allowed", ""), "arn:other"), Evaluation::Unknown, "it was not asked");
        let specific = "<ResourceSpecificResults><member><EvalResourceName>arn:a&amp;b</EvalResourceName>\
                        <EvalResourceDecision>allowed</EvalResourceDecision></member></ResourceSpecificResults>";
        assert_eq!(judged(&result("implicitDeny", specific), "arn:a&b"), Evaluation::Allowed);
    }

    #[test]
    fn a_page_tells_where_the_next_begins() {
        let read = |xml: &str| page(xml.as_bytes()).unwrap().marker;
        assert_eq!(read(&answer("<IsTruncated>true</IsTruncated><Marker>m</Marker>")).as_deref(), Some("m"));
        assert_eq!(read(&answer("<IsTruncated>false</IsTruncated>")), None);
        assert!(page(b"<a><b></a>").is_err());
    }

    #[test]
    fn an_error_has_a_code_and_a_message() {
        let told = error(
            b"<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>m</Message></Error>\
                           </ErrorResponse>",
        );
        assert_eq!((told.code.as_deref(), told.message.as_deref()), (Some("NoSuchEntity"), Some("m")));
        assert_eq!(error(b"not xml <"), Told::default());
    }
}
