//! What results are called in comparisons: what differs between them, in words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::differences::differences;
use crate::results::outcome::{Settings, setting_text};

/// The most settings in a name.
const MOST_SETTINGS: usize = 3;
/// The parts whose kind says by itself what it is.
const WELL_KNOWN: [&str; 5] = ["protocol", "optimizer", "model", "data", "remedy"];

/// A name for each of several results, such as `8 workers, asynchronous`. `None` if that would be
/// long or does not tell them all apart.
pub fn told_apart(all: &[&Settings]) -> Option<Vec<String>> {
    let mut keys = differing(all);
    if keys.is_empty() {
        keys.push("scenario.seed".to_string());
    }
    if keys.len() > MOST_SETTINGS {
        return None;
    }
    let name = |settings: &&Settings| {
        let parts = keys.iter().map(|key| in_words(key, settings.get(key), &keys));
        parts.collect::<Vec<String>>().join(", ")
    };
    let names: Vec<String> = all.iter().map(name).collect();
    let distinct: BTreeSet<&String> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}

/// The settings that differ, the number of workers first, then the protocol. Settings of a part that
/// only some have chosen are left out: the kind of the part says it.
fn differing(all: &[&Settings]) -> Vec<String> {
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for pair in all.windows(2) {
        keys.extend(differences(pair[0], pair[1]).into_iter().map(|difference| difference.key));
    }
    let of_a_kind = |key: &str| {
        let parts = key.match_indices('.').map(|(end, _)| format!("{}.kind", &key[..end]));
        parts.into_iter().any(|kind| kind != key && keys.contains(&kind))
    };
    let everywhere = |key: &str| all.iter().all(|settings| settings.contains_key(key));
    let mut kept: Vec<String> =
        keys.iter().filter(|key| everywhere(key) || !of_a_kind(key)).cloned().collect();
    let place = |key: &String| match key.as_str() {
        "cluster.workers" => 0,
        "protocol.kind" => 1,
        _ => 2,
    };
    kept.sort_by_key(place);
    kept
}

/// A setting in words; `keys` are all that are named.
fn in_words(key: &str, value: Option<&Value>, keys: &[String]) -> String {
    let spoken = |text: &str| text.replace('_', " ");
    let (above, last) = key.rsplit_once('.').unwrap_or(("", key));
    let part = above.rsplit('.').find(|part| part.parse::<usize>().is_err()).unwrap_or(above);
    let alike = |other: &&String| other.rsplit('.').next() == Some(last);
    let name = match keys.iter().filter(alike).count() {
        0 | 1 => spoken(last),
        _ => format!("{} {}", spoken(part), spoken(last)),
    };
    match value {
        None if last == "kind" => format!("no {}", spoken(part)),
        None | Some(Value::Bool(false)) => format!("no {name}"),
        Some(Value::Bool(true)) => name,
        Some(value) if last == "kind" => match WELL_KNOWN.contains(&part) {
            true => spoken(&setting_text(value)),
            false => format!("{} {}", spoken(&setting_text(value)), spoken(part)),
        },
        Some(value) if ["cluster.workers", "cluster.shards"].contains(&key) => {
            match value.as_u64() == Some(1) {
                true => format!("1 {}", last.trim_end_matches('s')),
                false => format!("{} {last}", setting_text(value)),
            }
        }
        Some(value) => format!("{name} {}", setting_text(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::outcome::flatten;
    use serde_json::json;

    fn names(all: &[Value]) -> Option<Vec<String>> {
        let all: Vec<Settings> = all.iter().map(flatten).collect();
        told_apart(&all.iter().collect::<Vec<_>>())
    }

    fn run(workers: u32, protocol: Value) -> Value {
        json!({"cluster": {"workers": workers}, "protocol": protocol, "scenario": {"name": "a"}})
    }

    #[test]
    fn results_are_called_by_what_differs_in_words() {
        let (free, barrier) = (json!({"kind": "asynchronous"}), json!({"kind": "synchronous"}));
        let found = names(&[run(8, free.clone()), run(1, free.clone())]).unwrap();
        assert_eq!(found, ["8 workers", "1 worker"]);
        let bounded = json!({"kind": "stale_synchronous", "bound": 4});
        let found = names(&[run(8, free.clone()), run(32, bounded.clone())]).unwrap();
        assert_eq!(found, ["8 workers, asynchronous", "32 workers, stale synchronous"]);
        let wide = json!({"kind": "stale_synchronous", "bound": 9});
        let found = names(&[run(8, bounded), run(8, wide)]).unwrap();
        assert_eq!(found, ["bound 4", "bound 9"]);
        assert_eq!(names(&[run(8, free.clone()), run(8, free.clone())]), None);
        assert_eq!(names(&[run(8, free.clone()), run(8, free), run(9, barrier)]), None);
    }

    #[test]
    fn parts_and_switches_have_names_too() {
        let remedied = json!({"remedy": [{"kind": "clip", "norm": 1.0}]});
        assert_eq!(names(&[json!({}), remedied]).unwrap(), ["no remedy", "clip"]);
        let law = |kind: &str| json!({"cluster": {"step_time": {"kind": kind}}});
        let found = names(&[law("lognormal"), law("pareto")]).unwrap();
        assert_eq!(found, ["lognormal step time", "pareto step time"]);
        let audit = |on: bool| json!({"record": {"audit": on}});
        assert_eq!(names(&[audit(true), audit(false)]).unwrap(), ["audit", "no audit"]);
        let seed = |seed: u32| json!({"scenario": {"seed": seed}});
        assert_eq!(names(&[seed(1), seed(2)]).unwrap(), ["seed 1", "seed 2"]);
        let three = |x: u32| json!({"a": {"b": x}, "c": {"b": x}, "d": x, "e": x});
        assert_eq!(names(&[three(1), three(2)]), None);
        let two = |x: u32| json!({"optimizer": {"rate": x}, "schedule": {"rate": x}});
        assert_eq!(names(&[two(1), two(2)]).unwrap()[0], "optimizer rate 1, schedule rate 1");
    }
}
