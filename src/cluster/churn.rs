//! Which workers are present when: all crashes, schedules, scripted events and slow starts.

use std::path::Path;

use super::failures::{Failures, InFlightMessages, Lost, Process};
use super::membership::Membership;
use super::scripted::Scripted;
use super::{LawError, MachineClass, StartChoice};
use crate::base::{SimSpan, SimTime, WorkerId};
use crate::cluster::machine::class_of;

/// Workers that join, leave and crash. By default all are always present.
#[derive(Clone, Debug, Default)]
pub struct Churn {
    /// What becomes of the examples of a lost step.
    pub lost: Lost,
    /// What becomes of a push that is under way.
    pub on_the_way: InFlightMessages,
    /// The random crashes of each worker's machine; empty if there are none.
    pub processes: Vec<Option<Process>>,
    /// Joins and leaves.
    pub memberships: Vec<Membership>,
    /// Scripted crashes: when, of which worker, and for how long.
    pub crashes: Vec<(SimTime, WorkerId, SimSpan)>,
    /// Scripted sleeps: when, of which worker, and for how long.
    pub sleeps: Vec<(SimTime, WorkerId, SimSpan)>,
    /// Workers that start after a number of updates by others: that number, and the latest start.
    pub starts: Vec<(u64, WorkerId, Option<SimTime>)>,
}

impl Churn {
    /// The random crashes of `workers` workers on machines of these classes.
    ///
    /// # Errors
    /// If a trace cannot be read.
    pub fn with_failures(
        mut self,
        failures: &Failures,
        workers: u32,
        classes: &[MachineClass],
        folder: &Path,
    ) -> Result<Churn, LawError> {
        (self.lost, self.on_the_way) = (failures.lost, failures.on_the_way);
        if failures.is_random() {
            let of_class = classes.iter().map(|class| failures.process(&class.name, folder));
            let of_class: Vec<Option<Process>> = of_class.collect::<Result<_, _>>()?;
            let ordinary = failures.process("", folder)?;
            let of = |w| match classes {
                [] => ordinary.clone(),
                classes => of_class[class_of(WorkerId(w), classes)].clone(),
            };
            self.processes = (0..workers).map(of).collect();
        }
        Ok(self)
    }

    /// Joins and leaves.
    pub fn with_memberships(mut self, memberships: &[Membership]) -> Churn {
        self.memberships = memberships.to_vec();
        self
    }

    /// Scripted events. `sleeps` says how long the worker of an event sleeps.
    pub fn with_script(
        mut self,
        script: &[Scripted],
        sleeps: impl Fn(&Scripted) -> Option<SimSpan>,
    ) -> Churn {
        let entry = |event: &Scripted, span| (event.time(), event.worker(), span);
        let crash = |event: &Scripted| Some(entry(event, event.crash?));
        self.crashes = script.iter().filter_map(crash).collect();
        self.sleeps =
            script.iter().filter_map(|event| Some(entry(event, sleeps(event)?))).collect();
        self
    }

    /// Those of `workers` workers that start after a number of updates by others.
    pub fn with_starts(mut self, start: &StartChoice, workers: u32) -> Churn {
        let entry = |w| {
            let (updates, latest) = start.after_updates(WorkerId(w))?;
            Some((updates, WorkerId(w), latest))
        };
        self.starts = (0..workers).filter_map(entry).collect();
        self.starts.sort_by_key(|&(updates, worker, _)| (updates, worker));
        self
    }

    /// Whether all workers are always present.
    pub fn is_none(&self) -> bool {
        self.processes.iter().all(Option::is_none)
            && self.memberships.is_empty()
            && self.crashes.is_empty()
            && self.sleeps.is_empty()
            && self.starts.is_empty()
    }
}
