//! Candidates for the servers of a log, as places in a space that a search can walk through.

use super::overhead::Overhead;
use super::servers::Servers;

/// Numbers of a candidate.
pub(super) const NUMBERS: usize = 6;

/// A place: logarithms, except for the share that is the worker's own.
pub(super) type Place = [f64; NUMBERS];

/// Where each number may be: cores, own share, weight, variation, lone push, lone pull.
const BOUNDS: [(f64, f64); NUMBERS] =
    [(0.0, 4.2), (0.0, 1.0), (-1.6, 3.9), (-4.0, 0.7), (-21.0, 12.0), (-21.0, 12.0)];

/// A place from the parts of a candidate.
pub(super) fn place(cores: f64, own: f64, weight: f64, variation: f64, lone: Overhead) -> Place {
    let [cores, weight, variation] = [cores, weight, variation].map(libm::log);
    let [push, pull] = [lone.push, lone.pull].map(|time| libm::log(time.max(1e-9)));
    within([cores, own, weight, variation, push, pull])
}

/// The nearest place inside the bounds.
pub(super) fn within(mut at: Place) -> Place {
    for (x, (least, most)) in at.iter_mut().zip(BOUNDS) {
        *x = x.clamp(least, most);
    }
    at
}

/// Whether it is inside the bounds.
pub(super) fn is_within(at: &Place) -> bool {
    *at == within(*at)
}

/// The servers there.
pub(super) fn servers(at: &Place) -> Servers {
    let [cores, own, weight, variation, push, pull] = within(*at);
    let [cores, weight, variation, push, pull] =
        [cores, weight, variation, push, pull].map(libm::exp);
    Servers {
        cores,
        push: (1.0 - own) * push,
        pull: (1.0 - own) * pull,
        own_push: own * push,
        own_pull: own * pull,
        weight,
        variation,
    }
}

/// A slight preference, in scores, for few cores, weights that are nearly equal, and service times
/// that vary by a fifth. A number that a log says nothing about stays at what is usual.
pub(super) fn unusual(at: &Place) -> f64 {
    let far = |x: f64, usual: f64, width: f64| ((x - usual) / width) * ((x - usual) / width);
    0.1 * (far(at[0], 0.2, 0.7) + far(at[2], 0.3, 0.7) + far(at[3], -1.6, 0.7))
}
