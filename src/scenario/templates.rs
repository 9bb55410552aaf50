//! The built-in scenarios: the files of `scenarios/`, carried in the program.

/// A scenario that can be printed, changed and run.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// Its name, as in `straggler new <name>`.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

/// Every built-in scenario.
pub const TEMPLATES: &[Template] = &[
    Template { name: "minimal", text: include_str!("../../scenarios/minimal.toml") },
    Template { name: "quickstart", text: include_str!("../../scenarios/quickstart.toml") },
    Template { name: "amazon-din", text: include_str!("../../scenarios/amazon-din.toml") },
    Template { name: "movielens", text: include_str!("../../scenarios/movielens.toml") },
    Template {
        name: "imposed-staleness",
        text: include_str!("../../scenarios/imposed-staleness.toml"),
    },
    Template { name: "timing-only", text: include_str!("../../scenarios/timing-only.toml") },
    Template { name: "online", text: include_str!("../../scenarios/online.toml") },
    Template { name: "demo", text: include_str!("../../scenarios/demo.toml") },
];

impl Template {
    /// The template of this name.
    pub fn find(name: &str) -> Option<&'static Template> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    /// The comment at its head, on one line.
    pub fn summary(&self) -> String {
        let head = self.text.lines().take_while(|line| line.starts_with('#'));
        let words: Vec<&str> = head.map(|line| line.trim_start_matches('#').trim()).collect();
        let text = words.join(" ");
        match text.find(". ") {
            Some(end) => text[..=end].to_string(),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::scenario::document::{DocumentInput, load, to_toml};
    use crate::scenario::rules;

    #[test]
    fn every_template_reads_without_a_warning_and_resolves_to_itself() {
        for template in TEMPLATES {
            let input = DocumentInput::Text { name: template.name, text: template.text };
            let mut loaded = load::<Scenario>(input, &[]).unwrap();
            rules::check(&mut loaded);
            let loaded = loaded.finish().unwrap();
            assert!(loaded.problems.list.is_empty(), "{}", loaded.problems);
            let resolved = to_toml(&loaded.value).unwrap();
            let input = DocumentInput::Text { name: "resolved", text: &resolved };
            let again = load::<Scenario>(input, &[]).unwrap();
            assert_eq!(again.value, loaded.value, "{resolved}");
        }
    }
}
