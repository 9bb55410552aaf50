//! The semantics epoch: which programs mean the same by the same scenario.

/// Goes into every `summary.json`; results of different epochs are compared only by force.
///
/// It is raised by one, with a line in the changelog, by any change after which the same scenario
/// and seed give other weights, other times, or a figure of another definition, be it for some
/// scenarios only. New parts, keys, figures and files do not raise it, as no scenario of before
/// changes by them; neither does a change in the last bits of floating point, which other
/// processors bring as well.
pub const SEMANTICS: u32 = 1;
