//! Estimates before the start, limits, and quick answers: properties R32, R33 and R34.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use straggler::experiment::{Trial, run_info};
use straggler::scenario::Scenario;
use straggler::scenario::document::{DocumentInput, Override, load};

use crate::support::{done, say, scenario, straggler};

/// Scenarios of different needs: model, workers, holdout, gradients in flight.
const NEEDS: &[(&str, &[&str])] = &[
    ("quickstart.toml", &["train.stop.updates=60"]),
    ("quickstart.toml", &["train.stop.updates=40", "model.embedding_dim=64", "data.items=20000"]),
    (
        "quickstart.toml",
        &["train.stop.updates=10", "model.hidden=[1024,512]", "cluster.workers=24"],
    ),
    (
        "quickstart.toml",
        &[
            "train.stop.updates=20",
            "cluster.workers=3000",
            "model.hidden=[8]",
            "model.embedding_dim=4",
        ],
    ),
    ("quickstart.toml", &["train.stop.updates=60", "data.users=300000", "optimizer.kind=adam"]),
    (
        "quickstart.toml",
        &[
            "train.stop.updates=60",
            "data.users=300000",
            "holdout.every={updates=20}",
            "checkpoint={best=true,average={last=3}}",
        ],
    ),
    (
        "quickstart.toml",
        &[
            "train.stop.updates=2",
            "protocol={kind=\"rennala\",batch=1000}",
            "model.hidden=[256,128]",
        ],
    ),
    (
        "quickstart.toml",
        &[
            "train.stop.updates=60",
            "data.users=200000",
            "admission={after=2}",
            "checkpoint={last=true,save={policy=\"live\",takes=\"100ms\"}}",
        ],
    ),
    (
        "imposed-staleness.toml",
        &["train.stop.updates=3", "data.rows_per_day=300", "train.batch=128", "worker.batches=100"],
    ),
    ("imposed-staleness.toml", &["train.stop.updates=60", "model.embedding_dim=32"]),
    ("timing-only.toml", &["train.stop.updates=2000", "cluster.workers=3000"]),
    ("timing-only.toml", &["train.stop.updates=100", "cluster.workers=1000", "cluster.shards=300"]),
    ("timing-only.toml", &["train.stop.updates=1", "protocol={kind=\"k_batch_async\",k=50000}"]),
];

/// Bytes of the files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|e| if e.path().is_dir() { size(&e.path()) } else { e.metadata().unwrap().len() })
        .sum()
}

#[test]
fn r32_a_run_takes_no_more_than_was_estimated() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (file, overrides)) in NEEDS.iter().enumerate() {
        let file = scenario(file);
        let settings: Vec<Override> =
            overrides.iter().map(|text| Override::argument(0, *text)).collect();
        let loaded =
            load::<Scenario>(DocumentInput::File(&file), &settings).unwrap().finish().unwrap();
        let estimate = Trial::new(loaded.value, Path::new("."), 2).unwrap().estimate;
        let out = folder.path().join(number.to_string());
        let mut command = straggler();
        command.arg("run").arg(&file).args(*overrides).args(["--quiet", "--no-plots"]);
        done(command.args(["--threads", "2", "--out"]).arg(&out));
        let (peak, disk) = (run_info::read(&out).unwrap().peak_memory_bytes, size(&out));
        let estimated = estimate.memory.0;
        println!(
            "{overrides:?}: {peak:?} of {estimated} memory, {disk} of {} disk",
            estimate.disk.0
        );
        assert!(disk <= estimate.disk.0, "{overrides:?}: {disk} bytes on disk");
        // Systems that do not tell are not tested.
        let Some(peak) = peak else { continue };
        assert!(peak <= estimated, "{overrides:?}: {peak} bytes of memory");
        assert!(estimated < 3 * peak, "{overrides:?}: only {peak} of {estimated} bytes");
    }
}

#[test]
fn r33_limits_hold_at_their_ends() {
    for (key, last, beyond) in [
        ("cluster.workers", "100000", "100001"),
        ("cluster.workers", "1", "0"),
        ("cluster.shards", "1000", "1001"),
        ("train.batch", "1", "0"),
        ("holdout.selection_share", "0.9", "0.91"),
    ] {
        let read = |value: &str| {
            let data = "data = { kind = \"synthetic\" }";
            Scenario::from_text(&format!("{key} = {value}\n{data}"))
        };
        assert!(read(last).is_ok(), "{key} = {last}: {}", read(last).unwrap_err());
        assert!(read(beyond).is_err(), "{key} = {beyond}");
    }
    let list = |seeds: &str| {
        let mut command = straggler();
        command.arg("sweep").arg(scenario("timing-only.toml"));
        command.args(["train.stop.updates=10", "--seeds", seeds, "--list"]);
        say(&mut command)
    };
    let said = list("100001");
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("100000"), "{}", said.stderr);
}

