//! Address ranges without what differs from site to site: by name, or by their offset in the network's own range.

use ipnet::IpNet;
use lifeboat_contract::{Findings, codes};
use std::{collections::BTreeMap, net::IpAddr};

/// The ranges of one network, and the names that the runbook gives to others.
pub(super) struct Ranges<'a> {
    own: Vec<IpNet>,
    named: Vec<(&'a str, IpNet)>,
}

impl<'a> Ranges<'a> {
    /// Ranges that can't be read are left out: a runbook's own are checked before.
    pub(super) fn new(own: &[String], named: &'a BTreeMap<String, String>) -> Self {
        let own = own.iter().filter_map(|range| range.parse().ok()).collect();
        let named = named.iter().filter_map(|(name, range)| Some((name.as_str(), range.parse().ok()?))).collect();
        Self { own, named }
    }

    /// The range as it is compared: a name of the runbook's, `vpc` for the network itself, `vpc+0.0.1.0/24` for a part of it.
    pub(super) fn normalised(&self, text: &str) -> String {
        let Ok(range) = text.parse::<IpNet>() else { return text.to_owned() };
        if let Some((name, _)) = self.named.iter().find(|(_, named)| *named == range) {
            return (*name).to_owned();
        }
        match self.own.iter().find(|own| own.contains(&range)) {
            Some(own) if *own == range => "vpc".to_owned(),
            Some(own) => format!("vpc+{}", offset(own, &range)),
            None => range.to_string(),
        }
    }
}

/// Where `range` begins in `own`, as an address, with its prefix length.
fn offset(own: &IpNet, range: &IpNet) -> String {
    let start = match (own.network(), range.network()) {
        (IpAddr::V4(own), IpAddr::V4(range)) => IpAddr::V4((u32::from(range) - u32::from(own)).into()),
        (IpAddr::V6(own), IpAddr::V6(range)) => IpAddr::V6((u128::from(range) - u128::from(own)).into()),
        (_, range) => range,
    };
    format!("{start}/{}", range.prefix_len())
}

/// Reports names of ranges that are none.
pub(super) fn check(findings: &mut Findings, named: &BTreeMap<String, String>) {
    for (name, range) in named {
        if range.parse::<IpNet>().is_err() {
            findings
                .error(&["ranges", name], codes::BAD_ADDRESS, format!("{range:?} is not a range of addresses"))
                .hint("write it like 10.2.0.0/16");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_named_or_told_by_its_place() {
        let named = BTreeMap::from([("other".to_owned(), "10.2.0.0/16".to_owned())]);
        let ranges = Ranges::new(&["10.1.0.0/16".to_owned()], &named);
        let texts = ["10.2.0.0/16", "10.1.0.0/16", "10.1.3.0/24", "0.0.0.0/0", "pl-123", "10.2.1.0/24"];
        assert_eq!(
            texts.map(|text| ranges.normalised(text)),
            ["other", "vpc", "vpc+0.0.3.0/24", "0.0.0.0/0", "pl-123", "10.2.1.0/24"]
        );
    }
}
