//! Rules across keys: combinations that cannot be, and settings without effect.

use super::document::{Code, Loaded, Problem};
use super::spec::Scenario;
use crate::protocol::ProtocolChoice;

/// Two settings that contradict each other.
pub const CONFLICT: Code = Code {
    id: "E0201",
    title: "settings that contradict each other",
    text: "Each of the marked settings is fine by itself; together they describe nothing that can be \
           run. The help says which of them to change.",
};

/// A setting that has no effect.
pub const NO_EFFECT: Code = Code {
    id: "W0202",
    title: "a setting without effect",
    text: "The marked setting is legal, but another setting makes it irrelevant. The run would be the \
           same without it.",
};

/// A setting that is legal and rarely meant.
pub const SUSPICIOUS: Code = Code {
    id: "W0203",
    title: "a suspicious setting",
    text: "The marked setting is legal, but lies where runs usually fail. The message says why.",
};

/// All codes of this module, for `explain`.
pub const CODES: &[&Code] = &[&CONFLICT, &NO_EFFECT, &SUSPICIOUS];

/// Checks what a schema cannot say, and reports into `loaded`.
pub fn check(loaded: &mut Loaded<Scenario>) {
    for problem in problems(loaded) {
        loaded.report(problem);
    }
}

fn problems(loaded: &Loaded<Scenario>) -> Vec<Problem> {
    let mut found = Vec::new();
    class_shares(loaded, &mut found);
    what_to_run(loaded, &mut found);
    without_effect(loaded, &mut found);
    suspicious(loaded, &mut found);
    found
}

fn class_shares(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let classes = &loaded.value.cluster.class;
    let total: f64 = classes.iter().map(|class| class.share).sum();
    if classes.is_empty() || (total - 1.0).abs() < 1e-6 {
        return;
    }
    let message = format!("the shares of the machine classes add up to {total}, not 1");
    let mut problem = Problem::error(&CONFLICT, "cluster.class", message)
        .help("change the shares so that they add up to 1");
    for index in 0..classes.len() {
        problem = problem.label(loaded.origin(&format!("cluster.class.{index}.share")), "");
    }
    found.push(problem);
}

fn what_to_run(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let conflict = |message: &str, first: &str, second: &str, help: &str| {
        Problem::error(&CONFLICT, first, message)
            .label(loaded.key_origin(first), "this")
            .label(loaded.key_origin(second), "and this")
            .help(help)
    };
    if scenario.timing_only.is_some() && scenario.data.is_some() {
        found.push(conflict(
            "`timing_only` runs without data",
            "timing_only",
            "data",
            "remove `[data]` to simulate timing alone, or `[timing_only]` to train",
        ));
    }
    if scenario.timing_only.is_some() && scenario.imposed_staleness.is_some() {
        found.push(conflict(
            "imposed staleness needs gradients, and `timing_only` has none",
            "imposed_staleness",
            "timing_only",
            "remove one of them",
        ));
    }
    if scenario.timing_only.is_none() && scenario.data.is_none() {
        found.push(
            Problem::error(&CONFLICT, "data", "there is nothing to train on")
                .label(loaded.origin(""), "")
                .help("add `[data]` with a `kind`, e.g. kind = \"synthetic\"")
                .help("or `[timing_only]` to simulate timing without gradients"),
        );
    }
    let stop = &scenario.train.stop;
    let timed = stop.updates.is_some() || stop.sim_time.is_some() || stop.examples.is_some();
    if scenario.timing_only.is_some() && !timed {
        found.push(
            Problem::error(
                &CONFLICT,
                "train.stop",
                "a run of timing alone has no passes to end it",
            )
            .label(loaded.key_origin("timing_only"), "timing alone")
            .help("set train.stop.updates, train.stop.examples or train.stop.sim_time"),
        );
    }
    if scenario.imposed_staleness.is_some() && stop.sim_time.is_some() {
        found.push(conflict(
            "with imposed staleness the virtual clock stands still",
            "train.stop.sim_time",
            "imposed_staleness",
            "set train.stop.updates, train.stop.examples or train.stop.passes instead",
        ));
    }
}

fn without_effect(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let mut idle = |key: &str, why: &str| {
        if loaded.is_written(key) {
            found.push(
                Problem::warning(&NO_EFFECT, key, format!("`{key}` has no effect: {why}"))
                    .label(loaded.key_origin(key), ""),
            );
        }
    };
    if scenario.imposed_staleness.is_some() {
        for key in ["cluster", "protocol", "train.sharing"] {
            idle(key, "staleness is imposed, no cluster is simulated");
        }
    }
    if scenario.timing_only.is_some() {
        for key in ["model", "optimizer", "sparse_optimizer", "schedule", "holdout"] {
            idle(key, "timing alone is simulated, without gradients");
        }
    }
    if scenario.cluster.workers == 1 && matches!(scenario.protocol, ProtocolChoice::Synchronous(_))
    {
        idle("protocol", "one worker has nobody to wait for");
    }
    if scenario.cluster.network.latency.is_zero() {
        idle("cluster.network.jitter", "the latency it would vary is zero");
    }
}

fn suspicious(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let barrier = matches!(scenario.protocol, ProtocolChoice::Synchronous(_));
    if scenario.timing_only.is_some() || scenario.imposed_staleness.is_some() || barrier {
        return;
    }
    let (rate, workers) = (scenario.optimizer.learning_rate(), scenario.cluster.workers);
    // Where asynchronous runs of small models broke: learning rate times workers near 0.3 for Adam
    // and near 10 for plain gradient descent and Adagrad.
    let edge = match scenario.optimizer.name() {
        "adam" | "adamw" | "rmsprop" => 0.3,
        _ => 10.0,
    };
    let product = rate * f64::from(workers);
    if product > edge && workers > 1 {
        let key = "optimizer.learning_rate";
        let message = format!(
            "learning rate x workers = {product} lies beyond {edge}, where asynchronous training with \
             {} often breaks down",
            scenario.optimizer.name()
        );
        found.push(
            Problem::warning(&SUSPICIOUS, key, message)
                .label(loaded.origin(key), "")
                .label(loaded.origin("cluster.workers"), "")
                .help("a smaller learning rate, fewer workers, or go ahead and watch it"),
        );
    }
}
