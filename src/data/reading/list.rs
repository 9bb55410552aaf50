//! Lists in one cell, as Parquet and JSON have them: a zero byte before every element.
//!
//! No other cell has a zero byte, so a list is never taken for text, nor text for a list. An empty
//! list is an empty cell.

/// Begins every element.
const MARK: u8 = 0;

/// Adds an element; `false` if its text has a zero byte.
pub(crate) fn push(cell: &mut Vec<u8>, element: &[u8]) -> bool {
    cell.push(MARK);
    cell.extend_from_slice(element);
    !element.contains(&MARK)
}

/// Whether the cell is a list.
pub(crate) fn is_list(cell: &[u8]) -> bool {
    cell.first() == Some(&MARK)
}

/// The elements of a list.
pub(crate) fn elements(cell: &[u8]) -> impl Iterator<Item = &[u8]> {
    cell.split(|byte| *byte == MARK).skip(1)
}