#[test]
fn r34_a_large_file_is_answered_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let quickstart = fs::read_to_string(scenario("quickstart.toml")).unwrap();
    let fill = |text: &str, line: &dyn Fn(usize) -> String| {
        let mut text = text.to_string();
        for number in 0.. {
            let line = line(number);
            if text.len() + line.len() > 1 << 20 {
                return text;
            }
            text.push_str(&line);
        }
        unreachable!("lines are added until the file is full")
    };
    let files = [
        ("unknown keys", fill("[cluster]\n", &|n| format!("worker{n} = {n}\n"))),
        ("comments", fill(&quickstart, &|n| format!("# {n}\n"))),
        (
            "classes",
            fill(&quickstart, &|n| {
                format!("\n[[cluster.class]]\nname = \"c{n}\"\nshare = 0.0001\n")
            }),
        ),
        (
            "equal classes",
            fill(&quickstart, &|_| "\n[[cluster.class]]\nname = \"c\"\nshare = 0.1\n".into()),
        ),
        ("remedies", fill(&quickstart, &|_| "\n[[remedy]]\nkind = \"powr\"\n".into())),
        ("one array", fill("a = [", &|n| format!("{n},"))),
        ("syntax", fill("", &|_| "]\n".into())),
    ];
    for (name, text) in files {
        let file = folder.path().join("my.toml");
        fs::write(&file, text).unwrap();
        #[expect(clippy::disallowed_methods, reason = "it is the waiting of a person that counts")]
        let started = Instant::now();
        let said = say(straggler().arg("check").arg(&file));
        let took = started.elapsed();
        println!("{name}: {took:?}");
        assert!([0, 2].contains(&said.code), "{name}: {}", said.stderr);
        // A tenth of a second is promised for the optimized program, on a quiet machine.
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
    }
}

/// Timing alone has an estimate of time too, and a run that nobody will see end is said.
#[test]
fn a_run_that_takes_years_is_warned_of() {
    let said = done(straggler().arg("check").arg(scenario("timing-only.toml")));
    assert!(said.stdout.contains("time      about "), "{}", said.stdout);
    assert!(!said.stderr.contains("W0203"), "{}", said.stderr);
    let mut check = straggler();
    check.arg("check").arg(scenario("timing-only.toml"));
    let said = done(check.arg("train.stop.updates=9000000000000000000"));
    assert!(said.stderr.contains("W0203") && said.stderr.contains("years"), "{}", said.stderr);
    assert!(said.stderr.contains("train.stop.updates = 100000"), "{}", said.stderr);
}

/// Snapshots are part of the folder: a run that holds many gradients has large ones.
#[test]
fn r32_snapshots_fit_into_the_estimate() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario("quickstart.toml");
    let held = [
        "protocol={kind='rennala',batch=3000}",
        "train.batch=8",
        "train.stop={updates=40,passes=500}",
        "model.hidden=[8]",
        "model.embedding_dim=4",
        "data.rows_per_day=300",
        "data.users=100",
        "data.items=60",
    ];
    let large = ["data.users=300000", "optimizer.kind=adam", "train.stop.passes=9"];
    for (number, overrides) in [&held[..], &large].into_iter().enumerate() {
        let settings: Vec<Override> =
            overrides.iter().map(|text| Override::argument(0, *text)).collect();
        let loaded =
            load::<Scenario>(DocumentInput::File(&file), &settings).unwrap().finish().unwrap();
        let estimate = Trial::new(loaded.value, Path::new("."), 2).unwrap().estimate;
        let out = folder.path().join(number.to_string());
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_straggler"));
        command.arg("run").arg(&file).args(overrides).args(["--quiet", "--no-plots"]);
        command.args(["--save-every", "100ms", "--out"]).arg(&out);
        let mut child = command.spawn().unwrap();
        let mut largest = 0;
        for _ in 0..4000 {
            // Files may go while they are counted.
            let sizes = || -> Option<u64> {
                let all = |at: &Path| -> Option<u64> {
                    let entries = fs::read_dir(at).ok()?.flatten();
                    Some(entries.filter_map(|e| e.metadata().ok()).map(|data| data.len()).sum())
                };
                Some(all(&out)? + all(&out.join("snapshots")).unwrap_or(0))
            };
            largest = largest.max(sizes().unwrap_or(0));
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(child.kill());
        child.wait().unwrap();
        println!("{overrides:?}: {largest} of {} disk", estimate.disk.0);
        assert!(largest <= estimate.disk.0, "{overrides:?}: {largest} of {}", estimate.disk.0);
        assert!(largest > 4 << 20, "{overrides:?}: no snapshot was seen");
    }
}
