//! One base run and its fork: every arm goes on from the same state.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::curve::{Curve, CurvePoint, Gauge, moments};
use super::design::{Arm, arms};
use crate::base::counted;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::experiment::run::weights_digest;
use crate::experiment::stop::StopSignal;
use crate::scenario::Scenario;
use crate::scenario::build::{BuildError, Prepared};
use crate::scenario::job::Job;
use crate::scenario::lab::{Fork, Lab};
use crate::sim::divergence::divergence;
use crate::sim::evaluate::Views;
use crate::sim::{
    EvaluatedView, Every, NoObserver, Record, RestartError, SimError, Simulation, State, Stop,
};

/// What is told when a base run has come to its fork.
pub const FORK: &str = "fork";

/// Number of single views that are evaluated besides the server.
const SINGLE_VIEWS: u32 = 3;

/// One base run and its arms.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Forked {
    /// Workers.
    pub workers: u32,
    /// Seed.
    pub seed: u64,
    /// Updates of the base run before the fork.
    pub updates: u64,
    /// Passes over the window before the fork.
    pub passes: f64,
    /// A curve per arm.
    pub curves: Vec<Curve>,
    /// How much the workers' views differ, and how good they are.
    pub views: Vec<ViewsAt>,
}

/// The workers' views at one moment, of the run without a restart and of the one whose views
/// coalesce.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ViewsAt {
    /// The arm.
    pub arm: String,
    /// Updates since the fork.
    pub updates: u64,
    /// AUC of the server's parameters, on the reporting half.
    pub server: Option<f64>,
    /// Mean AUC of single workers' views.
    pub single: Option<f64>,
    /// AUC of the mean of all views.
    pub mean_of_views: Option<f64>,
    /// AUC of the mean of all views' predictions.
    pub mean_of_predictions: Option<f64>,
    /// Mean distance of the views from the server, relative to its norm: by layer, then table.
    pub distance: Vec<(String, f64)>,
}

/// Why a base run or an arm could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// The scenario cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The base run failed.
    #[error("the run to be forked: {0}")]
    Base(#[from] SimError),
    /// The base run ended before the fork.
    #[error(
        "the run ends after {}, before the fork: let it train longer (`train.stop`), or fork \
        earlier (`lab.fork`)",
        counted(*updates, "update", "updates")
    )]
    TooShort {
        /// Updates that it made.
        updates: u64,
    },
    /// The run is to be forked at its best step, and has none.
    #[error(
        "the run is to be forked at its best step, and the holdout cannot tell one: the half that chooses it has \
         one label only; evaluate on other days (`holdout.days`), or fork elsewhere (`lab.fork`)"
    )]
    NoBest,
    /// An arm cannot restart as its settings say.
    #[error("arm \"{arm}\": {error}")]
    Restart {
        /// Its name.
        arm: String,
        /// Its number among those that the scenario defines, counted from 0.
        number: Option<usize>,
        /// Why.
        error: RestartError,
    },
    /// There is no holdout, or nothing to train.
    #[error(
        "the lab needs a holdout and a model: give `[holdout]` and `[data]`, and no `timing_only`"
    )]
    NothingToMeasure,
    /// With imposed staleness there is nothing to restart.
    #[error(
        "with an imposed staleness there are no workers, and nothing that could restart: leave out `imposed_staleness`"
    )]
    NoCluster,
    /// A state that was just saved cannot be loaded.
    #[error("a bug: {0}")]
    State(#[from] LoadError),
    /// The lab was asked to stop.
    #[error("stopped by signal {0}")]
    Stopped(usize),
}

/// The input of a base run.
#[derive(Clone, Debug)]
pub struct Base<'a> {
    /// The scenario, with the number of workers and the seed of this run.
    pub scenario: &'a Scenario,
    /// Its lab.
    pub lab: &'a Lab,
    /// Where files are looked for.
    pub folder: &'a Path,
    /// Asks the lab to stop.
    pub stop: StopSignal,
}

