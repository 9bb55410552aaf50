//! Settings of a whole scenario that its stages set themselves.

use super::codes::NO_EFFECT;
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;

/// Warns of what a command or a point of a sweep sets, and a stage sets too: there it has no effect.
/// In a file this is how stages differ from what they have in common.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    for stage in &loaded.value.stage {
        for (key, value) in stage.set.leaves() {
            if !loaded.is_override(&key) {
                continue;
            }
            let name = &stage.name;
            let message = format!(
                "`{key}` has no effect in stage `{name}`, which sets it itself, to {value}"
            );
            found.push(
                Problem::warning(&NO_EFFECT, &key, message)
                    .label(loaded.origin(&key), "")
                    .help(format!("write `stage.{name}.set.{key}=...` to change that stage")),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::document::{DocumentInput, Override, load};
    use crate::scenario::rules;
    use crate::scenario::spec::Scenario;

    fn warned(setting: &str) -> Vec<String> {
        let text = "data.kind = \"synthetic\"\nholdout.days = \"4\"\nworker.batches = 2\n\
                    [[stage]]\nname = \"first\"\nset = { train.days = \"1\" }\n\
                    [[stage]]\nname = \"live\"\nset = { train.days = \"2\", worker.batches = 3, \
                    \"online.join\" = { window = \"1h\" } }\n";
        let input = DocumentInput::Text { name: "the scenario", text };
        let argument = Override::argument(1, setting);
        let mut loaded = load::<Scenario>(input, &[argument]).unwrap();
        rules::check(&mut loaded);
        let list = loaded.finish().unwrap().problems.list.into_iter();
        let of_stage = list.filter(|problem| problem.message.contains("in stage"));
        of_stage.map(|problem| format!("{} | {}", problem.message, problem.help[0])).collect()
    }

    #[test]
    fn what_a_stage_sets_itself_is_told_on_the_command_line_only() {
        let expected = "`online.join.window` has no effect in stage `live`, which sets it itself, to \"1h\" | \
                        write `stage.live.set.online.join.window=...` to change that stage";
        assert_eq!(warned("online.join.window=10min"), [expected]);
        assert_eq!(warned("worker.batches=4").len(), 1);
        assert_eq!(warned("train.days=3").len(), 2);
        assert!(warned("stage.live.set.worker.batches=4").is_empty());
        assert!(warned("train.batch=9").is_empty());
    }
}
