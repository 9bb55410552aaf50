//! `straggler explain`: a key, a metric or an error code, in words.

use super::args::ExplainArgs;
use super::exit::{Exit, Failure};
use super::say::out;
use crate::metrics::glossary;
use crate::metrics::scalar::{self, Better};
use crate::scenario::document::{Shape, explain as explain_key, find_code, reference_markdown};
use crate::scenario::{Scenario, rules, sweep};

pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    let shape = Shape::of::<Scenario>();
    if args.schema {
        let schema = schemars::schema_for!(Scenario);
        let text = serde_json::to_string_pretty(&schema).expect("a schema is valid JSON");
        out(&format!("{text}\n"))?;
        return Ok(Exit::Done);
    }
    if args.reference {
        out(&reference_markdown(&shape))?;
        return Ok(Exit::Done);
    }
    let key = args.key.as_deref().unwrap_or("");
    if let Some(code) = find_code(key, &[rules::CODES, sweep::errors::CODES].concat()) {
        out(&format!("{}: {}\n\n{}\n", code.id, code.title, code.text))?;
        return Ok(Exit::Done);
    }
    if let Some(metric) = glossary::find(key) {
        out(&format!("{}\n\n{}\nunit: {}\n", metric.name, metric.text, metric.unit))?;
        return Ok(Exit::Done);
    }
    if let Some(scalar) = scalar::find(key) {
        let better = match scalar.better {
            Better::Higher => ", higher is better",
            Better::Lower => ", lower is better",
            Better::Neither => "",
        };
        out(&format!("{}\n\n{}\nunit: {}{better}\n", scalar.name, scalar.text, scalar.unit))?;
        return Ok(Exit::Done);
    }
    match explain_key(&shape, key) {
        Ok(explanation) => out(&format!("{explanation}"))?,
        Err(nearest) => {
            let help = match nearest.is_empty() {
                true => String::new(),
                false => format!("; did you mean {}?", nearest.join(", ")),
            };
            let message = format!("there is no key, metric or code \"{key}\"{help}");
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    Ok(Exit::Done)
}
