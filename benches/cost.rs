//! Processor time per push, for machines that are busy with other things: medians over blocks of
//! the time that the scheduler charged to this process, which other processes stretch far less than
//! wall time.
//!
//! `cargo bench --bench cost -- [blocks] [names]`; best under `chrt -f 1`, which makes wall time
//! worth reading as well. Only what has one of the names in its own is measured, or everything.

mod workload;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use std::{env, fs};

use straggler::data::{Batch, DataSource};
use straggler::model::{Model, Workspace};
use straggler::nn::kernels::{Kernels, Product, ProductStart};
use straggler::params::{Gradient, Layout, View};

use workload::sequential::Step;
use workload::{Setting, Workload, advance, training};

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

/// Prints the median cost of `act` over `blocks` blocks of `count` calls each; returns the least wall
/// time, in microseconds: the scheduler counts processor time in steps of milliseconds.
fn measure(name: &str, blocks: usize, count: u32, mut act: impl FnMut()) -> f64 {
    if !wanted(name) {
        return f64::NAN;
    }
    (0..count / 4).for_each(|_| act());
    let mut block = || {
        let (start, wall) = (processor_time(), now());
        (0..count).for_each(|_| act());
        let each = |nanoseconds: f64| nanoseconds / 1e3 / f64::from(count);
        (each(processor_time() - start), each(wall.elapsed().as_nanos() as f64))
    };
    let (mut costs, mut walls): (Vec<f64>, Vec<f64>) = (0..blocks).map(|_| block()).unzip();
    costs.sort_by(f64::total_cmp);
    walls.sort_by(f64::total_cmp);
    let (least, median, wall) = (costs[0], costs[blocks / 2], walls[blocks / 2]);
    println!("{name:<36} {median:9.1} us   least {least:9.1} us   wall {wall:9.1} us");
    walls[0]
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures the host's time")]
fn now() -> Instant {
    Instant::now()
}

/// A model that keeps account of the time its gradients take, in nanoseconds.
#[derive(Debug)]
struct Timed {
    model: Arc<dyn Model>,
    spent: AtomicU64,
}

impl Model for Timed {
    fn layout(&self) -> &Layout {
        self.model.layout()
    }

    fn gradient(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        bench: &mut Workspace,
        into: &mut Gradient,
    ) {
        let start = now();
        self.model.gradient(view, batch, bench, into);
        self.spent.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    fn scores(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        bench: &mut Workspace,
        out: &mut Vec<f32>,
    ) {
        self.model.scores(view, batch, bench, out);
    }

    fn gradient_f64(&self, view: View<'_, f64>, batch: &Batch, into: &mut Gradient<f64>) {
        self.model.gradient_f64(view, batch, into);
    }
}

/// Prints how much of the wall time of one thread is spent outside gradients and the preparation of
/// batches, which is all that other threads can take over.
fn serial_share(work: &Workload, count: u32) {
    let name = format!("{}/serial share", work.name);
    if !wanted(&name) {
        return;
    }
    let model = Arc::new(Timed { model: Arc::clone(&work.model), spent: AtomicU64::new(0) });
    let timed = Workload { model: Arc::clone(&model) as Arc<dyn Model>, ..work.clone() };
    let mut simulation = training(&timed, Setting::of(30));
    advance(&mut simulation, u64::from(count));
    model.spent.store(0, Ordering::Relaxed);
    let start = now();
    advance(&mut simulation, u64::from(count));
    let each = |nanoseconds: f64| nanoseconds / 1e3 / f64::from(count);
    let all = each(start.elapsed().as_nanos() as f64);
    let gradients = each(model.spent.load(Ordering::Relaxed) as f64);
    let mut step = Step::new(work);
    (0..count).for_each(|_| step.find(work));
    let start = now();
    (0..count).for_each(|_| step.find(work));
    let batches = each(start.elapsed().as_nanos() as f64);
    let serial = all - gradients - batches;
    println!(
        "{name:<36} {serial:.1} of {all:.1} us, gradients {gradients:.1} us, batches {batches:.1} us"
    );
}

fn costs(work: &Workload, blocks: usize, count: u32) {
    let name = |what: &str| format!("{}/{what}", work.name);
    let mut step = Step::new(work);
    step.pull(work);
    step.differentiate(work);
    measure(&name("gradient"), blocks, count, || step.differentiate(work));
    measure(&name("apply"), blocks, count, || step.apply());
    measure(&name("find"), blocks, count, || step.find(work));
    measure(&name("pull"), blocks, count, || step.pull(work));
    let mut step = Step::new(work);
    measure(&name("sequential"), blocks, count, || {
        step.pull(work);
        step.differentiate(work);
        step.apply();
    });
    for workers in [30, 3000] {
        run(work, Setting::of(workers), blocks, count, &name(&format!("N={workers} threads=1")));
    }
    let two = Setting { threads: 2, ..Setting::of(30) };
    run(work, two, blocks, count, &name("N=30 threads=2"));
    serial_share(work, 4 * count);
}

/// The cost of a push of a run whose workers have all begun.
fn run(work: &Workload, setting: Setting, blocks: usize, count: u32, name: &str) {
    if wanted(name) {
        let mut simulation = training(work, setting);
        advance(&mut simulation, u64::from(setting.workers));
        measure(name, blocks, count, || advance(&mut simulation, 1));
    }
}

/// How the cost of a push grows with the batch, the rows of the tables, shards and threads.
fn growth(like: fn(usize, u32) -> Workload, batch: usize, blocks: usize, count: u32) {
    let name = like(1, 1).name;
    if !wanted(&format!("{name}/grow")) {
        return;
    }
    for batch in [batch / 4, batch, 4 * batch] {
        let count = (count * 256 / batch as u32).max(20);
        let name = format!("{name}/grow batch={batch}");
        run(&like(batch, 1), Setting::of(30), blocks, count, &name);
    }
    for times in [1, 4, 16] {
        let work = like(batch, times);
        let rows: u32 = work.log.schema().spaces.iter().map(|space| space.rows).sum();
        run(&work, Setting::of(30), blocks, count, &format!("{name}/grow rows={rows}"));
    }
    let work = like(batch, 1);
    for shards in [1, 4, 16] {
        let setting = Setting { shards, ..Setting::of(30) };
        run(&work, setting, blocks, count, &format!("{name}/grow shards={shards}"));
    }
    for threads in [1, 2] {
        let setting = Setting { threads, ..Setting::of(30) };
        run(&work, setting, blocks, count, &format!("{name}/grow threads={threads}"));
    }
}

/// The cost of a push when the few batches are known by heart and gradients vanish.
fn learned(work: &Workload, blocks: usize, count: u32) {
    let name = format!("{}/learned", work.name);
    if wanted(&name) {
        let mut simulation = training(work, Setting { rate: 1e-3, ..Setting::of(30) });
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
        let count = (10_000_000_000 / flops as u64) as u32;
        let least = measure(&name, blocks, count, || {
            f32::product(product, ProductStart::Itself, &a, &b, &mut c)
        });
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
    growth(workload::din_of, 256, blocks, 200);
    growth(workload::small_of, 128, blocks, 2000);
    learned(&workload::din(), blocks, 200);
    learned(&workload::small(), blocks, 2000);
}
