//! Named tensors, the form in which checkpoint files hold a server's content.

use std::collections::BTreeMap;

/// The end of the name of a list of absent rows.
pub const ABSENT: &str = "/absent";

/// A named tensor, in row-major order.
#[derive(Clone, PartialEq, Debug)]
pub struct Tensor {
    /// Its length along each axis.
    pub shape: Vec<usize>,
    /// Its elements.
    pub values: TensorValues,
}

/// Elements of a tensor.
#[derive(Clone, PartialEq, Debug)]
pub enum TensorValues {
    /// Weights, slots, statistics.
    F32(Vec<f32>),
    /// Counters of rows.
    U32(Vec<u32>),
    /// Counters, keys of ids.
    U64(Vec<u64>),
    /// Text.
    U8(Vec<u8>),
}

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// A tensor that is missing or does not fit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TensorError {
    /// It has another shape or type of element than the model needs.
    #[error("`{name}` is {found}, and this model needs {needed}")]
    Misfit {
        /// Its name.
        name: String,
        /// Type and shape in the checkpoint.
        found: String,
        /// Type and shape that are needed.
        needed: String,
    },
    /// A table has another number of rows, and nothing says which ids they belong to.
    #[error(
        "`{name}` has {found} rows, and this model needs {needed}: they are the rows of other ids, those of \
         another log or of another `data.hash_rows`, and the file does not list its ids (`ids/...`), by which rows \
         could be found"
    )]
    Rows {
        /// Its name.
        name: String,
        /// Rows in the checkpoint.
        found: usize,
        /// Rows that are needed.
        needed: usize,
    },
    /// Rows are found by id on one side, and by hash or by a fixed number on the other.
    #[error(
        "rows of `{space}` cannot be found: {}; give both runs the same `data.hash_rows`, or neither",
        if *here {
            "here they belong to listed ids, and those of the checkpoint were numbered by a hash or by a generated log"
        } else {
            "those of the checkpoint belong to listed ids, and here they are numbered by a hash or by a generated log"
        }
    )]
    Numbering {
        /// The id space.
        space: String,
        /// Whether it is this run that finds rows by id.
        here: bool,
    },
    /// The file lists no ids, and here rows are found by id.
    #[error(
        "it does not say which ids the rows of `{space}` belong to (`ids/{space}`): another program has written it, \
         or an old version of straggler; if its rows are in the order of this log's ids, `start.rows = \"by_number\"` \
         takes them so"
    )]
    NoIds {
        /// The id space.
        space: String,
    },
    /// The file lists ids, but none of this id space.
    #[error(
        "it has no ids of `{space}`; it has those of {}: it is of a model of other fields; start from a checkpoint \
         of the same fields, or give the columns the same names",
        has.join(", ")
    )]
    OtherFields {
        /// The id space.
        space: String,
        /// The id spaces of the checkpoint.
        has: Vec<String>,
    },
    /// Two ids have the same key.
    #[error(
        "two ids of `{space}` in {} have the same key of 64 bits, so that their rows cannot be found by id; start from \
         a checkpoint of the same log, or give one of them another name in the data",
        if *here { "this log" } else { "the checkpoint" }
    )]
    SameKey {
        /// The id space.
        space: String,
        /// Whether they are those of this run.
        here: bool,
    },
    /// No id of this log is in the file.
    #[error(
        "none of the ids of this log ({}) is in it: it is of another log, or the ids are written otherwise there; \
         start from a checkpoint of these ids",
        spaces.join(", ")
    )]
    OtherIds {
        /// The id spaces.
        spaces: Vec<String>,
    },
    /// The tensor is missing.
    #[error("there is no `{name}`{}", nearest.as_ref().map_or(String::new(), |n| format!("; the nearest name is `{n}`")))]
    Missing {
        /// Its name.
        name: String,
        /// The most similar existing name.
        nearest: Option<String>,
    },
}

impl TensorValues {
    fn kind(&self) -> &'static str {
        match self {
            TensorValues::F32(_) => "f32",
            TensorValues::U32(_) => "u32",
            TensorValues::U64(_) => "u64",
            TensorValues::U8(_) => "u8",
        }
    }
}

impl Tensor {
    /// Its type and shape, for people.
    pub fn describe(&self) -> String {
        describe(self.values.kind(), &self.shape)
    }
}

pub(super) fn describe(kind: &str, shape: &[usize]) -> String {
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("{kind} [{}]", shape.join(", "))
}
