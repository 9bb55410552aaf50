//! Processor time per push, for machines that are busy with other things: medians over blocks of
//! the time that the scheduler charged to this process, which other processes stretch far less than
//! wall time.
//!
//! `cargo bench --bench cost -- [blocks] [names]`; best under `chrt -f 1`. Only what has one of the
//! names in its own is measured, or everything.

mod workload;

use std::{env, fs};

use straggler::nn::kernels::{Kernels, Product, Start};

use workload::sequential::Step;
use workload::{Workload, advance, training, training_at};

/// Processor time of all threads of this process so far, in nanoseconds.
fn processor_time() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|times| times.split(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Whether the command line asks for what has this name.
fn wanted(name: &str) -> bool {
    let number = |word: &String| word.parse::<usize>().is_ok();
    let mut names =
        env::args().skip(1).filter(|word| !number(word) && word != "--bench").peekable();
    names.peek().is_none() || names.any(|asked| name.contains(&asked))
}

/// Prints the median cost of `act` over `blocks` blocks of `count` calls each; returns the least, in
/// microseconds.
fn measure(name: &str, blocks: usize, count: u32, mut act: impl FnMut()) -> f64 {
    if !wanted(name) {
        return f64::NAN;
    }
    (0..count / 4).for_each(|_| act());
    let mut block = || {
        let start = processor_time();
        (0..count).for_each(|_| act());
        (processor_time() - start) / 1e3 / f64::from(count)
    };
    let mut costs: Vec<f64> = (0..blocks).map(|_| block()).collect();
    costs.sort_by(f64::total_cmp);
    let (least, median) = (costs[0], costs[blocks / 2]);
    println!("{name:<28} {median:9.1} us   least {least:9.1} us");
    least
}

fn costs(work: &Workload, blocks: usize, count: u32) {
    let name = |what: &str| format!("{}/{what}", work.name);
    let mut step = Step::new(work);
    step.pull(work);
    measure(&name("gradient"), blocks, count, || step.differentiate(work));
    measure(&name("apply"), blocks, count, || step.apply());
    measure(&name("pull"), blocks, count, || step.pull(work));
    let mut step = Step::new(work);
    measure(&name("sequential"), blocks, count, || {
        step.pull(work);
        step.differentiate(work);
        step.apply();
    });
    for (workers, threads) in [(30, 1), (3000, 1), (30, 2)] {
        let mut simulation = training(work, workers, threads);
        let name = name(&format!("N={workers} threads={threads}"));
        if !wanted(&name) {
            continue;
        }
        advance(&mut simulation, u64::from(workers));
        measure(&name, blocks, count, || advance(&mut simulation, 1));
    }
}

/// The cost of a push when the few batches are known by heart and gradients vanish.
fn learned(work: &Workload, blocks: usize, count: u32) {
    let name = format!("{}/learned", work.name);
    if wanted(&name) {
        let mut simulation = training_at(1e-3, work, 30, 1);
        advance(&mut simulation, u64::from(10 * count));
        measure(&name, blocks, count, || advance(&mut simulation, 1));
    }
}

/// The matrix products of both networks: rows, columns, depth, and whether `a` is transposed.
const PRODUCTS: [(usize, usize, usize, bool); 12] = [
    (20, 36, 16, false),
    (20, 16, 36, false),
    (36, 16, 20, true),
    (256, 200, 112, false),
    (112, 200, 256, true),
    (256, 112, 200, false),
    (256, 80, 200, false),
    (200, 80, 256, true),
    (256, 200, 80, false),
    (128, 64, 64, false),
    (64, 64, 128, true),
    (128, 32, 64, false),
];

fn products(blocks: usize) {
    for (rows, columns, depth, transposed) in PRODUCTS {
        let product = Product { rows, columns, depth, transposed };
        let (a, b) = (vec![0.5; rows * depth], vec![0.25; depth * columns]);
        let mut c = vec![0.0f32; rows * columns];
        let flops = 2 * rows * columns * depth;
        let name = format!("{rows}x{columns}x{depth}{}", if transposed { " a^T" } else { "" });
        let count = (2_000_000_000 / flops) as u32;
        let least =
            measure(&name, blocks, count, || f32::product(product, Start::Itself, &a, &b, &mut c));
        if least.is_finite() {
            println!("{:>60.0} GFLOP/s", flops as f64 / least / 1e3);
        }
    }
}

fn main() {
    let blocks = env::args().find_map(|word| word.parse().ok()).unwrap_or(9);
    products(blocks);
    costs(&workload::din(), blocks, 200);
    costs(&workload::small(), blocks, 2000);
    learned(&workload::din(), blocks, 200);
    learned(&workload::small(), blocks, 2000);
}
