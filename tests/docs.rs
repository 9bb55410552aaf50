//! The pages in `docs/` tell the truth: generated pages are up to date, the commands they show can
//! be run, and print what is shown.
//!
//! `STRAGGLER_REWRITE=1 cargo test --test docs` writes the generated pages anew.
//!
//! The commands of a page are a session in a folder of their own, with a copy of `scenarios/`. In a
//! block marked `console`, lines that begin with `$` are run and the others are what is printed;
//! `...` stands for any lines. Numbers may differ by a tenth, because processors round differently;
//! with `STRAGGLER_EXACT=1` every number has to be the one that is printed here. A block marked `sh` is only parsed. A block behind a line such as
//! `` `my.toml`: `` is written to that file first.
#![cfg(feature = "cli")]

#[path = "support/cuckoo_page.rs"]
mod cuckoo_page;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use straggler::metrics::glossary::METRICS;
use straggler::metrics::scalar::{Better, SCALARS};
use straggler::results::tables;
use straggler::scenario::document::errors::CODES;
use straggler::scenario::document::{ReferencePage, Shape, reference_pages};
use straggler::scenario::{Scenario, rules, sweep};

const PROGRAM: &str = env!("CARGO_BIN_EXE_straggler");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shell(command: &str, folder: &Path) -> Output {
    let programs = Path::new(PROGRAM).parent().expect("a program lies in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("NO_COLOR", "1")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .expect("a shell")
}

fn printed(command: &str) -> String {
    let output = shell(command, root());
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

// Generated pages.

const NOTE: &str = "<!-- Generated: STRAGGLER_REWRITE=1 cargo test --test docs -->\n\n";

/// The folder of the pages for the sections of a scenario, beside the page for its top level.
const SECTIONS: &str = "scenario";

/// The reference of scenarios: names of pages and their texts.
fn scenario_pages() -> Vec<(String, String)> {
    let head = "# Scenario\n\n\
        Every key of a scenario file, its type, its default and its meaning, with a page for each \
        section. `straggler explain KEY` prints one key, and [the twenty keys you \
        need](../start/twenty-keys.md) are a shorter list. Keys are TOML; quantities with a unit are \
        written in quotes. A table with a `kind` has the keys of that kind, and no others.\n\n";
    let (top, sections) = reference_pages(&Shape::of::<Scenario>(), SECTIONS);
    let page = |name: String, text: &str| (name, format!("{NOTE}{}\n", text.trim_end()));
    let index = page("scenario".into(), &format!("{head}{top}"));
    let section =
        |section: &ReferencePage| page(format!("{SECTIONS}/{}", section.key), &section.text);
    std::iter::once(index).chain(sections.iter().map(section)).collect()
}

/// The names of all commands, in order; of a group of commands, those of its members.
fn commands(path: &str, group: &clap::Command, names: &mut Vec<String>) {
    for command in group.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{path} {}", command.get_name());
        match command.has_subcommands() {
            true => commands(&name, command, names),
            false => names.push(name),
        }
    }
}

fn cli_page() -> String {
    let mut names = vec!["straggler".to_string()];
    commands("straggler", &straggler::cli::commands(), &mut names);
    let program = straggler::cli::commands();
    let old = program.get_subcommands().filter(|command| command.is_hide_set()).map(|command| {
        let now = command.get_about().map(ToString::to_string).unwrap_or_default();
        format!("`{}` ({})", command.get_name(), now.replacen("Now", "now", 1))
    });
    let old = old.collect::<Vec<_>>().join(", ");
    let mut page = format!(
        "{NOTE}# Command line\n\nWhat `--help` says. Old names still work in this version: {old}.\n"
    );
    for name in names {
        let help = printed(&format!("{name} --help"));
        page.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", help.trim_end()));
    }
    page
}

fn metrics_page() -> String {
    let mut page = format!(
        "{NOTE}# Metrics\n\nEvery figure in results folders and summaries, defined once. \
         `straggler explain NAME` prints one.\n\n| name | unit | definition |\n|---|---|---|\n"
    );
    for metric in METRICS {
        let text = metric.text.replace('|', "\\|");
        page.push_str(&format!("| `{}` | {} | {text} |\n", metric.name, metric.unit));
    }
    page.push_str(
        "\n## Figures of a whole run\n\nWhat sweeps, comparisons and expectations use: one number of each \
         run. Beside them, `time_to(best.auc>=0.73)` is the simulated time of the first evaluation \
         at which the best step so far has that quality; `worker_time_to`, `examples_to` and `updates_to` \
         count worker-seconds, examples and updates until then; `auc`, `session_auc`, `log_loss`, \
         `normalised_entropy` and `calibration` can be waited for, with `best.` or, at every evaluation by \
         itself, without.\n\n| name | unit | better | definition |\n|---|---|---|---|\n",
    );
    for scalar in SCALARS {
        let better = match scalar.better {
            Better::Higher => "higher",
            Better::Lower => "lower",
            Better::Neither => "",
        };
        page.push_str(&format!(
            "| `{}` | {} | {better} | {} |\n",
            scalar.name, scalar.unit, scalar.text
        ));
    }
    page
}

fn tables_page() -> String {
    let mut page = format!(
        "{NOTE}# Tables\n\nThe CSV files of [results folders](results-folder.md) and [exports](../howto/export.md), \
         column by column. An empty cell means that the figure is not defined there. Metrics are defined in \
         [Metrics](metrics.md). Columns may be added in later versions; read them by name.\n"
    );
    let sections = [
        ("A run", [&tables::EXPORTED[..], &tables::OF_A_RUN_TOO].concat()),
        ("A sweep", tables::OF_A_SWEEP.to_vec()),
        ("A restart lab", tables::OF_A_LAB.to_vec()),
        ("An export", tables::OF_AN_EXPORT.to_vec()),
    ];
    for (title, tables) in sections {
        page.push_str(&format!("\n## {title}\n"));
        for table in tables {
            let about = table.about.trim();
            page.push_str(&format!(
                "\n### `{}`\n\n{about}\n\n| column | unit | meaning |\n|---|---|---|\n",
                table.file
            ));
            for column in table.columns {
                let about = column.about.trim().replace('|', "\\|");
                page.push_str(&format!("| `{}` | {} | {about} |\n", column.name, column.unit));
            }
        }
    }
    page
}

fn errors_page() -> String {
    let mut page = format!(
        "{NOTE}# Errors\n\nMistakes in scenarios and on the command line have a code. Errors begin with E \
         and stop everything before it starts; warnings begin with W and stop nothing. \
         `straggler explain CODE` prints the same text.\n"
    );
    let mut codes: Vec<_> = CODES.iter().chain(rules::CODES).chain(sweep::errors::CODES).collect();
    codes.sort_by_key(|code| code.id);
    for code in codes {
        page.push_str(&format!("\n## {}: {}\n\n{}\n", code.id, code.title, code.text));
    }
    page.push_str(
        "\n## Malformed rows\n\nThe kinds of rows that a loader cannot read. They stop the load, or are \
         skipped and counted by kind with `on_bad_row = \"skip\"`.\n\n| kind | what it is |\n|---|---|\n",
    );
    let source = include_str!("../src/data/bad_row.rs");
    for (text, name) in documented(source, "kinds! {", "\n}") {
        let name = name.split('"').nth(1).expect("a name in quotes");
        page.push_str(&format!("| `{name}` | {text} |\n"));
    }
    page
}

fn exit_codes_page() -> String {
    let mut page = format!(
        "{NOTE}# Exit codes\n\nHow the program ends. These numbers will not change.\n\n\
         | code | meaning |\n|---|---|\n"
    );
    let source = include_str!("../src/cli/exit.rs");
    for (text, name) in documented(source, "enum Exit {", "\n}") {
        let code = name.split(" = ").nth(1).expect("a number").trim_end_matches(',');
        page.push_str(&format!("| {code} | {text} |\n"));
    }
    page
}

/// The documented lines of a block of source text: (documentation, line).
fn documented(source: &str, from: &str, to: &str) -> Vec<(String, String)> {
    let block = source.split(from).last().expect("the block").split(to).next().expect("its end");
    let (mut found, mut text) = (Vec::new(), String::new());
    let is_text = |line: &&str| !line.is_empty() && !line.starts_with("#[");
    for line in block.lines().map(str::trim).filter(is_text) {
        match line.strip_prefix("/// ") {
            Some(more) => text = format!("{text} {more}").trim().to_string(),
            None => found.push((std::mem::take(&mut text), line.to_string())),
        }
    }
    found
}

#[test]
fn generated_pages_are_up_to_date() {
    let mut pages = scenario_pages();
    let others = [
        ("cli", cli_page()),
        ("metrics", metrics_page()),
        ("tables", tables_page()),
        ("errors", errors_page()),
        ("exit-codes", exit_codes_page()),
    ];
    pages.extend(others.map(|(name, page)| (name.to_string(), page)));
    let sections = fs::read_dir(root().join("docs/src/reference").join(SECTIONS));
    for section in sections.into_iter().flatten() {
        let name = section.expect("a readable entry").file_name();
        let name = format!("{SECTIONS}/{}", name.to_string_lossy().trim_end_matches(".md"));
        assert!(pages.iter().any(|page| page.0 == name), "there is no section for {name}.md");
    }
    for (name, page) in pages {
        let path = root().join(format!("docs/src/reference/{name}.md"));
        if std::env::var_os("STRAGGLER_REWRITE").is_some() {
            fs::write(&path, page).expect("docs/ can be written");
        } else {
            let kept = fs::read_to_string(&path).unwrap_or_default();
            let advice = "STRAGGLER_REWRITE=1 cargo test --test docs";
            assert!(kept == page, "{} is out of date: {advice}", path.display());
        }
    }
}

/// Replaces what lies between the marks of a generated block of a page.
fn with_block(page: &str, name: &str, text: &str) -> String {
    let (open, close) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->");
    let (before, rest) = page.split_once(&open).unwrap_or_else(|| panic!("no block {name}"));
    let (_, after) = rest.split_once(close).expect("the end of a block");
    format!("{before}{open}\n{}\n\n{close}{after}", text.trim_end())
}

#[test]
fn generated_blocks_of_the_page_about_cuckoo_tables_are_up_to_date() {
    let path = root().join("docs/src/explain/cuckoo.md");
    let kept = fs::read_to_string(&path).expect("a page");
    let blocks = cuckoo_page::blocks();
    let page = blocks.iter().fold(kept.clone(), |page, (name, text)| with_block(&page, name, text));
    if std::env::var_os("STRAGGLER_REWRITE").is_some() {
        fs::write(&path, page).expect("docs/ can be written");
    } else {
        let advice = "STRAGGLER_REWRITE=1 cargo test --test docs";
        assert!(kept == page, "{} is out of date: {advice}", path.display());
    }
}

// Commands.

/// A fenced block: its language, the file it is written to, its text.
struct Block {
    language: String,
    file: Option<String>,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut before, mut open) = (Vec::new(), "", None::<Block>);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let name = before.strip_prefix('`').and_then(|rest| rest.strip_suffix("`:"));
                let (language, file) = (language.to_string(), name.map(Into::into));
                open = Some(Block { language, file, text: String::new() });
            }
            (Some(_), Some(_)) => {
                blocks.extend(open.take());
                before = "";
            }
            (Some(block), None) => block.text.push_str(&format!("{line}\n")),
            (None, None) if !line.is_empty() => before = line,
            (None, None) => {}
        }
    }
    blocks
}

