//! Goes from row to row in files with one row per line.

use super::delimited::too_long;
use super::lines::{Line, Lines};
use super::records::RowError;

/// Goes to the next line that `is_row`, a question about the line without blanks at its ends.
/// Returns false at the end of the file.
///
/// # Errors
/// If the file cannot be read, or the line is too long.
pub(super) fn next_row(
    lines: &mut Lines<'_>,
    is_row: impl Fn(&[u8]) -> bool,
) -> Result<bool, RowError> {
    loop {
        lines.begin();
        match lines.append() {
            Err(source) => return Err(RowError::Io { line: lines.number(), source }),
            Ok(Line::End) => return Ok(false),
            Ok(Line::TooLong) => return Err(RowError::Bad(too_long().at(lines.number()))),
            Ok(Line::Whole) => {
                if is_row(lines.block()[lines.record()].trim_ascii()) {
                    return Ok(true);
                }
            }
        }
    }
}
