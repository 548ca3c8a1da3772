//! The parameters of the query protocols: a form whose field names spell a tree. Does not know which parameters an operation has.

use super::ApiError;
use std::{collections::BTreeMap, str::FromStr};

/// Parameters by name: `Filter.1.Value.2`, `Targets.member.1.Id`. Of a name that occurs twice, the last value counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Parses an `application/x-www-form-urlencoded` body, or a query string. What is not UTF-8 is replaced, never refused.
    pub(crate) fn parse(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The names of the parameters, each up to its first dot.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| name.split('.').next().unwrap_or_default())
    }

    /// The value, where it is given and not empty.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The value of a list's element that is a plain value.
    pub(crate) fn value(&self) -> Option<&str> {
        self.get("")
    }

    /// Whether anything at or below `name` is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.below(name).0.is_empty()
    }

    /// What stands below `name.`, and the value at `name` itself.
    pub(crate) fn below(&self, name: &str) -> Self {
        let fields = self.0.range(name.to_owned()..).take_while(|(field, _)| field.starts_with(name));
        let fields = fields.filter_map(|(field, value)| {
            let rest = &field[name.len()..];
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
            Some((rest.to_owned(), value.clone()))
        });
        Self(fields.collect())
    }

    /// The elements of a list in order of their numbers: EC2's `name.1`, or `name.member.1` of the other services.
    pub(crate) fn list(&self, name: &str) -> Vec<Self> {
        let below = self.below(name);
        let members = below.below("member");
        let items = if members.0.is_empty() { below } else { members };
        let mut elements: BTreeMap<u32, Self> = BTreeMap::new();
        for (field, value) in items.0 {
            let (place, rest) = field.split_once('.').unwrap_or((&field, ""));
            if let Ok(place) = place.parse::<u32>() {
                elements.entry(place).or_default().0.insert(rest.to_owned(), value);
            }
        }
        elements.into_values().collect()
    }

    /// The elements of a list of plain values.
    pub(crate) fn strings(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(Self::value).map(str::to_owned).collect()
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.given(name)
            .ok_or_else(|| ApiError::bad("MissingParameter", format!("The request must contain the parameter {name}")))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.given(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => Err(invalid(name, text, "It must be true or false.")),
        }
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let parse = |text: &str| text.parse().map_err(|_| invalid(name, text, "It is not a number in range."));
        self.given(name).map(parse).transpose()
    }
}

fn invalid(name: &str, value: &str, why: &str) -> ApiError {
    ApiError::bad("InvalidParameterValue", format!("Value ({value}) for parameter {name} is invalid. {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_spell_a_tree() {
        let form = b"Action=X&Filter.10.Name=b&Filter.2.Name=a&Filter.2.Value.1=p%26q&Filter.2.Value.2=r+s&Filters=no&Id.1=i-1";
        let params = Params::parse(form);
        let filters = params.list("Filter");
        let names: Vec<_> = filters.iter().filter_map(|filter| filter.get("Name")).collect();
        assert_eq!(names, ["a", "b"], "in order of number, not of text");
        assert_eq!(filters[0].strings("Value"), ["p&q", "r s"]);
        assert_eq!(params.strings("Id"), ["i-1"]);
        let members = Params::parse(b"Targets.member.1.Id=i-1&Targets.member.1.Port=80&Targets.member.2.Id=i-2");
        let targets = members.list("Targets");
        assert_eq!((targets[0].get("Port"), targets[1].get("Id")), (Some("80"), Some("i-2")));
    }

    #[test]
    fn typed_values_name_what_is_wrong() {
        let params = Params::parse(b"A=TRUE&B=maybe&C=7&D=-1&E=");
        assert_eq!(params.flag("A"), Ok(Some(true)));
        assert_eq!(params.flag("Z"), Ok(None));
        assert_eq!(params.flag("B").unwrap_err().code, "InvalidParameterValue");
        assert_eq!(params.number::<u16>("C"), Ok(Some(7)));
        assert_eq!(params.number::<u16>("D").unwrap_err().code, "InvalidParameterValue");
        assert_eq!(params.required("E").unwrap_err().code, "MissingParameter");
    }

    #[test]
    fn garbage_yields_no_list() {
        for form in [
            &b"\xff\xfe=\x00&&==&%zz=%"[..],
            b"A.99999999999999999999=1&A.-1=2&A.=3&A..1=4&A.member=5",
            b"A.\xc3\xa4.1=1",
        ] {
            let params = Params::parse(form);
            assert!(params.list("A").is_empty() && params.list("").is_empty(), "{params:?}");
        }
    }
}
