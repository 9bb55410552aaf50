//! The stages of a scenario, each as a scenario of its own.

use super::document::{
    DocumentInput, Override, Problem, Problems, Severity, load, suggest, to_toml,
};
use super::rules;
use super::spec::Scenario;
use super::stage::{PREFIX, Stage, StageError, StageRef, Which};
use super::start::CheckpointSaving;
use crate::sim::Every;

/// A stage as a scenario of its own.
#[derive(Clone, PartialEq, Debug)]
pub struct ResolvedStage {
    /// Its name.
    pub name: String,
    /// What it does.
    pub scenario: Scenario,
}

impl Scenario {
    /// The stages of this scenario, each as a scenario of its own, with the checkpoints that later
    /// ones start from. Empty if the scenario has no stages.
    ///
    /// # Errors [`StageError`].
    pub fn stages(&self) -> Result<Vec<ResolvedStage>, StageError> {
        let all = match &self.daily {
            Some(daily) if self.stage.is_empty() => daily.stages(),
            Some(_) => return Err(StageError::Both),
            None => self.stage.clone(),
        };
        if all.is_empty() {
            return match self.start.as_ref().map(|start| &start.from) {
                Some(from) if from.starts_with(PREFIX) => {
                    Err(StageError::NoStages { from: from.clone() })
                }
                _ => Ok(Vec::new()),
            };
        }
        let text = self.without_stages();
        let mut stages: Vec<ResolvedStage> = Vec::with_capacity(all.len());
        for (number, stage) in (1..).zip(&all) {
            check_name(number, stage, &stages)?;
            let (mut scenario, _) = resolve(&text, stage)?;
            if number == all.len() {
                // Expectations of the run are checked at the end of its last stage.
                scenario.expect.clone_from(&self.expect);
            }
            keep_what_it_starts_from(stage, &scenario, &mut stages)?;
            stages.push(ResolvedStage { name: stage.name.clone(), scenario });
        }
        Ok(stages)
    }

    /// Warnings about what stands in the `set` of each `[[stage]]`, with the key in this scenario and
    /// without labels. Nothing about stages that are no valid scenarios: those are errors.
    pub fn stage_warnings(&self) -> Vec<Problem> {
        let text = self.without_stages();
        let of = |(number, stage): (usize, &Stage)| -> Vec<Problem> {
            let warnings = resolve(&text, stage).map(|(_, warnings)| warnings).unwrap_or_default();
            let named = warnings.into_iter().map(|warning| Problem {
                path: format!("stage.{number}.set.{}", warning.path),
                message: format!("stage `{}`: {}", stage.name, warning.message),
                labels: Vec::new(),
                ..warning
            });
            named.collect()
        };
        self.stage.iter().enumerate().flat_map(of).collect()
    }

    /// What all stages have in common.
    fn without_stages(&self) -> String {
        let whole = Scenario {
            stage: Vec::new(),
            daily: None,
            lab: None,
            expect: Vec::new(),
            ..self.clone()
        };
        to_toml(&whole).expect("a scenario is valid TOML")
    }
}

fn check_name(number: usize, stage: &Stage, before: &[ResolvedStage]) -> Result<(), StageError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let begins_well = stage.name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins_well || !stage.name.chars().all(is_plain) || stage.name.len() > 64 {
        return Err(StageError::Nameless { number });
    }
    match before.iter().any(|other| other.name == stage.name) {
        true => Err(StageError::Twice { stage: stage.name.clone() }),
        false => Ok(()),
    }
}

