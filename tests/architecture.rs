//! The rules of `ARCHITECTURE.md` that a program can check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use straggler::scenario::document::{DocumentInput, load};
use straggler::scenario::sweep::{self, is_sweep, resolve};
use straggler::scenario::{Scenario, rules};

/// The floors, lowest first. A module imports only from floors strictly below its own.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["data", "nn"],
    &["params"],
    &["model", "optimizer", "cluster", "protocol", "metrics"],
    &["server", "online"],
    &["remedy"],
    &["sim"],
    &["scenario"],
    &["results"],
    &["experiment"],
    &["report"],
    &["cli"],
];

const MOST_LINES: usize = 600;

/// Folders of interchangeable parts, and the files that are no parts. Their registry is in `mod.rs`.
const REGISTRIES: &[(&str, &[&str])] = &[
    ("src/protocol", &["clocks", "config", "decision", "hybrid", "rounds"]),
    ("src/remedy", &["arrival", "config", "damping", "pipeline", "sensor", "state", "tuner"]),
    (
        "src/model",
        &[
            "composed",
            "config",
            "error",
            "init",
            "inputs",
            "l2",
            "network",
            "normalization",
            "scale",
            "tests",
            "tower",
        ],
    ),
    ("src/optimizer", &["clip", "config", "rule", "schedule", "swap", "tests"]),
    ("src/data/order", &["bijection", "tests"]),
    ("src/data/coding", &["coded"]),
    ("src/server/eviction", &["lives"]),
    ("src/data/sources", &[]),
    ("src/cluster/step_time", &[]),
];

/// Every family of interchangeable parts: its choice, and the file with its registry.
const FAMILIES: &[(&str, &str)] = &[
    ("SourceChoice", "src/data/sources/mod.rs"),
    ("OrderChoice", "src/data/order/mod.rs"),
    ("Hashing", "src/data/coding/mod.rs"),
    ("ModelChoice", "src/model/mod.rs"),
    ("Normalization", "src/model/normalization.rs"),
    ("OptimizerChoice", "src/optimizer/mod.rs"),
    ("ScheduleChoice", "src/optimizer/schedule.rs"),
    ("ProtocolChoice", "src/protocol/mod.rs"),
    ("EvictionRule", "src/server/eviction/mod.rs"),
    ("RemedyChoice", "src/remedy/mod.rs"),
    ("Local", "src/cluster/routine.rs"),
    ("StepTimeChoice", "src/cluster/step_time/mod.rs"),
    ("StartChoice", "src/cluster/start.rs"),
    ("DelayChoice", "src/cluster/delay.rs"),
    ("ArrivalsChoice", "src/online/arrivals.rs"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this ending, sorted.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is part of the project") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a source file is text")
}

/// The first folder below `src/`, or the name of a file that lies there.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).expect("a file of src/");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|names| names.contains(&module))
}

/// The modules of ours that a text names by `crate::`, comments aside.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for after in line.split("crate::").skip(1) {
            let name: String =
                after.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            // Macros stand at the root of the crate.
            let of_base = ["registry", "persist", "persist_plain", "versions"];
            found.insert(match name.as_str() {
                "table" => "results".to_string(),
                name if of_base.contains(&name) => "base".to_string(),
                _ => name,
            });
        }
    }
    found
}

