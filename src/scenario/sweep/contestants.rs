//! The contestants of a race: points of a sweep, written as `stale_synchronous:lead=8` or
//! `asynchronous+power`.

use super::arguments::{Argument, parts, read};
use super::{Extra, Literal, Setting};
use crate::base::registry::Part;
use crate::protocol::ProtocolChoice;
use crate::remedy::RemedyChoice;

/// The contestants of a race that names none.
pub const DEFAULT: [&str; 3] = ["asynchronous", "synchronous", "stale_synchronous"];

/// Whether an argument is a contestant, and not a setting for all: what stands before its first `=`
/// is no key.
pub fn is_contestant(word: &str) -> bool {
    word.split_once('=').is_none_or(|(before, _)| before.contains(':'))
}

/// Reads a contestant: names of a protocol and of remedies, joined with `+`, each with own settings
/// after a colon. What it does not name stays as the scenario has it. `place` says where it was
/// written.
///
/// # Errors
/// In words, if a name is unknown, a second protocol is named, or a setting cannot be read.
pub fn contestant(word: &str, place: &str) -> Result<Extra, String> {
    let (protocols, remedies) = (ProtocolChoice::parts(), RemedyChoice::parts());
    let called = |parts: &[Part], name: &str| {
        parts.iter().find(|part| part.is_called(name)).map(|part| part.name)
    };
    let (mut protocol, mut corrections) = (None, Vec::new());
    for text in members(word) {
        let (name, own) = text.split_once(':').unwrap_or((text, ""));
        if let Some(kind) = called(&protocols, name) {
            if protocol.replace(keys(kind, own, place)?).is_some() {
                return Err(format!("`{word}` names two protocols; a contestant has one"));
            }
        } else if let Some(kind) = called(&remedies, name) {
            let keys = keys(kind, own, place)?;
            let pairs: Vec<String> =
                keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            corrections.push(format!("{{ {} }}", pairs.join(", ")));
        } else {
            let names =
                |parts: &[Part]| parts.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "`{name}` in `{word}` is neither a protocol nor a remedy; the protocols are {}; the \
                 remedies are {}",
                names(&protocols),
                names(&remedies)
            ));
        }
    }
    let setting = |key: String, text: String| Setting {
        key,
        value: Literal { text, place: place.to_string() },
    };
    let mut settings: Vec<Setting> = protocol
        .into_iter()
        .flatten()
        .map(|(key, value)| setting(format!("protocol.{key}"), value))
        .collect();
    if !corrections.is_empty() {
        settings.push(setting("remedy".to_string(), format!("[{}]", corrections.join(", "))));
    }
    Ok(Extra { label: Some(word.to_string()), settings })
}

/// Reads a protocol with its own settings, such as `ssp:lead=8`.
///
/// # Errors
/// In words, if it is not a protocol, or a setting is wrong.
pub fn protocol(word: &str) -> Result<ProtocolChoice, String> {
    let mut table = serde_json::Map::new();
    for setting in contestant(word, "the protocol")?.settings {
        let Some(key) = setting.key.strip_prefix("protocol.") else {
            return Err(format!("`{word}` names a remedy; only a protocol can be named here"));
        };
        table.insert(key.to_string(), setting.value.json());
    }
    if table.is_empty() {
        return Err(format!("`{word}` names no protocol"));
    }
    serde_json::from_value(table.into()).map_err(|error| format!("`{word}`: {error}"))
}

/// The parts between plus signs. A name begins with a letter, so `1e+3` stays whole.
fn members(word: &str) -> Vec<&str> {
    let begins = word
        .match_indices('+')
        .map(|(at, _)| at + 1)
        .filter(|&at| word[at..].chars().next().is_none_or(|first| !first.is_ascii_digit()));
    let mut members = Vec::new();
    let mut from = 0;
    for begin in begins {
        members.push(&word[from..begin - 1]);
        from = begin;
    }
    members.push(&word[from..]);
    members
}

/// The keys of a part: its kind and its own settings.
fn keys(kind: &str, own: &str, place: &str) -> Result<Vec<(String, String)>, String> {
    let mut keys = vec![("kind".to_string(), format!("\"{kind}\""))];
    for pair in parts(own).into_iter().filter(|pair| !pair.trim().is_empty()) {
        match read(pair, place)? {
            Argument::Setting(setting) => keys.push((setting.key, setting.value.text)),
            Argument::Axis(axis) => {
                return Err(format!(
                    "`{}` of `{kind}` has several values; name the contestant once for each",
                    axis.key
                ));
            }
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(word: &str) -> Vec<String> {
        let settings = contestant(word, "here").unwrap().settings;
        settings.iter().map(|s| format!("{}={}", s.key, s.value.text)).collect()
    }

    #[test]
    fn a_contestant_is_a_protocol_with_remedies_and_their_settings() {
        assert_eq!(written("async"), ["protocol.kind=\"asynchronous\""]);
        assert_eq!(
            written("ssp:lead=8"),
            ["protocol.kind=\"stale_synchronous\"", "protocol.lead=8"]
        );
        assert_eq!(
            written("asp+power:exponent=1e+0+hinge"),
            [
                "protocol.kind=\"asynchronous\"",
                "remedy=[{ kind = \"power\", exponent = 1e+0 }, { kind = \"hinge\" }]"
            ]
        );
        assert_eq!(written("power"), ["remedy=[{ kind = \"power\" }]"]);
        assert_eq!(contestant("ssp:lead=8", "").unwrap().label.unwrap(), "ssp:lead=8");
    }

    #[test]
    fn wrong_contestants_are_refused_by_name() {
        for (word, said) in [
            ("fastest", "`fastest` in `fastest` is neither a protocol nor a remedy"),
            ("async+ssp", "names two protocols"),
            ("async+", "neither a protocol nor a remedy"),
            ("ssp:lead", "needs `=`"),
            ("ssp:lead=range:1..3", "has several values"),
        ] {
            let reason = contestant(word, "").unwrap_err();
            assert!(reason.contains(said), "{word}: {reason}");
        }
    }

    #[test]
    fn a_protocol_alone_is_read_with_its_settings() {
        assert_eq!(protocol("ssp:lead=8").unwrap().name(), "stale_synchronous");
        for (word, said) in [
            ("power", "names a remedy"),
            ("ssp+power", "names a remedy"),
            ("ssp:bond=2", "unknown field `bond`"),
            ("fastest", "neither a protocol nor a remedy"),
        ] {
            let reason = protocol(word).unwrap_err();
            assert!(reason.contains(said), "{word}: {reason}");
        }
    }

    #[test]
    fn words_without_a_key_are_contestants() {
        assert!(is_contestant("ssp") && is_contestant("ssp:lead=8"));
        assert!(!is_contestant("cluster.workers=3") && !is_contestant("train.stop.time=a:b"));
    }
}
