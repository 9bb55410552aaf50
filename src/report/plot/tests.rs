//! Tests of all pictures with generated results folders.

use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::fs;

/// Number of pictures of a run without layers.
const PICTURES: usize = 6;

/// A reproducible number in 0..1 that looks random.
fn noise(i: u64) -> f64 {
    let mixed = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
}

fn class(worker: u32, workers: u32) -> (&'static str, f64) {
    match f64::from(worker) / f64::from(workers) {
        share if share < 0.6 => ("standard", 1.0 + 0.3 * noise(worker.into())),
        share if share < 0.9 => ("shared", 1.8 + 0.8 * noise(worker.into())),
        _ => ("spot", 4.0 + 4.0 * noise(worker.into())),
    }
}

fn write_evaluations(folder: &Path, views: u32) {
    let mut text = String::from(
        "update,examples,passes,sim_s,view,auc,session_auc,log_loss,normalised_entropy,calibration\n",
    );
    for i in 0..=60u64 {
        let x = i as f64 / 60.0;
        let base = 0.5 + 0.3 * (1.0 - (-9.0 * x).exp()) - 0.03 * (x - 0.55).max(0.0);
        let mut row = |view: &str, k: u64, offset: f64, jitter: f64| {
            let auc = base + offset + jitter * (noise(i * 97 + k) - 0.5);
            let session = 0.5 + (auc - 0.5) * 0.8 + 0.003 * (noise(i * 31 + k) - 0.5);
            // The job becomes slower, so the curves by time and by examples differ.
            let (update, examples, sim) = (i * 255, i * 8160, (i as f64).powf(1.2) * 73.5);
            writeln!(text, "{update},{examples},{x},{sim},{view},{auc},{session},,,").unwrap();
        };
        row("server", 0, 0.0, 0.006);
        row("mean_of_views", 1, 0.0015, 0.004);
        row("mean_of_predictions", 2, 0.004, 0.004);
        for w in 0..views {
            row(&format!("worker:{w}"), 3 + u64::from(w), -0.006, 0.02);
        }
    }
    fs::write(folder.join("evaluations.csv"), text).unwrap();
}

fn write_staleness(folder: &Path, workers: u32) {
    use crate::metrics::Histogram;
    let mut by_class: std::collections::BTreeMap<&str, Histogram> = Default::default();
    for i in 0..60_000u64 {
        let (name, slowdown) = class(i as u32 % workers, workers);
        let spread = -(1.0 - noise(i)).ln() * 0.35 + 0.65 + 0.2 * noise(i + 7_777_777);
        let staleness = (f64::from(workers - 1) * slowdown * 0.6 * spread) as u64;
        by_class.entry(name).or_default().add(staleness);
    }
    let mut text = String::from("class,measure,low,high,count\n");
    for (name, histogram) in by_class {
        for bucket in histogram.iter() {
            let (low, high, count) = (bucket.low, bucket.high, bucket.count);
            writeln!(text, "{name},version,{low},{high},{count}").unwrap();
        }
        writeln!(text, "{name},clock_lag,0,0,9").unwrap();
    }
    fs::write(folder.join("staleness.csv"), text).unwrap();
}

fn write_workers(folder: &Path, workers: u32) {
    let mut text = String::from(
        "worker,class,slowdown,steps,examples,busy_s,network_s,waiting_s,staleness_mean,staleness_max\n",
    );
    for w in 0..workers {
        let (name, slowdown) = class(w, workers);
        let steps = (16_000.0 / slowdown) as u64;
        let network = 300.0 / slowdown + 120.0 * noise(u64::from(w) + 50);
        let waiting = 60.0 * noise(u64::from(w) + 99) + 400.0 / slowdown;
        let busy = 4400.0 - network - waiting;
        let examples = steps * 32;
        writeln!(
            text,
            "{w},{name},{slowdown:.3},{steps},{examples},{busy},{network},{waiting},29,"
        )
        .unwrap();
    }
    fs::write(folder.join("workers.csv"), text).unwrap();
}

fn write_divergence(folder: &Path) {
    let mut text = String::from("update,sim_s,group,layer,measure,mean,max\n");
    let layers = [
        ("dense", "attention", 0.013),
        ("dense", "mlp.0", 0.0112),
        ("dense", "mlp.1", 0.0108),
        ("dense", "mlp.last", 0.024),
        ("sparse", "user", 0.0038),
        ("sparse", "item", 0.0054),
    ];
    for i in 0..80u64 {
        for (k, (group, layer, level)) in layers.iter().enumerate() {
            let rise = 1.0 - (-(i as f64) / 12.0).exp();
            let mean = level * rise * (0.9 + 0.2 * noise(i * 13 + k as u64));
            let (update, sim, max) = (i * 200, i as f64 * 55.0, mean * 2.1);
            writeln!(text, "{update},{sim},{group},{layer},from_server,{mean},{max}").unwrap();
        }
    }
    fs::write(folder.join("divergence.csv"), text).unwrap();
}

