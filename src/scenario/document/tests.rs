//! Whole documents: what users see, and what the typed struct gets.

use super::fixture::{Doc, Mode, OptimizerChoice, parts};
use super::*;
use crate::base::SimSpan;

/// A document that is correct, with something of everything.
pub(super) const FULL: &str = r#"
[scenario]
name = "daily"
seed = 7
question = "How deep?"

[optimizer]
kind = "lazy_adam"
lr = 1e-3
beta1 = 0.9
beta2 = 0.99

[cluster]
mode = "ssp"
workers = 30

[cluster.compute]
fixed = "4ms"
median = "80ms"
jitter = { kind = "pareto", shape = 2.2 }

[[cluster.class]]
name = "new"
share = 0.6
slowdown = 1.0

[[cluster.class]]
name = "old"
share = 0.4
slowdown = 1.8
jitter = { kind = "lognormal", sigma = 0.2 }

[cluster.network]
latency = "300us"
bandwidth = "10Gbit/s"

[[stage]]
name = "base"
days = ["1..30"]
reinit = []
epochs = 3

[limits]
memory = "2GiB"
force = false
"#;

pub(super) fn read(text: &str, arguments: &[&str]) -> Result<Loaded<Doc>, Problems> {
    let input = DocumentInput::Text { name: "jd.toml", text };
    let arguments = arguments.iter().enumerate();
    let overrides: Vec<Override> =
        arguments.map(|(index, text)| Override::argument(index + 3, *text)).collect();
    load(input, &overrides)
}

fn errors_of(text: &str, arguments: &[&str]) -> String {
    read(text, arguments).unwrap_err().to_string()
}

#[test]
fn all_mistakes_are_shown_at_once_in_the_order_of_the_file() {
    let text = "\
[scenario]
name = \"x\"

workers = 30

[cluster]
workers = 0

[cluster.compute]
median = 80

[optimizer]
kind = \"lazyadam\"
";
    let expected = "\
error[E0103]: unknown key `scenario.workers`
 --> jd.toml:4:1
  |
4 | workers = 30
  | ^^^^^^^
  |
  = help: write `cluster.workers`

error[E0108]: `cluster.workers` must be at least 1 and at most 100000
 --> jd.toml:7:11
  |
7 | workers = 0
  |           ^

error[E0106]: `cluster.compute.median` needs a unit
  --> jd.toml:10:10
   |
10 | median = 80
   |          ^^
   |
   = help: quote it with a unit, e.g. \"80ms\"

error[E0107]: unknown optimizer.kind `lazyadam`
  --> jd.toml:13:8
   |
13 | kind = \"lazyadam\"
   |        ^^^^^^^^^^
   |
   = help: did you mean \"lazy_adam\"? (one of \"sgd\", \"lazy_adam\")

4 errors; nothing was started
";
    assert_eq!(errors_of(text, &[]), expected);
}

#[test]
fn mistakes_on_the_command_line_get_a_caret_under_the_argument() {
    let expected = "\
error[E0113]: this is a list of values, and one is expected
 --> command line, argument 3
  |
1 | cluster.workers=10,30
  |                 ^^^^^
  |
  = help: `straggler run` runs it with each of them

error[E0103]: unknown key `cluster.worker`
 --> command line, argument 4
  |
1 | cluster.worker=3
  | ^^^^^^^^^^^^^^
  |
  = help: did you mean `workers`?

2 errors; nothing was started
";
    let got = errors_of(FULL, &["cluster.workers=10,30", "cluster.worker=3"]);
    assert_eq!(got, expected);
}

