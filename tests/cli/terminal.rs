//! Whatever stands in titles, reasons, labels, columns and names of folders: nothing of it is a
//! command to the terminal.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

use crate::support::{SMALL, say, scenario, straggler};

/// Colours, bell, carriage return, C1, directions of text, an invisible character.
const HOSTILE: &str =
    r"\u001b[31mred\u001b]0;title\u0007\roverwritten\u009b2J\u202etxet\u2066\u200b\u007f";

/// Checks a command that may succeed or fail; in all that it says.
fn assert_harmless(command: &mut Command) -> String {
    let said = say(command);
    let all = format!("{}{}", said.stdout, said.stderr);
    let is_bad = |c: char| {
        let directs = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}');
        directs || (c.is_control() && c != '\n' && c != '\t')
    };
    let found: Vec<char> = all.chars().filter(|&c| is_bad(c)).collect();
    assert!(found.is_empty(), "{found:?} in {all}");
    all
}

fn run_of(file: &Path, out: &Path) -> Command {
    let mut run = straggler();
    run.arg("run").arg(file).args(SMALL).arg("--out").arg(out);
    run
}

#[test]
fn no_text_of_a_user_is_a_command_to_the_terminal() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let quickstart = fs::read_to_string(scenario("quickstart.toml")).unwrap();
    let text = format!(
        "{}\n[[expect]]\nmetric = \"best.auc\"\nabove = 0.0\nreason = \"r {HOSTILE}\"\n",
        quickstart
            .lines()
            .map(|line| match line.split_whitespace().next() {
                Some("title") => format!("title = \"t {HOSTILE}\""),
                Some("question") => format!("question = \"q {HOSTILE}\""),
                _ => line.to_string(),
            })
            .collect::<Vec<_>>()
            .join("\n")
    );
    let file = at("s.toml");
    fs::write(&file, text).unwrap();
    let name = "f\u{1b}[32m\u{9b}\u{202e}";
    let out = root.path().join(name);
    let shown = assert_harmless(run_of(&file, &out).arg("--no-plots"));
    assert!(shown.contains("t \u{fffd}[31mred"), "{shown}");
    for command in ["status", "report", "verify", "trace", "resume"] {
        assert_harmless(straggler().arg(command).arg(&out));
    }
    assert_harmless(straggler().args(["export", "--format", "csv"]).arg(&out));
    assert_harmless(straggler().arg("compare").arg(&out).arg(&out));
    assert_harmless(straggler().arg("run").arg(at("no\u{1b}[31m.toml")));
    assert_harmless(straggler().arg("check").arg(&file).arg("a\u{1b}[31m=1"));
    assert_harmless(straggler().arg("no\u{1b}[31mcommand\u{202e}"));
    assert_harmless(straggler().args(["run", "x", "--\u{9b}31m"]));
    // JSON for programs keeps the text, escaped.
    let json = assert_harmless(run_of(&file, &out).args(["--json", "--quiet", "--force"]));
    let read: serde_json::Value = serde_json::from_str(&json[..=json.rfind('}').unwrap()]).unwrap();
    assert!(read["title"].as_str().unwrap().starts_with("t \u{1b}[31mred"), "{json}");
    let events = assert_harmless(run_of(&file, &out).args(["--progress", "json", "--force"]));
    assert!(events.contains("\"event\":\"finished\""), "{events}");
}

#[test]
fn labels_and_columns_are_no_commands_either() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let sweep = at("sweep.toml");
    let base = scenario("quickstart.toml");
    fs::write(
        &sweep,
        format!(
            "straggler = 1\n[sweep]\nname = \"s\"\nscenario = {base:?}\n[[sweep.list]]\n\
             label = \"l {HOSTILE}\"\n\"cluster.workers\" = 2\n"
        ),
    )
    .unwrap();
    let small = SMALL.iter().filter(|setting| !setting.contains("workers"));
    assert_harmless(straggler().arg("sweep").arg(&sweep).arg("--list"));
    let mut run = straggler();
    run.arg("sweep").arg(&sweep).args(small).arg("--out").arg(at("out"));
    let shown = assert_harmless(run.args(["--progress", "plain"]));
    assert!(shown.contains("l \u{fffd}[31mred"), "{shown}");
    for command in ["status", "report", "resume"] {
        assert_harmless(straggler().arg(command).arg(at("out")));
    }
    assert_harmless(straggler().args(["export", "--format", "csv"]).arg(at("out")));
    assert_harmless(straggler().args(["status", "--json"]).arg(at("out")));

    fs::write(at("log.csv"), "label,it\u{1b}[31mem\u{202e}\u{9b}\n1,3\n0,4\n1,4\n0,3\n").unwrap();
    let table = at("table.toml");
    let column = r"it\u001b[31mem\u202e\u009b";
    fs::write(
        &table,
        format!(
            "straggler = 1\n[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\nlabel = \"label\"\n\
             categorical = [\"{column}\"]\n[model]\nkind = \"logistic\"\n"
        ),
    )
    .unwrap();
    let shown = assert_harmless(straggler().args(["data", "inspect", "--head", "3"]).arg(&table));
    assert!(shown.contains("it\u{fffd}[31mem"), "{shown}");
}