fn write_layers(folder: &Path) {
    let names = "update,examples,sim_s,group,layer,parameters,pushes,change,weight_norm,weight_p05,weight_p25,weight_p50,\
                 weight_p75,weight_p95,gradient_norm,agreement,gradient_zero,mean_gradient_p05,\
                 mean_gradient_p25,mean_gradient_p50,mean_gradient_p75,mean_gradient_p95,rows_touched,rows_idle";
    let mut text = format!("{names}\n");
    for i in 0..30u64 {
        for k in 0..12u64 {
            let (wide, step) = (0.1 + 0.01 * i as f64, 1.0 / (1.0 + i as f64));
            let table = k < 2;
            let group = if table { "sparse" } else { "dense" };
            let rows = if table { "0.8,0.1" } else { "," };
            write!(text, "{i},{},{i},{group},layer-{k},{},9,", 64 * i, 1000 - k).unwrap();
            match i {
                0 => write!(text, ",1,").unwrap(),
                _ => write!(text, "{step},1,").unwrap(),
            }
            write!(text, "{},{},0,{},{},", -wide, -wide / 3.0, wide / 3.0, wide).unwrap();
            match i {
                0 => writeln!(text, ",,,,,,,,{rows}").unwrap(),
                _ => writeln!(
                    text,
                    "1,2,0,{},{},0,{},{},{rows}",
                    -step,
                    -step / 3.0,
                    step / 3.0,
                    step
                )
                .unwrap(),
            }
        }
    }
    fs::write(folder.join("layers.csv"), text).unwrap();
}

fn write_timeline(folder: &Path, workers: u32) {
    let mut text = String::from("worker,class,activity,start_s,end_s,step\n");
    for w in 0..workers {
        let (name, slowdown) = class(w, workers);
        let mut now = 120.0 + 0.1 * noise(w.into());
        for step in 0..100u64 {
            let draw = |k: u64| noise(u64::from(w) * 1009 + step * 7 + k);
            let spans = [
                ("pull", 0.012 + 0.01 * draw(0)),
                ("compute", 0.1 * slowdown * (0.8 + 0.4 * draw(1))),
                ("push", 0.015 + 0.01 * draw(2)),
                ("wait", if draw(3) > 0.7 { 0.08 * draw(4) } else { 0.0 }),
            ];
            for (activity, length) in spans {
                let end = (now + length).min(122.5);
                if end > now {
                    writeln!(text, "{w},{name},{activity},{now},{end},{step}").unwrap();
                }
                now = end;
            }
        }
    }
    fs::write(folder.join("timeline.csv"), text).unwrap();
}

/// Writes a complete results folder of a run with this number of workers.
fn write_folder(folder: &Path, workers: u32) {
    fs::create_dir_all(folder).unwrap();
    write_evaluations(folder, workers.min(8));
    write_staleness(folder, workers);
    write_workers(folder, workers);
    write_divergence(folder);
    write_timeline(folder, workers);
    let summary = format!(
        "{{\"name\": \"cluster-of-{workers}\", \"workers\": {workers}, \"bayes_auc\": 0.815}}"
    );
    fs::write(folder.join("summary.json"), summary).unwrap();
}

/// A folder for the pictures: below `STRAGGLER_PLOTS` if that is set, so that they can be looked
/// at.
fn gallery(name: &str) -> (Option<tempfile::TempDir>, PathBuf) {
    match std::env::var_os("STRAGGLER_PLOTS") {
        Some(gallery) => (None, PathBuf::from(gallery).join(name)),
        None => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            (Some(folder), path)
        }
    }
}

fn written(drawn: &[DrawnPicture]) -> usize {
    let files = |d: &&DrawnPicture| match &d.outcome {
        PictureOutcome::Written { svg, png } => svg.is_file() && png.is_file(),
        PictureOutcome::Skipped(_) => false,
    };
    drawn.iter().filter(files).count()
}

