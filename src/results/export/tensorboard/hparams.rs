//! The data for TensorBoard's view of hyperparameters (`plugin_data.proto` and `api.proto` of its
//! plugin `hparams`): which settings and figures a sweep has, which settings a trial has, and how
//! it ended. Trials of one point are a group, and TensorBoard takes means over its seeds.

use serde_json::Value;

use super::message::ProtoMessage;
use crate::metrics::scalar::{Better, SCALARS};
use crate::results::export::setting::kind_of;
use crate::results::outcome::{Point, Results, State, setting_text};
use crate::results::table::CellKind;

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
pub(super) fn experiment(results: &Results, figures: &[String]) -> ProtoMessage {
    let mut experiment = ProtoMessage::default().text(6, &results.name);
    for key in results.swept_keys() {
        let values = results.points.iter().filter_map(|point| point.settings.get(key));
        let mut distinct: Vec<&Value> = Vec::new();
        for value in values {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        let kind = kind_of(distinct.iter().copied());
        let mut list = ProtoMessage::default();
        for value in distinct {
            list = list.message(1, &encode(kind, value));
        }
        let about = ProtoMessage::default().text(1, key).whole(4, number(kind)).message(5, &list);
        experiment = experiment.message(4, &about);
    }
    for figure in figures {
        let name = ProtoMessage::default().text(2, &figure_tag(figure));
        let about = ProtoMessage::default().message(1, &name).text(3, figure);
        experiment = experiment.message(5, &about);
    }
    ProtoMessage::default().message(2, &experiment)
}

/// The settings of a trial of this point.
pub(super) fn start(results: &Results, point: &Point) -> ProtoMessage {
    let group = format!("{} {}", point.index, point.label);
    let mut session = ProtoMessage::default();
    for (key, value) in &point.settings {
        let values = results.points.iter().filter_map(|point| point.settings.get(key));
        let kind = kind_of(values);
        let entry = ProtoMessage::default().text(1, key).message(2, &encode(kind, value));
        session = session.message(1, &entry);
    }
    let session = session.text(4, group.trim_end()).double(5, 0.0);
    ProtoMessage::default().message(3, &session)
}

/// How a trial ended, and at which simulated second.
pub(super) fn end(state: State, sim_s: f64) -> ProtoMessage {
    let status = match state {
        State::Done => 1,
        State::Failed => 2,
        State::ToDo => 3,
    };
    let session = ProtoMessage::default().whole(1, status).double(2, sim_s);
    ProtoMessage::default().message(4, &session)
}

/// The plugin's number for a type of setting.
fn number(kind: CellKind) -> u64 {
    match kind {
        CellKind::Text => 1,
        CellKind::Flag => 2,
        CellKind::Whole | CellKind::Number => 3,
    }
}

/// A `google.protobuf.Value`.
fn encode(kind: CellKind, value: &Value) -> ProtoMessage {
    let message = ProtoMessage::default();
    match (number(kind), value.as_f64(), value.as_bool()) {
        (3, Some(number), _) => message.double(2, number),
        (2, _, Some(flag)) => message.whole(4, u64::from(flag)),
        _ => message.text(3, &setting_text(value)),
    }
}
