//! Properties R35 and R36: nothing is written outside the results folder, and nothing is read that
//! was not named.

use std::fs;
use std::path::{Path, PathBuf};

use straggler::scenario::Scenario;

use crate::support::{SMALL, done, say, scenario, small_run, straggler};

/// Names that have led somewhere else before.
fn names() -> Vec<String> {
    let odd = [
        "..",
        ".",
        "../x",
        "..\\\\x",
        "/etc/x",
        "a/b",
        "a\\\\b",
        "C:x",
        "x:y",
        "~",
        "~root",
        "$HOME",
        "%TEMP%",
        "-x",
        "--out",
        "",
        " ",
        "x ",
        "a\\u0000b",
        "a\\nb",
        "a\\rb",
        "a\\tb",
        "\\u001b[2J",
        "..\\u2215x",
        "\\u202Ex",
        "\\uFF0E\\uFF0E\\uFF0Fx",
        "\\u0430dmin",
        "x\\uFEFF",
        ".hidden",
        "*",
        "?",
        "a|b",
        "<a>",
        "a;b",
        "`a`",
        "a&b",
        "a'b",
        "#",
        "caf\\u00E9",
    ];
    let long = ["x".repeat(65), "x".repeat(300), "x".repeat(4096)];
    let mut all: Vec<String> = odd.iter().map(|name| (*name).to_string()).chain(long).collect();
    let pairs = odd.iter().flat_map(|one| odd.iter().map(move |other| (one, other)));
    for (one, other) in pairs.step_by(5) {
        all.push(format!("{one}/{other}"));
    }
    all
}

#[test]
fn r35_hostile_names_are_refused() {
    let names = names();
    assert!(names.len() > 300);
    for name in &names {
        let text = format!("scenario.name = \"{name}\"\ndata = {{ kind = \"synthetic\" }}");
        assert!(Scenario::from_text(&text).is_err(), "{name:?} is taken for a name");
    }
    // Names of devices are harmless with the plan's hash behind them.
    for name in ["CON", "nul", "com1.txt", "a.b-c_d"] {
        let text = format!("scenario.name = \"{name}\"\ndata = {{ kind = \"synthetic\" }}");
        assert!(Scenario::from_text(&text).is_ok(), "{name}");
    }
    // By the program: refused, and nothing is there afterwards.
    let folder = tempfile::tempdir().unwrap();
    for name in ["../x", "/tmp/x", "a/b", ".."] {
        let mut command = straggler();
        command.current_dir(&folder).arg("run").arg(scenario("quickstart.toml")).args(SMALL);
        let said = say(command.arg(format!("scenario.name='{name}'")).arg("--quiet"));
        assert_eq!(said.code, 2, "{name}: {}", said.stderr);
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn r35_links_in_a_results_folder_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let victims = folder.path().join("victims");
    fs::create_dir(&victims).unwrap();
    let whole = folder.path().join("whole");
    done(&mut small_run(&whole));
    done(straggler().arg("report").arg(&whole));
    let mut names: Vec<String> = list(&whole);
    names.extend(list(&whole.join("plots")).iter().map(|name| format!("plots/{name}")));
    names.extend(["summary.json.tmp", "run-info.json.tmp", "report.html.tmp"].map(String::from));
    names.push(".lock".to_string());
    names.retain(|name| name != "plots");
    // Those that stop the run by themselves, one by one; all others together.
    let stops = |name: &&String| [".lock", "resolved.toml"].contains(&name.as_str());
    let (alone, together): (Vec<&String>, Vec<&String>) = names.iter().partition(stops);
    assert!(together.len() > 20);
    for names in alone.into_iter().map(|name| vec![name]).chain([together]) {
        let out = folder.path().join("out");
        drop(fs::remove_dir_all(&out));
        fs::create_dir_all(out.join("plots")).unwrap();
        // As somebody's folder that was begun once before, with links where files would be.
        fs::copy(whole.join("resolved.toml"), out.join("resolved.toml")).unwrap();
        let victims: Vec<PathBuf> =
            names.iter().map(|name| victims.join(name.replace('/', "-"))).collect();
        for (name, victim) in names.iter().zip(&victims) {
            fs::write(victim, "mine").unwrap();
            drop(fs::remove_file(out.join(name)));
            std::os::unix::fs::symlink(victim, out.join(name)).unwrap();
        }
        let mut command = straggler();
        command.arg("run").arg(scenario("quickstart.toml")).args(SMALL).arg("--out").arg(&out);
        let said = say(command.args(["--force", "--quiet"]));
        let wanted: &[i32] = if names.len() == 1 { &[6, 7] } else { &[0] };
        assert!(wanted.contains(&said.code), "{names:?}: {}", said.stderr);
        for victim in victims {
            assert_eq!(fs::read_to_string(&victim).unwrap(), "mine", "{victim:?} was changed");
        }
    }
}

/// A link to a folder leads every writer out of the results.
#[cfg(unix)]
#[test]
fn r35_links_to_folders_in_a_results_folder_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let (out, elsewhere) = (root.path().join("out"), root.path().join("elsewhere"));
    fs::create_dir(&elsewhere).unwrap();
    done(&mut small_run(&out));
    for inner in ["plots", "checkpoints", "snapshots", "stages", "export", "export/csv"] {
        let link = out.join(inner);
        drop(fs::remove_dir_all(out.join(inner.split('/').next().unwrap())));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        let mut again = small_run(&out);
        let commands = [
            again.arg("--force"),
            straggler().arg("report").arg(&out),
            straggler().arg("resume").arg(&out),
            straggler().args(["export", "--format", "csv"]).arg(&out),
        ]
        .map(say);
        for said in commands {
            assert_eq!(said.code, 6, "{inner}: {}", said.stderr);
            assert!(said.stderr.contains("symbolic link"), "{inner}: {}", said.stderr);
        }
        assert_eq!(list(&elsewhere), Vec::<String>::new(), "{inner}");
        drop(fs::remove_file(&link));
    }
}

