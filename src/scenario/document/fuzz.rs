//! Damaged documents: misspelt names get the right suggestion, and nothing panics.

use super::fixture::Doc;
use super::node::{Node, Value};
use super::tests::FULL;
use super::*;

/// A small generator, so that a failing case can be repeated by its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

fn read(text: &str) -> Result<Loaded<Doc>, Problems> {
    let input = DocumentInput::Text { name: "fuzz.toml", text };
    load(input, &[])
}

/// The spans of all names in [`FULL`] that a user can misspell: keys, kinds and words.
fn names() -> Vec<(usize, usize, bool)> {
    fn visit(node: &Node, list: &mut Vec<(usize, usize, bool)>) {
        match &node.value {
            Value::Table(table) => {
                for (key, entry) in &table.entries {
                    list.push((entry.key_origin.start, entry.key_origin.end, true));
                    if key == "kind" || key == "mode" {
                        let origin = entry.node.origin;
                        list.push((origin.start + 1, origin.end - 1, false));
                    }
                    visit(&entry.node, list);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| visit(item, list)),
            _ => {}
        }
    }
    let mut sources = Sources::default();
    let input = DocumentInput::Text { name: "full", text: FULL };
    let files = layers::read(input, &mut sources);
    let mut list = Vec::new();
    let root = Node::new(Value::Table(files.table), Origin::DEFAULT);
    visit(&root, &mut list);
    list
}

/// One letter left out, doubled, exchanged with its neighbour, replaced or put in.
fn misspell(name: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let at = dice.roll(letters.len());
    let letter = (b'a' + dice.roll(26) as u8) as char;
    match dice.roll(4) {
        0 if letters.len() > 1 => drop(letters.remove(at)),
        1 if at + 1 < letters.len() => letters.swap(at, at + 1),
        2 => letters[at] = letter,
        _ => letters.insert(at, letter),
    }
    letters.into_iter().collect()
}

#[test]
fn r28_a_single_typo_gets_the_right_suggestion_first() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (mut asked, mut right, mut missed) = (0, 0, Vec::new());
    for (start, end, is_key) in names() {
        let name = &FULL[start..end];
        for _ in 0..20 {
            let typo = misspell(name, &mut dice);
            let text = format!("{}{typo}{}", &FULL[..start], &FULL[end..]);
            let Err(problems) = read(&text) else {
                continue;
            };
            let broken = [&errors::SYNTAX, &errors::UNREADABLE];
            if problems.list.iter().any(|p| broken.contains(&p.code)) {
                continue;
            }
            asked += 1;
            let wanted = match is_key {
                true => format!("did you mean `{name}`?"),
                false => format!("did you mean \"{name}\"?"),
            };
            let helps = problems.list.iter().flat_map(|problem| &problem.help);
            if helps.into_iter().any(|help| help.starts_with(&wanted)) {
                right += 1;
            } else {
                missed.push(format!("{name} as {typo}"));
            }
        }
    }
    println!("{right} of {asked} right; missed: {missed:?}");
    assert!(asked > 500);
    assert!(right as f64 >= 0.95 * asked as f64, "{right} of {asked}: {missed:?}");
}

/// [`FULL`] with up to eight bytes or pieces damaged.
fn damage(dice: &mut Dice) -> String {
    const PIECES: &[&str] = &[
        "[",
        "]",
        "[[",
        "{",
        "}",
        "\"",
        "'",
        "\"\"\"",
        "=",
        ".",
        ",",
        "#",
        "\n",
        "\r",
        "\0",
        "\u{1b}",
        "é",
        "\u{202e}",
        "inf",
        "nan",
        "-1",
        "1e999",
        "9223372036854775808",
        "0x",
        "true",
        "1979-05-27",
        "kind",
        "extends = 'x'",
        "cluster",
        "[cluster]\n",
        "[[stage]]\n",
        "\\u",
        "日",
    ];
    let mut text = FULL.to_string();
    for _ in 0..1 + dice.roll(8) {
        let cut = |at: usize, text: &str| text.floor_char_boundary(at);
        let at = cut(dice.roll(text.len() + 1), &text);
        match dice.roll(4) {
            0 => text.insert_str(at, PIECES[dice.roll(PIECES.len())]),
            1 => {
                let end = cut((at + dice.roll(30)).min(text.len()), &text).max(at);
                text.replace_range(at..end, "");
            }
            2 => {
                let end = cut((at + dice.roll(60)).min(text.len()), &text).max(at);
                let piece = text[at..end].to_string();
                let to = cut(dice.roll(text.len() + 1), &text);
                text.insert_str(to, &piece);
            }
            _ => {
                let end = cut((at + 4).min(text.len()), &text).max(at);
                text.replace_range(at..end, PIECES[dice.roll(PIECES.len())]);
            }
        }
    }
    text
}

/// Loads one damaged document and checks what holds for all of them.
fn survive(case: u64) {
    let mut dice = Dice(case.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let text = damage(&mut dice);
    match read(&text) {
        Ok(loaded) => assert!(!loaded.problems.has_errors(), "case {case}"),
        Err(problems) => {
            assert!(problems.has_errors(), "case {case}");
            for label in problems.list.iter().flat_map(|problem| &problem.labels) {
                let Origin { source, start, end } = label.origin;
                let source = &problems.sources.get(source).text;
                assert!(start <= end && end <= source.len(), "case {case}\n{text}");
                assert!(source.get(start..end).is_some(), "case {case}\n{text}");
            }
            assert!(problems.to_string().contains("nothing was started"), "case {case}");
        }
    }
}

#[test]
fn r27_damaged_documents_are_refused_politely() {
    let cases = std::env::var("STRAGGLER_FUZZ_CASES");
    let cases = cases.ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    (0..cases).for_each(survive);
}

#[test]
fn r27_damaged_overrides_are_refused_politely() {
    const KEYS: &[&str] =
        &["cluster", "workers", "class", "old", "0", "kind", "optimizer", "", "\""];
    const VALUES: &[&str] =
        &["3", "[1", "{kind='sgd'}", "a,b", "\u{0}", "", "[{}]", "2ms", "{", "é"];
    for case in 0..20_000 {
        let mut dice = Dice(1 + 2 * case);
        let mut argument = || {
            let keys = (0..1 + dice.roll(4)).map(|_| KEYS[dice.roll(KEYS.len())]);
            let keys: Vec<&str> = keys.collect();
            format!("{}={}", keys.join("."), VALUES[dice.roll(VALUES.len())])
        };
        let overrides = [Override::argument(1, argument()), Override::argument(2, argument())];
        let input = DocumentInput::Text { name: "full", text: FULL };
        if let Err(problems) = load::<Doc>(input, &overrides) {
            assert!(problems.has_errors(), "{overrides:?}");
            let mut labels = problems.list.iter().flat_map(|problem| &problem.labels);
            assert!(labels.next().is_some(), "{overrides:?}: {problems}");
        }
    }
}
