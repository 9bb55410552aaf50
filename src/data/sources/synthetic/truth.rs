//! The ground truth: why a shown item is clicked, and with which probability.

use super::calibrate::Calibration;
use super::config::{Config, Weights};
use super::draws::{Draws, FACTORS, dot};
use super::drift::{Course, Drift};
use super::logistic::logistic;
use super::session::{Session, World};
use super::shop::Item;
use crate::base::{Purpose, Streams};

/// Distinguishes drifting categories from drifting users and items in the name of a draw.
const CATEGORY_DRIFT: u64 = 2 << 40;

/// The effects behind a click.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    weights: Weights,
    quality: Drift,
    trend: Drift,
    /// The trend of each category.
    trends: Vec<Course>,
    /// Appeal of each brand.
    brands: Vec<f32>,
    /// Attention at each position: mean 0 and variance 1 over the page.
    positions: Vec<f64>,
    /// Weight of each event of the history, the newest first; they add up to one.
    recency: Vec<f32>,
    /// Base rate of each day, as a difference of logits.
    days: Vec<f64>,
    noise: f64,
    click_rate: f64,
}

impl Truth {
    /// The truth of a configuration, before it is scaled.
    pub(super) fn new(config: &Config, streams: Streams, world: &World) -> Truth {
        let normal = world.shop().normal();
        let appeal = |brand: u32| normal.one(streams.key(Purpose::Category, u64::from(brand), 1));
        let trend = |category: u32| {
            let name = CATEGORY_DRIFT | u64::from(category);
            let mut draws = Draws::new(streams.key(Purpose::Drift, name, 0));
            Course { phase: draws.unit(), knots: draws }
        };
        let day = |day: u32| {
            let z = normal.one(streams.key(Purpose::Day, u64::from(day), 0));
            f64::from(z) * config.day_rate_deviation
        };
        Truth {
            weights: config.weights.clone(),
            quality: Drift::new(config.quality_half_life_days),
            trend: Drift::new(config.trend_half_life_days),
            trends: (0..config.categories).map(trend).collect(),
            brands: (0..config.brands).map(appeal).collect(),
            positions: position_effects(config.impressions_per_session),
            recency: recency_weights(config.history_length),
            days: (0..config.days).map(day).collect(),
            noise: config.label_noise,
            click_rate: config.click_rate,
        }
    }

    /// Computes the values that many items of an entered session share.
    pub(super) fn enter(&self, world: &World, session: &mut Session) {
        session.trend = self.trend_of(world, session.category, session.time);
    }

    fn trend_of(&self, world: &World, category: u32, time: f64) -> f32 {
        self.trend.value(&self.trends[category as usize], time, world.shop().normal())
    }

    /// The sum of all effects on the click on `item` at `position`, before scaling.
    pub(super) fn effects(
        &self,
        world: &World,
        session: &Session,
        item: &Item,
        position: u32,
    ) -> f64 {
        let normal = world.shop().normal();
        let per_factor = 1.0 / (FACTORS as f64).sqrt();
        let trend = if item.category == session.category {
            session.trend
        } else {
            self.trend_of(world, item.category, session.time)
        };
        let w = &self.weights;
        w.taste * per_factor * f64::from(dot(&session.taste, &item.character))
            + w.history * per_factor * f64::from(self.interest(world, session, item))
            + w.quality * f64::from(self.quality.value(&item.quality, session.time, normal))
            + w.brand * f64::from(self.brands[item.brand as usize])
            + w.position * self.positions[position as usize]
            + w.trend * f64::from(trend)
    }

    /// Base rate of a 0-based day, as a difference of logits.
    pub(super) fn day_shift(&self, day: u32) -> f64 {
        self.days[day as usize]
    }

    /// The click probability, given the sum of effects.
    pub(super) fn probability(&self, effects: f64, day: u32, calibration: Calibration) -> f64 {
        let logit = calibration.scale * effects + calibration.shift + self.day_shift(day);
        let p = logistic(logit);
        p + self.noise * (self.click_rate - p)
    }

    /// Similarity of an item to the user's recent events of the same category, with the largest
    /// weight for the newest: an attention over the history can learn it and a sum over it cannot.
    fn interest(&self, world: &World, session: &Session, item: &Item) -> f32 {
        let mut sum = 0.0;
        for (event, weight) in session.events.iter().zip(&self.recency) {
            if event.category == item.category {
                let likeness = |past: &Item| dot(&past.character, &item.character);
                sum += weight * world.shop().item(event.item, likeness);
            }
        }
        sum
    }
}

/// Attention falls with the logarithm of the position; scaled to mean 0 and variance 1.
fn position_effects(impressions: u32) -> Vec<f64> {
    let raw: Vec<f64> =
        (0..impressions).map(|position| -libm::log(f64::from(position) + 1.0)).collect();
    let n = raw.len() as f64;
    let mean = raw.iter().sum::<f64>() / n;
    let variance = raw.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let scale = if variance > 0.0 { 1.0 / variance.sqrt() } else { 0.0 };
    raw.iter().map(|x| (x - mean) * scale).collect()
}

/// Weights 1, 1/2, 1/3, ... scaled to add up to one.
fn recency_weights(length: u32) -> Vec<f32> {
    let raw: Vec<f64> = (1..=length).map(|rank| 1.0 / f64::from(rank)).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|w| (w / total) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_standardised_and_fall() {
        let effects = position_effects(12);
        let mean = effects.iter().sum::<f64>() / 12.0;
        let variance = effects.iter().map(|x| x * x).sum::<f64>() / 12.0;
        assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12);
        assert!(effects.is_sorted_by(|a, b| a > b));
        assert_eq!(position_effects(1), [0.0]);
    }

    /// Measured on the generated values themselves: items' quality over many items.
    #[test]
    fn quality_keeps_half_of_itself_after_a_half_life() {
        let config = Config { items: 20_000, item_churn_per_day: 0.0, ..Config::default() };
        let streams = Streams::new(11);
        let world = World::new(&config, streams);
        let truth = Truth::new(&config, streams, &world);
        let correlation = |lag: f64| {
            let (mut product, mut square) = (0.0, 0.0);
            for id in 0..20_000u32 {
                let item = world.shop().item(id, Item::clone);
                let normal = world.shop().normal();
                let at = |time| f64::from(truth.quality.value(&item.quality, time, normal));
                product += at(2.0) * at(2.0 + lag);
                square += at(2.0) * at(2.0);
            }
            product / square
        };
        assert!((correlation(10.0) - 0.5).abs() < 0.03, "{}", correlation(10.0));
        assert!(correlation(1.0) > 0.95);
        assert!(correlation(40.0).abs() < 0.03);
    }
}