#[test]
fn layers_without_numbers_draw_and_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    write_layers(folder.path());
    let text = fs::read_to_string(folder.path().join("layers.csv")).unwrap();
    let header = text.lines().next().unwrap();
    let empty = ",".repeat(header.split(',').count() - 8);
    for rows in [
        format!("0,0,0,dense,a,1,9,{empty}\n1,9,1,dense,a,1,9,{empty}\n"),
        format!(
            "0,9,0,sparse,a,1,9,NaN{empty}\n0,9,0,sparse,a,1,9,inf{empty}\n1,0,1,dense,b,1,9,-1{empty}\n"
        ),
    ] {
        fs::write(folder.path().join("layers.csv"), format!("{header}\n{rows}")).unwrap();
        let run = RunResults::open(folder.path()).unwrap();
        let figure = crate::report::figure::layers::quantiles(&run).unwrap();
        render::svg(&figure, "x").unwrap();
    }
}

#[test]
fn layers_are_drawn_where_they_were_watched() {
    let (_guard, folder) = gallery("layers");
    write_folder(&folder, 4);
    write_layers(&folder);
    let drawn = draw_all(&folder).unwrap();
    assert_eq!(written(&drawn), PICTURES + 1, "{drawn:?}");
    let svg = fs::read_to_string(folder.join("plots/layers.svg")).unwrap();
    assert!(svg.contains("10 of 12 layers") && svg.contains("untouched 20.0 %"));
}

#[test]
fn every_plot_is_drawn_for_few_and_for_many_workers() {
    // With one worker no gradient is stale.
    let most = PICTURES;
    for (name, workers, pictures) in
        [("few", 30, most), ("one", 1, most - 1), ("four", 4, most), ("many", 300, most)]
    {
        let (_guard, folder) = gallery(name);
        write_folder(&folder, workers);
        let drawn = draw_all(&folder).unwrap();
        assert_eq!(written(&drawn), pictures, "{drawn:?}");
    }
}

#[test]
fn the_same_folder_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path(), 12);
    let read = || -> Vec<Vec<u8>> {
        let drawn = draw_all(folder.path()).unwrap();
        let files = drawn.into_iter().flat_map(|d| match d.outcome {
            PictureOutcome::Written { svg, png } => {
                [fs::read(svg).unwrap(), fs::read(png).unwrap()]
            }
            PictureOutcome::Skipped(reason) => panic!("{reason}"),
        });
        files.collect()
    };
    assert!(read() == read());
}

#[test]
fn missing_and_empty_files_are_skipped_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path(), 3);
    fs::remove_file(folder.path().join("timeline.csv")).unwrap();
    fs::write(folder.path().join("staleness.csv"), "class,measure,low,high,count\n").unwrap();
    let drawn = draw_all(folder.path()).unwrap();
    let reason = |name: &str| match &drawn.iter().find(|d| d.name == name).unwrap().outcome {
        PictureOutcome::Skipped(reason) => reason.clone(),
        PictureOutcome::Written { .. } => panic!("{name} was drawn"),
    };
    assert_eq!(reason("timeline"), "there is no timeline.csv");
    assert_eq!(reason("staleness"), "staleness.csv has no rows");
    assert_eq!(written(&drawn), PICTURES - 2);
}

#[test]
fn what_a_sentence_says_as_well_is_not_drawn_and_old_files_go() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path(), 3);
    draw_all(folder.path()).unwrap();
    let plot = |name: &str| folder.path().join("plots").join(name);
    assert!(plot("quality-by-examples.png").exists() && plot("staleness.svg").exists());
    let rows: String = (0..9u32)
        .map(|i| format!("{i},{},,{},server,0.7,,,,\n", 32 * i, 0.5 * f64::from(i)))
        .collect();
    let header =
        "update,examples,passes,sim_s,view,auc,session_auc,log_loss,normalised_entropy,calibration";
    fs::write(folder.path().join("evaluations.csv"), format!("{header}\n{rows}")).unwrap();
    let fresh = "class,measure,low,high,count\nstandard,version,0,0,9\n";
    fs::write(folder.path().join("staleness.csv"), fresh).unwrap();
    let drawn = draw_all(folder.path()).unwrap();
    let reason = |name: &str| match &drawn.iter().find(|d| d.name == name).unwrap().outcome {
        PictureOutcome::Skipped(reason) => reason.clone(),
        PictureOutcome::Written { .. } => panic!("{name} was drawn"),
    };
    assert_eq!(
        reason("quality-by-examples"),
        "Quality by examples is the same curve: the run trains on 64 examples in every simulated second"
    );
    assert!(reason("staleness").starts_with("No gradient was stale"));
    assert!(!plot("quality-by-examples.png").exists() && !plot("staleness.svg").exists());
    assert!(plot("quality-by-time.png").exists());
}

