//! FTRL-SWAP: FTRL-proximal whose sums of squares are discounted when a sampling period ends:
//!
//! ```text
//! if a period has ended:  n' = max(discount n, floor), and where w is not 0:
//!     z' = sgn(z) l1 + (z - sgn(z) l1) k(n') / k(n),   k(n) = (beta + sqrt(n)) / rate + l2
//! then as FTRL
//! ```
//!
//! `z` moves with `n` so that the discount itself leaves the weights as they are; a weight of zero
//! keeps its `z`. Reconstructed: an extension of [`swap`](super::swap) with no published
//! counterpart. The number of discounts is a slot of every row and dense block. With a discount of
//! 1 it is `ftrl`, bit by bit.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ftrl::{self, Ftrl};
use super::swap::{CatchUp, Periods};
use super::{Horizon, Optimizer, OptimizerConfig, OptimizerFacts, Per, Slot, Tick};

/// Configuration of `kind = "ftrl_swap"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it shares with FTRL.
    #[serde(flatten)]
    pub ftrl: ftrl::Config,
    /// What the sum of squares is multiplied by when a period ends; 1 never forgets.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Length of a sampling period.
    pub period: Horizon,
    /// No discount takes the sum of squares below this.
    #[schemars(range(min = 0.0))]
    pub floor: f64,
    /// What happens to a row that was not touched while several periods ended.
    pub catch_up: CatchUp,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            ftrl: ftrl::Config::default(),
            discount: 0.9,
            period: Horizon::Updates(100_000),
            floor: 0.1,
            catch_up: CatchUp::OnePerTouch,
        }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        let ftrl = Ftrl::new(&self.ftrl);
        let &[z, n, rate] = ftrl.slots() else { unreachable!("FTRL has three slots") };
        Arc::new(FtrlSwap {
            ftrl,
            slots: [z, n, rate, Slot { name: "periods", init: 0.0, per: Per::Row }],
            periods: Periods::new(self.period, self.discount, self.catch_up),
            floor: self.floor as f32,
        })
    }

    fn learning_rate(&self) -> f64 {
        self.ftrl.learning_rate
    }

    fn facts(&self) -> OptimizerFacts {
        OptimizerFacts { period: Some(self.period), ..self.ftrl.facts() }
    }
}

/// FTRL-proximal with a discount per sampling period.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FtrlSwap {
    ftrl: Ftrl,
    slots: [Slot; 4],
    periods: Periods,
    floor: f32,
}

impl Optimizer for FtrlSwap {
    fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let (periods, slots) = slots.split_last_mut().expect("its own slot is the last");
        let factor = self.periods.due(periods, tick);
        if factor != 1.0 {
            self.ftrl.discount(weights, slots, factor, self.floor);
        }
        self.ftrl.update(weights, slots, gradient, tick);
    }
}
