//! The points of a sweep as scenarios.

use std::path::Path;

use super::errors;
use crate::scenario::document::{DocumentInput, Override, Problem, Problems, load, to_toml};
use crate::scenario::{Scenario, rules};

/// A value as TOML would write it, and where it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Literal {
    /// As TOML.
    pub text: String,
    /// Such as `workers.toml:12`.
    pub place: String,
}

impl Literal {
    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        json(&self.text)
    }
}

/// A literal of TOML as JSON; a text that is not a literal stays a text.
pub fn json(literal: &str) -> serde_json::Value {
    let read = toml::from_str::<serde_json::Map<_, _>>(&format!("value = {literal}"));
    let value = read.ok().and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| literal.into())
}

/// A key of the scenario and one value for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Dotted path.
    pub key: String,
    /// Its value.
    pub value: Literal,
}

/// A key of the scenario and the values it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesignAxis {
    /// Dotted path.
    pub key: String,
    /// The values in order.
    pub values: Vec<Literal>,
}

/// One set of settings; its trials differ in the seed alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesignPoint {
    /// The name for people.
    pub label: String,
    /// What it sets.
    pub settings: Vec<Setting>,
}

impl DesignPoint {
    /// The settings, in the order of the keys: two points with the same settings are one.
    pub fn identity(&self) -> Vec<(String, String)> {
        let pair = |setting: &Setting| (setting.key.clone(), setting.value.text.clone());
        let mut pairs: Vec<_> = self.settings.iter().map(pair).collect();
        pairs.sort();
        pairs
    }
}

/// A point as a checked scenario.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The point.
    pub point: DesignPoint,
    /// Its scenario; the seed is that of the file.
    pub scenario: Scenario,
    /// Warnings.
    pub warnings: Problems,
}

impl Resolved {
    /// The scenario with another seed, and as TOML.
    pub fn with_seed(&self, seed: u64) -> (Scenario, String) {
        let mut scenario = self.scenario.clone();
        scenario.scenario.seed = seed;
        let text = to_toml(&scenario).expect("a scenario is valid TOML");
        (scenario, text)
    }
}

impl Setting {
    /// The setting as a layer over the scenario.
    pub fn layer(&self) -> Override {
        let text = format!("{}={}", self.key, self.value.text);
        Override::sweep_point(self.value.place.clone(), text)
    }
}

/// Reads the scenario file once per point, with the settings of every point and those of this point
/// laid over it, and checks every one.
///
/// # Errors
/// What is wrong with the first point that has errors.
pub fn resolve(
    scenario: &Path,
    points: Vec<DesignPoint>,
    everywhere: &[Setting],
) -> Result<Vec<Resolved>, Problems> {
    let mut resolved = Vec::with_capacity(points.len());
    for (number, point) in points.into_iter().enumerate() {
        let all: Vec<Override> =
            everywhere.iter().chain(&point.settings).map(Setting::layer).collect();
        let name = |mut problems: Problems| {
            let message = match point.label.as_str() {
                "" => "the scenario of this sweep has errors".to_string(),
                label => format!("point {number} of the sweep ({label}) is not a valid scenario"),
            };
            // If nothing is laid over the scenario, the mistake is in the scenario itself.
            if let Some(first) = point.settings.first() {
                let problem = Problem::error(&errors::BAD_POINT, &first.key, message);
                let place = problems.sources.named(&first.value.place);
                problems.list.push(problem.label(place, "a setting of the point"));
            }
            problems
        };
        let mut loaded = load::<Scenario>(DocumentInput::File(scenario), &all).map_err(name)?;
        rules::check(&mut loaded);
        let loaded = loaded.finish().map_err(name)?;
        resolved.push(Resolved { scenario: loaded.value, warnings: loaded.problems, point });
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_become_json() {
        assert_eq!(json("3"), serde_json::json!(3));
        assert_eq!(json("\"a\""), serde_json::json!("a"));
        assert_eq!(
            json("{ kind = \"x\", y = [1.5] }"),
            serde_json::json!({"kind": "x", "y": [1.5]})
        );
        assert_eq!(json("no literal"), serde_json::json!("no literal"));
    }
}
