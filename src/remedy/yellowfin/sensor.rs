//! The sensor of YellowFin's closed loop: the total momentum of a shard's parameters, including
//! that of asynchrony.

use std::collections::VecDeque;

/// Parameters of a shard at some places, at one version.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    version: u64,
    values: Vec<f32>,
}

/// A gradient that was applied, at the same places.
#[derive(Clone, Debug, Default)]
struct Applied {
    /// Version from which it was computed.
    read: u64,
    rate: f64,
    gradient: Vec<f32>,
}

/// The values of a shard at its last versions, and the gradient that waits to be compared with
/// them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sensor {
    past: VecDeque<Snapshot>,
    /// The version whose values are being noted.
    present: Snapshot,
    applied: Applied,
    /// The gradient of the arrival before: by now its parameters' next version is known.
    waiting: Option<Applied>,
}

impl Sensor {
    /// A gradient arrives at version `version`. It was computed from version `read` and will move
    /// the parameters at `rate`; `room` versions are remembered. Returns the momentum measured with
    /// the gradient before the last one.
    pub(super) fn begin(
        &mut self,
        (version, read): (u64, u64),
        rate: f64,
        room: usize,
    ) -> Option<f64> {
        let last = std::mem::take(&mut self.present);
        let fresh = self.past.back().is_none_or(|past| past.version < last.version);
        if !last.values.is_empty() && fresh {
            self.past.push_back(last);
        }
        while self.past.len() > room {
            self.past.pop_front();
        }
        let told = self.waiting.as_ref().and_then(|waiting| self.tell(waiting));
        let before = std::mem::take(&mut self.applied);
        self.waiting = Some(before).filter(|before| !before.gradient.is_empty());
        self.present.version = version;
        self.applied = Applied { read, rate, gradient: Vec::new() };
        told
    }

    /// Notes a parameter and its gradient.
    pub(super) fn note(&mut self, value: f32, gradient: f32) {
        self.present.values.push(value);
        self.applied.gradient.push(gradient);
    }

    /// The median over places of `(x_(r+1) - x_r + rate g(x_r)) / (x_r - x_(r-1))`.
    fn tell(&self, applied: &Applied) -> Option<f64> {
        let r = applied.read;
        let (before, now, after) = (self.at(r.checked_sub(1)?)?, self.at(r)?, self.at(r + 1)?);
        let mut ratios: Vec<f64> = Vec::with_capacity(applied.gradient.len());
        for (i, &g) in applied.gradient.iter().enumerate() {
            let at = |values: &[f32]| values.get(i).map(|&x| f64::from(x));
            let (before, now, after) = (at(before)?, at(now)?, at(after)?);
            let ratio = (after - now + applied.rate * f64::from(g)) / (now - before);
            if ratio.is_finite() {
                ratios.push(ratio);
            }
        }
        median(&mut ratios)
    }

    fn at(&self, version: u64) -> Option<&[f32]> {
        let first = self.past.front()?.version;
        let past = self.past.get(version.checked_sub(first)? as usize)?;
        (past.version == version).then_some(&past.values[..])
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    let (half, odd) = (values.len() / 2, values.len() % 2 == 1);
    if values.is_empty() {
        return None;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    Some(lower.filter(|_| !odd).map_or(upper, |lower| 0.5 * (lower + upper)))
}

crate::persist!(Snapshot { version: state, values: state });
crate::persist!(Applied { read: state, rate: state, gradient: state });
crate::persist!(Sensor { past: state, present: state, applied: state, waiting: state });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, -1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [3.0, -1.0, 2.0, 5.0]), Some(2.5));
    }

    /// Heavy ball with momentum 0.7, without delay: the sensor measures 0.7, two updates later.
    #[test]
    fn momentum_is_told_exactly_where_it_is_the_only_one() {
        let (h, rate, momentum) = (0.5f32, 0.25f32, 0.7f32);
        let (mut x, mut v) = ([1.0f32, -2.0, 0.5], [0.0f32; 3]);
        let mut sensor = Sensor::default();
        for version in 0..12u64 {
            let told = sensor.begin((version, version), f64::from(rate), 8);
            assert_eq!(told.is_some(), version >= 3, "{version}");
            assert!(told.is_none_or(|told| (told - 0.7).abs() < 1e-4), "{told:?}");
            for (x, v) in x.iter_mut().zip(&mut v) {
                let g = h * *x;
                sensor.note(*x, g);
                *v = momentum * *v + g;
                *x -= rate * *v;
            }
        }
    }

    /// A gradient of a version that is no longer remembered gives no measurement.
    #[test]
    fn too_old_is_not_told() {
        let mut sensor = Sensor::default();
        for version in 0..20u64 {
            let read = version.saturating_sub(6);
            assert_eq!(sensor.begin((version, read), 0.1, 4), None);
            sensor.note(version as f32, 1.0);
        }
    }
}
