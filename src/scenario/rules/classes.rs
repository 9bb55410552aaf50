//! Rules for machine classes: their names, and which workers run on them.

use std::collections::BTreeMap;

use super::MARKED;
use super::codes::CONFLICT;
use crate::cluster::machine::total_share;
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;

/// No two classes have the same name.
pub(super) fn names(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let mut known = BTreeMap::new();
    let mut doubled = Vec::new();
    for (index, class) in loaded.value.cluster.class.iter().enumerate() {
        let first = *known.entry(class.name.as_str()).or_insert(index);
        if first != index {
            doubled.push((first, index, &class.name));
        }
    }
    for (first, index, name) in doubled.into_iter().take(MARKED) {
        let origin = |index| loaded.origin(&format!("cluster.class.{index}.name"));
        let message = format!("two entries of `cluster.class` are called \"{name}\"");
        found.push(
            Problem::error(&CONFLICT, "cluster.class", message)
                .label(origin(index), "")
                .label(origin(first), "first here")
                .help("results are listed by class: give each its own name"),
        );
    }
}

/// Every worker runs on some class.
pub(super) fn shares(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let classes = &loaded.value.cluster.class;
    for (index, class) in classes.iter().enumerate() {
        if class.share.is_none() && class.workers.is_empty() {
            let message = format!("class \"{}\" has no share and names no workers", class.name);
            let key = format!("cluster.class.{index}");
            found.push(
                Problem::error(&CONFLICT, &key, message)
                    .label(loaded.key_origin(&key), "")
                    .help("give it `share`, the share of the workers, or `workers`, their numbers"),
            );
        }
    }
    let total = total_share(classes);
    if classes.is_empty() || (total - 1.0).abs() < 1e-6 {
        return;
    }
    if classes.iter().all(|class| class.share.is_none()) {
        let named = |worker: &u32| classes.iter().any(|class| class.workers.contains(worker));
        let Some(worker) = (0..loaded.value.cluster.workers).find(|worker| !named(worker)) else {
            return;
        };
        let message = format!("no class names worker {worker}, and no class has a share");
        let help = "name it in `workers` of a class, or give a class `share = 1`";
        found.push(
            Problem::error(&CONFLICT, "cluster.class", message)
                .label(loaded.key_origin("cluster.class"), "")
                .help(help),
        );
        return;
    }
    let message = format!("the shares of the machine classes add up to {total}, not 1");
    let mut problem = Problem::error(&CONFLICT, "cluster.class", message)
        .help("change the shares so that they add up to 1");
    for index in 0..classes.len().min(MARKED) {
        problem = problem.label(loaded.origin(&format!("cluster.class.{index}.share")), "");
    }
    found.push(problem);
}
