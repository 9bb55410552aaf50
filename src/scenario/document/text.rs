//! Small pieces of text for messages.

/// A number of things: `1 element`, `2 elements`.
pub(super) fn counted(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        _ => format!("{n} {noun}s"),
    }
}
