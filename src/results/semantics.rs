//! The semantics epoch: programs with the same number give the same meaning to the same scenario.

/// Goes into every `summary.json`; results of different epochs are compared only by force.
///
/// A change raises it by one, with a line in the changelog, if the same scenario and seed then give
/// other weights, other times, or a figure of another definition. This holds even if only some
/// scenarios change. New parts, keys, figures and files do not raise it, since no earlier scenario
/// changes by them. Changes in the last bits of floating point do not raise it either, since other
/// processors cause them too.
pub const SEMANTICS: u32 = 4;
