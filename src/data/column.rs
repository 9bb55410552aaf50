//! A column of a log: numbers in memory, or in a mapped file. Both read as a slice.

use std::fmt::{self, Debug};
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::Pod;

use super::mapped::MappedFile;

/// A number that columns hold.
pub(crate) trait Number: Pod + Debug + PartialEq {
    /// NumPy's name of its kind and size, little-endian.
    const KIND: &'static str;
    /// How many numbers it is.
    const WIDTH: usize = 1;
}

impl Number for u8 {
    const KIND: &'static str = "|u1";
}
impl Number for u32 {
    const KIND: &'static str = "<u4";
}
impl Number for f32 {
    const KIND: &'static str = "<f4";
}
impl Number for f64 {
    const KIND: &'static str = "<f8";
}
impl Number for u64 {
    const KIND: &'static str = "<u8";
}
impl Number for i64 {
    const KIND: &'static str = "<i8";
}
impl Number for [u32; 2] {
    const KIND: &'static str = "<u4";
    const WIDTH: usize = 2;
}

/// Numbers in memory or in a mapped file.
#[derive(Clone)]
pub(crate) enum Column<T> {
    /// In memory.
    Owned(Vec<T>),
    /// The bytes of a file.
    Mapped(Arc<MappedFile>, Range<usize>),
}

impl<T: Number> Column<T> {
    /// The numbers in these bytes of a file; `None` if the file does not have them, or no number
    /// can begin there.
    pub(crate) fn mapped(file: Arc<MappedFile>, bytes: Range<usize>) -> Option<Column<T>> {
        bytemuck::try_cast_slice::<u8, T>(file.bytes().get(bytes.clone())?).ok()?;
        Some(Column::Mapped(file, bytes))
    }

    /// All numbers.
    #[cfg(test)]
    pub(crate) fn as_slice(&self) -> &[T] {
        self
    }

    /// The numbers in memory, where they can be changed.
    pub(crate) fn owned(&mut self) -> &mut Vec<T> {
        if let Column::Mapped(..) = self {
            *self = Column::Owned(self.to_vec());
        }
        match self {
            Column::Owned(numbers) => numbers,
            Column::Mapped(..) => unreachable!("it was just copied"),
        }
    }

    /// Bytes of memory that it takes; of a file, those that stay while it is read in order.
    pub(crate) fn held(&self) -> u64 {
        match self {
            Column::Owned(numbers) => size_of_val(numbers.as_slice()) as u64,
            Column::Mapped(file, bytes) => bytes.len().min(file.held_in_order()) as u64,
        }
    }

    /// Notes that the number at `at` is looked at.
    #[inline]
    pub(crate) fn touch(&self, at: usize) {
        if let Column::Mapped(file, bytes) = self {
            file.touch(bytes.start + at * size_of::<T>());
        }
    }

    /// Notes that so many numbers were read where it was touched.
    pub(crate) fn note_read(&self, numbers: usize) {
        if let Column::Mapped(file, _) = self {
            file.note_read(numbers * size_of::<T>());
        }
    }

    /// Gives what is looked at back to the system, if it is in a file.
    pub(crate) fn release(&self) {
        if let Column::Mapped(file, _) = self {
            file.release();
        }
    }

    /// Passes on all numbers, `width` together or several times as many, so that not all of a file
    /// are in memory at a time.
    pub(crate) fn each_stretch(&self, width: usize, mut take: impl FnMut(&[T])) {
        let width = width.max(1);
        for stretch in self.chunks((STRETCH / width).max(1) * width) {
            take(stretch);
            self.release();
        }
    }
}

/// Numbers of a column that are worked on at a time.
pub(super) const STRETCH: usize = 1 << 20;

impl<T: Number> Deref for Column<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Column::Owned(numbers) => numbers,
            Column::Mapped(file, bytes) => bytemuck::cast_slice(&file.bytes()[bytes.clone()]),
        }
    }
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Column::Owned(Vec::new())
    }
}

impl<T> From<Vec<T>> for Column<T> {
    fn from(numbers: Vec<T>) -> Self {
        Column::Owned(numbers)
    }
}

impl<T: Number> AsRef<[T]> for Column<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T: Number, Other: AsRef<[T]>> PartialEq<Other> for Column<T> {
    fn eq(&self, other: &Other) -> bool {
        **self == *other.as_ref()
    }
}

impl<T: Number + Eq> Eq for Column<T> {}

impl<T: Number> Debug for Column<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 64;
        match self.get(..SHOWN) {
            Some(first) => write!(f, "{first:?} and {} more", self.len() - SHOWN),
            None => write!(f, "{:?}", &**self),
        }
    }
}
