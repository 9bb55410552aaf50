//! Rules about starts from checkpoints and about the restart lab.

use super::codes::{CONFLICT, NO_EFFECT, UNUSABLE};
use crate::base::{SimSpan, WorkerId};
use crate::cluster::StartChoice;
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::lab::Factor;
use crate::scenario::spec::Scenario;
use crate::scenario::stage::StageError;
use crate::server::CopyUnit;
use crate::sim::restart::{InFlight, Kept, WorkersAt};
use crate::sim::save::SavePolicy;
use crate::sim::{Restart, Save};

/// Most factors of a lab.
const MOST_FACTORS: usize = 8;

/// Checks `start` and `lab`.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    start(loaded, found);
    saving(loaded, found);
    average(loaded, found);
    stages(loaded, found);
    lab(loaded, found);
}

fn start(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Some(start) = &loaded.value.start else { return };
    if start.from.is_empty() {
        let problem = Problem::error(&UNUSABLE, "start.from", "the run is to start from no file")
            .label(loaded.key_origin("start"), "")
            .help("name a checkpoint: from = \"results/.../checkpoints/best.safetensors\"");
        found.push(problem);
    }
    let not_there = [
        ("workers", start.restart.workers == WorkersAt::Keep),
        ("in_flight", start.restart.in_flight != InFlight::Drop),
        ("save", start.restart.save.is_some()),
    ];
    for (key, is_asked) in not_there {
        if is_asked {
            let key = format!("start.restart.{key}");
            let message = match key.ends_with("save") {
                true => format!("`{key}`: the checkpoint has been saved already"),
                false => format!("`{key}`: no checkpoint holds what workers hold"),
            };
            let problem = Problem::error(&CONFLICT, &key, message)
                .label(loaded.origin(&key), "")
                .label(loaded.origin("start.from"), "a checkpoint of the servers")
                .help("leave it out; `straggler lab restart` can do it");
            found.push(problem);
        }
    }
    let elsewhere = [
        (
            "start",
            start.restart.start != StartChoice::default(),
            "`cluster.start` says when workers begin",
        ),
        (
            "remedies",
            start.restart.remedies == Kept::Keep,
            "no checkpoint holds what remedies remember",
        ),
    ];
    for (key, is_asked, why) in elsewhere {
        if is_asked {
            let key = format!("start.restart.{key}");
            let message = format!("`{key}` cannot be done: {why}");
            let problem = Problem::error(&CONFLICT, &key, message)
                .label(loaded.key_origin(&key), "")
                .help("leave it out");
            found.push(problem);
        }
    }
    if loaded.value.timing_only.is_some() {
        let problem =
            Problem::warning(&NO_EFFECT, "start", "timing alone has no parameters to start with")
                .label(loaded.key_origin("start"), "");
        found.push(problem);
    }
    frozen(loaded, "start.restart", &start.restart, found);
}

/// Checkpoints that take time need a cluster, and settings that say how long they take.
fn saving(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    if let Some(saving) = &loaded.value.checkpoint {
        save(loaded, "checkpoint.save", &saving.save, found);
        if loaded.value.imposed_staleness.is_some() && !saving.save.is_instant() {
            let message =
                "with an imposed staleness there is no time in which a checkpoint is saved";
            let problem = Problem::error(&CONFLICT, "checkpoint.save", message.to_string())
                .label(loaded.key_origin("checkpoint.save"), "")
                .label(loaded.key_origin("imposed_staleness"), "")
                .help("leave out `checkpoint.save`");
            found.push(problem);
        }
    }
    increments(loaded, found);
    let Some(lab) = &loaded.value.lab else { return };
    if let Some(how) = &lab.save {
        save(loaded, "lab.save", how, found);
    }
    if lab.factors.contains(&Factor::Save) && lab.save.as_ref().is_none_or(Save::is_instant) {
        let message = "`lab.factors` has `save`, and `lab.save` does not say how".to_string();
        let problem = Problem::error(&CONFLICT, "lab.factors", message)
            .label(loaded.origin("lab.factors"), "")
            .help("add, say, [lab.save] with policy = \"live\" and takes = \"5s\"");
        found.push(problem);
    }
    for (number, arm) in lab.arm.iter().enumerate() {
        if let Some(how) = &arm.restart.save {
            save(loaded, &format!("lab.arm.{number}.restart.save"), how, found);
        }
    }
}