/// A text, and the code and words of its report.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("cluster.mode = 3", "E0105", "must be one of \"async\", \"sync\", \"ssp\""),
    ("cluster.mode = 'asinc'", "E0107", "did you mean \"async\"?"),
    ("cluster.workers = 3.0", "E0105", "write 3 without the point"),
    ("cluster.workers = '3'", "E0105", "leave out the quotes: 3"),
    ("scenario.name = 3", "E0105", "put it in quotes: \"3\""),
    ("scenario.seed = -1", "E0108", "must be at least 0"),
    ("cluster.class = []", "E0109", "has 0 elements; it must have at least 1 element"),
    ("optimizer.lr = inf", "E0108", "must be a finite number"),
    ("optimizer.lr = 1e300", "E0108", "must be a finite number"),
    ("optimizer.beta1 = 1", "E0108", "at least 0 and less than 1"),
    ("optimizer = 'sgd'", "E0105", "write optimizer = { kind = \"sgd\" }"),
    ("optimizer = { kind = 'sgd', beta1 = 0.5 }", "E0110", "`beta1` belongs to \"lazy_adam\""),
    ("cluster.compute.jitter.shape = 2", "E0110", "does not exist with kind = \"lognormal\""),
    ("optimizer = { kind = 3 }", "E0105", "`optimizer.kind` must be one of"),
    ("cluster.class = [{ jitter = {} }]", "E0104", "missing key `cluster.class.0.jitter.kind`"),
    (
        "cluster.compute.jitter = { kind = 'pareto' }",
        "E0104",
        "missing key `cluster.compute.jitter.shape`",
    ),
    ("stage = [{ name = 'a' }]", "E0104", "missing key `stage.a.days`"),
    ("[stage]\nname = 'a'", "E0105", "write the header with two brackets: [[stage]]"),
    ("stage = [{ name = 'a', days = '1..3' }]", "E0105", "put it in brackets: [\"1..3\"]"),
    ("limits.memory = '2 parsecs'", "E0106", "use one of B, kB"),
    ("limits.memory = 2", "E0106", "e.g. \"2GiB\""),
    ("limits.memory = true", "E0105", "for example \"2GiB\""),
    ("limits.force = 'yes'", "E0105", "write true"),
    ("limits.forse = true", "E0103", "did you mean `force`?"),
    ("latency = '1ms'", "E0103", "write `cluster.network.latency`"),
    ("network.latency = '1ms'", "E0103", "write `cluster.network.latency`"),
    ("limits.network.latency = '1ms'", "E0103", "write `cluster.network.latency`"),
    ("sigma = 1", "E0103", "with kind = \"lognormal\""),
    ("cluster = 3", "E0105", "must be a table, not a whole number"),
    ("scenario.name = 1979-05-27", "E0105", "put it in quotes"),
    ("scenario.seed = 99999999999999999999", "E0108", "63 bits"),
    ("a = ", "E0102", "jd.toml:1:"),
    ("[[stage]]\nname='a'\ndays=['1']\nepochs = 5_000_000_000", "E0108", "at most 4294967295"),
];

#[test]
fn every_kind_of_mistake_has_its_code_and_remedy() {
    for (text, code, words) in MISTAKES {
        let got = errors_of(text, &[]);
        assert!(got.contains(code) && got.contains(words), "{text}\n{got}");
    }
}

#[test]
fn overrides_reach_named_elements_defaults_and_bare_words() {
    let arguments = [
        "cluster.class.old.slowdown=3",
        "cluster.network.latency=2ms",
        "cluster.mode=sync",
        "stage.base.days=[\"1..2\"]",
        "optimizer.lr=1e-4",
        "cluster.class.0.share=0.5",
    ];
    let doc = read(FULL, &arguments).unwrap().value;
    assert_eq!(doc.cluster.class[1].slowdown, 3.0);
    assert_eq!(doc.cluster.class[0].share, 0.5);
    assert_eq!(doc.cluster.network.latency, SimSpan(2_000_000));
    assert_eq!(doc.cluster.mode, Mode::Sync);
    assert_eq!(doc.stage[0].days, ["1..2"]);
    let doc = read("", &["cluster.class.all.slowdown=2", "optimizer.beta1=0.5"]);
    let doc = doc.unwrap().value;
    assert_eq!(doc.cluster.class[0].slowdown, 2.0);
    let OptimizerChoice::LazyAdam(adam) = doc.optimizer else {
        panic!("the default kind holds when none is written");
    };
    assert_eq!((adam.beta1, adam.lr), (0.5, 5e-4));
}

