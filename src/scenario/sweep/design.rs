//! The design of a sweep: which settings are combined, and the points that result.

use std::collections::BTreeSet;

use super::arguments::Argument;
use super::points::{DesignAxis, DesignPoint, Setting};

/// Most trials of one sweep.
pub const MOST_TRIALS: u64 = 100_000;

/// Axes that advance together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bundle {
    /// A name for each step.
    pub labels: Option<Vec<String>>,
    /// The axes, all of the same length.
    pub axes: Vec<DesignAxis>,
}

impl Bundle {
    /// Number of steps.
    pub fn len(&self) -> usize {
        let labels = self.labels.as_ref().map(Vec::len);
        self.axes.first().map(|axis| axis.values.len()).or(labels).unwrap_or(0)
    }

    /// Whether the bundle has no step.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A point in addition to the grid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extra {
    /// Its name, if it has one.
    pub label: Option<String>,
    /// Its settings.
    pub settings: Vec<Setting>,
}

/// Points to leave out: those that have, for each key, one of the values.
pub type Skip = Vec<(String, Vec<String>)>;

/// Whether two keys are the same, or one lies in the other.
fn overlap(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    within(a, b) || within(b, a)
}

/// Which settings are combined.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Design {
    /// Settings of every point.
    pub everywhere: Vec<Setting>,
    /// Every combination of these; the last varies fastest.
    pub grid: Vec<DesignAxis>,
    /// Each multiplies the grid by its steps.
    pub zips: Vec<Bundle>,
    /// Points that are added.
    pub extra: Vec<Extra>,
    /// Points of the grid that are left out.
    pub skip: Vec<Skip>,
}

impl Design {
    /// Number of points before any is left out; `None` if it overflows.
    pub fn size(&self) -> Option<u64> {
        let lengths = self.grid.iter().map(|axis| axis.values.len());
        let mut lengths = lengths.chain(self.zips.iter().map(Bundle::len));
        let product = lengths.try_fold(1u64, |all, n| all.checked_mul(n as u64))?;
        product.checked_add(self.extra.len() as u64)
    }