fn pages() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    let mut open = vec![root().join("docs/src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("docs/ is part of the project") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Runs one command of a `console` block and compares what it prints.
fn run(command: &str, wanted: &[&str], folder: &Path) -> Result<(), String> {
    let output = shell(command, folder);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let begins = |word: &str| wanted.first().is_some_and(|line| line.starts_with(word));
    if output.status.success() == begins("error") {
        return Err(format!("`{command}` ends with {}\n{errors}", output.status));
    }
    let text = if begins("error") || begins("warning") { errors } else { text };
    let tolerance = if std::env::var_os("STRAGGLER_EXACT").is_some() { 0.0 } else { 0.1 };
    let alike = |line: &str, printed: &str| support::alike(line, printed, tolerance);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut skipping = false;
    for line in wanted.iter().filter(|line| !line.trim().is_empty()) {
        if *line == "..." {
            skipping = true;
            continue;
        }
        let found = if skipping {
            lines.any(|printed| alike(line, printed))
        } else {
            lines.next().is_some_and(|printed| alike(line, printed))
        };
        if !found {
            return Err(format!("`{command}` does not print\n{line}\nbut\n{text}"));
        }
        skipping = false;
    }
    match lines.next() {
        Some(line) if !skipping && !wanted.is_empty() => {
            Err(format!("`{command}` prints more than is shown, first:\n{line}"))
        }
        _ => Ok(()),
    }
}

/// Runs the commands of a `console` block, one after the other; returns what was wrong.
fn console(text: &str, folder: &Path) -> Vec<String> {
    let mut parts: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), parts.last_mut()) {
            (Some(command), _) => parts.push((command, Vec::new())),
            (None, Some((_, wanted))) => wanted.push(line),
            (None, None) => return vec![format!("a console block begins with `$ `: {line}")],
        }
    }
    parts.iter().filter_map(|(command, wanted)| run(command, wanted, folder).err()).collect()
}

