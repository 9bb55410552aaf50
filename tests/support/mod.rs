//! Comparing printed text with what was kept, when numbers may differ a little.
//!
//! Processors round matrix products differently, and training amplifies that. So numbers are
//! compared with a tolerance, and everything else as it is.

/// Whether two lines say the same, numbers within `tolerance` of each other (relative, and 0.02 at
/// the least; with 0 the numbers are the same).
pub(crate) fn alike(kept: &str, printed: &str, tolerance: f64) -> bool {
    let (mut kept, mut printed) = (kept.split_whitespace(), printed.split_whitespace());
    loop {
        match (kept.next(), printed.next()) {
            (None, None) => return true,
            (Some(a), Some(b))
                if a == b || near(a, b, tolerance) || same_file(a, b) || same_plan(a, b) => {}
            _ => return false,
        }
    }
}

fn near(a: &str, b: &str, tolerance: f64) -> bool {
    let number = |word: &str| {
        let bare = word.trim_matches(|c: char| "(),:;%".contains(c));
        bare.parse::<f64>().ok()
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => {
            (a - b).abs() <= (tolerance * a.abs()).max(if tolerance > 0.0 { 0.02 } else { 0.0 })
        }
        _ => false,
    }
}

/// `/home/you/` stands for the folder of the reader.
fn same_file(kept: &str, printed: &str) -> bool {
    match kept.strip_prefix("/home/you/") {
        Some(name) => printed.starts_with('/') && printed.ends_with(&format!("/{name}")),
        None => false,
    }
}

/// The hash at the end of a results folder's name changes with every new setting.
fn same_plan(kept: &str, printed: &str) -> bool {
    let plan = |word: &str| {
        let (name, rest) = word.strip_prefix("results/")?.rsplit_once('-')?;
        rest.bytes().take(6).all(|byte| byte.is_ascii_hexdigit()).then(|| name.to_string())
    };
    plan(kept).is_some_and(|name| plan(printed) == Some(name))
}
