//! The classes of mistakes, each with a longer text for `straggler explain E0103`.
//!
//! Checks of later modules declare their own [`Code`]s and add them to what `explain` searches.

use std::fmt;

/// A class of mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code {
    /// As printed: `E0103`; warnings begin with `W`.
    pub id: &'static str,
    /// A headline.
    pub title: &'static str,
    /// The cause and what to do, in a few sentences.
    pub text: &'static str,
}

impl fmt::Display for Code {
    /// What `straggler explain E0103` prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n\n{}", self.id, self.title, self.text)
    }
}

macro_rules! codes {
    ($( $name:ident = $id:literal, $title:literal, $text:literal; )+) => {
        $(
            #[doc = $title]
            pub static $name: Code = Code { id: $id, title: $title, text: $text };
        )+

        /// Every code of this module, in order.
        pub static CODES: &[&Code] = &[$( &$name, )+];
    };
}

codes! {
    UNREADABLE = "E0101", "the file cannot be read",
        "The file does not exist, may not be opened, or is not text in UTF-8. The message repeats \
         what the operating system said. Paths are relative to the current directory.";
    SYNTAX = "E0102", "the file is not valid TOML",
        "The text breaks the rules of TOML 1.1 (https://toml.io): a bracket or quote that is never \
         closed, a key without a value, a key or table that is defined twice. Keys before the \
         first such place are checked as well; keys behind it only once the text can be read, \
         because a lost bracket makes everything after it look wrong.";
    UNKNOWN_KEY = "E0103", "there is no such key",
        "Keys that mean nothing are never ignored, since a misspelt key would silently leave its \
        default in force. The help names the nearest key of the same table, or the table in \
         which a key of this name belongs. `straggler explain <table>` lists all keys of a table.";
    MISSING_KEY = "E0104", "a required key is missing",
        "Most keys have a default; this one has none because no value would suit most users. Add \
         it to the table that the caret points at.";
    WRONG_TYPE = "E0105", "the value has the wrong type",
        "For example text where a number belongs, a number in quotes, or one value where a list \
         belongs. A whole number may be written where a decimal number belongs, but not the reverse.";
    BAD_QUANTITY = "E0106", "a quantity needs a number and a unit",
        "Durations, bandwidths and sizes are written in quotes and with their unit, as in \"4ms\", \
         \"10Gbit/s\" or \"2GiB\", so that nobody has to guess whether 80 means seconds or \
         milliseconds. On the command line the quotes may be left out.";
    UNKNOWN_NAME = "E0107", "there is no choice of this name",
        "The key accepts a fixed set of names, which the help lists. `straggler explain <key>` \
         says what each of them does.";
    OUT_OF_RANGE = "E0108", "the number is outside its range",
        "The message states the range. Infinite values and NaN are outside of every range.";
    BAD_LENGTH = "E0109", "the list or text has too few or too many elements",
        "The message states how many there have to be.";
    WRONG_KIND = "E0110", "the key belongs to another kind",
        "The key exists, but not together with the `kind` chosen in this table. Either choose the \
         other kind, or remove the key; a key that changes nothing would be misleading.";
    BAD_OVERRIDE = "E0111", "the override cannot be read",
        "An override has the form key=value without spaces around `=`. The key is a dotted path; \
         elements of an array of tables are addressed by their name. The value is a TOML value; \
         what is not a TOML value is taken as text, so that units need no quotes.";
    TWICE = "E0112", "the same key is set twice",
        "Two arguments set the same key. It would be easy to overlook which one wins, so neither \
         does: remove one.";
    LIST_OF_VALUES = "E0113", "a list of values where one is expected",
        "`key=1,2,3` would be three runs, which is what `straggler run` makes. A list as the value of \
         one key is written in brackets: 'key=[1, 2, 3]'.";
    EXTENDS = "E0114", "the file to extend cannot be used",
        "`extends = \"base.toml\"` at the top of a file takes over everything that the file does not \
         say itself. The path is relative to the file that contains it, must not leave the directory \
         of the file given on the command line, must not lead back to a file being read, and \
         at most eight files may be chained.";
    TOO_LARGE = "E0115", "larger than what is accepted",
        "A file has at most 1 MiB, a key or a text in it at most 4 KiB, and tables and lists are \
         nested at most 64 deep.";
    NO_ELEMENT = "E0116", "no element of this name",
        "The override addresses an element of an array of tables by a name that no element has. \
         Indices, counted from 0, are accepted too.";
    REFUSED = "E0117", "the value is not accepted",
        "The value has the right type, but the part that it configures does not accept it, for the \
         reason given in the message.";
    SECTION_REPLACED = "W0101", "another kind starts its section afresh",
        "A section with another `kind` replaces the whole section of the layer below: that of a file \
         replaces that of a preset, and that of the command line or of a sweep replaces that of a \
         file. The other keys there belonged to the former kind and no longer apply. Keys given by \
         overrides are kept. A section without a `kind` changes single keys of the layer below.";
}

/// The code with this id, in upper or lower case, among those of this module and `more`.
pub fn find_code(id: &str, more: &[&'static Code]) -> Option<&'static Code> {
    let mut all = CODES.iter().chain(more);
    all.find(|code| code.id.eq_ignore_ascii_case(id)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_ordered_and_explained() {
        assert!(CODES.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(CODES.iter().all(|code| code.text.len() > 40));
        assert_eq!(find_code("e0103", &[]), Some(&UNKNOWN_KEY));
        assert_eq!(find_code("E9999", &[]), None);
    }
}
