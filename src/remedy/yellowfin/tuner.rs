//! The tuner of YellowFin: learning rate and momentum from the norms of gradients.

use std::collections::VecDeque;

/// Least variance of the gradient, as in the released code.
const LEAST_VARIANCE: f64 = 1e-6;

/// Halvings of the interval that holds the root: enough for all digits.
const HALVINGS: u32 = 60;

/// Windows over which the learning rate rises to its full value.
const SLOW_START: f64 = 10.0;

/// A moving average, corrected for its start at zero.
#[derive(Clone, Copy, Debug, Default)]
struct MovingAverage {
    sum: f64,
    weight: f64,
}

impl MovingAverage {
    fn add(&mut self, keep: f64, value: f64) {
        self.sum = keep * self.sum + (1.0 - keep) * value;
        self.weight = keep * self.weight + (1.0 - keep);
    }

    fn value(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }
}

/// The statistics of a shard's gradients, and the rate and momentum that follow from them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tuner {
    keep: f64,
    window: usize,
    /// Logarithms of the last squared norms.
    recent: VecDeque<f64>,
    least: MovingAverage,
    largest: MovingAverage,
    norm: MovingAverage,
    square: MovingAverage,
    distance: MovingAverage,
    /// Gradients so far.
    count: u64,
    /// Learning rate now.
    pub(super) rate: f64,
    /// The tuned momentum now.
    pub(super) momentum: f64,
}

impl Tuner {
    pub(super) fn new(keep: f64, window: usize, rate: f64, momentum: f64) -> Tuner {
        Tuner {
            keep,
            window: window.max(1),
            recent: VecDeque::new(),
            least: MovingAverage::default(),
            largest: MovingAverage::default(),
            norm: MovingAverage::default(),
            square: MovingAverage::default(),
            distance: MovingAverage::default(),
            count: 0,
            rate,
            momentum,
        }
    }

    /// The root of the largest curvature so far, if there was a gradient.
    pub(super) fn largest_norm(&self) -> Option<f64> {
        (self.count > 0).then(|| libm::exp(0.5 * self.largest.value()))
    }

    /// Takes in a gradient of this norm. With it, the mean gradient has the squared norm
    /// `mean_square`. Gradients of norm zero or without a finite norm are skipped.
    pub(super) fn learn(&mut self, norm: f64, mean_square: f64) {
        if !(norm > 0.0 && norm.is_finite()) {
            return;
        }
        let square = norm * norm;
        if self.recent.len() == self.window {
            self.recent.pop_front();
        }
        self.recent.push_back(libm::log(square.max(f64::MIN_POSITIVE)));
        let fold = |pick: fn(f64, f64) -> f64, first| self.recent.iter().copied().fold(first, pick);
        let (least, largest) = (fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY));
        self.least.add(self.keep, least);
        self.largest.add(self.keep, largest);
        self.square.add(self.keep, square);
        self.norm.add(self.keep, norm);
        self.distance.add(self.keep, self.norm.value() / self.square.value());
        self.count += 1;
        if self.count > 1 {
            let variance = (self.square.value() - mean_square).max(LEAST_VARIANCE);
            self.tune(variance);
        }
    }

    fn tune(&mut self, variance: f64) {
        let (least, largest) = (libm::exp(self.least.value()), libm::exp(self.largest.value()));
        let distance = self.distance.value();
        let root = single_step(distance * distance * least * least / (2.0 * variance));
        let range = (largest / least).sqrt();
        let robust = (range - 1.0) / (range + 1.0);
        let momentum = (root * root).max(robust * robust);
        let away = 1.0 - momentum.sqrt();
        let slow = (self.count as f64 / (SLOW_START * self.window as f64)).min(1.0);
        let rate = slow * away * away / least;
        self.momentum = self.keep * self.momentum + (1.0 - self.keep) * momentum;
        self.rate = self.keep * self.rate + (1.0 - self.keep) * rate;
    }
}

/// The root in `(0, 1)` of `(1 - x)^3 = p x`, for `p > 0`. It is the square root of the momentum
/// that leaves the least distance and variance after a step.
fn single_step(p: f64) -> f64 {
    let (mut low, mut high) = (0.0f64, 1.0f64);
    for _ in 0..HALVINGS {
        let x = 0.5 * (low + high);
        let rest = 1.0 - x;
        if rest * rest * rest > p * x { low = x } else { high = x }
    }
    0.5 * (low + high)
}

crate::persist!(MovingAverage { sum: state, weight: state });
crate::persist!(Tuner {
    keep: state,
    window: state,
    recent: state,
    least: state,
    largest: state,
    norm: state,
    square: state,
    distance: state,
    count: state,
    rate: state,
    momentum: state
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_solves_the_cubic() {
        // (1 - 1/2)^3 = 1/8 = (1/4) (1/2).
        assert!((single_step(0.25) - 0.5).abs() < 1e-14);
        for p in [1e-12, 1e-3, 0.7, 30.0, 1e9] {
            let x = single_step(p);
            assert!(((1.0 - x).powi(3) - p * x).abs() < 1e-12 * p.max(1.0), "{p}: {x}");
        }
    }

    /// Two gradients of norms 1 and 2 along one axis; averages keep half of their old value.
    #[test]
    fn two_gradients_by_hand() {
        let mut tuner = Tuner::new(0.5, 20, 0.1, 0.0);
        tuner.learn(1.0, 1.0);
        assert_eq!((tuner.rate, tuner.momentum), (0.1, 0.0));
        assert_eq!(tuner.largest_norm(), Some(1.0));
        // Means with weights 1/3 and 2/3: norm 5/3, square 3, gradient 5/3.
        tuner.learn(2.0, 25.0 / 9.0);
        let (variance, least, largest) = (3.0 - 25.0 / 9.0, 1.0, 4f64.powf(2.0 / 3.0));
        let distance: f64 = 1.0 / 3.0 + 2.0 / 3.0 * (5.0 / 9.0);
        let x = single_step(distance * distance * least * least / 2.0 / variance);
        let robust: f64 = (f64::sqrt(largest) - 1.0) / (f64::sqrt(largest) + 1.0);
        let momentum = (x * x).max(robust * robust);
        assert!((tuner.momentum - 0.5 * momentum).abs() < 1e-12);
        let rate = 2.0 / 200.0 * (1.0 - momentum.sqrt()).powi(2);
        assert!((tuner.rate - (0.05 + 0.5 * rate)).abs() < 1e-12);
        assert!((tuner.largest_norm().unwrap() - largest.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn gradients_of_nothing_are_passed_over() {
        let mut tuner = Tuner::new(0.9, 5, 0.1, 0.2);
        for norm in [0.0, f64::NAN, f64::INFINITY] {
            tuner.learn(norm, 0.0);
        }
        assert_eq!((tuner.rate, tuner.momentum, tuner.count), (0.1, 0.2, 0));
    }
}
