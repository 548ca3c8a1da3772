//! The nearest known name to one that is not known. Suggests; never corrects.

/// Names longer than this are not compared: nobody mistypes them by a letter or two.
const LENGTH_MAX: usize = 64;

/// The known name that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > LENGTH_MAX {
        return None;
    }
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (distance(&wanted, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(name.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(wanted: &str, candidate: &str) -> usize {
    let candidate = candidate.to_lowercase();
    // `rds.global_cluster` for `aws.rds.global_cluster`: the end of a dotted name is as good as a typing error.
    if candidate.strip_suffix(wanted).is_some_and(|head| head.ends_with('.')) {
        return 1;
    }
    strsim::damerau_levenshtein(wanted, &candidate)
}

/// `did you mean …?`, where there is a nearest name; otherwise what is known, where that is short enough to read.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(found) = nearest(name, known.iter().copied()) {
        return Some(format!("did you mean `{found}`?"));
    }
    (1..=16).contains(&known.len()).then(|| format!("known here: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_recognised_and_guesses_are_not_made() {
        let known = ["aws.rds.global_cluster", "http.check", "wait", "timeout"];
        assert_eq!(nearest("timeuot", known), Some("timeout"));
        assert_eq!(nearest("http.chek", known), Some("http.check"));
        assert_eq!(nearest("rds.global_cluster", known), Some("aws.rds.global_cluster"));
        assert_eq!(nearest("Wait", known), Some("wait"));
        assert_eq!(nearest("route53", known), None);
    }
}
