//! Saving the state that changes during a run, and loading it into a newly built run.
//!
//! What a scenario says is not saved: loading takes a job before its first event and gives it the
//! state of another job of the same scenario. So every part lists its *state* only, with
//! [`persist!`](crate::persist); plain data goes through serde and postcard.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ShardId, SimSpan, SimTime, WorkerId};
use crate::base::counted;

/// A part of a run whose state can be saved and loaded.
pub trait Persist {
    /// Appends the state.
    fn save(&self, out: &mut Saver<'_>);

    /// Replaces the state by the next saved one.
    ///
    /// # Errors
    /// If the next bytes are not the state of such a part.
    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError>;
}

/// The loaded bytes are not the state of this run. If their checksum matched, another version of
/// the program wrote them.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the saved state does not fit this run, from byte {at}: {problem}")]
pub struct LoadError {
    /// The position in the bytes.
    pub at: usize,
    /// The problem.
    pub problem: String,
}

/// Collects states.
#[derive(Default)]
pub struct Saver<'a> {
    bytes: Vec<u8>,
    /// Takes the collected bytes, so that a state need not fit into memory twice.
    spill: Option<Spill<'a>>,
}

/// Takes the saved bytes, piece by piece.
type Spill<'a> = Box<dyn FnMut(&[u8]) + 'a>;

/// Number of bytes collected before they are spilled.
const CHUNK: usize = 1 << 20;

/// Returns states in the order in which they were saved.
#[derive(Clone, Debug)]
pub struct Loader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl fmt::Debug for Saver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saver").field("collected", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl<'a> Saver<'a> {
    /// Hands the saved bytes to `spill`, piece by piece.
    pub fn spilling(spill: impl FnMut(&[u8]) + 'a) -> Saver<'a> {
        Saver { bytes: Vec::new(), spill: Some(Box::new(spill)) }
    }

    /// Everything saved that was not spilled.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Spills the rest.
    pub fn finish(mut self) {
        if let Some(spill) = &mut self.spill {
            spill(&self.bytes);
        }
    }

    fn make_room(&mut self) {
        if let (CHUNK.., Some(spill)) = (self.bytes.len(), &mut self.spill) {
            spill(&self.bytes);
            self.bytes.clear();
        }
    }

    /// Appends plain data.
    pub fn plain<T: Serialize + ?Sized>(&mut self, value: &T) {
        let bytes = std::mem::take(&mut self.bytes);
        // This fails only on types without a known length; none of ours is one.
        self.bytes = postcard::to_extend(value, bytes).expect("plain data can be written");
        self.make_room();
    }

    /// Appends a number of elements.
    pub fn length(&mut self, length: usize) {
        self.plain(&(length as u64));
    }

    /// Appends the states of parts whose number is the same in every run of the scenario.
    pub fn each<'b, T: Persist + 'b>(&mut self, parts: impl IntoIterator<Item = &'b T>) {
        parts.into_iter().for_each(|part| part.save(self));
    }
}

impl<'a> Loader<'a> {
    /// Starts at the first state.
    pub fn new(bytes: &'a [u8]) -> Loader<'a> {
        Loader { bytes, at: 0 }
    }

    /// Plain data.
    ///
    /// # Errors
    /// If something else follows.
    pub fn plain<T: DeserializeOwned>(&mut self) -> Result<T, LoadError> {
        match postcard::take_from_bytes(&self.bytes[self.at..]) {
            Ok((value, rest)) => {
                self.at = self.bytes.len() - rest.len();
                Ok(value)
            }
            Err(error) => Err(self.wrong(error.to_string())),
        }
    }

    /// States of parts whose number is the same in every run of the scenario.
    ///
    /// # Errors
    /// If something else follows.
    pub fn each<'b, T: Persist + 'b>(
        &mut self,
        parts: impl IntoIterator<Item = &'b mut T>,
    ) -> Result<(), LoadError> {
        parts.into_iter().try_for_each(|part| part.load(self))
    }

    /// A number of elements, which must be below the number of bytes left.
    ///
    /// # Errors
    /// If it is not.
    pub fn length(&mut self) -> Result<usize, LoadError> {
        let length: u64 = self.plain()?;
        match usize::try_from(length).ok().filter(|n| *n <= self.bytes.len() - self.at) {
            Some(length) => Ok(length),
            None => Err(self.wrong(format!(
                "{} where fewer bytes are left",
                counted(length, "element", "elements")
            ))),
        }
    }

    /// Refuses a list that has another length than in every run of the scenario.
    ///
    /// # Errors
    /// If the lengths differ.
    pub fn expect_length(&self, expected: usize, found: usize) -> Result<(), LoadError> {
        match expected == found {
            true => Ok(()),
            false => {
                Err(self.wrong(format!("a list of {found} elements, where {expected} belong")))
            }
        }
    }

    /// The error that the next bytes are not the expected ones.
    pub fn wrong(&self, problem: impl Into<String>) -> LoadError {
        LoadError { at: self.at, problem: problem.into() }
    }

    /// Finishes loading.
    ///
    /// # Errors
    /// If any bytes are left.
    pub fn end(self) -> Result<(), LoadError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(self.wrong(format!("{} left", counted(left, "byte is", "bytes are")))),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        match self.bytes[self.at..].first_chunk::<N>() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(self.wrong("it ends too early")),
        }
    }
}