#[test]
fn bad_overrides_are_refused_with_the_remedy() {
    for (arguments, code, words) in [
        (&["cluster.workers"][..], "E0111", "needs `=`"),
        (&["=3"], "E0111", "not a dotted path"),
        (&["cluster..workers=3"], "E0111", "not a dotted path"),
        (&["cluster.workers.x=3"], "E0111", "single value"),
        (&["cluster.class.odl.share=0.1"], "E0116", "did you mean `cluster.class.old`?"),
        (&["stage.7.epochs=1"], "E0116", "its elements are base"),
        (&["cluster.workers=3", "cluster.workers=4"], "E0112", "set twice"),
        (&["cluster.mode=sync,async"], "E0113", "a list of values"),
        (&["cluster.network.latency=2"], "E0106", "e.g. \"2ms\""),
    ] {
        let got = errors_of(FULL, arguments);
        assert!(got.contains(code) && got.contains(words), "{arguments:?}\n{got}");
    }
    assert!(read(FULL, &["scenario.name=one, two"]).is_ok());
}

#[test]
fn a_list_of_plain_values_needs_neither_brackets_nor_quotes_in_an_argument() {
    for (text, days) in [
        ("stage.base.days=1..30", &["1..30"][..]),
        ("stage.base.days=1..3, 5..7", &["1..3", "5..7"]),
        ("stage.base.days=[1..3,5..7]", &["1..3", "5..7"]),
        ("stage.base.days=[\"1,2\"]", &["1,2"]),
    ] {
        assert_eq!(read(FULL, &[text]).unwrap().value.stage[0].days, days, "{text}");
    }
}

#[test]
fn another_kind_starts_its_section_afresh_and_says_so() {
    let loaded = read(FULL, &["optimizer.lr=0.5", "optimizer.kind=sgd"]).unwrap();
    let sgd = OptimizerChoice::Sgd(parts::Sgd { lr: 0.5 });
    assert_eq!(loaded.value.optimizer, sgd);
    let text = loaded.problems.to_string();
    assert!(text.contains("warning[W0101]: another `optimizer.kind` drops beta1, beta2"), "{text}");
    assert!(text.ends_with("1 warning\n"), "{text}");
    // What an argument gives anew is not lost, in whatever order they come.
    for arguments in
        [["optimizer.kind=sgd", "optimizer.lr=0.5"], ["optimizer.lr=0.5", "optimizer.kind=sgd"]]
    {
        let loaded = read("[optimizer]\nkind = 'lazy_adam'\nlr = 0.2", &arguments).unwrap();
        assert_eq!(loaded.value.optimizer, OptimizerChoice::Sgd(parts::Sgd { lr: 0.5 }));
        assert!(loaded.problems.list.is_empty(), "{}", loaded.problems);
    }
    let loaded = read("optimizer.beta1 = 0.5", &["optimizer.kind=sgd"]).unwrap();
    let sgd = OptimizerChoice::Sgd(parts::Sgd { lr: 0.1 });
    assert_eq!(loaded.value.optimizer, sgd);
}

