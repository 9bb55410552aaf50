//! The lives of rows as tensors of a checkpoint, one number per row in each.

use super::eviction::lives::LifeColumns;
use super::tensor::{TensorValues, Tensors};

/// The columns of the lives of rows, by name.
pub(super) fn named(lives: LifeColumns) -> [(&'static str, TensorValues); 6] {
    let LifeColumns { last_update, last_example, last_ns, pushes, score, evictions } = lives;
    [
        ("last_update", TensorValues::U64(last_update)),
        ("last_example", TensorValues::U64(last_example)),
        ("last_ns", TensorValues::U64(last_ns)),
        ("pushes", TensorValues::U32(pushes)),
        ("score", TensorValues::F32(score)),
        ("evictions", TensorValues::U32(evictions)),
    ]
}

/// The same of a table of `rows` rows, read; `None` if one is missing or does not fit.
pub(super) fn read(tensors: &Tensors, table: &str, rows: usize) -> Option<LifeColumns> {
    let of = |name: &str| {
        let tensor = tensors.get(&format!("{table}/{name}"))?;
        (tensor.shape == [rows]).then_some(&tensor.values)
    };
    let u64s = |name| match of(name)? {
        TensorValues::U64(values) => Some(values.clone()),
        _ => None,
    };
    let u32s = |name| match of(name)? {
        TensorValues::U32(values) => Some(values.clone()),
        _ => None,
    };
    let score = match of("score")? {
        TensorValues::F32(values) => values.clone(),
        _ => return None,
    };
    Some(LifeColumns {
        last_update: u64s("last_update")?,
        last_example: u64s("last_example")?,
        last_ns: u64s("last_ns")?,
        pushes: u32s("pushes")?,
        score,
        evictions: u32s("evictions")?,
    })
}
