//! The daily schedule: a window that moves on by a day, and a model that is refreshed with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::stage::{Stage, StageSettings};
use crate::sim::{Restart, Stop};

/// One stage per day. Each stage trains on the last days up to its own and starts from the model
/// that serves. The new model and the serving model are then evaluated on the same later day.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Daily {
    /// The last training day of the first stage, which starts at random and trains as `train.stop`
    /// says.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub first: u32,
    /// Number of stages.
    #[schemars(range(min = 1, max = 1_000))]
    pub days: u32,
    /// Days that each stage trains on: its own, the newest, and those before it.
    #[schemars(range(min = 1))]
    pub window: u32,
    /// Each stage is evaluated on the day this many days after its own. With 1, the model that serves
    /// is evaluated on every day before it is trained on it (prequential evaluation).
    #[schemars(range(min = 1, max = 365))]
    pub ahead: u32,
    /// When a stage after the first ends.
    pub stop: Stop,
    /// What becomes of each part of the model that a stage starts from.
    pub restart: Restart,
    /// Which model serves from then on. The next day starts from it.
    pub push: ServingRule,
    /// Every stage starts at random instead, and trains as `train.stop` says: the control.
    pub scratch: bool,
}

/// Which model serves after a stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Push")]
pub enum ServingRule {
    /// The new one, at its best step.
    #[default]
    Always,
    /// The new one, if its AUC on the reporting half is above that of the one before it on the same
    /// day. If not, the one before.
    IfBetter,
}

impl Default for Daily {
    fn default() -> Daily {
        Daily {
            first: 11,
            days: 2,
            window: 11,
            ahead: 2,
            stop: Stop { passes: Some(1.0), ..Stop::default() },
            restart: Restart::default(),
            push: ServingRule::default(),
            scratch: false,
        }
    }
}

impl Daily {
    /// The stages.
    pub fn stages(&self) -> Vec<Stage> {
        (self.first..self.first.saturating_add(self.days)).map(|day| self.stage(day)).collect()
    }

    fn stage(&self, day: u32) -> Stage {
        let oldest = (day + 1).saturating_sub(self.window).max(1);
        let days = if oldest == day { day.to_string() } else { format!("{oldest}..{day}") };
        let mut set = json!({
            "train": {"days": days},
            "holdout": {"days": day.saturating_add(self.ahead).to_string()},
        });
        if day > self.first && !self.scratch {
            let which = match self.push {
                ServingRule::Always => "best",
                ServingRule::IfBetter => "serving",
            };
            let from = format!("stage:{}@{which}", name(day - 1));
            set["start"] = json!({"from": from, "restart": self.restart});
            set["train"]["stop"] = json!(self.stop);
        }
        let Value::Object(set) = set else { unreachable!("it was made as an object") };
        Stage { name: name(day), set: StageSettings(set.into_iter().collect()) }
    }
}

fn name(day: u32) -> String {
    format!("day-{day:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_on_and_each_day_starts_from_the_one_before() {
        let daily = Daily { first: 3, days: 3, window: 3, ..Daily::default() };
        let stages = daily.stages();
        assert_eq!(stages.len(), 3);
        assert_eq!(stages[0].set.0["train"]["days"], "1..3");
        assert!(!stages[0].set.0.contains_key("start"));
        assert_eq!(stages[2].name, "day-005");
        assert_eq!(stages[2].set.0["train"]["days"], "3..5");
        assert_eq!(stages[2].set.0["holdout"]["days"], "7");
        assert_eq!(stages[2].set.0["start"]["from"], "stage:day-004@best");
        let careful = Daily { push: ServingRule::IfBetter, window: 1, ..daily.clone() };
        assert_eq!(careful.stages()[1].set.0["start"]["from"], "stage:day-003@serving");
        assert_eq!(careful.stages()[1].set.0["train"]["days"], "4");
        let scratch = Daily { scratch: true, ..daily };
        let plain = |stage: &Stage| {
            !stage.set.0.contains_key("start") && stage.set.0["train"]["stop"].is_null()
        };
        assert!(scratch.stages().iter().all(plain));
    }
}