/// Increments follow full checkpoints of a cadence, and are saved in no time.
fn increments(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let Some(saving) = &scenario.checkpoint else { return };
    let is_whole = scenario.stage.is_empty() && scenario.daily.is_none();
    let at = "checkpoint.increments";
    if saving.increments > 0 && saving.every.is_none() && is_whole {
        let message = "`checkpoint.increments`: nothing says when they are saved";
        let problem = Problem::error(&CONFLICT, at, message)
            .label(loaded.origin(at), "")
            .help("give `checkpoint.every`, say { updates = 1000 }: the first of them is full");
        found.push(problem);
    }
    if saving.increments > 0 && !saving.save.is_instant() {
        let message = "increments are saved in no time, and `checkpoint.save` takes time";
        let problem = Problem::error(&CONFLICT, at, message)
            .label(loaded.origin(at), "")
            .label(loaded.key_origin("checkpoint.save"), "")
            .help("leave one of the two out");
        found.push(problem);
    }
    let idle = match (saving.increments, &scenario.eviction) {
        _ if saving.tombstones => return,
        (0, _) => "only increments have tombstones",
        (_, None) => "no row is ever evicted",
        (_, Some(eviction)) if eviction.dry_run => "a dry run evicts no row",
        _ => return,
    };
    let at = "checkpoint.tombstones";
    let problem = Problem::warning(&NO_EFFECT, at, format!("`{at}` has no effect: {idle}"))
        .label(loaded.key_origin(at), "");
    found.push(problem);
}

/// Reports settings of one way of saving that have no effect.
fn save(loaded: &Loaded<Scenario>, key: &str, how: &Save, found: &mut Vec<Problem>) {
    let usual = Save { policy: how.policy, ..Save::default() };
    let mut idle = |at: &str, why: &str| {
        let key = format!("{key}.{at}");
        let message = format!("`{key}` has no effect: {why}");
        let problem =
            Problem::warning(&NO_EFFECT, &key, message).label(loaded.key_origin(&key), "");
        found.push(problem);
    };
    if how.policy != SavePolicy::Barrier && how.timeout != usual.timeout {
        idle("timeout", "only a barrier has a time-out");
    }
    if how.is_instant() {
        let given = [
            ("by", how.by != usual.by),
            ("takes", how.takes != usual.takes),
            ("bandwidth", how.bandwidth != usual.bandwidth),
            ("shards", how.shards != usual.shards),
            ("unit", how.unit != usual.unit),
            ("slots_first", how.slots_first),
        ];
        for (at, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            idle(at, "with the policy `instant` a checkpoint takes no time");
        }
    } else if how.takes == SimSpan::ZERO && how.bandwidth.is_none() {
        let problem = Problem::warning(&NO_EFFECT, key, format!("`{key}` takes no time"))
            .label(loaded.key_origin(key), "")
            .help("give `takes` or `bandwidth`");
        found.push(problem);
    } else if how.slots_first && how.unit != CopyUnit::Tensor {
        idle("slots_first", "what is copied at one instant is more than a tensor");
    }
}

/// States to average have to come from somewhere; in a scenario with stages, in each stage.
fn average(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let Some(saving) = &scenario.checkpoint else { return };
    let is_whole = scenario.stage.is_empty() && scenario.daily.is_none();
    let has_states = scenario.holdout.is_some() || saving.every.is_some();
    if is_whole && saving.average.is_some() && !has_states {
        let message = "`checkpoint.average`: there are no states to average";
        let problem = Problem::error(&CONFLICT, "checkpoint.average", message)
            .label(loaded.key_origin("checkpoint.average"), "")
            .help("give a [holdout], or `checkpoint.every`");
        found.push(problem);
    }
}

/// Every stage must be a valid scenario, and start from a stage before it.
fn stages(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Err(error) = loaded.value.stages() else { return };
    let stages = &loaded.value.stage;
    let of = |name: &String| stages.iter().rposition(|stage| stage.name == *name);
    let number = match &error {
        StageError::Invalid { stage, .. }
        | StageError::NotItsOwn { stage, .. }
        | StageError::Twice { stage }
        | StageError::BadReference { stage, .. }
        | StageError::NotBefore { stage, .. } => of(stage),
        StageError::Nameless { number } => Some(number - 1),
        StageError::NoStages { .. } | StageError::Both => None,
    };
    let place = match (number, &error) {
        (Some(number), _) => loaded.key_origin(&format!("stage.{number}")),
        (None, StageError::NoStages { .. }) => loaded.origin("start.from"),
        (None, _) => loaded.key_origin("daily"),
    };
    let problem = Problem::error(&CONFLICT, "stage", error.to_string())
        .label(place, "")
        .help("`straggler explain stage` says what a stage can set");
    found.push(problem);
}