/// Says for every field of a struct what becomes of it when a run is saved. A field that is not
/// named does not compile.
///
/// ```text
/// persist!(Station { free_at: state, sharing: each, capacity: fixed, buffer: scratch });
/// ```
///
/// ```compile_fail,E0027
/// struct Station {
///     free_at: u64,
///     served: u64,
/// }
/// straggler::persist!(Station { free_at: state });
/// ```
///
/// The roles:
///
/// - `state`: it is saved and loaded.
/// - `sized`: likewise; it is a list whose length is the same in every run of the scenario.
/// - `each`: likewise its elements, whose number is the same in every run of the scenario (of an
///   option: the scenario says whether it is present).
/// - `plain`: it is saved and loaded by serde.
/// - `fixed`: the scenario says it.
/// - `scratch`: its content is never read before it is written again.
/// - `emptied`: it is not saved, and becomes its default when a state is loaded.
/// - `via(|out| ..., |from| ...)`: these two closures do it; they may use all fields by name.
///
/// Fields of a tuple struct get names: `persist!(WorkerId(number: state))`. Type parameters come
/// first: `persist!([R: Persist] Damping<R> { rule: state })`.
#[macro_export]
macro_rules! persist {
    ($type:ident ( $($fields:tt)* )) => {
        $crate::persist!(@tuple [] $type { $($fields)* });
    };
    ([$($generics:tt)*] $type:ty {
        $( $field:ident : $role:ident $( ($save:expr, $load:expr $(,)?) )? ),* $(,)?
    }) => {
        $crate::persist!(@impl [$($generics)*] $type, [Self { $($field),* }],
            $( $field $role [$($save, $load)?] )*);
    };
    (@tuple [] $type:ident { $( $field:ident : $role:ident ),* }) => {
        $crate::persist!(@impl [] $type, [Self($($field),*)], $( $field $role [] )*);
    };
    (@impl [$($generics:tt)*] $type:ty, [$($pattern:tt)*],
        $( $field:ident $role:ident [$($by:tt)*] )*) => {
        impl<$($generics)*> $crate::base::Persist for $type {
            #[allow(unused_variables, reason = "a part may have no state")]
            fn save(&self, out: &mut $crate::base::persist::Saver<'_>) {
                let $($pattern)* = self;
                $( $crate::persist!(@save $role, $field, out, [$($by)*]); )*
            }

            #[allow(unused_variables, reason = "a part may have no state")]
            fn load(
                &mut self,
                from: &mut $crate::base::persist::Loader<'_>,
            ) -> Result<(), $crate::base::persist::LoadError> {
                let $($pattern)* = self;
                $( $crate::persist!(@load $role, $field, from, [$($by)*]); )*
                Ok(())
            }
        }
    };
    (@save state, $field:ident, $out:ident, []) => { $crate::base::Persist::save($field, $out) };
    (@save sized, $field:ident, $out:ident, []) => { $crate::base::Persist::save($field, $out) };
    (@save each, $field:ident, $out:ident, []) => { $out.each($field) };
    (@save plain, $field:ident, $out:ident, []) => { $out.plain($field) };
    (@save fixed, $field:ident, $out:ident, []) => {};
    (@save scratch, $field:ident, $out:ident, []) => {};
    (@save emptied, $field:ident, $out:ident, []) => {};
    (@save via, $field:ident, $out:ident, [$save:expr, $load:expr]) => {
        $crate::base::persist::saved_by($out, $save)
    };
    (@load state, $field:ident, $from:ident, []) => {
        $crate::base::Persist::load($field, $from)?
    };
    (@load sized, $field:ident, $from:ident, []) => {
        let length = $field.len();
        $crate::base::Persist::load($field, $from)?;
        $from.expect_length(length, $field.len())?;
    };
    (@load each, $field:ident, $from:ident, []) => { $from.each($field)? };
    (@load plain, $field:ident, $from:ident, []) => { *$field = $from.plain()? };
    (@load fixed, $field:ident, $from:ident, []) => {};
    (@load scratch, $field:ident, $from:ident, []) => {};
    (@load emptied, $field:ident, $from:ident, []) => { *$field = Default::default() };
    (@load via, $field:ident, $from:ident, [$save:expr, $load:expr]) => {
        $crate::base::persist::loaded_by($from, $load)?
    };
    ($type:ty { $($fields:tt)* }) => {
        $crate::persist!([] $type { $($fields)* });
    };
}

