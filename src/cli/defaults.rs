//! The defaults of a resolved scenario: the values of its keys if only its parts were chosen, and
//! keys without defaults were written.

use crate::results::outcome::{Settings, flatten};
use crate::scenario::Scenario;
use crate::scenario::document::{DocumentInput, load, to_toml};
use toml::{Table, Value};

/// Each round settles at least one table, so this number is enough for any scenario.
const ROUNDS: usize = 64;

/// The default of every key of the scenario in `text`, the content of a `resolved.toml`. Keys
/// without defaults are left out. `None` if the text is not a scenario.
pub(super) fn of_resolved(text: &str) -> Option<Settings> {
    let resolved = Value::Table(text.parse().ok()?);
    let mut bare = bones(resolved.as_table()?);
    let mut written = Vec::new();
    for _ in 0..ROUNDS {
        let text = bare.to_string();
        match load::<Scenario>(DocumentInput::Text { name: "the bones", text: &text }, &[]) {
            Ok(loaded) => return settings(&loaded.value, &written),
            Err(problems) => {
                for problem in problems.list {
                    let keys: Vec<&str> = problem.path.split('.').collect();
                    if amend(&resolved, &mut bare, &keys) {
                        written.push(problem.path);
                    }
                }
            }
        }
    }
    settings(&Scenario::default(), &[])
}

/// The values of a scenario, without keys that had to be written.
fn settings(scenario: &Scenario, written: &[String]) -> Option<Settings> {
    let tree: serde_json::Value = toml::from_str(&to_toml(scenario).ok()?).ok()?;
    let mut settings = flatten(&tree);
    let below = |key: &str, path: &str| {
        key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    settings.retain(|key, _| !written.iter().any(|path| below(key, path)));
    Some(settings)
}

/// The tables of a document with the `kind` of each; lists of tables have no default.
fn bones(table: &Table) -> Table {
    let mut bare = Table::new();
    for (key, value) in table {
        let kept = match value {
            Value::String(_) if key == "kind" => Some(value.clone()),
            Value::Table(inner) => Some(Value::Table(bones(inner))),
            _ => None,
        };
        bare.extend(kept.map(|value| (key.clone(), value)));
    }
    bare
}

/// Corrects the mistakes at `keys`. A table without keys is removed, since its default may be
/// another choice of keys. A key without a default is copied. Returns whether it was copied.
fn amend(from: &Value, into: &mut Table, keys: &[&str]) -> bool {
    let [key, below @ ..] = keys else { return false };
    let Some(value) = from.get(*key) else { return false };
    match into.get_mut(*key) {
        Some(Value::Table(inner)) if !below.is_empty() => amend(value, inner, below),
        Some(Value::Table(inner)) if inner.is_empty() => {
            into.remove(*key);
            false
        }
        _ => {
            into.insert((*key).to_string(), value.clone());
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_chosen_parts() {
        let text = "straggler = 1\n[optimizer]\nkind = \"sgd\"\nlearning_rate = 7.0\n\
                    [cluster]\nworkers = 77\nstart = { kind = \"together\" }\n\
                    [holdout]\ndays = \"3\"\nselection_share = 0.25\n";
        let defaults = of_resolved(text).unwrap();
        assert_eq!(defaults["optimizer.kind"], "sgd");
        assert_ne!(defaults["optimizer.learning_rate"], 7.0);
        assert_ne!(defaults["cluster.workers"], 77);
        assert!(!defaults.contains_key("optimizer.beta1"));
        // A section without a default of its own has the defaults of its keys, except required
        // keys.
        assert!(defaults.contains_key("holdout.selection_share"), "{defaults:?}");
        assert!(!defaults.contains_key("holdout.days"));
        assert!(of_resolved("no toml").is_none());
    }

    #[test]
    fn every_template_has_defaults() {
        for template in crate::scenario::templates::TEMPLATES {
            let value = Scenario::from_text(template.text).unwrap();
            let resolved = to_toml(&value).unwrap();
            let settings = flatten(&toml::from_str(&resolved).unwrap());
            let defaults = of_resolved(&resolved).unwrap();
            let unknown: Vec<_> =
                settings.keys().filter(|key| !defaults.contains_key(*key)).collect();
            assert!(unknown.len() * 2 < settings.len(), "{}: {unknown:?}", template.name);
        }
    }
}