/// Lays the settings of a stage over the scenario; with the warnings about them.
fn resolve(text: &str, stage: &Stage) -> Result<(Scenario, Vec<Problem>), StageError> {
    for key in stage.set.0.keys() {
        if ["stage", "daily", "scenario", "lab", "expect", "straggler", "preset"]
            .contains(&key.as_str())
        {
            return Err(StageError::NotItsOwn { stage: stage.name.clone(), key: key.clone() });
        }
    }
    let mut settings = stage.set.leaves();
    // A stage on its own has no stages that it could refer to.
    let is_reference = |key: &str, value: &str| {
        key == "start.from" && value.trim_start_matches(['"', '\'']).starts_with(PREFIX)
    };
    let refers = settings.iter_mut().find(|(key, value)| is_reference(key, value));
    let from = refers.map(|(_, value)| std::mem::replace(value, "\"a stage\"".into()));
    let place = format!("stage `{}`", stage.name);
    let own: Vec<String> = settings.iter().map(|(key, _)| key.clone()).collect();
    let overrides: Vec<Override> = settings
        .into_iter()
        .map(|(key, value)| Override::sweep_point(place.clone(), format!("{key}={value}")))
        .collect();
    let invalid = |problems: Problems| {
        // Defaults are written out in the text of a stage, so warnings of what is written mean little.
        let errors = problems.list.iter().filter(|problem| problem.severity == Severity::Error);
        let list: Vec<String> = errors
            .map(|problem| match problem.help.first() {
                Some(help) => format!("{} ({help})", problem.message),
                None => problem.message.clone(),
            })
            .collect();
        StageError::Invalid { stage: stage.name.clone(), problems: list.join("; ") }
    };
    let input = DocumentInput::Text { name: &place, text };
    let mut loaded = load::<Scenario>(input, &overrides).map_err(invalid)?;
    rules::check(&mut loaded);
    let loaded = loaded.finish().map_err(invalid)?;
    let (mut scenario, mut warnings) = (loaded.value, loaded.problems.list);
    // Defaults are written out in the text: what does not stand in the stage is not told.
    warnings.retain(|problem| own.iter().any(|key| concerns(&problem.path, key)));
    if let (Some(start), Some(from)) = (&mut scenario.start, from) {
        start.from = from.trim_matches(['"', '\'']).to_owned();
    }
    Ok((scenario, warnings))
}

/// Whether a problem at one key is about a setting: one of the two lies within the other.
fn concerns(problem: &str, setting: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    within(problem, setting) || within(setting, problem)
}

