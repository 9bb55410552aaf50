//! SWAP: a statistic of gradients that is kept whole within a sampling period, and discounted when
//! a period ends.
//!
//! A sum of squares that only grows (Adagrad) brings learning to a stop after weeks of data. A
//! moving average (RMSProp, Adam) forgets by the update: of a million updates a day it knows only
//! the last few thousand. So the order of the examples within a day matters far too much. Here all
//! examples of a period, for example a quarter of a day, weigh the same, and every earlier period
//! weighs `discount` times less.
//!
//! After Liu & Zhao (AAAI 2021), whose text could not be read. DeepRec documents its AdagradDecay
//! with the same words and the same three settings, and comes from the same company: so it is
//! inferred that AdagradDecay is SWAP. What SWAP means for rules other than Adagrad is proposed
//! here.
//!
//! As in DeepRec's test, an update counts itself: with a period of 2 updates the first discount
//! comes before the second update. It is the same on every clock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::power;
use super::{Horizon, Tick};

/// What happens to a row that was not touched while several periods ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// One discount per touch, until it has caught up (DeepRec).
    #[default]
    OnePerTouch,
    /// All discounts that it missed, at its next touch.
    Exact,
}

/// The sampling periods of a rule.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Periods {
    length: Horizon,
    discount: f64,
    catch_up: CatchUp,
}

impl Periods {
    /// Periods of `length`. At the end of each a statistic is multiplied by `discount`.
    pub fn new(length: Horizon, discount: f64, catch_up: CatchUp) -> Periods {
        Periods { length, discount, catch_up }
    }

    /// What the statistic of a row is to be multiplied by before it takes in the gradient of this
    /// update; 1 if nothing is due. `ended` is a slot of the row: the periods that have been
    /// accounted for.
    pub fn due(&self, ended: &mut f32, tick: &Tick) -> f32 {
        let now = self.length.passed(tick.progress).floor();
        let behind = now - f64::from(*ended);
        // NaN: infinitely many periods without length have ended.
        if behind.is_nan() || behind < 1.0 {
            return 1.0;
        }
        match self.catch_up {
            CatchUp::OnePerTouch => {
                *ended += 1.0;
                self.discount as f32
            }
            CatchUp::Exact => {
                *ended = now as f32;
                power(self.discount, behind as u64) as f32
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SimSpan;
    use crate::optimizer::Moment;

    fn tick(updates: u64) -> Tick {
        let progress = Moment { updates, examples: 10 * updates, seconds: updates as f64 / 2.0 };
        Tick { progress, ..Tick::default() }
    }

    /// Factors at touches in the first, the first, the second, the sixth and the sixth period.
    fn factors(length: Horizon, catch_up: CatchUp) -> [f32; 5] {
        let periods = Periods::new(length, 0.5, catch_up);
        let mut ended = 0.0;
        [1, 3, 4, 20, 21].map(|updates| periods.due(&mut ended, &tick(updates)))
    }

    #[test]
    fn a_row_catches_up_at_once_or_touch_by_touch() {
        let lengths =
            [Horizon::Updates(4), Horizon::Examples(40), Horizon::SimTime(SimSpan(2_000_000_000))];
        for length in lengths {
            assert_eq!(factors(length, CatchUp::OnePerTouch), [1.0, 1.0, 0.5, 0.5, 0.5]);
            assert_eq!(factors(length, CatchUp::Exact), [1.0, 1.0, 0.5, 0.0625, 1.0]);
        }
    }

    #[test]
    fn a_period_without_length_is_survived() {
        for (catch_up, first) in [(CatchUp::OnePerTouch, 0.5), (CatchUp::Exact, 0.0)] {
            let found = factors(Horizon::Updates(0), catch_up);
            assert!(found[0] == first && found.iter().all(|factor| factor.is_finite()));
        }
    }
}