#[test]
fn show_tells_the_origin_of_every_value() {
    let shown = read(FULL, &["cluster.workers=100"]).unwrap().show();
    for line in [
        "workers = 100   # command line, argument 3 (file: 30, jd.toml:15)",
        "mode = \"ssp\"    # jd.toml:14",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let shown = read("", &[]).unwrap().show();
    assert!(
        shown.contains("[cluster.compute.jitter]\nkind = \"lognormal\"   # default\n"),
        "{shown}"
    );
    assert!(shown.contains("lr = 5e-4            # default\n"), "{shown}");
}

#[test]
fn later_checks_point_at_several_places_and_at_defaults() {
    let mut loaded = read(FULL, &["cluster.class.old.share=0.3"]).unwrap();
    static SHARES: Code = Code { id: "E0201", title: "shares", text: "" };
    let problem = Problem::error(&SHARES, "cluster.class", "the shares add up to 0.9, not 1")
        .label(loaded.origin("cluster.class.new.share"), "0.6 here")
        .label(loaded.origin("cluster.class.1.share"), "and 0.3 here")
        .label(loaded.origin("cluster.class.new.jitter"), "jitter is off");
    loaded.report(problem);
    let expected = "\
error[E0201]: the shares add up to 0.9, not 1
  --> jd.toml:24:9
   |
24 | share = 0.6
   |         ^^^ 0.6 here
   |
  ::: command line, argument 3
   |
 1 | cluster.class.old.share=0.3
   |                         --- and 0.3 here
   |
   = help: jitter is off (default)

1 error; nothing was started
";
    assert_eq!(loaded.finish().unwrap_err().to_string(), expected);
}

#[test]
fn places_in_one_text_share_an_excerpt() {
    let mut loaded = read(FULL, &[]).unwrap();
    let problem = Problem::warning(&errors::REFUSED, "", "look")
        .label(loaded.origin("cluster.class.old.share"), "two")
        .label(loaded.key_origin("cluster.class.new.share"), "one")
        .label(loaded.origin("cluster.workers"), "far");
    loaded.report(problem);
    let expected = "\
warning[E0117]: look
  --> jd.toml:29:9
   |
15 | workers = 30
   |           -- far
...
24 | share = 0.6
   | ----- one
...
29 | share = 0.4
   |         ^^^ two

1 warning
";
    assert_eq!(loaded.finish().unwrap().problems.to_string(), expected);
}

#[test]
fn long_lines_are_cropped_and_keep_their_column() {
    let text = format!("stage = [{}7]", " ".repeat(5000));
    let got = errors_of(&text, &[]);
    assert!(got.contains("--> jd.toml:1:5010\n"), "{got}");
    assert!(got.lines().all(|line| line.len() < 200), "{got}");
    let text = format!("zz = \"\"\"{}\"\"\"", "line\n".repeat(100));
    let got = errors_of(&text, &[&format!("a{}=1", "b".repeat(3000))]);
    assert!(got.contains("--> command line, argument 3\n"), "{got}");
}

#[test]
fn a_missing_file_and_an_empty_document_are_told_as_such() {
    #[derive(Debug, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Needy {
        /// What cannot be guessed.
        #[expect(dead_code, reason = "only its absence matters")]
        answer: u32,
    }
    let input = DocumentInput::Text { name: "n.toml", text: "" };
    let got = load::<Needy>(input, &[]).unwrap_err().to_string();
    assert!(got.contains("missing key `answer`"), "{got}");
    assert!(got.contains("help: it is a whole number: What cannot be guessed."), "{got}");
    let input = DocumentInput::File(std::path::Path::new("no-such-file.toml"));
    let got = load::<Doc>(input, &[]).unwrap_err().to_string();
    assert!(got.starts_with("error[E0101]: cannot read no-such-file.toml: "), "{got}");
}

#[test]
fn what_the_typed_struct_refuses_is_reported_at_the_value() {
    #[derive(Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Small {
        inner: Inner,
    }
    #[derive(Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        #[schemars(with = "String")]
        letter: char,
    }
    let input = DocumentInput::Text { name: "s.toml", text: "[inner]\nletter = 'ab'" };
    let problems = load::<Small>(input, &[]).unwrap_err().to_string();
    assert!(problems.contains("error[E0117]: `inner.letter`:"), "{problems}");
    assert!(problems.contains("s.toml:2:10"), "{problems}");
}

#[test]
fn behind_a_syntax_error_nothing_else_is_claimed() {
    let text = "cluster.workers = 0\n[cluster.compute\nfixed = '1ms'\nmedian = 3\n";
    let got = errors_of(text, &[]);
    assert!(got.contains("E0108") && got.contains("E0102"), "{got}");
    assert!(!got.contains("E0103") && !got.contains("E0106"), "{got}");
}

