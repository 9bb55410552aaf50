//! Settings by dotted key.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values by dotted key, such as `cluster.workers`; entries of lists of tables by number, as in
/// `cluster.class.0.share`. Values are numbers, texts, booleans and lists of them.
pub type Settings = BTreeMap<String, Value>;

/// The leaves of a tree of tables by dotted key.
pub fn flatten(tree: &Value) -> Settings {
    let mut settings = Settings::new();
    descend(tree, String::new(), &mut settings);
    settings
}

fn descend(value: &Value, key: String, settings: &mut Settings) {
    let below = |part: &str| match key.as_str() {
        "" => part.to_string(),
        key => format!("{key}.{part}"),
    };
    match value {
        Value::Object(table) => {
            table.iter().for_each(|(part, value)| descend(value, below(part), settings));
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            let entries = list.iter().enumerate();
            entries.for_each(|(index, value)| descend(value, below(&index.to_string()), settings));
        }
        leaf => {
            settings.insert(key, leaf.clone());
        }
    }
}

/// A value for people: texts without quotes, lists in brackets.
pub fn setting_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(setting_text).collect();
            format!("[{}]", parts.join(", "))
        }
        other => other.to_string(),
    }
}
