use strsim::damerau_levenshtein;

/// How many letters may be wrong, missing, too many or swapped.
const MAX_DISTANCE: usize = 2;

/// The candidate that was probably meant by a name that is none of them: the one with the fewest letters wrong,
/// or else the shortest that begins as the name does.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let allowed = MAX_DISTANCE.min(length.saturating_sub(1));
    let rank = |candidate: &str| {
        let other = candidate.chars().count();
        if length.abs_diff(other) <= allowed {
            let distance = damerau_levenshtein(name, candidate);
            if distance <= allowed {
                return Some((distance, other));
            }
        }
        let begins = candidate.starts_with(name) || name.starts_with(candidate);
        (begins && length.min(other) > 2).then_some((MAX_DISTANCE + 1, other))
    };
    let ranked = candidates.into_iter().filter_map(|candidate| Some((rank(candidate)?, candidate)));
    ranked.min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_probably_meant() {
        let all = ["sqrt", "sum", "std", "isnan", "arctan2", "nanmean", "mean", "maximum", "max", "where"];
        for (name, want) in [
            ("sqr", Some("sqrt")),
            ("sqtr", Some("sqrt")),
            ("square_root", None),
            ("summ", Some("sum")),
            ("is_nan", Some("isnan")),
            ("atan2", Some("arctan2")),
            ("maxi", Some("max")),
            ("maxim", Some("max")),
            ("whre", Some("where")),
            ("meanings", Some("mean")),
            ("x", None),
            ("", None),
            ("zz", None),
        ] {
            assert_eq!(nearest(name, all), want, "{name}");
        }
    }
}
