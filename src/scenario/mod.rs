//! Floor 6, what the user wrote: reading, checking and explaining scenario files.

pub mod document;
