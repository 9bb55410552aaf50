//! A value written as TOML reads back as the identical value.

use proptest::prelude::*;

use super::fixture::{Class, Doc, JitterChoice, Mode, OptimizerChoice, Stage, parts};
use super::tests::read;
use super::to_toml;
use crate::base::{Bandwidth, ByteSize, SimSpan};

fn jitters() -> impl Strategy<Value = JitterChoice> {
    prop_oneof![
        Just(JitterChoice::Constant(parts::Constant {})),
        (0.0..10.0f64).prop_map(|sigma| JitterChoice::Lognormal(parts::Lognormal { sigma })),
        (1.001..1e9f64).prop_map(|shape| JitterChoice::Pareto(parts::Pareto { shape })),
    ]
}

fn optimizers() -> impl Strategy<Value = OptimizerChoice> {
    prop_oneof![
        (0.0f32..1e30).prop_map(|lr| OptimizerChoice::Sgd(parts::Sgd { lr })),
        (0.0f32..1.0, 0.0..1.0f64, 0.0..1.0f64).prop_map(|(lr, beta1, beta2)| {
            OptimizerChoice::LazyAdam(parts::LazyAdam { lr, beta1, beta2 })
        }),
    ]
}

prop_compose! {
    fn classes()(
        name in "\\PC{0,12}",
        share in 0.0..=1.0f64,
        slowdown in 1e-9..1e9f64,
        jitter in proptest::option::of(jitters()),
    ) -> Class {
        Class { name, share, slowdown, jitter }
    }
}

prop_compose! {
    fn stages()(
        name in "[a-z]{1,8}",
        days in proptest::collection::vec(".{0,8}", 1..4),
        reinit in proptest::collection::vec("[a-z.]{1,8}", 0..3),
        epochs in 1u32..,
    ) -> Stage {
        Stage { name, days, reinit, epochs }
    }
}

prop_compose! {
    fn documents()(
        optimizer in optimizers(),
        class in proptest::collection::vec(classes(), 1..4),
        stage in proptest::collection::vec(stages(), 0..3),
        mode in prop_oneof![Just(Mode::Async), Just(Mode::Sync), Just(Mode::Ssp)],
        workers in 1usize..=100_000,
        jitter in jitters(),
        latency in any::<u32>(),
        bandwidth in any::<u32>(),
        seed in 0u64..i64::MAX as u64,
        question in proptest::option::of(".{0,20}"),
        memory in proptest::option::of(any::<u32>()),
    ) -> Doc {
        let mut doc = Doc { optimizer, stage, ..Doc::default() };
        doc.scenario.seed = seed;
        doc.scenario.question = question;
        doc.cluster.mode = mode;
        doc.cluster.workers = workers;
        doc.cluster.class = class;
        doc.cluster.compute.jitter = jitter;
        doc.cluster.network.latency = SimSpan(u64::from(latency));
        doc.cluster.network.bandwidth = Bandwidth(u64::from(bandwidth));
        doc.limits.memory = memory.map(|bytes| ByteSize(u64::from(bytes)));
        doc
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_identical(doc in documents()) {
        let text = to_toml(&doc).unwrap();
        let loaded = read(&text, &[]);
        prop_assert!(loaded.is_ok(), "{}\n{text}", loaded.unwrap_err());
        let loaded = loaded.unwrap();
        prop_assert_eq!(&loaded.value, &doc);
        let again = read(&loaded.show(), &[]).unwrap();
        prop_assert_eq!(&again.value, &doc);
    }
}