/// A plan names folders below `trials/`, and no other places.
#[test]
fn plans_that_lead_out_of_their_folder_are_refused_before_anything_runs() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let mut sweep = straggler();
    sweep.arg("run").arg(scenario("quickstart.toml")).args(SMALL).args(["--seeds", "2"]);
    done(sweep.arg("--out").arg(&out).arg("--quiet"));
    let file = out.join("plan.jsonl");
    let plan = fs::read_to_string(&file).unwrap();
    let outside = root.path().join("outside");
    let absolute = outside.to_str().unwrap().to_string();
    for trial in [absolute.as_str(), "../../outside", "..", "0000/../../../outside", ""] {
        let forged = plan.replace("\"trial\":\"0001\"", &format!("\"trial\":{trial:?}"));
        assert_ne!(forged, plan);
        fs::write(&file, forged).unwrap();
        for command in ["resume", "status", "report"] {
            let said = say(straggler().arg(command).arg(&out));
            assert_eq!(said.code, 6, "{command} {trial}: {}", said.stderr);
            assert!(said.stderr.contains("no name of a trial's folder"), "{}", said.stderr);
        }
        assert!(!outside.exists(), "{trial}");
    }
    // Nor seeds that no scenario can have.
    let forged = plan.replacen("\"seed\":", "\"seed\":1000000000000000000", 1);
    fs::write(&file, forged).unwrap();
    let said = say(straggler().arg("resume").arg(&out));
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(said.stderr.contains("above the largest"), "{}", said.stderr);
}

/// A folder that is removed or moved during a run is not made again beside its own results.
#[cfg(unix)]
#[test]
fn a_run_whose_folder_is_gone_says_so() {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    for moved in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let mut run = Command::new(env!("CARGO_BIN_EXE_straggler"))
            .arg("run")
            .arg(scenario("quickstart.toml"))
            .args(SMALL)
            .args(["train.stop={passes=200}", "checkpoint.every={times=50}", "--out"])
            .arg(&out)
            .args(["--quiet", "--save-every", "1s"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !out.join("training.csv").exists() {
            assert_eq!(run.try_wait().unwrap(), None);
            std::thread::sleep(Duration::from_millis(2));
        }
        if moved {
            fs::rename(&out, root.path().join("moved")).unwrap();
        } else {
            while fs::remove_dir_all(&out).is_err() && out.exists() {}
        }
        assert_eq!(run.wait().unwrap().code(), Some(7), "moved: {moved}");
        assert!(!out.exists(), "moved: {moved}");
    }
}

fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn r36_paths_are_taken_as_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("log.csv"), "label,item\n1,3\n0,4\n").unwrap();
    for path in [
        "$HOME/log.csv",
        "${HOME}/log.csv",
        "~/log.csv",
        "home/*.csv",
        "home/log.cs?",
        "%HOME%/log.csv",
        "file:home/log.csv",
        "|cat home/log.csv",
        "`echo home/log.csv`",
        "home/{log,x}.csv",
    ] {
        let file = folder.path().join("my.toml");
        let data =
            format!("[data]\nkind = \"table\"\nfiles = ['{path}']\ncategorical = [\"item\"]\n");
        fs::write(&file, data).unwrap();
        let mut command = straggler();
        command.current_dir(&folder).env("HOME", &home).args(["data", "inspect", "my.toml"]);
        let said = say(&mut command);
        assert_eq!(said.code, 4, "{path}: {}{}", said.stdout, said.stderr);
        assert!(
            said.stderr.contains("no file at") && said.stderr.contains(path),
            "{path}: {}",
            said.stderr
        );
    }
}
