//! The settings of a generated log, their limits, and the errors when they cannot be met.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data::error::DataError;

/// Most examples that a generated log may have.
pub const MAX_ROWS: u64 = 1_000_000_000;
/// Most item ids that may exist over the whole log.
pub const MAX_ITEM_IDS: u64 = 100_000_000;
/// Most categories.
pub(super) const MAX_CATEGORIES: u32 = 60_000;

/// A generated e-commerce search log with a known ground truth.
///
/// Two settings determine the size of the *one-epoch effect* (quality falls at the start of the
/// second pass because the network has adapted to memorised embedding rows): impressions per user,
/// which is `days x rows_per_day / users`, and `items`. With about 100 impressions per user it is
/// small, with 20 or fewer it is clear. The three half-lives and `item_churn_per_day` determine how
/// much a stale model loses.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of days in the log.
    #[schemars(range(min = 1, max = 10_000))]
    pub days: u32,
    /// Impressions per day; one row is one item shown, with its click label. At most 10^9 rows in
    /// the whole log.
    #[schemars(range(min = 100, max = 1_000_000_000))]
    pub rows_per_day: u64,
    /// Number of users. Fewer impressions per user make the one-epoch effect larger.
    #[schemars(range(min = 1, max = 20_000_000))]
    pub users: u32,
    /// Number of items on offer at any time, distributed evenly over the categories.
    #[schemars(range(min = 2, max = 20_000_000))]
    pub items: u32,
    /// Number of categories, at most the number of items.
    #[schemars(range(min = 2, max = 60_000))]
    pub categories: u32,
    /// Number of brands.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub brands: u32,
    /// Items shown in one search session, one below the other; the session is the group of the
    /// session AUC.
    #[schemars(range(min = 1, max = 200))]
    pub impressions_per_session: u32,
    /// Longest history: the user's most recent events before the day, the input of attention.
    /// 0 = a log without histories.
    #[schemars(range(min = 0, max = 512))]
    pub history_length: u32,
    /// Share of impressions of a session that come from the category searched for.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub session_focus: f64,
    /// Share of impressions that are clicked, over the whole log.
    #[schemars(range(min = 0.001, max = 0.9))]
    pub click_rate: f64,
    /// AUC of the true click probabilities: the best that any model can reach. All effects together
    /// are scaled to this value, so that seeds are comparable.
    #[schemars(range(min = 0.51, max = 0.99))]
    pub target_bayes_auc: f64,
    /// Share of labels that are replaced by a draw at `click_rate`, independent of the shown item.
    /// The target AUC is met with the noise included.
    #[schemars(range(min = 0.0, max = 0.9))]
    pub label_noise: f64,
    /// Share of the items on offer that are replaced by new ones per day.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub item_churn_per_day: f64,
    /// Days after which the autocorrelation of a user's taste has fallen to one half. A large number
    /// stops the drift.
    #[schemars(range(min = 0.05, max = 1_000_000.0))]
    pub taste_half_life_days: f64,
    /// Days after which the autocorrelation of an item's quality has fallen to one half. A large number
    /// stops the drift.
    #[schemars(range(min = 0.05, max = 1_000_000.0))]
    pub quality_half_life_days: f64,
    /// Days after which the autocorrelation of a category's trend has fallen to one half. A large number
    /// stops the drift.
    #[schemars(range(min = 0.05, max = 1_000_000.0))]
    pub trend_half_life_days: f64,
    /// Standard deviation between days of the base rate, in units of the logit; 0.4 is a log with
    /// sales campaigns.
    #[schemars(range(min = 0.0, max = 3.0))]
    pub day_rate_deviation: f64,
    /// Inequality of the users: activity falls with rank r as (r + 10)^-exponent.
    #[schemars(range(min = 0.0, max = 3.0))]
    pub user_exponent: f64,
    /// Inequality of the items of a category: popularity falls with rank r as r^-exponent.
    #[schemars(range(min = 0.0, max = 3.0))]
    pub item_exponent: f64,
    /// Relative strength of the effects on a click.
    pub weights: Weights,
}