#[test]
fn hundreds_of_shards_have_a_picture() {
    let (_guard, folder) = gallery("shards");
    write_folder(&folder, 4);
    let mut text = String::from("shard,updates,busy_s,queue_wait_s,bytes_in,bytes_out\n");
    for shard in 0..300u64 {
        let busy = 3000.0 * noise(shard);
        writeln!(text, "{shard},9,{busy},{},{shard},{shard}", busy * noise(shard + 7)).unwrap();
    }
    fs::write(folder.join("shards.csv"), text).unwrap();
    let summary = "{\"name\": \"many\", \"workers\": 4, \"sim_s\": 4400.0}";
    fs::write(folder.join("summary.json"), summary).unwrap();
    let drawn = draw_all(&folder).unwrap();
    assert_eq!(written(&drawn), PICTURES + 1, "{drawn:?}");
    let svg = fs::read_to_string(folder.join("plots/shards.svg")).unwrap();
    assert!(svg.contains("300 shards, from the busiest to the least busy"));
}

#[test]
fn odd_numbers_draw_or_skip_and_never_panic() {
    let files = [
        (
            "evaluations.csv",
            "update,examples,passes,sim_s,view,auc,session_auc,log_loss,normalised_entropy,calibration\n\
             0,0,,0,server,NaN,,,,\n1,0,,inf,server,0.5,,,,\n2,7,,-1,server,0.5,0.5,,,\n",
        ),
        ("staleness.csv", "class,measure,low,high,count\nall,version,0,1,1\n"),
        (
            "workers.csv",
            "worker,class,slowdown,steps,examples,busy_s,network_s,waiting_s,staleness_mean,staleness_max\n\
             0,<a&b>,NaN,0,0,1e-9,0,0,,\n1,<a&b>,,0,0,0,0,0,,\n2,c,,0,0,NaN,0,0,,\n",
        ),
        (
            "divergence.csv",
            "update,sim_s,group,layer,measure,mean,max\n0,0,dense,a,from_server,0,\n\
             1,1,dense,b,from_server,NaN,NaN\n",
        ),
        (
            "timeline.csv",
            "worker,class,activity,start_s,end_s,step\n0,a,wait,5,5.000000001,\n0,a,pull,7,6,\n\
             1,a,compute,NaN,9,1\n",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in files {
        fs::write(folder.path().join(file), text).unwrap();
    }
    assert_eq!(written(&draw_all(folder.path()).unwrap()), PICTURES);
    for (file, text) in files {
        let bad = format!("{}\n0,0,0\n", text.lines().next().unwrap());
        fs::write(folder.path().join(file), bad).unwrap();
        let error = draw_all(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("{file}, line 2")), "{error}");
        fs::write(folder.path().join(file), text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_numbers_make_a_picture_or_a_reason(
        cells in prop::collection::vec(prop::num::f64::ANY, 24),
        counts in prop::collection::vec(any::<u64>(), 6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let table = |file: &str, header: &str, row: &dyn Fn(usize) -> String| {
            let rows: Vec<String> = (0..3).map(row).collect();
            let text = format!("{header}\n{}\n", rows.join("\n"));
            fs::write(folder.path().join(file), text).unwrap();
        };
        let (c, n) = (&cells, &counts);
        let header = "update,examples,passes,sim_s,view,auc,session_auc,log_loss,\
                      normalised_entropy,calibration";
        table("evaluations.csv", header, &|i| {
            format!("0,{},,{:e},server,{:e},{:e},,,", n[i], c[i], c[3 + i], c[6 + i])
        });
        table("staleness.csv", "class,measure,low,high,count", &|i| {
            format!("all,version,{},{},{}", n[i], n[3 + i], n[5 - i])
        });
        let header = "worker,class,slowdown,steps,examples,busy_s,network_s,waiting_s,\
                      staleness_mean,staleness_max";
        table("workers.csv", header, &|i| {
            format!("{i},a,{:e},9,9,{:e},{:e},{:e},,", c[i], c[9 + i], c[12 + i], c[15 + i])
        });
        table("divergence.csv", "update,sim_s,group,layer,measure,mean,max", &|i| {
            format!("0,{:e},dense,a,from_server,{:e},{:e}", c[18 + i], c[i], c[i])
        });
        table("timeline.csv", "worker,class,activity,start_s,end_s,step", &|i| {
            format!("{i},a,compute,{:e},{:e},", c[18 + i], c[21 + i])
        });
        let read = RunResults::open(folder.path()).unwrap();
        for (_, topic) in pictures(&read) {
            if let Ok(figure) = (topic.build)(&read) {
                render::svg(&figure, "x").unwrap();
            }
        }
    }
}
