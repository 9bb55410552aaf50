//! Text from outside, made fit for a terminal.

use std::borrow::Cow;

/// Whether a terminal would take the character for a command, or show the text around it in
/// another order or not at all.
fn is_unsafe(c: char) -> bool {
    let is_hidden = matches!(c,
        '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}');
    is_hidden || c.is_control()
}

/// The text in one line, with everything that is a command to a terminal made visible.
pub fn printable(text: &str) -> String {
    let safe = |c: char| match c {
        '\t' => ' ',
        c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(safe).collect()
}

/// Text of several lines, with everything else that is a command to a terminal made visible.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    let is_fine = |c: char| matches!(c, '\n' | '\t') || !is_unsafe(c);
    if text.chars().all(is_fine) {
        return Cow::Borrowed(text);
    }
    let safe = |c: char| if is_fine(c) { c } else { char::REPLACEMENT_CHARACTER };
    Cow::Owned(text.chars().map(safe).collect())
}

/// JSON with the same content, in which everything that is a command to a terminal is escaped.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let is_fine = |c: char| matches!(c, '\n' | '\t') || !is_unsafe(c);
    if json.chars().all(is_fine) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_fine(c) {
            text.push(c);
        } else {
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    Cow::Owned(text)
}

/// A word of a shell command, quoted if necessary.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    match !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "a\u{1b}[31mb\u{7}\rc\u{9b}2Jd\u{202e}e\u{2066}f\u{200b}g\u{7f}h\u{e0041}i\n\tj";

    #[test]
    fn words_reach_the_shell_as_they_are() {
        assert_eq!(shell_word("results/demo-3f9a1c"), "results/demo-3f9a1c");
        assert_eq!(shell_word("my run"), "'my run'");
        assert_eq!(shell_word("it's; rm -rf"), "'it'\\''s; rm -rf'");
        assert_eq!(shell_word("-o"), "'-o'");
    }

    #[test]
    fn commands_to_a_terminal_become_visible() {
        let seen = "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}2Jd\u{fffd}e\u{fffd}f\u{fffd}g\u{fffd}h\
                    \u{fffd}i";
        assert_eq!(printable_lines(HOSTILE), format!("{seen}\n\tj"));
        assert_eq!(printable(HOSTILE), format!("{seen}\u{fffd} j"));
        assert_eq!(printable("größer: 日本語 🙂"), "größer: 日本語 🙂");
    }

    #[test]
    fn json_keeps_its_content() {
        let value = serde_json::json!({ "text": HOSTILE });
        let text = format!("{value:#}");
        let safe = printable_json(&text);
        assert_ne!(safe, text);
        assert_eq!(safe, printable_lines(&safe));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
