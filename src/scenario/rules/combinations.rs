//! Whether the chosen parts fit together: protocol, shards, workers' routine, remedies, optimizer.

use serde_json::json;

use super::codes::{CONFLICT, SUSPICIOUS};
use crate::base::counted;
use crate::cluster::LocalPlan;
use crate::optimizer::OptimizerChoice;
use crate::protocol::{Fit, ProtocolChoice};
use crate::remedy::RemedyFacts;
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;

/// Reports parts that do not fit together.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    shards_by_group(loaded, found);
    coordination(loaded, found);
    routine(loaded, found);
    remedies(loaded, found);
    sparing(loaded, found);
    prefetch(loaded, found);
    promises(loaded, found);
    remembered(loaded, found);
}

/// A bound on the age of what is read is useful only if the worker uses what it reads.
fn promises(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { worker, protocol, sparse_protocol, imposed_staleness, .. } = &loaded.value;
    let both = [("protocol", Some(protocol)), ("sparse_protocol", sparse_protocol.as_ref())];
    for (key, choice) in both {
        let Some(choice) = choice.filter(|choice| choice.facts().bounds_age) else { continue };
        if worker.local.plan().keeps_replica() && imposed_staleness.is_none() {
            let message = format!(
                "\"{}\" bounds the age of what a worker reads, but its own replica is never replaced by \
                 that",
                choice.name()
            );
            found.push(
                Problem::error(&CONFLICT, key, message)
                    .label(loaded.key_origin(key), "this")
                    .label(loaded.key_origin("worker.local"), "and this")
                    .help("elastic averaging goes with protocol.kind = \"asynchronous\""),
            );
        }
        if worker.pull_every > 1 && key == "protocol" {
            let message = format!(
                "dense parameters may be {} older than \"{}\" promises",
                counted(worker.pull_every - 1, "step", "steps"),
                choice.name()
            );
            found.push(
                Problem::warning(&SUSPICIOUS, "worker.pull_every", message)
                    .label(loaded.origin("worker.pull_every"), "")
                    .label(loaded.key_origin(key), "its bound"),
            );
        }
    }
}

/// A correction that uses the parameters of a gradient needs a gradient, and these parameters.
fn remembered(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { remedy, worker, .. } = &loaded.value;
    let why = match worker.local.plan() {
        LocalPlan::Gradient => return,
        LocalPlan::Replica { .. } => "these are its own replica, which is not kept",
        LocalPlan::Steps(_) => "it pushes the difference after local steps",
    };
    for (index, choice) in remedy.iter().enumerate() {
        if !choice.facts().corrects_by_view {
            continue;
        }
        let key = format!("remedy.{index}");
        let message = format!(
            "\"{}\" corrects gradients by the parameters that the worker computed them from: {why}",
            choice.name()
        );
        found.push(
            Problem::error(&CONFLICT, &key, message)
                .label(loaded.key_origin(&key), "this")
                .label(loaded.key_origin("worker.local"), "and this")
                .help("worker.local = { kind = \"gradient\" }, or kind = \"gap_aware\""),
        );
    }
}

/// Shards with only dense parameters must leave at least one shard for the rows.
fn shards_by_group(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let cluster = &loaded.value.cluster;
    let Some(dense) = cluster.dense_shards.filter(|&dense| dense >= cluster.shards) else { return };
    let message = format!(
        "{} for dense parameters alone, and {} in all",
        counted(dense, "shard", "shards"),
        cluster.shards
    );
    found.push(
        Problem::error(&CONFLICT, "cluster.dense_shards", message)
            .label(loaded.origin("cluster.dense_shards"), "")
            .label(loaded.origin("cluster.shards"), "all shards")
            .help("the embedding rows need at least one shard: raise `cluster.shards`"),
    );
}

