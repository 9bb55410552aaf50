//! Python dictionaries printed line by line, as in the Amazon metadata of 2014.
//!
//! They look like JSON with single quotes, `True`, `None` and `\x` escapes. A literal is rewritten
//! as JSON and then read as such.

use std::iter::Peekable;
use std::str::Chars;

/// Rewrites a Python literal of dictionaries, lists, strings, numbers and constants as JSON.
/// `None` if a string is never closed or an escape or a word is unknown.
pub(crate) fn to_json(literal: &str) -> Option<String> {
    let mut json = String::with_capacity(literal.len() + 16);
    let mut chars = literal.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\'' | '"' => push_string(&mut json, &string(&mut chars, char)?),
            'u' | 'b' if matches!(chars.peek(), Some('\'' | '"')) => {}
            'T' | 'F' | 'N' | 'n' => json.push_str(constant(&mut chars, char)?),
            other => json.push(other),
        }
    }
    Some(json)
}

fn constant(chars: &mut Peekable<Chars>, first: char) -> Option<&'static str> {
    let mut word = String::from(first);
    while let Some(letter) = chars.next_if(|next| next.is_ascii_alphanumeric()) {
        word.push(letter);
    }
    match word.as_str() {
        "True" => Some("true"),
        "False" => Some("false"),
        "None" | "nan" => Some("null"),
        _ => None,
    }
}

fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => json.extend(['\\', char]),
            control if control < ' ' => json.push_str(&format!("\\u{:04x}", control as u32)),
            other => json.push(other),
        }
    }
    json.push('"');
}

/// The content of a string after its opening quote.
fn string(chars: &mut Peekable<Chars>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '\\' => text.push(escape(chars)?),
            end if end == quote => return Some(text),
            other => text.push(other),
        }
    }
}

fn escape(chars: &mut Peekable<Chars>) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'x' => char::from_u32(hex(chars, 2)?)?,
        'u' => unicode(chars)?,
        'U' => char::from_u32(hex(chars, 8)?)?,
        same @ ('\\' | '\'' | '"' | '/') => same,
        _ => return None,
    })
}

/// `\uXXXX`, possibly the first half of a surrogate pair; a lone half becomes U+FFFD.
fn unicode(chars: &mut Peekable<Chars>) -> Option<char> {
    let high = hex(chars, 4)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    let mut ahead = chars.clone();
    if ahead.next() == Some('\\')
        && ahead.next() == Some('u')
        && let Some(low @ 0xdc00..0xe000) = hex(&mut ahead, 4)
    {
        *chars = ahead;
        return char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
    }
    Some(char::REPLACEMENT_CHARACTER)
}

fn hex(chars: &mut Peekable<Chars>, digits: u32) -> Option<u32> {
    (0..digits).try_fold(0u32, |value, _| {
        let digit = chars.next()?.to_digit(16)?;
        value.checked_mul(16)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn value(literal: &str) -> Option<Value> {
        serde_json::from_str(&to_json(literal)?).ok()
    }

    #[test]
    fn a_dictionary_becomes_an_object() {
        let literal = r#"{'asin': '01', 'title': "Girls' \"Ballet\"", u'price': 3.17, 'new': True, 'x': None, 'categories': [['A\x26B', 'C\u00e9\ud83d\ude00']]}"#;
        let expected = json!({
            "asin": "01", "title": "Girls' \"Ballet\"", "price": 3.17, "new": true, "x": null,
            "categories": [["A&B", "Cé😀"]]
        });
        assert_eq!(value(literal), Some(expected));
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for bad in ["{'a': 'b}", "{'a': Nothing}", r"{'a': '\q'}", "{'a': '\\"] {
            assert_eq!(value(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "\\PC{0,30}") {
            let quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
            prop_assert_eq!(value(&format!("['{quoted}']")), Some(json!([text])));
        }
    }
}