/// Gives a closure of [`persist!`](crate::persist) the type that its argument has.
pub fn saved_by<'a, 'b>(out: &'a mut Saver<'b>, save: impl FnOnce(&'a mut Saver<'b>)) {
    save(out);
}

/// Gives a closure of [`persist!`](crate::persist) the type that its argument has.
///
/// # Errors
/// Those of the closure.
pub fn loaded_by<'a, 'b>(
    from: &'a mut Loader<'b>,
    load: impl FnOnce(&'a mut Loader<'b>) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    load(from)
}

/// Types that are plain data: serde writes and reads them.
#[macro_export]
macro_rules! persist_plain {
    ($($type:ty),* $(,)?) => {
        $(
            impl $crate::base::Persist for $type {
                fn save(&self, out: &mut $crate::base::persist::Saver<'_>) {
                    out.plain(self);
                }

                fn load(
                    &mut self,
                    from: &mut $crate::base::persist::Loader<'_>,
                ) -> Result<(), $crate::base::persist::LoadError> {
                    *self = from.plain()?;
                    Ok(())
                }
            }
        )*
    };
}

macro_rules! persist_numbers {
    ($($type:ty),*) => {
        $(
            impl Persist for $type {
                fn save(&self, out: &mut Saver<'_>) {
                    out.bytes.extend_from_slice(&self.to_le_bytes());
                    out.make_room();
                }

                fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
                    *self = <$type>::from_le_bytes(from.take()?);
                    Ok(())
                }
            }
        )*
    };
}

persist_numbers!(u8, u16, u32, u64, u128, i64, f32, f64);
persist_plain!(usize, bool, String, ());

macro_rules! persist_lists {
    ($($list:ident),*) => {
        $(
            impl<T: Persist + Default> Persist for $list<T> {
                fn save(&self, out: &mut Saver<'_>) {
                    out.length(self.len());
                    out.each(self);
                }

                fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
                    let length = from.length()?;
                    self.resize_with(length, T::default);
                    from.each(self)
                }
            }
        )*
    };
}

persist_lists!(Vec, VecDeque);

impl<T: Persist + Default + Ord> Persist for BinaryHeap<T> {
    fn save(&self, out: &mut Saver<'_>) {
        out.length(self.len());
        out.each(self);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        let mut elements = std::mem::take(self).into_vec();
        elements.load(from)?;
        *self = BinaryHeap::from(elements);
        Ok(())
    }
}

impl<T: Persist> Persist for Reverse<T> {
    fn save(&self, out: &mut Saver<'_>) {
        self.0.save(out);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        self.0.load(from)
    }
}

impl<T: Persist + Default> Persist for Option<T> {
    fn save(&self, out: &mut Saver<'_>) {
        self.is_some().save(out);
        out.each(self);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        match from.plain()? {
            true => self.get_or_insert_default().load(from),
            false => {
                *self = None;
                Ok(())
            }
        }
    }
}

impl<T: Persist + ?Sized> Persist for Box<T> {
    fn save(&self, out: &mut Saver<'_>) {
        self.as_ref().save(out);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        self.as_mut().load(from)
    }
}

impl<T: Persist + Default> Persist for Arc<T> {
    fn save(&self, out: &mut Saver<'_>) {
        self.as_ref().save(out);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        let mut value = T::default();
        value.load(from)?;
        *self = Arc::new(value);
        Ok(())
    }
}

impl<K: Persist + Default + Ord, V: Persist + Default> Persist for BTreeMap<K, V> {
    fn save(&self, out: &mut Saver<'_>) {
        out.length(self.len());
        for (key, value) in self {
            key.save(out);
            value.save(out);
        }
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        self.clear();
        for _ in 0..from.length()? {
            let (mut key, mut value) = (K::default(), V::default());
            key.load(from)?;
            value.load(from)?;
            self.insert(key, value);
        }
        Ok(())
    }
}

impl<T: Persist + Default + Ord> Persist for BTreeSet<T> {
    fn save(&self, out: &mut Saver<'_>) {
        out.length(self.len());
        out.each(self);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        self.clear();
        for _ in 0..from.length()? {
            let mut element = T::default();
            element.load(from)?;
            self.insert(element);
        }
        Ok(())
    }
}

macro_rules! persist_tuples {
    ($( ($($name:ident $index:tt),*) )*) => {
        $(
            impl<$($name: Persist),*> Persist for ($($name,)*) {
                fn save(&self, out: &mut Saver<'_>) {
                    $( self.$index.save(out); )*
                }

                fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
                    $( self.$index.load(from)?; )*
                    Ok(())
                }
            }
        )*
    };
}

persist_tuples!((A 0, B 1)(A 0, B 1, C 2)(A 0, B 1, C 2, D 3));

crate::persist!(SimTime(inner: state));
crate::persist!(SimSpan(inner: state));
crate::persist!(WorkerId(inner: state));
crate::persist!(ShardId(inner: state));

#[cfg(test)]
mod tests;