/// A protocol must be able to fill its updates, and two protocols must fit together.
fn coordination(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { protocol, sparse_protocol, cluster, .. } = &loaded.value;
    let both = [("protocol", Some(protocol)), ("sparse_protocol", sparse_protocol.as_ref())];
    for (key, choice) in both {
        let Some(Fit::NeverFull { setting, why }) = choice.map(|c| c.fit(cluster.workers)) else {
            continue;
        };
        let key = format!("{key}.{setting}");
        found.push(
            Problem::error(&CONFLICT, &key, why)
                .label(loaded.origin(&key), "")
                .label(loaded.origin("cluster.workers"), "workers")
                .help(format!("change `{key}` or `cluster.workers`")),
        );
    }
    let Some(sparse) = sparse_protocol else { return };
    if cluster.dense_shards.is_none() {
        let message = "rows get a protocol of their own only on shards of their own";
        found.push(
            Problem::error(&CONFLICT, "sparse_protocol", message)
                .label(loaded.key_origin("sparse_protocol"), "")
                .label(loaded.key_origin("cluster"), "every shard holds both groups here")
                .help("set cluster.dense_shards = 1, and cluster.shards to 2 or more"),
        );
    }
    for (key, choice) in [("protocol", protocol), ("sparse_protocol", sparse)] {
        if choice.facts().aborts {
            let message = format!(
                "\"{}\" breaks steps off, which would take parts from the other group's protocol",
                choice.name()
            );
            found.push(
                Problem::error(&CONFLICT, key, message)
                    .label(loaded.key_origin(key), "")
                    .label(loaded.key_origin("sparse_protocol"), "two protocols here")
                    .help("choose one that breaks nothing off; ringmaster has `abort = false`"),
            );
        }
    }
}

/// Remedies that replace the optimizer, and those that need workers of a certain kind.
fn remedies(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { remedy, optimizer, worker, protocol, cluster, .. } = &loaded.value;
    let descends = optimizer.facts().descends;
    for (index, choice) in remedy.iter().enumerate() {
        let key = format!("remedy.{index}");
        let problem = |message: String| {
            Problem::warning(&SUSPICIOUS, &key, message).label(loaded.key_origin(&key), "")
        };
        let RemedyFacts { wants_descent, counts_pushes, wants_differences, .. } = choice.facts();
        if wants_descent && !descends {
            let message = format!(
                "\"{}\" is made for plain descent, and the optimizer is \"{}\"",
                choice.name(),
                optimizer.name()
            );
            found.push(
                problem(message)
                    .label(loaded.key_origin("optimizer"), "")
                    .help("optimizer = { kind = \"sgd\", learning_rate = ... }"),
            );
        }
        if counts_pushes && protocol.pushes_per_update(cluster.workers) > 1 {
            let message = format!(
                "\"{}\" takes every push for a step of its own, and \"{}\" merges several",
                choice.name(),
                protocol.name()
            );
            found.push(
                problem(message)
                    .label(loaded.key_origin("protocol"), "")
                    .help("optimizer = { kind = \"momentum\" } has one momentum for merged pushes"),
            );
        }
        if wants_differences && !worker.local.plan().pushes_differences() {
            let message = format!(
                "\"{}\" takes pushes for differences of models, and the workers push gradients",
                choice.name()
            );
            found.push(
                problem(message)
                    .help("worker.local = { kind = \"local_steps\", learning_rate = ... }"),
            );
        }
    }
}

/// Traffic can be spared only on shards with only dense parameters, and if workers can do without
/// it.
fn sparing(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { remedy, worker, cluster, protocol, imposed_staleness, .. } = &loaded.value;
    for (index, choice) in remedy.iter().enumerate() {
        let Some(sparing_nothing) = choice.facts().spares else { continue };
        let name = choice.name();
        let key = format!("remedy.{index}");
        let mut conflict = |message: String, other: &str, why: &str, help: String| {
            found.push(
                Problem::error(&CONFLICT, &key, message)
                    .label(loaded.key_origin(&key), "this")
                    .label(loaded.key_origin(other), why)
                    .help(help),
            );
        };
        if imposed_staleness.is_some() {
            let message = "with imposed staleness nothing is transmitted, so nothing can be spared";
            let help = format!("kind = \"{sparing_nothing}\" has the same steps without a network");
            conflict(message.into(), "imposed_staleness", "and this", help);
            continue;
        }
        if cluster.dense_shards.is_none() {
            let message = format!("\"{name}\" needs dense parameters on shards of their own");
            let help = "rows are pulled and pushed in every step: set cluster.dense_shards = 1, and \
                        cluster.shards to 2 or more";
            conflict(message, "cluster", "every shard holds rows here", help.into());
        }
        if protocol.facts().wants_whole_steps {
            let message = format!(
                "\"{}\" needs steps that pull everything, and \"{name}\" spares pulls",
                protocol.name()
            );
            let help = format!(
                "choose a protocol that takes stale gradients, or kind = \"{sparing_nothing}\""
            );
            conflict(message, "protocol", "and this", help);
        }
        if worker.local.plan().keeps_replica() {
            let message =
                format!("a replica is exchanged in every step, and \"{name}\" spares exchanges");
            let help = format!(
                "worker.local = {{ kind = \"gradient\" }}, or kind = \"{sparing_nothing}\""
            );
            conflict(message, "worker.local", "and this", help);
        }
    }
}

