//! Saving what changes in the course of a run, and loading it into a run that was built anew.
//!
//! What a scenario says is not saved: loading takes a job as it is before its first event and gives
//! it the state of another one of the same scenario. So every part lists its *state*, and nothing
//! else, with [`persist!`](crate::persist); plain data goes through serde and postcard.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A part of a run whose state can be saved and loaded.
pub trait Persist {
    /// Appends the state.
    fn save(&self, out: &mut Saver<'_>);

    /// Replaces the state by the next one that was saved.
    ///
    /// # Errors
    /// If what follows is not the state of such a part.
    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError>;
}

/// What was loaded is not the state of this run. After a checksum has matched, it is that of
/// another version of the program.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the saved state does not fit this run, from byte {at}: {problem}")]
pub struct LoadError {
    /// Where.
    pub at: usize,
    /// What is wrong.
    pub problem: String,
}

/// Collects states.
#[derive(Default)]
pub struct Saver<'a> {
    bytes: Vec<u8>,
    /// Takes what has been collected, so that a state need not fit into memory twice.
    spill: Option<Spill<'a>>,
}

/// Takes one piece of what is saved after the other.
type Spill<'a> = Box<dyn FnMut(&[u8]) + 'a>;

/// So much is collected before it is spilled.
const CHUNK: usize = 1 << 20;

/// Hands states out again, in the same order.
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
    /// Hands what is saved to `spill`, piece by piece.
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
        // It fails on types that say no length; none of ours are.
        self.bytes = postcard::to_extend(value, bytes).expect("plain data can be written");
        self.make_room();
    }

    /// Appends a number of elements.
    pub fn length(&mut self, length: usize) {
        self.plain(&(length as u64));
    }

    /// Appends the states of parts that are as many in every run of the scenario.
    pub fn each<'b, T: Persist + 'b>(&mut self, parts: impl IntoIterator<Item = &'b T>) {
        parts.into_iter().for_each(|part| part.save(self));
    }
}

impl<'a> Loader<'a> {
    /// Begins with the first state.
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

    /// States of parts that are as many in every run of the scenario.
    ///
    /// # Errors
    /// If something else follows.
    pub fn each<'b, T: Persist + 'b>(
        &mut self,
        parts: impl IntoIterator<Item = &'b mut T>,
    ) -> Result<(), LoadError> {
        parts.into_iter().try_for_each(|part| part.load(self))
    }

    /// A number of elements, which must be below what could follow.
    ///
    /// # Errors
    /// If it is not.
    pub fn length(&mut self) -> Result<usize, LoadError> {
        let length: u64 = self.plain()?;
        match usize::try_from(length).ok().filter(|n| *n <= self.bytes.len() - self.at) {
            Some(length) => Ok(length),
            None => Err(self.wrong(format!("{length} elements where fewer bytes are left"))),
        }
    }

    /// Says that what follows is not what is expected.
    pub fn wrong(&self, problem: impl Into<String>) -> LoadError {
        LoadError { at: self.at, problem: problem.into() }
    }

    /// Ends.
    ///
    /// # Errors
    /// If anything is left.
    pub fn end(self) -> Result<(), LoadError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(self.wrong(format!("{left} bytes are left"))),
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

/// Lists the fields of a struct that are its state.
#[macro_export]
macro_rules! persist {
    ($type:ty { $($field:tt),* $(,)? }) => {
        impl $crate::base::Persist for $type {
            #[allow(unused_variables, reason = "a part may have no state")]
            fn save(&self, out: &mut $crate::base::persist::Saver<'_>) {
                $( $crate::base::Persist::save(&self.$field, out); )*
            }

            #[allow(unused_variables, reason = "a part may have no state")]
            fn load(
                &mut self,
                from: &mut $crate::base::persist::Loader<'_>,
            ) -> Result<(), $crate::base::persist::LoadError> {
                $( $crate::base::Persist::load(&mut self.$field, from)?; )*
                Ok(())
            }
        }
    };
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

crate::persist!(super::SimTime { 0 });
crate::persist!(super::SimSpan { 0 });
crate::persist!(super::WorkerId { 0 });
crate::persist!(super::ShardId { 0 });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, PartialEq)]
    struct Part {
        size: u32,
        weights: Vec<f32>,
        held: Option<(u64, bool)>,
        by_row: BTreeMap<(u64, u32), VecDeque<u8>>,
    }

    // `size` is what the scenario says.
    crate::persist!(Part { weights, held, by_row });

    fn saved(part: &impl Persist) -> Vec<u8> {
        let mut out = Saver::default();
        part.save(&mut out);
        out.into_bytes()
    }

    #[test]
    fn state_replaces_state_and_the_rest_stays() {
        let mut one = Part { size: 3, weights: vec![1.5, f32::NAN], ..Part::default() };
        one.by_row.insert((1, 2), VecDeque::from([7]));
        let bytes = saved(&one);
        let mut other = Part { size: 4, held: Some((9, true)), ..Part::default() };
        let mut from = Loader::new(&bytes);
        other.load(&mut from).unwrap();
        from.end().unwrap();
        assert_eq!((other.size, other.held), (4, None));
        assert_eq!(other.weights[1].to_bits(), f32::NAN.to_bits());
        assert_eq!(saved(&other), bytes);
    }

    #[test]
    fn what_is_spilled_is_what_would_be_collected() {
        let part = Part { weights: vec![0.25; CHUNK], ..Part::default() };
        let (mut pieces, mut spilled) = (0, Vec::new());
        let mut out = Saver::spilling(|bytes| {
            pieces += 1;
            spilled.extend_from_slice(bytes);
        });
        part.save(&mut out);
        out.finish();
        assert_eq!(spilled, saved(&part));
        assert!(pieces > 3);
    }

    proptest! {
        #[test]
        fn what_is_cut_off_is_refused_and_never_a_panic(
            weights: Vec<f32>, held: Option<(u64, bool)>, cut in 0usize..200
        ) {
            let part = Part { size: 0, weights, held, by_row: BTreeMap::new() };
            let bytes = saved(&part);
            let cut = cut.min(bytes.len());
            let mut from = Loader::new(&bytes[..cut]);
            let outcome = Part::default().load(&mut from);
            prop_assert_eq!(outcome.is_ok() && from.end().is_ok(), cut == bytes.len());
        }

        #[test]
        fn nonsense_is_answered(bytes: Vec<u8>) {
            let mut part = Part::default();
            if part.load(&mut Loader::new(&bytes)).is_ok() {
                prop_assert!(saved(&part).len() <= bytes.len() + 64);
            }
        }
    }
}
