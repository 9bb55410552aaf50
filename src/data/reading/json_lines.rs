//! Files with one JSON object per line.

use super::bad_rows::{BadRowKind, Fault, RowTally};
use super::delimited::too_long;
use super::file::Input;
use super::lines::{Line, Lines, without_break};
use crate::data::error::DataError;

/// Passes every line that is not blank to `take`, which changes nothing on a fault; counts rows.
pub(crate) fn for_each_line(
    input: Input,
    tally: &mut RowTally,
    mut take: impl FnMut(&str) -> Result<(), Fault>,
) -> Result<(), DataError> {
    let mut lines = Lines::new(input.reader);
    let path = input.name;
    loop {
        lines.begin();
        let found = lines.append();
        let line = &lines.block()[lines.record()];
        let outcome = match found {
            Err(source) => {
                return Err(DataError::Read { path, line: lines.number(), source });
            }
            Ok(Line::End) => return Ok(()),
            Ok(Line::TooLong) => Err(too_long()),
            Ok(Line::Whole) if line.trim_ascii().is_empty() => continue,
            Ok(Line::Whole) => text(without_break(line)).and_then(&mut take),
        };
        tally.begin();
        match outcome {
            Ok(()) => tally.accept(),
            Err(fault) => tally.reject(&path, fault.at(lines.number()))?,
        }
    }
}

/// The line as text.
pub(super) fn text(line: &[u8]) -> Result<&str, Fault> {
    if line.contains(&0) {
        return Err(Fault::new(
            BadRowKind::NulByte,
            "a zero byte; if the file is UTF-16, convert it to UTF-8",
        ));
    }
    std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to() + 1;
        Fault::new(
            BadRowKind::BadUtf8,
            format!("byte {at} is not UTF-8; convert the file to UTF-8"),
        )
    })
}

/// The fault of a JSON error: not JSON, or JSON of the wrong shape.
pub(crate) fn fault(error: &serde_json::Error) -> Fault {
    let kind = if error.is_data() { BadRowKind::WrongType } else { BadRowKind::BadJson };
    Fault::new(kind, format!("column {}: {error}", error.column()))
}