/// A worker that pulls for the next step during a step must be allowed to. It must also know by
/// then which parameters it has.
fn prefetch(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { worker, protocol, sparse_protocol, imposed_staleness, .. } = &loaded.value;
    if !worker.prefetch || imposed_staleness.is_some() {
        return;
    }
    let key = "worker.prefetch";
    let mut conflict = |message: String, other: &str, help: &str| {
        found.push(
            Problem::error(&CONFLICT, key, message)
                .label(loaded.origin(key), "this")
                .label(loaded.key_origin(other), "and this")
                .help(help),
        );
    };
    let both = [("protocol", Some(protocol)), ("sparse_protocol", sparse_protocol.as_ref())];
    for (other, choice) in both {
        let Some(choice) = choice.filter(|choice| !choice.facts().never_waits) else { continue };
        let message = format!(
            "a worker that prefetches pulls before it has pushed, and \"{}\" lets it wait or counts its \
             pulls",
            choice.name()
        );
        let help =
            format!("{}, and ringmaster without `abort` never do", never_waiting().join(", "));
        conflict(message, other, &help);
    }
    if worker.local.plan().keeps_replica() {
        let message =
            "a replica is exchanged after its local steps, so there is nothing to prefetch";
        conflict(message.into(), "worker.local", "leave `worker.prefetch` out");
    }
    if worker.push_every > 1 {
        let message = "gradients that a worker adds up over steps go with one step at a time";
        conflict(message.into(), "worker.push_every", "leave one of them out");
    }
}

/// Kinds of protocol in which no worker waits, with their default settings.
fn never_waiting() -> Vec<&'static str> {
    let names = ProtocolChoice::parts().into_iter().map(|part| part.name);
    let never_waits = |name: &&str| {
        let choice = serde_json::from_value::<ProtocolChoice>(json!({ "kind": name }));
        choice.is_ok_and(|choice| choice.facts().never_waits)
    };
    names.filter(never_waits).collect()
}

/// The routine of a worker must fit the shards and the server's rule.
fn routine(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { worker, cluster, optimizer, protocol, .. } = &loaded.value;
    let elastic = worker.local.plan().keeps_replica();
    for (key, every) in
        [("worker.pull_every", worker.pull_every), ("worker.push_every", worker.push_every)]
    {
        if every == 1 {
            continue;
        }
        if cluster.dense_shards.is_none() {
            let message = format!("`{key}` needs dense parameters on shards of their own");
            found.push(
                Problem::error(&CONFLICT, key, message)
                    .label(loaded.origin(key), "")
                    .label(loaded.key_origin("cluster"), "every shard holds rows here")
                    .help("rows are pulled and pushed in every step: set cluster.dense_shards = 1"),
            );
        }
        if protocol.facts().wants_whole_steps {
            let message = format!(
                "\"{}\" needs steps that pull and push everything, against `{key}`",
                protocol.name()
            );
            found.push(
                Problem::error(&CONFLICT, key, message)
                    .label(loaded.origin(key), "this")
                    .label(loaded.key_origin("protocol"), "and this")
                    .help("leave it out, or choose a protocol that takes stale gradients"),
            );
        }
        if elastic {
            let message = format!("a replica is exchanged in every step, whatever `{key}` says");
            found.push(
                Problem::error(&CONFLICT, key, message)
                    .label(loaded.origin(key), "this")
                    .label(loaded.key_origin("worker.local"), "and this")
                    .help("set worker.batches to the number of local steps between exchanges"),
            );
        }
    }
    let descends =
        |choice: &OptimizerChoice| choice.facts().descends && choice.learning_rate() == 1.0;
    let sparse = loaded.value.sparse_optimizer.as_ref();
    let adds = descends(optimizer) && sparse.is_none_or(descends);
    if worker.local.plan().pushes_differences() && !adds {
        let message = "the workers push differences of weights, which the server's rule takes for \
                       gradients";
        found.push(
            Problem::warning(&SUSPICIOUS, "optimizer", message)
                .label(loaded.key_origin("optimizer"), "")
                .label(loaded.key_origin("worker.local"), "differences")
                .help(
                    "optimizer = { kind = \"sgd\", learning_rate = 1.0 } takes them over as they are",
                ),
        );
    }
}
