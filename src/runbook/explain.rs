//! What each code means: one page per code, beside the source, built into the program.
//!
//! The codes themselves are declared in the contract.

use super::nearest::nearest;

/// Every code and its page, in order.
const PAGES: &[(&str, &str)] = &[
    ("LB0001", include_str!("codes/LB0001.md")),
    ("LB0002", include_str!("codes/LB0002.md")),
    ("LB0003", include_str!("codes/LB0003.md")),
    ("LB0004", include_str!("codes/LB0004.md")),
    ("LB0005", include_str!("codes/LB0005.md")),
    ("LB0006", include_str!("codes/LB0006.md")),
    ("LB0101", include_str!("codes/LB0101.md")),
    ("LB0102", include_str!("codes/LB0102.md")),
    ("LB0103", include_str!("codes/LB0103.md")),
    ("LB0104", include_str!("codes/LB0104.md")),
    ("LB0105", include_str!("codes/LB0105.md")),
    ("LB0106", include_str!("codes/LB0106.md")),
    ("LB0107", include_str!("codes/LB0107.md")),
    ("LB0108", include_str!("codes/LB0108.md")),
    ("LB0109", include_str!("codes/LB0109.md")),
    ("LB0201", include_str!("codes/LB0201.md")),
    ("LB0202", include_str!("codes/LB0202.md")),
    ("LB0203", include_str!("codes/LB0203.md")),
    ("LB0204", include_str!("codes/LB0204.md")),
    ("LB0205", include_str!("codes/LB0205.md")),
    ("LB0206", include_str!("codes/LB0206.md")),
    ("LB0207", include_str!("codes/LB0207.md")),
    ("LB0208", include_str!("codes/LB0208.md")),
    ("LB0301", include_str!("codes/LB0301.md")),
    ("LB0302", include_str!("codes/LB0302.md")),
    ("LB0303", include_str!("codes/LB0303.md")),
    ("LB0304", include_str!("codes/LB0304.md")),
    ("LB0305", include_str!("codes/LB0305.md")),
    ("LB0306", include_str!("codes/LB0306.md")),
    ("LB0401", include_str!("codes/LB0401.md")),
    ("LB0402", include_str!("codes/LB0402.md")),
    ("LB0403", include_str!("codes/LB0403.md")),
    ("LB0501", include_str!("codes/LB0501.md")),
    ("LB0502", include_str!("codes/LB0502.md")),
    ("LB0503", include_str!("codes/LB0503.md")),
    ("LB0504", include_str!("codes/LB0504.md")),
    ("LB0505", include_str!("codes/LB0505.md")),
    ("LB0506", include_str!("codes/LB0506.md")),
];

/// The page of a code. Case does not matter, nor do leading zeros: `LB0107`, `lb107` and `107` are one code.
pub fn explain(code: &str) -> Option<&'static str> {
    let wanted = canonical(code)?;
    PAGES.iter().find(|(known, _)| *known == wanted).map(|(_, page)| *page)
}

/// The known code nearest to one that is not known.
pub fn nearest_code(code: &str) -> Option<&'static str> {
    let wanted = canonical(code).unwrap_or_else(|| code.trim().to_uppercase());
    nearest(&wanted, codes())
}

/// Every code with the title of its page, in order.
pub fn titles() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.iter().map(|(code, page)| {
        let heading = page.lines().next().unwrap_or_default();
        (*code, heading.split_once(": ").map_or(heading, |(_, title)| title))
    })
}

/// Every code, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}

fn canonical(code: &str) -> Option<String> {
    let code = code.trim().to_uppercase();
    let number: u16 = code.strip_prefix("LB").unwrap_or(&code).parse().ok()?;
    Some(format!("LB{number:04}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let contract = include_str!("../../providers/contract/src/findings.rs");
        let mut declared: Vec<String> = contract
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub const "))
            .filter_map(|line| line.split_once(": Code = Code(")?.1.strip_suffix(");"))
            .map(|number| format!("LB{:04}", number.parse::<u16>().unwrap()))
            .collect();
        declared.sort();
        assert!(declared.len() > 30, "{declared:?}");
        assert_eq!(declared, codes().collect::<Vec<_>>());
        let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/runbook/codes"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".md").to_owned())
            .collect();
        files.sort();
        assert_eq!(files, declared);
    }

    #[test]
    fn every_page_is_complete() {
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
            for heading in ["## Why it matters", "## Wrong", "## Right"] {
                assert!(page.contains(heading), "{code} lacks {heading}");
            }
        }
    }

    #[test]
    fn codes_are_found_however_they_are_written() {
        assert_eq!(explain("lb203"), explain("LB0203"));
        assert_eq!(explain("203"), explain("LB0203"));
        assert!(explain("LB0203").is_some());
        assert_eq!(explain("LB9999"), None);
        assert_eq!(nearest_code("LB0210"), Some("LB0201"));
    }
}
