//! The defaults beside a resolved scenario: what its keys would be, had nobody written more than
//! which parts are used.

use crate::experiment::outcome::{Settings, flatten};
use crate::scenario::Scenario;
use crate::scenario::document::{Input, load, to_toml};
use toml::{Table, Value};

/// The default of every key of the scenario in `text`, the content of a `resolved.toml`; `None` for
/// a text that is no scenario.
pub(super) fn of_resolved(text: &str) -> Option<Settings> {
    let resolved: Table = text.parse().ok()?;
    let bare = format!("straggler = 1\n{}", chosen_parts(&resolved));
    let value = match load::<Scenario>(Input::Text { name: "the parts", text: &bare }, &[]) {
        Ok(loaded) => loaded.value,
        // A part that cannot do without a setting: only what all scenarios share has a default.
        Err(_) => Scenario::default(),
    };
    let tree: serde_json::Value = toml::from_str(&to_toml(&value).ok()?).ok()?;
    Some(flatten(&tree))
}

/// The `kind` of every part, and nothing else.
fn chosen_parts(table: &Table) -> Table {
    let mut parts = Table::new();
    for (key, value) in table {
        match value {
            Value::String(_) if key == "kind" => {
                parts.insert(key.clone(), value.clone());
            }
            Value::Table(inner) => {
                let inner = chosen_parts(inner);
                if !inner.is_empty() {
                    parts.insert(key.clone(), Value::Table(inner));
                }
            }
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_chosen_parts() {
        let text = "straggler = 1\n[optimizer]\nkind = \"sgd\"\nlearning_rate = 7.0\n\
                    [cluster]\nworkers = 77\nstart = { kind = \"together\" }\n";
        let defaults = of_resolved(text).unwrap();
        assert_eq!(defaults["optimizer.kind"], "sgd");
        assert_ne!(defaults["optimizer.learning_rate"], 7.0);
        assert_ne!(defaults["cluster.workers"], 77);
        assert!(!defaults.contains_key("optimizer.beta1"));
        assert!(of_resolved("no toml").is_none());
    }

    #[test]
    fn every_template_has_defaults() {
        for template in crate::scenario::templates::TEMPLATES {
            let value = Scenario::from_text(template.text).unwrap();
            let resolved = to_toml(&value).unwrap();
            let settings = flatten(&toml::from_str(&resolved).unwrap());
            let defaults = of_resolved(&resolved).unwrap();
            let known = settings.keys().filter(|key| defaults.contains_key(*key)).count();
            assert!(known * 2 > settings.len(), "{}: {known} of {}", template.name, settings.len());
        }
    }
}