#[test]
fn r27_twenty_problems_are_drawn_and_the_others_counted() {
    let text: String = (0..81).map(|i| format!("zzz{i} = 1\n")).collect();
    let got = errors_of(&text, &[]);
    assert_eq!(got.matches("error[").count(), 20);
    assert!(got.ends_with("and 61 more\n\n81 errors; nothing was started\n"), "{got}");
}

#[test]
fn hopeless_files_are_given_up_on() {
    let text: String = (0..9000).map(|i| format!("zzz{i} = 1\n")).collect();
    let got = errors_of(&text, &[]);
    assert!(got.ends_with("and at least 980 more\n\nat least 1000 errors; nothing was started\n"));
    let got = errors_of(&"= x\n".repeat(9000), &[]);
    assert!(got.ends_with("at least 1001 errors; nothing was started\n"), "{got}");
}

#[test]
fn r38_control_characters_of_the_user_never_reach_the_terminal() {
    let got = errors_of("\"\\u001B[31mred\" = 1 # \u{202E}x\n", &["a\u{7}b=\u{1b}[2J"]);
    assert!(got.contains('\u{FFFD}'), "{got}");
    let steering = |c: char| (c.is_control() && c != '\n') || c == '\u{202E}';
    assert!(!got.contains(steering), "{got:?}");
}

#[test]
fn r33_limits_hold() {
    let long = format!("scenario.name = '{}'", "x".repeat(parse::MAX_TEXT));
    assert!(read(&long, &[]).is_ok());
    let longer = format!("scenario.name = '{}'", "x".repeat(parse::MAX_TEXT + 1));
    assert!(errors_of(&longer, &[]).contains("E0115"));
    let big = "#".repeat(parse::MAX_FILE);
    assert!(read(&big, &[]).is_ok());
    assert!(errors_of(&format!("{big}#"), &[]).contains("E0115"));
}

#[test]
fn r27_bottomless_nesting_is_refused() {
    const DEEP: usize = 200_000;
    for text in [
        format!("a = {}", "[".repeat(DEEP)),
        format!("a = {}{}", "[".repeat(DEEP), "]".repeat(DEEP)),
        format!("a = {}", "{a=".repeat(DEEP)),
        format!("[{}a]", "a.".repeat(DEEP)),
        format!("{}a = 1", "a.".repeat(DEEP)),
        format!(
            "[{0}a]\n{0}a = {1}1",
            "a.".repeat(70),
            format!("{{{}a=", "a.".repeat(70)).repeat(70)
        ),
        format!("a = {}", "[".repeat(70) + &"]".repeat(70)),
    ] {
        let got = errors_of(&text, &[]);
        assert!(got.contains("E0102") || got.contains("E0115"), "{got}");
        let got = errors_of("", &[&text]);
        assert!(got.contains("error"), "{got}");
    }
}

#[test]
fn the_resolved_document_is_readable() {
    let loaded = read("cluster.workers = 5\n[[stage]]\nname = 'a'\ndays = ['1..3']", &[]).unwrap();
    let expected = "\
[scenario]
name = \"untitled\"
seed = 1

[optimizer]
kind = \"lazy_adam\"
lr = 5e-4
beta1 = 0.9
beta2 = 0.999

[cluster]
mode = \"async\"
workers = 5

[cluster.compute]
fixed = \"4ms\"
median = \"80ms\"
jitter = { kind = \"lognormal\", sigma = 0.15 }

[[cluster.class]]
name = \"all\"
share = 1.0
slowdown = 1.0

[cluster.network]
latency = \"300us\"
bandwidth = \"10Gbit/s\"

[[stage]]
name = \"a\"
days = [\"1..3\"]
reinit = []
epochs = 1

[limits]
force = false
";
    assert_eq!(to_toml(&loaded.value).unwrap(), expected);
}
