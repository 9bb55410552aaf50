//! One stay at the servers, and many times of one kind.

/// One stay at the servers, in seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stay {
    /// The push begins.
    pub begins: f64,
    /// The push ends.
    pub pushed: f64,
    /// The worker's next pull ends.
    pub ends: f64,
}

/// Times of one part of a stay in the same company.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Their sum, in seconds.
    sum: f64,
    /// The sum of their squares.
    squares: f64,
}

impl Times {
    pub(super) fn add(&mut self, time: f64) {
        self.count += 1;
        self.sum += time;
        self.squares += time * time;
    }

    /// Adds others.
    pub(super) fn merge(&mut self, other: &Times) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// Their mean, in seconds.
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// The standard error of the mean, in seconds, if the times are independent.
    pub fn error(&self) -> f64 {
        let (n, mean) = (self.count as f64, self.mean());
        let variance = (self.squares / n - mean * mean).max(0.0);
        (variance / (n - 1.0).max(1.0)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_mean_shrinks_with_its_number() {
        let mut times = Times::default();
        [1.0, 3.0].iter().for_each(|&time| times.add(time));
        assert_eq!((times.mean(), times.error()), (2.0, 1.0));
    }
}
