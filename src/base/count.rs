//! Numbers of things in text.

use std::fmt::Display;

/// The noun in the singular for the number 1, otherwise in the plural.
pub fn noun<'a, N: From<u8> + PartialEq>(number: N, one: &'a str, many: &'a str) -> &'a str {
    if number == N::from(1) { one } else { many }
}

/// A number and its noun: `1 worker`, `2 workers`.
pub fn counted<N>(number: N, one: &str, many: &str) -> String
where
    N: From<u8> + PartialEq + Display + Copy,
{
    format!("{number} {}", noun(number, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_in_the_singular() {
        assert_eq!(counted(0u64, "pass", "passes"), "0 passes");
        assert_eq!(counted(1usize, "pass", "passes"), "1 pass");
        assert_eq!(counted(2u32, "trial is", "trials are"), "2 trials are");
    }
}