/// Makes the earlier stage write the checkpoint that a stage starts from.
fn keep_what_it_starts_from(
    stage: &Stage,
    scenario: &Scenario,
    before: &mut [ResolvedStage],
) -> Result<(), StageError> {
    let Some(from) = scenario.start.as_ref().map(|start| &start.from) else { return Ok(()) };
    let reference = match StageRef::parse(from) {
        None => return Ok(()),
        Some(Ok(reference)) => reference,
        Some(Err(())) => {
            let (stage, from) = (stage.name.clone(), from.clone());
            return Err(StageError::BadReference { stage, from });
        }
    };
    let names: Vec<String> = before.iter().map(|earlier| earlier.name.clone()).collect();
    let Some(earlier) = before.iter_mut().find(|earlier| earlier.name == reference.stage) else {
        let nearest = suggest::nearest(&reference.stage, names.iter().map(String::as_str));
        let nearest = nearest.map(str::to_owned);
        return Err(StageError::NotBefore {
            stage: stage.name.clone(),
            of: reference.stage,
            nearest,
        });
    };
    let saving = earlier.scenario.checkpoint.get_or_insert_with(CheckpointSaving::default);
    match reference.which {
        Which::Best | Which::Serving => saving.best = true,
        Which::Last => saving.last = true,
        Which::Average => {
            saving.average.get_or_insert_default();
        }
        Which::Update(update) => {
            saving.every.get_or_insert(Every::Updates(update));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::start::Average;

    fn read(stages: &str) -> Result<Vec<ResolvedStage>, StageError> {
        let text = format!("straggler = 1\n[data]\nkind = \"synthetic\"\n{stages}");
        let input = DocumentInput::Text { name: "test", text: &text };
        load::<Scenario>(input, &[]).unwrap().value.stages()
    }

    const TWO: &str = r#"
        [[stage]]
        name = "base"
        set = { train.days = "1..3", holdout.days = "5", train.stop = { passes = 2.5 } }
        [[stage]]
        name = "refresh"
        [stage.set]
        train = { days = "2..4", batch = 64 }
        holdout.days = "5"
        start = { from = "stage:base@best", restart = { slots = "zero" } }
    "#;

    #[test]
    fn each_stage_is_the_scenario_with_its_own_settings() {
        let stages = read(TWO).unwrap();
        assert_eq!(stages.len(), 2);
        let (base, refresh) = (&stages[0].scenario, &stages[1].scenario);
        assert_eq!((base.train.batch, refresh.train.batch), (128, 64));
        assert_eq!(base.train.stop.passes, Some(2.5));
        assert!(base.checkpoint.as_ref().unwrap().best && refresh.checkpoint.is_none());
        assert_eq!(refresh.start.as_ref().unwrap().from, "stage:base@best");
        assert!(base.stage.is_empty() && refresh.stage.is_empty());
    }

    /// As the pages write them: an argument finds the key, also inside the table that it holds.
    #[test]
    fn arguments_change_keys_with_dots_in_quotes() {
        let text = "straggler = 1\ndata.kind = \"synthetic\"\n[[stage]]\nname = \"live\"\n[stage.set]\n\
                    \"train.days\" = \"1..2\"\n\"online.join\" = { window = \"1h\" }\n\"worker.batches\" = 2\n";
        let input = DocumentInput::Text { name: "test", text };
        let set = |number, text: &str| Override::argument(number, format!("stage.live.set.{text}"));
        let arguments =
            [set(1, "train.days=3"), set(2, "online.join.window=2h"), set(3, "train.batch=9")];
        let live =
            &load::<Scenario>(input, &arguments).unwrap().value.stages().unwrap()[0].scenario;
        assert_eq!((live.worker.batches, live.train.batch), (2, 9));
        let window = live.online.as_ref().unwrap().join.window.seconds();
        assert_eq!((serde_json::to_value(&live.train.days).unwrap(), window), ("3".into(), 7200.0));
    }

    #[test]
    fn a_stage_averages_because_another_one_starts_from_that() {
        let saving = |text: &str| read(text).unwrap()[0].scenario.checkpoint.clone().unwrap();
        let from_average = TWO.replace("@best", "@average");
        assert_eq!(saving(&from_average).average, Some(Average::Last(5)));
        let with = "train.days = \"1..3\", checkpoint.average = { decay = 0.9 }";
        let found = saving(&from_average.replace("train.days = \"1..3\"", with));
        assert_eq!((found.average, found.best), (Some(Average::Decay(0.9)), false));
    }

    #[test]
    fn stages_that_make_no_sense_are_refused() {
        let wrong = |from: &str, to: &str| {
            let error = read(&TWO.replace(from, to)).unwrap_err();
            error.to_string()
        };
        let cases = [
            ("stage:base@best", "stage:bsae@best", "did you mean `base`?"),
            ("stage:base@best", "stage:refresh@best", "no stage before it"),
            ("stage:base@best", "stage:base", "names no checkpoint"),
            ("stage:base@best", "stage:base@0", "names no checkpoint"),
            ("\"refresh\"", "\"base\"", "two stages are called `base`"),
            ("\"refresh\"", "\"../x\"", "stage 2 has no name"),
            ("batch = 64", "batch = 0", "stage `refresh` is no valid scenario"),
            ("batch = 64", "bacht = 64", "bacht"),
            ("train = { days", "lab = { seeds = 3 }, train = { days", "sets `lab`"),
        ];
        for (from, to, text) in cases {
            let to = to.replace("}, train", "}\ntrain");
            let found = wrong(from, &to);
            assert!(found.contains(text), "{to}: {found}");
        }
        let error = Scenario {
            start: Some(crate::scenario::start::Start {
                from: "stage:base@best".into(),
                ..Default::default()
            }),
            ..Scenario::default()
        };
        assert!(matches!(error.stages(), Err(StageError::NoStages { .. })));
    }

    #[test]
    fn references_read_back() {
        let read = |text| StageRef::parse(text);
        assert_eq!(read("results/x.safetensors"), None);
        let update = StageRef { stage: "a@b".into(), which: Which::Update(7) };
        assert_eq!(read("stage:a@b@7"), Some(Ok(update)));
        let average = StageRef { stage: "a".into(), which: Which::Average };
        assert_eq!(read("stage:a@average"), Some(Ok(average)));
        assert_eq!(read("stage:a@worst"), Some(Err(())));
    }
}
