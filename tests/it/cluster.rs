//! Clusters built by hand, for tests.

use std::path::Path;

use straggler::base::{SimSpan, SimTime, Streams, WorkerId};
use straggler::cluster::{
    Churn, Compute, MachineClass, Routine, ShardFailurePlan, ShardService, StartChoice,
    StepTimeChoice, machine::machines,
};
use straggler::protocol::{Protocol, ProtocolChoice};
use straggler::server::sharding::Load;
use straggler::sim::{
    Finished, Limits, Links, NullWork, Parts, Record, Save, Simulation, Watch, Work,
};

/// A cluster without gradients.
#[derive(Clone, Debug)]
pub(crate) struct NullCluster {
    pub(crate) seed: u64,
    pub(crate) workers: u32,
    pub(crate) shards: u32,
    pub(crate) base: SimSpan,
    pub(crate) law: StepTimeChoice,
    pub(crate) classes: Vec<MachineClass>,
    pub(crate) start: StartChoice,
    pub(crate) links: Links,
    pub(crate) service: ShardService,
    pub(crate) service_law: Option<StepTimeChoice>,
    pub(crate) protocol: ProtocolChoice,
    pub(crate) limits: Limits,
    pub(crate) churn: Churn,
}

impl NullCluster {
    /// `workers` workers, one shard, no network: the textbook model.
    pub(crate) fn textbook(workers: u32, law: StepTimeChoice) -> NullCluster {
        NullCluster {
            seed: 1,
            workers,
            shards: 1,
            base: SimSpan(1 << 30),
            law,
            classes: Vec::new(),
            start: StartChoice::default(),
            links: Links::default(),
            service: ShardService::default(),
            service_law: None,
            protocol: ProtocolChoice::default(),
            limits: Limits { updates: Some(20_000), ..Limits::default() },
            churn: Churn::default(),
        }
    }

    pub(crate) fn build(&self) -> Simulation {
        let load = Load { rows: 10, row_bytes: 640, dense_bytes: 4096 };
        let loads = vec![load; self.shards as usize];
        Simulation::new(self.parts(Work::Null(NullWork { batch: 1, loads })))
    }

    /// The same cluster under a protocol of the caller's own.
    pub(crate) fn build_with(&self, protocol: Box<dyn Protocol>) -> Simulation {
        let load = Load { rows: 10, row_bytes: 640, dense_bytes: 4096 };
        let loads = vec![load; self.shards as usize];
        let parts = self.parts(Work::Null(NullWork { batch: 1, loads }));
        Simulation::new(Parts { protocol, ..parts })
    }

    /// The parts of this cluster with other work on it.
    pub(crate) fn parts(&self, work: Work) -> Parts {
        let streams = Streams::new(self.seed);
        let compute = Compute {
            fixed: self.base,
            per_example: SimSpan::ZERO,
            law: self.law.clone(),
            ..Compute::default()
        };
        let here = Path::new(".");
        let law = |choice: &StepTimeChoice| choice.build(here).unwrap();
        Parts {
            streams,
            machines: machines(self.workers, &self.classes, &compute, streams, here).unwrap(),
            churn: self.churn.clone(),
            shard_failures: ShardFailurePlan::default(),
            starts: (0..self.workers)
                .map(|w| self.start.at(WorkerId(w), self.workers, streams))
                .collect(),
            compute: compute.base(1),
            routine: Routine::default(),
            shards: self.shards,
            links: self.links.clone(),
            service: self.service.clone(),
            service_law: self.service_law.as_ref().map(law),
            protocol: self.protocol.build(self.workers, self.shards),
            work,
            limits: self.limits,
            watch: Watch::default(),
            save: Save::default(),
        }
    }

    /// Runs to the end and returns the finished pushes in order.
    pub(crate) fn run(&self) -> (Simulation, Vec<Finished>) {
        let mut simulation = self.build();
        let mut finished = Vec::new();
        simulation
            .run(&mut |record: &Record<'_>| {
                if let Record::Finished(push) = record {
                    finished.push((*push).clone());
                }
            })
            .unwrap();
        (simulation, finished)
    }
}

pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for value in values {
        sum += value;
        n += 1.0;
    }
    sum / n
}

pub(crate) fn seconds(time: SimTime) -> f64 {
    time.seconds()
}
