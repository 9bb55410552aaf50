//! `straggler list`: every registered part, with one line each.

use super::args::ListArgs;
use super::exit::{Exit, Failure};
use super::say::out;
use crate::base::registry::Part;
use crate::cluster::routine::Local;
use crate::cluster::{DelayChoice, StartChoice, StepTimeChoice};
use crate::data::SourceChoice;
use crate::data::order::OrderChoice;
use crate::model::ModelChoice;
use crate::optimizer::OptimizerChoice;
use crate::optimizer::schedule::ScheduleChoice;
use crate::protocol::ProtocolChoice;
use crate::remedy::RemedyChoice;
use crate::scenario::presets::Preset;

/// A kind of part: its plural, the key that chooses it, and the parts.
type PartFamily = (&'static str, &'static str, fn() -> Vec<Part>);

const KINDS: &[PartFamily] = &[
    ("presets", "preset", || Preset::PARTS.to_vec()),
    ("sources", "data.kind", SourceChoice::parts),
    ("orders", "train.order.kind", OrderChoice::parts),
    ("models", "model.kind", ModelChoice::parts),
    ("optimizers", "optimizer.kind", OptimizerChoice::parts),
    ("schedules", "schedule.decay.kind", ScheduleChoice::parts),
    ("protocols", "protocol.kind", ProtocolChoice::parts),
    ("remedies", "remedy.kind", RemedyChoice::parts),
    ("local work", "worker.local.kind", Local::parts),
    ("step_times", "cluster.compute.law.kind", StepTimeChoice::parts),
    ("starts", "cluster.start.kind", StartChoice::parts),
    ("delays", "imposed_staleness.kind", DelayChoice::parts),
];

pub(super) fn list(args: &ListArgs) -> Result<Exit, Failure> {
    let chosen: Vec<&PartFamily> = match &args.what {
        None => KINDS.iter().collect(),
        Some(what) => KINDS.iter().filter(|(name, ..)| name == what).collect(),
    };
    if chosen.is_empty() {
        let known: Vec<&str> = KINDS.iter().map(|(name, ..)| *name).collect();
        return Err(Failure::new(Exit::Usage, format!("list one of: {}", known.join(", "))));
    }
    let mut text = String::new();
    for (index, (name, key, parts)) in chosen.into_iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&format!("{name} ({key})\n"));
        for part in parts() {
            text.push_str(&format!("  {:<24} {}\n", part.name, part.summary.trim()));
        }
    }
    out(&text)?;
    Ok(Exit::Done)
}
