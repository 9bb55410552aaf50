//! A fitted cluster as text: a scenario of timing alone that runs as it is, or its table.

use serde::Serialize;

use super::FitError;
use super::predict::timing_alone;
use crate::protocol::ProtocolChoice;
use crate::scenario::Scenario;
use crate::scenario::document::to_toml_without;
use crate::scenario::rules::OF_GRADIENTS;
use crate::scenario::spec::Cluster;

#[derive(Serialize)]
struct Fragment<'a> {
    cluster: &'a Cluster,
}

fn refused(why: &dyn std::fmt::Display) -> FitError {
    FitError::Simulation(why.to_string())
}

/// A whole scenario of `updates` updates with timing alone.
///
/// # Errors
/// If `check` would not accept it.
pub fn whole(cluster: &Cluster, name: &str, updates: u64) -> Result<String, FitError> {
    let mut scenario = timing_alone(cluster, &ProtocolChoice::default(), updates, 1);
    scenario.scenario.name = name.to_string();
    scenario.scenario.title = "a cluster fitted to a log".to_string();
    let idle = [&OF_GRADIENTS[..], &["worker"]].concat();
    let text = to_toml_without(&scenario, &idle).map_err(|error| refused(&error))?;
    Scenario::from_text(&text).map_err(|problems| refused(&problems))?;
    Ok(text)
}

/// The `[cluster]` table alone, for scenarios that train a model.
///
/// # Errors
/// If `check` would not accept it.
pub fn table(cluster: &Cluster) -> Result<String, FitError> {
    let table = toml::Table::try_from(Fragment { cluster })
        .and_then(|table| toml::to_string(&table))
        .map_err(|error| refused(&error))?;
    let whole = format!("timing_only = {{}}\ntrain.stop.updates = 1000\n{table}");
    Scenario::from_text(&whole).map_err(|problems| refused(&problems))?;
    Ok(table)
}
