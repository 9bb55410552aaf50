//! Reading and checking a scenario in one call, for users of the library.

use std::path::Path;

use super::document::{DocumentInput, Problems, load};
use super::{Scenario, rules};

impl Scenario {
    /// Reads a scenario from TOML text and checks it as `straggler check` does.
    ///
    /// # Errors Everything that is wrong with it, with line and column. Warnings are not errors and
    /// are dropped; [`load`] and [`rules::check`] keep them.
    pub fn from_text(text: &str) -> Result<Scenario, Problems> {
        read(DocumentInput::Text { name: "the scenario", text })
    }

    /// Reads a scenario file, and those that it extends, and checks it.
    ///
    /// # Errors
    /// As [`from_text`](Self::from_text).
    pub fn from_file(path: &Path) -> Result<Scenario, Problems> {
        read(DocumentInput::File(path))
    }
}

fn read(input: DocumentInput<'_>) -> Result<Scenario, Problems> {
    let mut loaded = load::<Scenario>(input, &[])?;
    rules::check(&mut loaded);
    Ok(loaded.finish()?.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_across_keys_are_checked_too() {
        let text = "straggler = 1\ntiming_only = {}\n";
        let problems = Scenario::from_text(text).unwrap_err().to_string();
        assert!(problems.contains("has no passes to end it"), "{problems}");
        let text = format!("{text}train.stop.updates = 3\n");
        assert_eq!(Scenario::from_text(&text).unwrap().train.stop.updates, Some(3));
    }
}