/// Parses a command line without running it, by asking for help at its end. What would run a
/// scenario or a sweep that is at hand is checked, overrides included.
fn parse(line: &str, folder: &Path) -> Result<(), String> {
    let command = line.split(" #").next().unwrap_or_default().trim();
    let command = command.replace("cargo run --release -- ", "straggler ");
    let words: Vec<&str> = command.split_whitespace().collect();
    if words.first() != Some(&"straggler") {
        return Ok(());
    }
    let succeeds = |command: &str| {
        let output = shell(command, folder);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(format!("`{command}`\n{errors}")) }
    };
    succeeds(&format!("{command} --help"))?;
    let (scenario, rest) = match words.get(1) {
        Some(&"demo") => ("scenarios/demo.toml", &words[2..]),
        Some(&"run") if words.len() > 2 => (words[2], &words[3..]),
        _ => return Ok(()),
    };
    let overrides: Vec<&str> = rest.iter().copied().filter(|word| word.contains('=')).collect();
    match folder.join(scenario).exists() {
        true => succeeds(&format!("straggler check --show {scenario} {}", overrides.join(" "))),
        false => Ok(()),
    }
}

#[test]
fn r50_commands_in_the_pages_do_what_is_shown() {
    let mut wrong = Vec::new();
    for page in pages() {
        let name = page.strip_prefix(root()).expect("a page of ours").display().to_string();
        let text = fs::read_to_string(&page).expect("a page is text");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        assert!(shell(&format!("cp -r {}/scenarios .", root().display()), folder).status.success());
        for block in blocks(&text) {
            if let Some(file) = &block.file {
                fs::write(folder.join(file), &block.text).expect("a writable folder");
            }
            let found = match block.language.as_str() {
                "console" => console(&block.text, folder),
                "sh" => block.text.lines().filter_map(|line| parse(line, folder).err()).collect(),
                _ => Vec::new(),
            };
            wrong.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn links_lead_somewhere_and_every_page_is_in_the_summary() {
    let summary = fs::read_to_string(root().join("docs/src/SUMMARY.md")).expect("a summary");
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page is text");
        let folder = page.parent().expect("a page lies in a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if let Some(page) = target.strip_prefix("../api/straggler/") {
                assert!(is_documented(page), "{link} is no page of the library");
            } else if !target.is_empty() && !target.contains("://") {
                assert!(folder.join(target).exists(), "{}: {link}", page.display());
            }
        }
        if let Ok(below) = page.strip_prefix(root().join("docs/src")) {
            let is_listed = summary.contains(&format!("({})", below.display()));
            assert!(is_listed || below.ends_with("SUMMARY.md"), "{} is in no list", page.display());
        }
    }
}

/// Whether the library has this page of documentation: as far as `cargo doc` has written it, and
/// otherwise whether it has the module.
fn is_documented(page: &str) -> bool {
    let written = root().join("target/doc/straggler");
    let module = page.split_once('/').map_or("", |(module, _)| module);
    match written.exists() {
        true => written.join(page).exists(),
        false => root().join("src").join(module).is_dir(),
    }
}

#[test]
fn every_module_is_in_the_page_of_the_library() {
    let page = fs::read_to_string(root().join("docs/src/reference/library.md")).expect("a page");
    let library = fs::read_to_string(root().join("src/lib.rs")).expect("a library");
    for line in library.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = line.trim_end_matches(';');
        assert!(page.contains(&format!("(../api/straggler/{module}/index.html)")), "{module}");
    }
}

#[test]
fn pages_are_short() {
    for page in pages().iter().filter(|page| !page.to_string_lossy().contains("/reference/")) {
        let text = fs::read_to_string(page).expect("a page is text");
        let words = text.split_whitespace().count();
        assert!(words <= 1500, "{} has {words} words", page.display());
    }
}