fn lab(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Some(lab) = &loaded.value.lab else { return };
    let mut refuse = |key: &str, message: String, help: &str| {
        let place = loaded.origin(key);
        found.push(Problem::error(&CONFLICT, key, message).label(place, "").help(help));
    };
    let mut factors = lab.factors.clone();
    factors.sort_unstable();
    if let Some(pair) = factors.windows(2).find(|pair| pair[0] == pair[1]) {
        let message = format!("`lab.factors` has `{}` twice", pair[0].name());
        refuse("lab.factors", message, "name each factor once");
    }
    if factors.is_empty() || factors.len() > MOST_FACTORS {
        let message = format!("`lab.factors` has {} factors", factors.len());
        refuse("lab.factors", message, "choose one to eight");
    }
    if factors.contains(&Factor::Data) && factors.contains(&Factor::Replay) {
        let message = "the data cannot begin a new pass and be replayed from its start".to_string();
        refuse("lab.factors", message, "choose `data` or `replay`; the other can be an arm");
    }
    if lab.workers.contains(&0) {
        refuse("lab.workers", "a lab with no workers".to_string(), "one worker is the fewest");
    }
    for (number, arm) in lab.arm.iter().enumerate() {
        let key = format!("lab.arm.{number}.label");
        if arm.label.trim().is_empty() {
            refuse(&key, format!("arm {} of the lab has no name", number + 1), "give it a `label`");
        } else if lab.arm[..number].iter().any(|other| other.label == arm.label) {
            refuse(
                &key,
                format!("two arms are called \"{}\"", arm.label),
                "give them other labels",
            );
        }
    }
    if lab.factors.contains(&Factor::InFlight) && !lab.factors.contains(&Factor::Workers) {
        let message = "`in_flight` makes no difference where the workers are kept";
        let problem = Problem::warning(&NO_EFFECT, "lab.factors", message)
            .label(loaded.origin("lab.factors"), "")
            .help("add `workers`");
        found.push(problem);
    }
    if let Some(rule) = remakes_weights(&loaded.value) {
        let message = format!(
            "the lab's own arm at rate zero means nothing with {rule}, which makes every weight anew \
             from its sums and the rate"
        );
        let problem = Problem::warning(&NO_EFFECT, "lab", message)
            .label(loaded.key_origin("lab"), "")
            .label(loaded.key_origin("optimizer"), "");
        found.push(problem);
    }
    if lab.factors.contains(&Factor::Admission) && loaded.value.admission.is_none() {
        let message = "`admission` makes no difference where every row is admitted";
        let problem = Problem::warning(&NO_EFFECT, "lab.factors", message)
            .label(loaded.origin("lab.factors"), "")
            .help("add, say, [admission] with after = 5");
        found.push(problem);
    }
    if loaded.value.holdout.is_none() {
        let problem =
            Problem::error(&CONFLICT, "lab", "a lab without a holdout has nothing to measure")
                .label(loaded.key_origin("lab"), "")
                .help("give a [holdout]");
        found.push(problem);
    }
    for (number, arm) in lab.arm.iter().enumerate() {
        if arm.restart.start.after_updates(WorkerId(1)).is_some() {
            let key = format!("lab.arm.{number}.restart.start");
            let message = format!("`{key}`: workers of a restart cannot wait for updates");
            let problem = Problem::error(&UNUSABLE, &key, message)
                .label(loaded.key_origin(&key), "")
                .help("choose \"staggered\" or \"scattered\"");
            found.push(problem);
        }
        frozen(loaded, &format!("lab.arm.{number}.restart"), &arm.restart, found);
    }
}

/// FTRL computes weights from its sums. At a learning rate of zero they become zero, instead of
/// staying as they were.
fn frozen(loaded: &Loaded<Scenario>, key: &str, restart: &Restart, found: &mut Vec<Problem>) {
    let held_down = restart.frozen.is_some() || restart.warm_up.is_some();
    if let (true, Some(rule)) = (held_down, remakes_weights(&loaded.value)) {
        let message = format!(
            "`{key}` holds the learning rate down, and {rule} makes every weight anew from its sums and \
             the rate"
        );
        let problem = Problem::error(&CONFLICT, key, message)
            .label(loaded.key_origin(key), "")
            .label(loaded.key_origin("optimizer"), "")
            .help("leave out `warm_up` and `frozen`, or choose another optimizer");
        found.push(problem);
    }
}

/// The chosen rule that computes every weight anew from its sums, if there is one.
fn remakes_weights(scenario: &Scenario) -> Option<&'static str> {
    let mut rules = std::iter::once(&scenario.optimizer).chain(&scenario.sparse_optimizer);
    rules.find(|rule| rule.facts().remakes_weights).map(|rule| rule.name())
}
