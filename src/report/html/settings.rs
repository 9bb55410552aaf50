//! Tables of settings: the values that differ from their defaults, all values, and the values that
//! differ between results.

use super::section::{Section, SectionPart};
use crate::report::figure::grid::{Grid, text};
use crate::results::outcome::{Settings, setting_text};
use serde_json::Value;
use std::collections::BTreeSet;

/// The settings of one scenario, compared with the defaults of the parts that it chose.
pub(super) fn section(settings: &Settings, defaults: Option<&Settings>, whose: &str) -> Section {
    let mut parts = Vec::new();
    if settings.is_empty() {
        parts.push(SectionPart::Text("Not shown: there is no resolved.toml.".to_string()));
    } else {
        if let Some(defaults) = defaults {
            parts.push(SectionPart::Table(differing(settings, defaults, whose)));
        }
        parts.push(SectionPart::Folded(
            format!("All settings ({})", settings.len()),
            all(settings, defaults, whose),
        ));
    }
    Section { id: "settings", title: "Settings", parts }
}

fn differing(settings: &Settings, defaults: &Settings, whose: &str) -> Grid {
    let caption = format!("Settings of {whose} that differ from their defaults");
    let mut grid = Grid::new(caption, vec![text("setting"), text("value"), text("default")]);
    for (key, value) in settings {
        let default = defaults.get(key);
        if default != Some(value) {
            grid.rows.push(vec![key.clone(), setting_text(value), or_dash(default)]);
        }
    }
    grid
}

fn all(settings: &Settings, defaults: Option<&Settings>, whose: &str) -> Grid {
    let caption = format!("All settings of {whose}");
    let mut grid = Grid::new(caption, vec![text("setting"), text("value"), text("origin")]);
    for (key, value) in settings {
        let origin = match defaults {
            Some(defaults) if defaults.get(key) == Some(value) => "default",
            Some(_) => "set",
            None => "–",
        };
        grid.rows.push(vec![key.clone(), setting_text(value), origin.to_string()]);
    }
    grid
}

/// The settings that are not the same in all results, side by side. Names, titles and questions do
/// not count as settings.
pub(super) fn compared(named: &[(String, &Settings)]) -> Grid {
    let mut columns = vec![text("setting")];
    columns.extend(named.iter().map(|(name, _)| text(name.clone())));
    let mut grid = Grid::new("Settings that differ", columns);
    let keys: BTreeSet<&String> = named.iter().flat_map(|(_, settings)| settings.keys()).collect();
    let spoken = ["scenario.name", "scenario.title", "scenario.question"];
    for key in keys.into_iter().filter(|key| !spoken.contains(&key.as_str())) {
        let values: Vec<Option<&Value>> = named.iter().map(|(_, s)| s.get(key)).collect();
        if values.windows(2).any(|pair| pair[0] != pair[1]) {
            let cells = values.into_iter().map(or_dash);
            grid.rows.push(std::iter::once(key.clone()).chain(cells).collect());
        }
    }
    grid
}

fn or_dash(value: Option<&Value>) -> String {
    value.map_or_else(|| "–".to_string(), setting_text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::outcome::flatten;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_told_apart() {
        let one =
            flatten(&json!({"cluster": {"workers": 3, "shards": 1}, "scenario": {"name": "a"}}));
        let other = flatten(&json!({"cluster": {"workers": 3}, "scenario": {"name": "b"}}));
        let grid = compared(&[("a".to_string(), &one), ("b".to_string(), &other)]);
        assert_eq!(grid.rows, [["cluster.shards", "1", "–"]]);
        let section = section(&one, Some(&other), "a");
        let SectionPart::Table(grid) = &section.parts[0] else { panic!("a table") };
        assert_eq!(grid.rows.len(), 2);
    }
}
