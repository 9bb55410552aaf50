//! Time to read, check and report files of the largest size that is accepted.

use criterion::{Criterion, criterion_group, criterion_main};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use straggler::base::SimSpan;
use straggler::scenario::document::{DocumentInput, load, parse::MAX_FILE};

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Plan {
    workers: u32,
    stage: Vec<Stage>,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Stage {
    name: String,
    days: Vec<String>,
    pause: SimSpan,
}

fn largest_files(criterion: &mut Criterion) {
    let fill = |piece: &str| piece.repeat((MAX_FILE - 1000) / piece.len());
    let keys: String = (0..50_000).map(|i| format!("workrs{i} = 1\n")).collect();
    let files = [
        ("comments", fill("# nothing to see\n")),
        ("stages", fill("[[stage]]\nname = 'a'\ndays = ['1..30']\npause = '4ms'\n")),
        ("unknown_keys", keys),
        ("wrong_list", format!("stage = [{}]", fill("1,"))),
        ("syntax_errors", fill("= x\n")),
    ];
    let mut group = criterion.benchmark_group("document_1_mib");
    group.sample_size(10);
    for (name, text) in &files {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let loaded = load::<Plan>(DocumentInput::Text { name, text }, &[]);
                loaded.map_or_else(|problems| problems.to_string().len(), |_| 0)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, largest_files);
criterion_main!(benches);