/// Relative strength of the effects in the true click logit. Only proportions matter: the sum is
/// scaled to `target_bayes_auc`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// The user's lasting taste times the item's character.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub taste: f64,
    /// The item's own quality, which drifts.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub quality: f64,
    /// The brand's appeal.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub brand: f64,
    /// Similarity of the item to the user's recent events of the same category.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub history: f64,
    /// Loss of attention down the page.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub position: f64,
    /// The category's trend, which drifts fast.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub trend: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            days: 14,
            rows_per_day: 40_800,
            users: 10_000,
            items: 2_000,
            categories: 30,
            brands: 200,
            impressions_per_session: 12,
            history_length: 8,
            session_focus: 0.85,
            click_rate: 0.12,
            target_bayes_auc: 0.87,
            label_noise: 0.0,
            item_churn_per_day: 0.02,
            taste_half_life_days: 20.0,
            quality_half_life_days: 10.0,
            trend_half_life_days: 3.0,
            day_rate_deviation: 0.0,
            user_exponent: 0.7,
            item_exponent: 1.0,
            weights: Weights::default(),
        }
    }
}

impl Default for Weights {
    fn default() -> Weights {
        Weights { taste: 0.8, quality: 0.8, brand: 0.6, history: 0.6, position: 0.8, trend: 0.4 }
    }
}

/// Why a log cannot be generated.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum SyntheticError {
    /// A number outside its range.
    #[error("synthetic log: {key} = {value} is outside of {min} to {max}")]
    OutOfRange {
        /// The key in the scenario file.
        key: &'static str,
        /// The given value.
        value: f64,
        /// Smallest value allowed.
        min: f64,
        /// Largest value allowed.
        max: f64,
    },
    /// `days x rows_per_day` is too large.
    #[error(
        "synthetic log: {days} days of {rows_per_day} rows are more than {MAX_ROWS} rows; \
         use fewer days or a smaller rows_per_day"
    )]
    TooManyRows {
        /// The number of days.
        days: u32,
        /// The number of rows per day.
        rows_per_day: u64,
    },
    /// Churn would create too many items.
    #[error(
        "synthetic log: {ids} items would exist over the whole log, more than {MAX_ITEM_IDS}; \
         use fewer items, fewer days or a smaller item_churn_per_day"
    )]
    TooManyItems {
        /// Item ids over all days.
        ids: u64,
    },
    /// A category would be empty.
    #[error(
        "synthetic log: {items} items cannot fill {categories} categories; \
         items must be at least as many as categories"
    )]
    EmptyCategories {
        /// Items on offer.
        items: u32,
        /// The number of categories.
        categories: u32,
    },
    /// No strength of the effects gives the target AUC.
    #[error(
        "synthetic log: target_bayes_auc = {target} cannot be met: with these weights, \
         day_rate_deviation and label_noise it can lie between {low:.3} and {high:.3}"
    )]
    AucOutOfReach {
        /// The target.
        target: f64,
        /// Bayes AUC when the effects vanish.
        low: f64,
        /// Bayes AUC when the effects decide everything.
        high: f64,
    },
}

impl From<SyntheticError> for DataError {
    fn from(error: SyntheticError) -> DataError {
        DataError::Refused(Box::new(error))
    }
}

impl Config {
    /// Checks every number against its range and the combinations against the limits.
    ///
    /// # Errors
    /// The first error found; [`SyntheticError::AucOutOfReach`] is found later, when the log is
    /// built.
    pub fn check(&self) -> Result<(), SyntheticError> {
        for (key, value, min, max) in self.ranges() {
            if !(min..=max).contains(&value) {
                return Err(SyntheticError::OutOfRange { key, value, min, max });
            }
        }
        if self.rows() > MAX_ROWS {
            return Err(SyntheticError::TooManyRows {
                days: self.days,
                rows_per_day: self.rows_per_day,
            });
        }
        if self.items < self.categories {
            return Err(SyntheticError::EmptyCategories {
                items: self.items,
                categories: self.categories,
            });
        }
        if self.item_ids() > MAX_ITEM_IDS {
            return Err(SyntheticError::TooManyItems { ids: self.item_ids() });
        }
        Ok(())
    }