#[test]
fn modules_import_only_from_lower_floors() {
    let mut wrong = Vec::new();
    for path in files("src", "rs") {
        let own = module(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let floor_of_own = floor(&own).unwrap_or_else(|| panic!("{own} stands on no floor"));
        for other in imports(&read(&path)).into_iter().filter(|other| *other != own) {
            let below = floor(&other).is_some_and(|floor| floor < floor_of_own);
            if !below {
                wrong.push(format!("{} imports {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Files that may import each other: a kernel and its form for one instruction set; runs, which have
/// stages, which are runs; and two pairs of the page, whose figures are still drawn twice.
const PAIRS: &[(&str, &str)] = &[("gemm", "gemm_x86"), ("update", "update_x86"), ("run", "stages")];

/// The names in `names` that the text of a file, tests and comments aside, imports from its own
/// folder, which lies `depth` modules above what the file's `self` is.
fn siblings(text: &str, folder: &str, depth: usize, names: &[String]) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join(" ");
    let mut prefixes = vec!["super::".repeat(depth)];
    if !folder.is_empty() {
        prefixes.push(format!("crate::{}::", folder.replace('/', "::")));
    }
    let mut found = BTreeSet::new();
    for prefix in prefixes {
        for (at, _) in code.match_indices(&prefix) {
            // Of `super::super::name` the inner `super::name` is another folder's.
            if code[..at].ends_with("super::") || code[..at].ends_with("crate::") {
                continue;
            }
            let after = &code[at + prefix.len()..];
            let listed = after.strip_prefix('{').and_then(|list| list.split('}').next());
            let heads: Vec<&str> = listed
                .unwrap_or(after)
                .split(", ")
                .take(match listed {
                    Some(_) => usize::MAX,
                    None => 1,
                })
                .collect();
            for head in heads {
                let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                let name: String = head.trim().chars().take_while(is_word).collect();
                found.extend(names.iter().find(|other| **other == name).cloned());
            }
        }
    }
    found
}

/// Of each folder below `src/`: which of its files and folders import which others.
fn imports_inside() -> Vec<(String, BTreeMap<String, BTreeSet<String>>)> {
    let src = root().join("src");
    let mut folders: BTreeMap<String, BTreeMap<String, Vec<(PathBuf, usize)>>> = BTreeMap::new();
    for path in files("src", "rs") {
        let below = path.strip_prefix(&src).expect("a file of src/").to_path_buf();
        let parts: Vec<String> = below
            .iter()
            .map(|part| part.to_string_lossy().trim_end_matches(".rs").into())
            .collect();
        // Tests may import whatever they test.
        if ["tests", "new_part", "new_parts"].contains(&parts[parts.len() - 1].as_str()) {
            continue;
        }
        for level in 0..parts.len() {
            let (folder, name) = (parts[..level].join("/"), parts[level].clone());
            let is_own = ["mod", "tests", "lib", "main"].contains(&name.as_str());
            // `super` once for each module between the file and the folder.
            let modules = parts.len() - level - usize::from(parts.ends_with(&["mod".to_string()]));
            if !is_own {
                let files = folders.entry(folder).or_default().entry(name).or_default();
                files.push((path.clone(), modules));
            }
        }
    }
    let graph = |(folder, members): (String, BTreeMap<String, Vec<(PathBuf, usize)>>)| {
        let names: Vec<String> = members.keys().cloned().collect();
        let of = |(name, files): (&String, &Vec<(PathBuf, usize)>)| {
            let all = files
                .iter()
                .flat_map(|(path, depth)| siblings(&read(path), &folder, *depth, &names));
            (name.clone(), all.filter(|other| other != name).collect())
        };
        let graph = members.iter().map(of).collect();
        (folder, graph)
    };
    folders.into_iter().map(graph).collect()
}

#[test]
fn no_files_of_a_folder_import_each_other_in_a_circle() {
    let mut circles = Vec::new();
    let mut edges = 0;
    for (folder, mut graph) in imports_inside() {
        for (one, other) in PAIRS {
            if let Some(imports) = graph.get_mut(*other) {
                imports.remove(*one);
            }
        }
        edges += graph.values().map(BTreeSet::len).sum::<usize>();
        // What imports nothing that is left is no part of a circle.
        loop {
            let done: Vec<String> = graph
                .iter()
                .filter(|(_, to)| to.is_empty())
                .map(|(name, _)| name.clone())
                .collect();
            if done.is_empty() {
                break;
            }
            graph.retain(|name, _| !done.contains(name));
            graph.values_mut().for_each(|to| to.retain(|name| !done.contains(name)));
        }
        if !graph.is_empty() {
            circles.push((folder, graph));
        }
    }
    assert!(edges > 500, "only {edges} imports were found: the test looks in the wrong places");
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn every_folder_says_on_which_floor_it_stands() {
    for (number, modules) in FLOORS.iter().enumerate() {
        for module in *modules {
            let text = read(&root().join(format!("src/{module}/mod.rs")));
            assert!(text.starts_with(&format!("//! Floor {number}, ")), "src/{module}/mod.rs");
        }
    }
}

#[test]
fn files_say_what_they_own_and_stay_small() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        for path in files(folder, "rs") {
            let text = read(&path);
            if !text.starts_with("//!") {
                wrong.push(format!("{} does not begin with //!", path.display()));
            }
            let lines = text.lines().count();
            if lines > MOST_LINES {
                wrong.push(format!("{} has {lines} lines", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_simulation_knows_no_file_no_printing_and_no_wall_clock() {
    let lower: Vec<&str> = FLOORS[..=6].iter().copied().flatten().copied().collect();
    // Logs and step-time traces are files; they are read before a run begins.
    for module in lower.into_iter().filter(|module| !["data", "cluster"].contains(module)) {
        for path in files(&format!("src/{module}"), "rs") {
            let text = read(&path);
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in ["println!", "std::fs", "std::io", "Instant::", "SystemTime"] {
                assert!(!code.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

/// The files and folders with code that the compiler does not check.
const UNCHECKED: &[&str] =
    &["src/nn/kernels/", "src/base/level.rs", "src/data/mapped.rs", "src/data/reading/split.rs"];

#[test]
fn unsafe_code_is_in_few_files() {
    let mut found = BTreeSet::new();
    for path in files("src", "rs") {
        let below = path.strip_prefix(root()).expect("below").to_string_lossy().replace('\\', "/");
        let text = read(&path);
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let words = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
        if code.into_iter().any(|line| words.iter().any(|word| line.contains(word))) {
            let place = UNCHECKED.iter().find(|place| below.starts_with(**place));
            found.insert(*place.unwrap_or_else(|| panic!("{below} has unsafe code")));
        }
    }
    assert_eq!(found, UNCHECKED.iter().copied().collect(), "the list is out of date");
}

#[test]
fn a_protocol_sees_neither_weights_nor_gradients_and_a_report_no_simulation() {
    let imported = |folder: &str| -> BTreeSet<String> {
        files(folder, "rs").iter().flat_map(|path| imports(&read(path))).collect()
    };
    let expected =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).into()).collect() };
    assert_eq!(imported("src/protocol"), expected(&["base", "protocol"]));
    // What reads results knows words of the simulation, such as those for activities, and runs none.
    let within = |folder: &str, allowed: &[&str]| {
        let found = imported(folder);
        assert!(found.is_subset(&expected(allowed)), "{folder} imports {found:?}");
    };
    within("src/results", &["base", "metrics", "sim", "results"]);
    within("src/report", &["base", "metrics", "results", "report"]);
    for room in ["compare", "export", "statistics"] {
        within(&format!("src/results/{room}"), &["base", "metrics", "results"]);
    }
}

#[test]
fn every_part_is_registered() {
    for (folder, others) in REGISTRIES {
        let text = read(&root().join(folder).join("mod.rs"));
        let registered = text.split("crate::registry!").nth(1).expect("the folder's registry");
        for path in files(folder, "rs") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            // A part may have a folder of its own, and two families may share one.
            let is_part = name != "mod" && !others.contains(&name.as_str());
            if is_part && path.parent() == Some(&root().join(folder)) {
                let config = format!("({name}::");
                assert!(registered.contains(&config), "{} is not registered", path.display());
            }
        }
    }
}

/// `src/scenario/new_parts.rs` takes a part of every family, which only tests know, through all that a
/// part goes through. Besides its own file such a part may be named by the two lines that declare and
/// register it, and nowhere else: that is all that a new part takes.
#[test]
fn a_new_part_is_one_file_and_one_line() {
    let all = files("src", "rs");
    for (_, registry) in FAMILIES {
        let text = read(&root().join(registry));
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("new_part")).collect();
        let [declared, registered] = lines[..] else { panic!("{registry}: {lines:#?}") };
        assert_eq!(declared.trim(), "mod new_part;", "{registry}");
        assert_eq!(registered.trim(), "\"new_part\" => NewPart(new_part::Config),", "{registry}");
    }
    for path in all {
        let own = ["new_part.rs", "new_parts.rs"];
        let is_own = own.contains(&path.file_name().unwrap().to_str().unwrap());
        let registers = FAMILIES.iter().any(|(_, registry)| path == root().join(registry));
        let text = read(&path).replace("mod new_parts;", "");
        let names = text.contains("new_part") || text.contains("NewPart");
        assert!(is_own || registers || !names, "{} names a new part", path.display());
    }
}

/// Nobody but its own module, and what makes parts out of other things, takes a choice apart. All else
/// asks the part what it is.
#[test]
fn rules_ask_parts_and_know_none_by_its_name() {
    for path in files("src", "rs") {
        let text = read(&path);
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let below = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let is_exempt = ["src/experiment/fit/", "src/scenario/document/", "src/scenario/new_parts"]
            .iter()
            .any(|exempt| below.starts_with(exempt));
        if is_exempt || below.ends_with("tests.rs") {
            continue;
        }
        for (choice, registry) in FAMILIES {
            let floor = registry.split('/').nth(1).expect("a folder");
            let variant = |after: &str| {
                let mut letters = after.chars();
                letters.next().is_some_and(char::is_uppercase)
                    && letters.next().is_some_and(char::is_lowercase)
            };
            let apart = code.match_indices(&format!("{choice}::")).any(|(at, found)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(char::is_alphanumeric) && variant(&code[at + found.len()..])
            });
            assert!(!apart || module(&path) == floor, "{below} takes a {choice} apart");
        }
    }
}

#[test]
fn every_scenario_reads_without_a_warning() {
    let all = files("scenarios", "toml");
    assert!(all.len() >= 6);
    for path in all {
        if is_sweep(&path) {
            let sweep = sweep::read(&path).unwrap_or_else(|problems| panic!("{problems}"));
            // A sweep may well go where a single scenario had better not.
            resolve(&sweep.scenario, sweep.design.points(), &[])
                .unwrap_or_else(|problems| panic!("{problems}"));
            continue;
        }
        let mut loaded =
            load::<Scenario>(DocumentInput::File(&path), &[]).unwrap_or_else(|problems| {
                panic!("{}: {problems}", path.display());
            });
        rules::check(&mut loaded);
        let loaded = loaded.finish().unwrap_or_else(|problems| panic!("{problems}"));
        assert!(loaded.problems.list.is_empty(), "{}", loaded.problems);
    }
}

/// Licences that permit everything that ours permit.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression can be fulfilled with [`LICENCES`] alone. `/` is an old word for OR.
fn is_permitted(expression: &str) -> bool {
    let expression = expression.replace(['(', ')'], "").replace('/', " OR ");
    // Without brackets, AND binds closer than OR. An expression of both must hold either way.
    let known = |licence: &str| LICENCES.contains(&licence.trim());
    match expression.contains(" AND ") && expression.contains(" OR ") {
        true => expression.split(" AND ").all(|part| part.split(" OR ").any(known)),
        false => expression.split(" OR ").any(|part| part.split(" AND ").all(known)),
    }
}

/// `deny.toml` has the same list, for `cargo deny`.
#[test]
fn what_the_program_is_built_from_may_be_passed_on() {
    let output = std::process::Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}|{l}"])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut count = 0;
    for line in text.lines().map(|line| line.trim_end_matches(" (*)")) {
        let (package, licence) = line.rsplit_once('|').expect("two columns");
        assert!(is_permitted(licence), "{package}: {licence}");
        count += 1;
    }
    assert!(count > 50, "{text}");
    let deny = read(&root().join("deny.toml"));
    for licence in LICENCES {
        assert!(deny.contains(&format!("\"{licence}\"")), "deny.toml leaves out {licence}");
    }
    for (expression, permitted) in [
        ("MIT/Apache-2.0", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
        ("", false),
    ] {
        assert_eq!(is_permitted(expression), permitted, "{expression}");
    }
}
