//! The search for the servers whose simulation comes closest to one or several logs.
//!
//! Candidates are simulated with the same seeds, so their results differ only because of their
//! parts. A rough grid finds where to begin; from its best places a simplex goes downhill. Then
//! walkers fill the region of all candidates that the logs do not tell apart.

use std::path::Path;

use super::candidate::{Place, place, servers, unusual, within};
use super::ensemble::{Walkers, round};
use super::overhead::Overhead;
use super::score::{Case, TERMS, score};
use super::servers::Servers;
use super::simplex::minimise;
use super::stay::Stay;
use super::stays::drift;
use super::{FitError, FittedServers};

/// Steps that each candidate of the grid is simulated for, per log.
const STEPS: usize = 4_000;
/// The number of steps when the best candidates are compared.
const MORE_STEPS: usize = 12_000;
/// Steps that are simulated for each step of a log, at most: chance in the log counts for more.
const TIMES: usize = 12;
/// Places of the grid from which a simplex goes downhill, and how many candidates it tries.
const DESCENTS: usize = 2;
const TRIED: usize = 90;
/// Walkers, and how often they move; the first third does not count.
const WALKERS: usize = 16;
const ROUNDS: u64 = 18;
/// The model is not the truth: servers that are one tolerance further off are no less likely than
/// one standard error makes them.
const MODEL: f64 = 1.0;

const CORES: [f64; 4] = [1.0, 1.3, 1.7, 2.5];
const OWN_SHARES: [f64; 2] = [0.0, 0.3];
const WEIGHTS: [f64; 3] = [1.0, 1.7, 3.0];
const VARIATIONS: [f64; 3] = [0.1, 0.2, 0.4];

/// A search over the logs of one job.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) cases: &'a [Case],
    /// The stays of each log.
    pub(super) stays: &'a [Vec<Stay>],
    /// Cores, if they are known.
    pub(super) cores: Option<f64>,
    /// Whether what does as well is looked for too.
    pub(super) ranges: bool,
    pub(super) folder: &'a Path,
}

impl Search<'_> {
    pub(super) fn run(&self) -> Result<FittedServers, FitError> {
        let mut grid = self.grid()?;
        grid.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut best: Option<(Place, f64)> = None;
        for (at, _) in grid.iter().take(DESCENTS) {
            let sizes = [0.15, 0.15, 0.3, 0.3, 0.1, 0.1];
            let found = minimise(|at| self.score(at, MORE_STEPS), at, &sizes, TRIED)?;
            if best.is_none_or(|(_, least)| found.1 < least) {
                best = Some(found);
            }
        }
        let (at, least) = best.expect("the grid is not empty");
        let at = self.fixed(at);
        let best = servers(&at);
        if !self.ranges {
            let (likely, members) = (vec![best], vec![best]);
            return Ok(FittedServers { best, score: least, likely, members, drift: self.drift() });
        }
        let mut chance = 0.0;
        for case in self.cases {
            chance += case.chance(&best, MORE_STEPS, self.folder)?;
        }
        // Chance in the log, and what no servers explain: both blur the score.
        let blur = (chance / self.cases.len() as f64 + least) / TERMS as f64 + MODEL;
        let mut walkers: Walkers = vec![(at, least)];
        for (at, _) in grid.iter().take(WALKERS - 1) {
            walkers.push((*at, self.score(at, MORE_STEPS)?));
        }
        let mut likely = Vec::new();
        for number in 0..ROUNDS {
            round(&mut walkers, number, blur, |at| self.score(at, MORE_STEPS))?;
            if number >= ROUNDS / 3 {
                likely.extend(walkers.iter().copied());
            }
        }
        // A walker that has not found the region yet is not in it.
        let far = least + 12.0 * blur;
        let inside = |list: &[(Place, f64)]| -> Vec<Servers> {
            let near = list.iter().filter(|(_, score)| *score < far);
            near.map(|(at, _)| servers(&self.fixed(*at))).collect()
        };
        let mut members = inside(&walkers);
        if members.is_empty() {
            members.push(best);
        }
        let (likely, drift) = (inside(&likely), self.drift());
        Ok(FittedServers { best, score: least, likely, members, drift })
    }

    /// By which share the speed of the servers wanders, the root mean square over the logs.
    fn drift(&self) -> f64 {
        let squares = self.stays.iter().map(|stays| drift(stays) * drift(stays));
        (squares.sum::<f64>() / self.stays.len() as f64).sqrt()
    }

    /// The place with the known number of cores.
    fn fixed(&self, mut at: Place) -> Place {
        if let Some(cores) = self.cores {
            at[0] = libm::log(cores);
        }
        within(at)
    }

    /// The mean score of a candidate over the logs.
    fn score(&self, at: &Place, steps: usize) -> Result<f64, FitError> {
        let at = self.fixed(*at);
        let servers = servers(&at);
        let mut sum = 0.0;
        for case in self.cases {
            let steps = steps.min(TIMES * case.steps);
            sum += score(&case.simulate(&servers, steps, self.folder)?, &case.logged);
        }
        Ok(sum / self.cases.len() as f64 + unusual(&at))
    }

    /// Candidates all over the space, each with the right throughput.
    fn grid(&self) -> Result<Vec<(Place, f64)>, FitError> {
        let mut grid = Vec::new();
        for cores in self.cores.map_or(CORES.to_vec(), |cores| vec![cores]) {
            let lone = self.lone(cores);
            for own in OWN_SHARES {
                for weight in WEIGHTS {
                    for variation in VARIATIONS {
                        let lone = self.calibrated(lone, |lone| {
                            servers(&place(cores, own, weight, variation, lone))
                        })?;
                        let at = place(cores, own, weight, variation, lone);
                        grid.push((at, self.score(&at, STEPS)?));
                    }
                }
            }
        }
        Ok(grid)
    }

    /// The mean cost of a step over the logs, if it is alone at so many cores.
    fn lone(&self, cores: f64) -> Overhead {
        let all = self.stays.iter().map(|stays| Overhead::of(stays, cores));
        let n = self.stays.len() as f64;
        all.fold(Overhead::default(), |sum, one| Overhead {
            push: sum.push + one.push / n,
            pull: sum.pull + one.pull / n,
        })
    }

    /// The cost that makes the throughput right.
    fn calibrated(
        &self,
        mut lone: Overhead,
        servers: impl Fn(Overhead) -> Servers,
    ) -> Result<Overhead, FitError> {
        let mut factor = 0.0;
        for case in self.cases {
            let found =
                case.simulate(&servers(lone), (STEPS / 2).min(TIMES * case.steps), self.folder)?;
            let workers = f64::from(case.bare.workers);
            // A delay makes a step longer by at least the delay.
            let short = workers / case.logged.throughput() - workers / found.throughput();
            factor += 0.7 * short / (lone.push + lone.pull).max(1e-9);
        }
        let factor = (1.0 + factor / self.cases.len() as f64).clamp(0.3, 3.0);
        (lone.push, lone.pull) = (lone.push * factor, lone.pull * factor);
        Ok(lone)
    }
}