    /// Examples in the whole log.
    pub fn rows(&self) -> u64 {
        u64::from(self.days).saturating_mul(self.rows_per_day)
    }

    /// Sessions per day; the last one of a day may be shorter.
    pub fn sessions_per_day(&self) -> u64 {
        self.rows_per_day.div_ceil(u64::from(self.impressions_per_session))
    }

    /// Items that were replaced before a day (0-based) began.
    pub(super) fn replacements_before(&self, day: u32) -> u64 {
        (f64::from(self.items) * self.item_churn_per_day * f64::from(day)) as u64
    }

    /// Items that exist at some time of the log: the size of the item id space.
    pub fn item_ids(&self) -> u64 {
        u64::from(self.items) + self.replacements_before(self.days.saturating_sub(1))
    }

    /// Key, value, smallest and largest allowed value of every number.
    fn ranges(&self) -> [(&'static str, f64, f64, f64); 25] {
        let half_life = |key, days| (key, days, 0.05, 1e6);
        let weight = |key, value| (key, value, 0.0, 10.0);
        [
            ("days", f64::from(self.days), 1.0, 1e4),
            ("rows_per_day", self.rows_per_day as f64, 100.0, 1e9),
            ("users", f64::from(self.users), 1.0, 2e7),
            ("items", f64::from(self.items), 2.0, 2e7),
            ("categories", f64::from(self.categories), 2.0, f64::from(MAX_CATEGORIES)),
            ("brands", f64::from(self.brands), 1.0, 1e6),
            ("impressions_per_session", f64::from(self.impressions_per_session), 1.0, 200.0),
            ("history_length", f64::from(self.history_length), 0.0, 512.0),
            ("session_focus", self.session_focus, 0.0, 1.0),
            ("click_rate", self.click_rate, 0.001, 0.9),
            ("target_bayes_auc", self.target_bayes_auc, 0.51, 0.99),
            ("label_noise", self.label_noise, 0.0, 0.9),
            ("item_churn_per_day", self.item_churn_per_day, 0.0, 1.0),
            half_life("taste_half_life_days", self.taste_half_life_days),
            half_life("quality_half_life_days", self.quality_half_life_days),
            half_life("trend_half_life_days", self.trend_half_life_days),
            ("day_rate_deviation", self.day_rate_deviation, 0.0, 3.0),
            ("user_exponent", self.user_exponent, 0.0, 3.0),
            ("item_exponent", self.item_exponent, 0.0, 3.0),
            weight("weights.taste", self.weights.taste),
            weight("weights.quality", self.weights.quality),
            weight("weights.brand", self.weights.brand),
            weight("weights.history", self.weights.history),
            weight("weights.position", self.weights.position),
            weight("weights.trend", self.weights.trend),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ranges exist twice, in the schema for editors and in `ranges` for the library; they
    /// agree.
    #[test]
    fn ranges_agree_with_the_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
        for (key, _, min, max) in Config::default().ranges() {
            let property = match key.strip_prefix("weights.") {
                Some(weight) => &schema["$defs"]["Weights"]["properties"][weight],
                None => &schema["properties"][key],
            };
            assert_eq!(property["minimum"].as_f64(), Some(min), "{key}");
            assert_eq!(property["maximum"].as_f64(), Some(max), "{key}");
        }
        let keys = schema["properties"].as_object().unwrap().len() - 1;
        let weights = schema["$defs"]["Weights"]["properties"].as_object().unwrap().len();
        assert_eq!(keys + weights, Config::default().ranges().len());
    }

    #[test]
    fn limits_name_the_key_and_the_way_out() {
        let error = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            error(|c| c.click_rate = f64::NAN),
            "synthetic log: click_rate = NaN is outside of 0.001 to 0.9"
        );
        assert!(error(|c| c.rows_per_day = 900_000_000).contains("smaller rows_per_day"));
        assert!(error(|c| c.items = 20).contains("cannot fill 30 categories"));
        assert!(error(|c| (c.items, c.days) = (20_000_000, 400)).contains("fewer items"));
        assert!(error(|c| c.weights.trend = -1.0).contains("weights.trend"));
        assert_eq!(Config::default().check(), Ok(()));
    }
}
