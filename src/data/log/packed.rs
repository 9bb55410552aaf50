//! Short texts as a few numbers, so that a table of them needs memory only for its slots.

use std::hash::{Hash, Hasher};

use crate::data::reading::text::Text;

/// A text of up to eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Short {
    // Two halves instead of one word, so that a slot with a 32-bit value takes 16 bytes.
    halves: [u32; 2],
    len: u8,
}

/// A text of 9 to 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Medium {
    /// The first and the last eight bytes.
    words: [u64; 2],
    len: u8,
}

impl Short {
    /// `None` if `text` is longer.
    #[inline]
    pub(crate) fn new(text: Text) -> Option<Short> {
        let word = text.word();
        let halves = [word as u32, (word >> 32) as u32];
        (text.len() <= 8).then(|| Short { halves, len: text.len() as u8 })
    }

    /// Passes the text on.
    pub(crate) fn read<T>(self, take: impl FnOnce(Text) -> T) -> T {
        let word = u64::from(self.halves[1]) << 32 | u64::from(self.halves[0]);
        take(word.to_le_bytes()[..usize::from(self.len)].into())
    }
}

impl Medium {
    /// `None` if `text` is shorter or longer.
    #[inline]
    pub(crate) fn new(text: &[u8]) -> Option<Medium> {
        match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) if (9..=16).contains(&text.len()) => Some(Medium {
                words: [u64::from_le_bytes(*first), u64::from_le_bytes(*last)],
                len: text.len() as u8,
            }),
            _ => None,
        }
    }

    /// Passes the text on.
    pub(crate) fn read<T>(self, take: impl FnOnce(Text) -> T) -> T {
        let len = usize::from(self.len);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.words[0].to_le_bytes());
        // In the overlap both are the same.
        bytes[len - 8..len].copy_from_slice(&self.words[1].to_le_bytes());
        take(bytes[..len].into())
    }
}

impl Hash for Short {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let word = u64::from(self.halves[1]) << 32 | u64::from(self.halves[0]);
        // Texts that differ only in zeros at their end are rare: `eq` distinguishes them.
        state.write_u64(word);
    }
}

impl Hash for Medium {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.words[0]);
        state.write_u64(self.words[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_texts_are_equal_only_if_the_texts_are(
            a in prop::collection::vec(0u8..3, 0..18),
            b in prop::collection::vec(0u8..3, 0..18),
        ) {
            if let (Some(x), Some(y)) = (Short::new(a[..].into()), Short::new(b[..].into())) {
                prop_assert_eq!(x == y, a == b);
            }
            if let (Some(x), Some(y)) = (Medium::new(&a), Medium::new(&b)) {
                prop_assert_eq!(x == y, a == b);
            }
            if let Some(x) = Short::new(a[..].into()) {
                prop_assert_eq!(x.read(|text| text.to_vec()), a.clone());
            }
            if let Some(x) = Medium::new(&a) {
                prop_assert_eq!(x.read(|text| text.to_vec()), a.clone());
            }
            prop_assert_eq!(Short::new(a[..].into()).is_some(), a.len() <= 8);
            prop_assert_eq!(Medium::new(&a).is_some(), (9..=16).contains(&a.len()));
        }
    }
}
