//! The nearest known name to a misspelt one.

/// The candidate that `typed` was probably meant to be, if one is near enough.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    ranked(typed, candidates).into_iter().next()
}

/// Candidates that are near enough, nearest first; equally near ones by similarity of their
/// beginnings, then in the order given.
pub fn ranked<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = plain(typed);
    let length = typed.chars().count();
    if length > 64 {
        return Vec::new();
    }
    let mut near: Vec<(usize, f64, &str)> = Vec::new();
    for candidate in candidates {
        let name = plain(candidate);
        let distance = strsim::damerau_levenshtein(&typed, &name);
        let allowed = (length.max(name.chars().count()) / 3).max(1);
        let abbreviated = length >= 3 && (name.starts_with(&typed) || typed.starts_with(&name));
        if distance <= allowed || abbreviated {
            let likeness = strsim::jaro_winkler(&typed, &name);
            near.push((distance, -likeness, candidate));
        }
    }
    near.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    near.into_iter().map(|(_, _, name)| name).collect()
}

/// The name without differences of case, and with hyphens as underscores.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first_and_far_ones_not_at_all() {
        let names = ["workers", "network", "mode", "lr", "lazy_adam"];
        assert_eq!(nearest("worker", names), Some("workers"));
        assert_eq!(nearest("lazyadam", names), Some("lazy_adam"));
        assert_eq!(nearest("Lazy-Adam", names), Some("lazy_adam"));
        assert_eq!(nearest("lrr", names), Some("lr"));
        assert_eq!(nearest("work", names), Some("workers"));
        assert_eq!(nearest("temperature", names), None);
    }
}
