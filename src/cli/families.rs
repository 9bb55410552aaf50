//! The families of parts that a scenario chooses from.

use super::exit::{Exit, Failure};
use crate::base::registry::Part;
use crate::cluster::routine::Local;
use crate::cluster::{DelayChoice, StartChoice, StepTimeChoice};
use crate::data::order::OrderChoice;
use crate::data::{Hashing, SourceChoice};
use crate::model::ModelChoice;
use crate::online::ArrivalsChoice;
use crate::optimizer::OptimizerChoice;
use crate::optimizer::schedule::ScheduleChoice;
use crate::protocol::ProtocolChoice;
use crate::remedy::RemedyChoice;
use crate::scenario::presets::Preset;
use crate::server::EvictionRule;

/// A kind of part: its plural, the key that chooses it, and the parts.
pub(super) type PartFamily = (&'static str, &'static str, fn() -> Vec<Part>);

pub(super) const FAMILIES: &[PartFamily] = &[
    ("presets", "preset", || Preset::PARTS.to_vec()),
    ("sources", "data.kind", SourceChoice::parts),
    ("orders", "train.order.kind", OrderChoice::parts),
    ("hashings", "tables.hashing.kind", Hashing::parts),
    ("models", "model.kind", ModelChoice::parts),
    ("optimizers", "optimizer.kind", OptimizerChoice::parts),
    ("schedules", "schedule.decay.kind", ScheduleChoice::parts),
    ("evictions", "eviction.rule.kind", EvictionRule::parts),
    ("protocols", "protocol.kind", ProtocolChoice::parts),
    ("remedies", "remedy.kind", RemedyChoice::parts),
    ("local work", "worker.local.kind", Local::parts),
    ("step_times", "cluster.compute.law.kind", StepTimeChoice::parts),
    ("starts", "cluster.start.kind", StartChoice::parts),
    ("delays", "imposed_staleness.kind", DelayChoice::parts),
    ("arrivals", "online.arrivals.kind", ArrivalsChoice::parts),
];

/// The parts of a family, or of all, one to a line.
///
/// # Errors
/// If there is no family of that name.
pub(super) fn listed(family: Option<&str>) -> Result<String, Failure> {
    let chosen: Vec<&PartFamily> =
        FAMILIES.iter().filter(|(name, ..)| family.is_none_or(|family| family == *name)).collect();
    if chosen.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("the families are: {}", names())));
    }
    let mut text = String::new();
    for (index, (name, key, parts)) in chosen.into_iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&format!("{name} ({key})\n"));
        for part in parts() {
            let also = match part.aliases {
                [] => String::new(),
                words => format!(" Also `{}`.", words.join("`, `")),
            };
            text.push_str(&format!("  {:<24} {}{also}\n", part.name, part.summary.trim()));
        }
    }
    Ok(text)
}

/// The names of all families.
pub(super) fn names() -> String {
    FAMILIES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}

/// The paths of all parts that are called so: `optimizer.adam`.
pub(super) fn parts_called(word: &str) -> Vec<String> {
    let of_family = |(_, key, parts): &PartFamily| {
        let place = key.strip_suffix(".kind").unwrap_or(key);
        let called = parts().into_iter().filter(|part| part.is_called(word));
        called.map(|part| format!("{place}.{}", part.name)).collect::<Vec<_>>()
    };
    FAMILIES.iter().filter(|(_, key, _)| key.ends_with(".kind")).flat_map(of_family).collect()
}
