//! The column of items by which the requests that a serving copy scores are divided.

use super::build_error::BuildError;
use super::spec::Scenario;
use crate::data::DataSource;

/// What a column of items is called where nobody names it.
const USUAL: &str = "item";

impl Scenario {
    /// The number of the field with items in this log, or why there is none.
    ///
    /// # Errors
    /// If the scenario names a column that the log does not have, or that has no ids.
    pub(super) fn item_field(
        &self,
        source: &dyn DataSource,
    ) -> Result<Result<usize, String>, BuildError> {
        let serving = self.serving.as_ref().filter(|serving| serving.share > 0.0);
        let Some(serving) = serving.filter(|_| self.live().is_some()) else {
            return Ok(Err("no request is scored".to_string()));
        };
        let fields = || source.schema().fields.iter().map(|field| field.name.as_str());
        let name = serving.item.as_deref().unwrap_or(USUAL);
        if let Some(field) = fields().position(|field| field == name) {
            return Ok(Ok(field));
        }
        let list = |of: &mut dyn Iterator<Item = &str>| of.collect::<Vec<&str>>().join(", ");
        // Some kinds of hashing make several columns of one.
        let parts = || fields().filter(|field| field.starts_with(&format!("{name}.")));
        let several = source.coding().is_some() && parts().next().is_some();
        let Some(name) = serving.item.clone() else {
            let why = match several {
                true => format!("an id of the column `{USUAL}` has several rows"),
                false => format!("the log has no column `{USUAL}`"),
            };
            return Ok(Err(why));
        };
        let why = match (several, fields().next().is_some()) {
            (true, _) => format!("whose ids have several rows: name one of {}", list(&mut parts())),
            (false, true) => {
                format!(
                    "which the log does not have: its columns of ids are {}",
                    list(&mut fields())
                )
            }
            (false, false) => "but the log has no column of ids: leave it out".to_string(),
        };
        Err(BuildError::Item { name, why })
    }
}
