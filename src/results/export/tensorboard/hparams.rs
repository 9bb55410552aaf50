//! The data for TensorBoard's view of hyperparameters (`plugin_data.proto` and `api.proto` of its
//! plugin `hparams`): which settings and figures a sweep has, which settings a trial has, and how
//! it ended. Trials of one point are a group, and TensorBoard takes means over its seeds.

use serde_json::Value;

use super::message::Message;
use crate::metrics::scalar::{Better, SCALARS};
use crate::results::export::setting::kind_of;
use crate::results::outcome::{Point, Results, State, setting_text};
use crate::results::table::Kind;

/// The tag of the figure of this name.
pub(super) fn figure_tag(name: &str) -> String {
    format!("figures/{name}")
}

/// Whether a figure gets a column: those with a better direction do.
pub(super) fn compared(name: &str) -> bool {
    SCALARS.iter().any(|scalar| scalar.name == name && scalar.better != Better::Neither)
}

/// The settings and the figures of a sweep. A setting is a text, a number or a flag if all its
/// values are.
pub(super) fn experiment(results: &Results, figures: &[String]) -> Message {
    let mut experiment = Message::default().text(6, &results.name);
    for key in results.swept_keys() {
        let values = results.points.iter().filter_map(|point| point.settings.get(key));
        let mut distinct: Vec<&Value> = Vec::new();
        for value in values {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        let kind = kind_of(distinct.iter().copied());
        let mut list = Message::default();
        for value in distinct {
            list = list.message(1, &encode(kind, value));
        }
        let about = Message::default().text(1, key).whole(4, number(kind)).message(5, &list);
        experiment = experiment.message(4, &about);
    }
    for figure in figures {
        let name = Message::default().text(2, &figure_tag(figure));
        let about = Message::default().message(1, &name).text(3, figure);
        experiment = experiment.message(5, &about);
    }
    Message::default().message(2, &experiment)
}

/// The settings of a trial of this point.
pub(super) fn start(results: &Results, point: &Point) -> Message {
    let group = format!("{} {}", point.index, point.label);
    let mut session = Message::default();
    for (key, value) in &point.settings {
        let values = results.points.iter().filter_map(|point| point.settings.get(key));
        let kind = kind_of(values);
        let entry = Message::default().text(1, key).message(2, &encode(kind, value));
        session = session.message(1, &entry);
    }
    let session = session.text(4, group.trim_end()).double(5, 0.0);
    Message::default().message(3, &session)
}

/// How a trial ended, and at which simulated second.
pub(super) fn end(state: State, sim_s: f64) -> Message {
    let status = match state {
        State::Done => 1,
        State::Failed => 2,
        State::ToDo => 3,
    };
    let session = Message::default().whole(1, status).double(2, sim_s);
    Message::default().message(4, &session)
}

/// The plugin's number for a type of setting.
fn number(kind: Kind) -> u64 {
    match kind {
        Kind::Text => 1,
        Kind::Flag => 2,
        Kind::Whole | Kind::Number => 3,
    }
}

/// A `google.protobuf.Value`.
fn encode(kind: Kind, value: &Value) -> Message {
    let message = Message::default();
    match (number(kind), value.as_f64(), value.as_bool()) {
        (3, Some(number), _) => message.double(2, number),
        (2, _, Some(flag)) => message.whole(4, u64::from(flag)),
        _ => message.text(3, &setting_text(value)),
    }
}