impl Base<'_> {
    /// Runs up to the fork, and then every arm. Calls `told` after every arm.
    ///
    /// # Errors
    /// [`ForkError`].
    pub fn run(&self, mut told: impl FnMut(&str)) -> Result<Forked, ForkError> {
        let prepared = self.scenario.prepare(self.folder)?.ok_or(ForkError::NothingToMeasure)?;
        let all = arms(self.lab, self.scenario.cluster.workers);
        self.check_arms(&all, &prepared)?;
        let state = self.to_the_fork(&prepared)?;
        told(FORK);
        let mut forked = Forked {
            workers: self.scenario.cluster.workers,
            seed: self.scenario.scenario.seed,
            ..Forked::default()
        };
        let window = prepared.train.iter().map(|day| day.examples).sum::<u64>().max(1);
        for arm in all {
            let mut job = self.job(&prepared, &self.forked_scenario())?;
            let mut from = Loader::new(&state);
            job.load(&mut from)?;
            let gauge = Gauge::new(job.session()).ok_or(ForkError::NothingToMeasure)?;
            forked.updates = gauge.fork().updates;
            forked.passes = gauge.fork().examples as f64 / window as f64;
            let curve = self.run_arm(&arm, job, &gauge, &mut forked.views)?;
            forked.curves.push(curve);
            told(&arm.label);
        }
        Ok(forked)
    }

    /// Refuses what is known to be impossible before anything is run.
    ///
    /// # Errors
    /// [`ForkError`].
    pub fn check(&self) -> Result<(), ForkError> {
        if self.scenario.imposed_staleness.is_some() {
            return Err(ForkError::NoCluster);
        }
        let prepared = self.scenario.prepare(self.folder)?.ok_or(ForkError::NothingToMeasure)?;
        if self.scenario.holdout.is_none() {
            return Err(ForkError::NothingToMeasure);
        }
        self.check_arms(&arms(self.lab, self.scenario.cluster.workers), &prepared)?;
        if self.lab.fork == Fork::Best && !self.scenario.can_tell_best(&prepared) {
            return Err(ForkError::NoBest);
        }
        let window = prepared.train.iter().map(|day| day.examples).sum::<u64>();
        // Pushes that are discarded, and a clock that ends the run, make it shorter still.
        let pushes = self.scenario.pushes_per_update();
        let steps = self.scenario.estimate(Some(&prepared), 1).pushes;
        let limits = self.scenario.stop_limits(window.max(1));
        let possible = [limits.updates, steps.map(|steps| steps.div_ceil(pushes))];
        let Some(updates) = possible.into_iter().flatten().min() else { return Ok(()) };
        let is_short = match self.lab.fork {
            Fork::Best => false,
            Fork::Updates(fork) => updates < fork,
            Fork::Passes(passes) => {
                let most = updates.saturating_mul(pushes).saturating_add(pushes);
                let examples = most.saturating_mul(self.scenario.examples_per_step());
                (examples as f64) < passes * window as f64
            }
        };
        if is_short { Err(ForkError::TooShort { updates }) } else { Ok(()) }
    }

    /// Refuses arms that name parts which the model does not have.
    fn check_arms(&self, arms: &[Arm], prepared: &Prepared) -> Result<(), ForkError> {
        for arm in arms {
            let names = arm.restart.as_ref().map(|r| r.selection(prepared.model.layout()));
            if let Some(Err(error)) = names {
                return Err(self.refused(arm, error.into()));
            }
        }
        Ok(())
    }

    fn refused(&self, arm: &Arm, error: RestartError) -> ForkError {
        let number = self.lab.arm.iter().position(|own| own.label == arm.label);
        ForkError::Restart { arm: arm.label.clone(), number, error }
    }

    fn job(&self, prepared: &Prepared, scenario: &Scenario) -> Result<Job, ForkError> {
        // The lab runs several base runs at the same time; each has one thread.
        let mut job = scenario.build(Some(prepared.clone()), self.folder, 1)?;
        match &mut job {
            Job::Cluster(simulation) => simulation.follow_examples(),
            Job::Imposed(_) => return Err(ForkError::NoCluster),
        }
        Ok(job)
    }

    /// The scenario of the base run: it keeps views available.
    fn base_scenario(&self) -> Scenario {
        let mut scenario = self.scenario.clone();
        scenario.record.divergence = Some(Every::Updates(u64::MAX));
        scenario
    }

    /// The scenario of the arms: the same cluster, but the run does not end by itself, and only the
    /// lab evaluates it.
    fn forked_scenario(&self) -> Scenario {
        let mut scenario = self.base_scenario();
        scenario.train.stop = Stop { updates: Some(u64::MAX), ..Stop::default() };
        if let Some(holdout) = &mut scenario.holdout {
            holdout.every = Every::Updates(u64::MAX);
        }
        scenario
    }

    /// The state of the base run at the fork.
    fn to_the_fork(&self, prepared: &Prepared) -> Result<Vec<u8>, ForkError> {
        let mut scenario = self.base_scenario();
        let window = prepared.train.iter().map(|day| day.examples).sum::<u64>();
        if self.lab.fork != Fork::Best
            && let Some(holdout) = &mut scenario.holdout
        {
            holdout.every = Every::Updates(u64::MAX);
        }
        let mut job = self.job(prepared, &scenario)?;
        if job.session().watch.evaluation.is_none() {
            return Err(ForkError::NothingToMeasure);
        }
        let (mut best, mut state) = (f64::NEG_INFINITY, None);
        loop {
            let mut is_best = false;
            let ended = job.step(&mut |record: &Record<'_>| {
                if let Record::Evaluated { view: EvaluatedView::Server, selection_auc, .. } = record
                    && let Some(auc) = selection_auc.filter(|auc| *auc > best)
                {
                    (best, is_best) = (auc, true);
                }
            })? == State::Ended;
            let progress = job.session().progress;
            let is_here = match self.lab.fork {
                Fork::Best => is_best,
                Fork::Updates(updates) => progress.updates >= updates,
                Fork::Passes(passes) => progress.examples as f64 >= passes * window as f64,
            };
            if is_here {
                state = Some(save(&mut job));
            }
            if ended || is_here && self.lab.fork != Fork::Best {
                break;
            }
            if let Some(signal) = self.stop.asked() {
                return Err(ForkError::Stopped(signal));
            }
        }
        state.ok_or(ForkError::TooShort { updates: job.session().progress.updates })
    }

    fn run_arm(
        &self,
        arm: &Arm,
        mut job: Job,
        gauge: &Gauge,
        views: &mut Vec<ViewsAt>,
    ) -> Result<Curve, ForkError> {
        let mut curve = Curve { arm: arm.label.clone(), ..Curve::default() };
        let mut gauge = gauge.clone();
        if let Some(restart) = &arm.restart {
            self.scenario
                .restart(&mut job, restart, &mut NoObserver)
                .map_err(|error| self.refused(arm, error))?;
            if restart.save.is_some() {
                // Updates that were made while the checkpoint was saved are made again.
                gauge.begin_at(job.session().progress);
            }
        }
        let watches_views = arm.restart.is_none() || arm.label == "lost: workers";
        let moments = moments(self.lab.updates, self.lab.points);
        for (index, &moment) in moments.iter().enumerate() {
            if let Err(error) = self.advance(&mut job, gauge.fork().updates + moment)? {
                curve.broke = Some(error.to_string());
                break;
            }
            let point: CurvePoint = gauge.measure(&mut job);
            curve.points.push(point);
            let looked_at = [0, moments.len() / 2, moments.len() - 1].contains(&index);
            if let (true, true, Job::Cluster(simulation)) = (watches_views, looked_at, &mut job) {
                views.push(look_at_views(&arm.label, point.updates, simulation));
            }
        }
        if let Some(training) = job.session().work.training() {
            curve.weights = weights_digest(training.server());
        }
        Ok(curve)
    }

    /// Runs until so many updates have been made. The inner result tells whether the model blew up.
    fn advance(&self, job: &mut Job, updates: u64) -> Result<Result<(), SimError>, ForkError> {
        while job.session().progress.updates < updates {
            match job.step(&mut NoObserver) {
                Ok(State::Running) => {}
                Ok(State::Ended) => break,
                Err(error) => return Ok(Err(error)),
            }
            if let Some(signal) = self.stop.asked() {
                return Err(ForkError::Stopped(signal));
            }
        }
        Ok(Ok(()))
    }
}

fn save(job: &mut Job) -> Vec<u8> {
    job.finish_gradients();
    let mut out = Saver::default();
    job.save(&mut out);
    out.into_bytes()
}

/// Evaluates and measures the workers' views.
fn look_at_views(arm: &str, updates: u64, simulation: &mut Simulation) -> ViewsAt {
    let mut at = ViewsAt { arm: arm.to_owned(), updates, ..ViewsAt::default() };
    if let Some(training) = simulation.session().work.training() {
        let layers = divergence(training.server(), &simulation.views());
        at.distance = layers.into_iter().map(|layer| (layer.layer, layer.from_server)).collect();
    }
    let views = Views { workers: SINGLE_VIEWS, mean_of_views: true, mean_of_predictions: true };
    let mut single = Vec::new();
    simulation.evaluate(views, |view, evaluated| {
        let auc = evaluated.quality.auc;
        match view {
            EvaluatedView::Server => at.server = auc,
            EvaluatedView::Worker(_) => single.extend(auc),
            EvaluatedView::MeanOfViews => at.mean_of_views = auc,
            EvaluatedView::MeanOfPredictions => at.mean_of_predictions = auc,
        }
    });
    at.single = crate::results::statistics::mean(&single);
    at
}