    /// Every key that some point sets, in the order of writing.
    pub fn keys(&self) -> Vec<&str> {
        let bundled = self.zips.iter().flat_map(|bundle| &bundle.axes);
        let swept = self.grid.iter().chain(bundled).map(|axis| axis.key.as_str());
        let extra = self.extra.iter().flat_map(|extra| &extra.settings);
        let mut keys = Vec::new();
        for key in swept.chain(extra.map(|setting| setting.key.as_str())) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Lays an argument over the design: several values are an axis, one value is for every point.
    /// Either replaces what the design says of the same key.
    ///
    /// # Errors
    /// In words, if the key is set for single points, or overlaps with a key that is set otherwise.
    pub fn lay_over(&mut self, argument: Argument) -> Result<(), String> {
        let key = argument.key().to_string();
        self.everywhere.retain(|known| known.key != key);
        let of_grid = self.grid.iter().position(|axis| axis.key == key);
        match (argument, of_grid) {
            (Argument::Axis(axis), Some(at)) => self.grid[at] = axis,
            (Argument::Axis(axis), None) => self.grid.push(axis),
            (Argument::Setting(setting), Some(at)) => self.grid[at].values = vec![setting.value],
            (Argument::Setting(setting), None) => self.everywhere.push(setting),
        }
        let bundled = self.zips.iter().flat_map(|zip| zip.axes.iter().map(|axis| &axis.key));
        let single = self.extra.iter().flat_map(|extra| extra.settings.iter().map(|s| &s.key));
        if let Some(other) = bundled.chain(single).find(|other| overlap(&key, other)) {
            return Err(format!(
                "`{key}` cannot be given here, since the sweep gives `{other}` to single points; change the \
                 file"
            ));
        }
        self.doubly_set().map_or(Ok(()), Err)
    }

    /// Which key is both set for every point and swept, in words.
    pub fn doubly_set(&self) -> Option<String> {
        let keys = self.keys();
        self.everywhere.iter().find_map(|Setting { key, .. }| {
            let swept = keys.iter().find(|swept| overlap(key, swept))?;
            Some(format!("`{key}` is set for every point, and the sweep gives `{swept}` to points"))
        })
    }

    /// The points: those of the grid first, without those left out and without repetitions.
    pub fn points(&self) -> Vec<DesignPoint> {
        let keys = self.keys();
        let mut points: Vec<DesignPoint> = Vec::new();
        let mut known = BTreeSet::new();
        let mut add = |point: DesignPoint| {
            if known.insert(point.identity()) {
                points.push(point);
            }
        };
        let lengths: Vec<usize> = (self.grid.iter().map(|axis| axis.values.len()))
            .chain(self.zips.iter().map(Bundle::len))
            .collect();
        let mut at = vec![0; lengths.len()];
        let grid_is_empty = lengths.is_empty() && !self.extra.is_empty();
        while !grid_is_empty && lengths.iter().all(|length| *length > 0) {
            let point = self.combination(&at, &keys);
            if !self.skip.iter().any(|skip| matches(skip, &point)) {
                add(point);
            }
            if !advance(&mut at, &lengths) {
                break;
            }
        }
        for extra in &self.extra {
            let parts = extra.settings.iter().map(|setting| part(setting, &keys));
            let label = extra.label.clone().unwrap_or_else(|| parts.collect::<Vec<_>>().join(" "));
            add(DesignPoint { label, settings: extra.settings.clone() });
        }
        points
    }

    /// Why no combination sets `key` to one of `values`; `None` if one does.
    pub fn unmatched(&self, key: &str, values: &[String]) -> Option<String> {
        let bundled = self.zips.iter().flat_map(|bundle| &bundle.axes);
        let mut axes = self.grid.iter().chain(bundled);
        let Some(axis) = axes.find(|axis| axis.key == key) else {
            return Some(format!("`{key}` is not swept, so no point can be left out by it"));
        };
        let known = |value: &&String| axis.values.iter().any(|known| known.text == **value);
        let strange = values.iter().find(|value| !known(value))?;
        Some(format!("`{key}` never is {strange}"))
    }

    fn combination(&self, at: &[usize], keys: &[&str]) -> DesignPoint {
        let mut settings = Vec::new();
        let mut parts = Vec::new();
        for (axis, &index) in self.grid.iter().zip(at) {
            let setting = axis.at(index);
            parts.push(part(&setting, keys));
            settings.push(setting);
        }
        for (bundle, &index) in self.zips.iter().zip(&at[self.grid.len()..]) {
            let bundled: Vec<Setting> = bundle.axes.iter().map(|axis| axis.at(index)).collect();
            match &bundle.labels {
                Some(labels) => parts.push(labels[index].clone()),
                None => parts.extend(bundled.iter().map(|setting| part(setting, keys))),
            }
            settings.extend(bundled);
        }
        DesignPoint { label: parts.join(" "), settings }
    }
}

impl DesignAxis {
    fn at(&self, index: usize) -> Setting {
        Setting { key: self.key.clone(), value: self.values[index].clone() }
    }
}

/// Moves to the next combination, the last place first; `false` after the last combination.
fn advance(at: &mut [usize], lengths: &[usize]) -> bool {
    for place in (0..at.len()).rev() {
        at[place] += 1;
        if at[place] < lengths[place] {
            return true;
        }
        at[place] = 0;
    }
    false
}

fn matches(skip: &Skip, point: &DesignPoint) -> bool {
    skip.iter().all(|(key, values)| {
        let mut settings = point.settings.iter();
        settings.any(|setting| setting.key == *key && values.contains(&setting.value.text))
    })
}

/// A setting in a label: the value, and the end of the key that distinguishes it from the other
/// keys.
fn part(setting: &Setting, keys: &[&str]) -> String {
    let mut value = setting.value.text.trim_matches('"').to_string();
    if let Some((cut, _)) = value.char_indices().nth(48) {
        value.truncate(cut);
        value.push_str("...");
    }
    format!("{}={value}", short(&setting.key, keys))
}

/// The shortest end of `key` that no other of `keys` has. `kind` alone would not be clear enough.
pub fn short<'a>(key: &'a str, keys: &[&str]) -> &'a str {
    let starts = key.rmatch_indices('.').map(|(dot, _)| dot + 1).chain([0]);
    for start in starts {
        let end = &key[start..];
        let alike = |other: &&&str| {
            **other != key && (**other == end || other.ends_with(&format!(".{end}")))
        };
        if end != "kind" && !keys.iter().any(|other| alike(&other)) {
            return end;
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::sweep::Literal;

    fn literal(text: &str) -> Literal {
        Literal { text: text.into(), place: "test".into() }
    }

    fn axis(key: &str, values: &[&str]) -> DesignAxis {
        DesignAxis { key: key.into(), values: values.iter().map(|text| literal(text)).collect() }
    }

    fn labels(design: &Design) -> Vec<String> {
        design.points().into_iter().map(|point| point.label).collect()
    }

    #[test]
    fn the_grid_multiplies_bundles_advance_and_points_are_left_out() {
        let bundle = Bundle {
            labels: Some(vec!["plain".into(), "gentle".into()]),
            axes: vec![
                axis("optimizer.learning_rate", &["1e-2", "1e-3"]),
                axis("train.batch", &["8", "4"]),
            ],
        };
        let mut design = Design {
            grid: vec![axis("cluster.workers", &["1", "10"])],
            zips: vec![bundle],
            ..Design::default()
        };
        assert_eq!(
            labels(&design),
            ["workers=1 plain", "workers=1 gentle", "workers=10 plain", "workers=10 gentle"]
        );
        assert_eq!(design.size(), Some(4));
        let gentle = vec![
            ("cluster.workers".to_string(), vec!["1".to_string()]),
            ("train.batch".to_string(), vec!["4".to_string()]),
        ];
        design.skip.push(gentle);
        design.extra.push(Extra {
            label: None,
            settings: vec![Setting {
                key: "protocol.kind".into(),
                value: literal("\"synchronous\""),
            }],
        });
        assert_eq!(
            labels(&design),
            [
                "workers=1 plain",
                "workers=10 plain",
                "workers=10 gentle",
                "protocol.kind=synchronous"
            ]
        );
        design.lay_over(Argument::Axis(axis("cluster.workers", &["3", "4"]))).unwrap();
        assert_eq!(labels(&design)[0], "workers=3 plain");
        // One value replaces an axis too, so that labels say what runs.
        let setting =
            |key: &str| Argument::Setting(Setting { key: key.into(), value: literal("5") });
        design.lay_over(setting("cluster.workers")).unwrap();
        assert_eq!(labels(&design)[0], "workers=5 plain");
        design.lay_over(setting("cluster.shards")).unwrap();
        assert_eq!(design.everywhere.len(), 1);
        // What single points set cannot be set for all of them.
        assert!(design.lay_over(setting("train.batch")).unwrap_err().contains("single points"));
        assert!(design.lay_over(setting("protocol")).unwrap_err().contains("`protocol.kind`"));
    }

    #[test]
    fn a_sweep_without_axes_has_the_scenario_itself_as_its_point() {
        assert_eq!(labels(&Design::default()), [""]);
        let extra = Extra { label: Some("only".into()), settings: Vec::new() };
        assert_eq!(labels(&Design { extra: vec![extra], ..Design::default() }), ["only"]);
    }

    #[test]
    fn the_same_point_is_there_once() {
        let twice = Design { grid: vec![axis("a", &["1", "1", "2"])], ..Design::default() };
        assert_eq!(labels(&twice), ["a=1", "a=2"]);
    }

    #[test]
    fn labels_say_as_much_of_a_key_as_is_needed() {
        let keys = ["optimizer.learning_rate", "sparse_optimizer.learning_rate", "cluster.workers"];
        assert_eq!(short(keys[0], &keys), "optimizer.learning_rate");
        assert_eq!(short(keys[2], &keys), "workers");
        assert_eq!(short("optimizer.kind", &["optimizer.kind"]), "optimizer.kind");
    }
}
