//! Names of id spaces: checkpoints name tensors by them.

use super::build_error::BuildError;
use crate::data::Schema;
use crate::params::Layout;

/// Checks that no id space is named like another tensor.
///
/// # Errors [`BuildError::TensorName`].
pub(super) fn check(schema: &Schema, layout: &Layout) -> Result<(), BuildError> {
    let taken = |name: &str| {
        name == "__metadata__"
            || layout.dense.iter().chain(&layout.moving).any(|block| block.name == name)
    };
    let why = |name: &str| match name {
        name if name.contains('/') => Some("\"/\" divides the names of tensors"),
        name if taken(name) => Some("another tensor has this name"),
        _ => None,
    };
    let found = schema.spaces.iter().find_map(|space| Some((&space.name, why(&space.name)?)));
    found.map_or(Ok(()), |(name, why)| Err(BuildError::TensorName { name: name.clone(), why }))
}
