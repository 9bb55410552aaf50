//! A piece of text with its first eight bytes as one number. So short cells (nearly all of a click
//! log) are compared, hashed and read without a loop over their bytes.

use std::ops::Deref;

/// Bytes in a word.
const WORD: usize = 8;

/// The digit zero, eight times.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// A piece of text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Text<'a> {
    bytes: &'a [u8],
    /// The first eight bytes, little-endian; zeros after the end of a shorter text.
    word: u64,
}

impl<'a> Text<'a> {
    /// The bytes from `start` to `end` of `block`.
    #[inline(always)]
    pub(crate) fn new(block: &'a [u8], start: usize, end: usize) -> Text<'a> {
        let bytes = &block[start..end];
        match block[start..].first_chunk::<WORD>() {
            Some(word) => Text { bytes, word: u64::from_le_bytes(*word) & low(bytes.len()) },
            None => Text::near_the_end(bytes),
        }
    }

    #[cold]
    fn near_the_end(bytes: &'a [u8]) -> Text<'a> {
        Text::from(bytes)
    }

    /// All bytes.
    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The first eight bytes, little-endian; zeros after the end of a shorter text.
    #[inline]
    pub(crate) fn word(self) -> u64 {
        self.word
    }

    /// The number written in at most 18 digits; `None` if the text has anything else.
    #[inline]
    pub(crate) fn whole_number(self) -> Option<u64> {
        let (first, rest) = self.bytes.split_at(self.bytes.len().min(WORD));
        if first.is_empty() || rest.len() > 10 {
            return None;
        }
        rest.iter().try_fold(digits(self.word, first.len())?, |number, byte| {
            let digit = byte.wrapping_sub(b'0');
            (digit < 10).then(|| number * 10 + u64::from(digit))
        })
    }

    /// The digits of a number of at most eight bytes, optionally with a point, as an integer, and
    /// how many digits are after the point.
    #[inline]
    pub(crate) fn short_decimal(self) -> Option<(u64, usize)> {
        let len = self.bytes.len();
        if len > WORD {
            return None;
        }
        let points = self.word ^ 0x2e2e_2e2e_2e2e_2e2e;
        // The highest bit of each byte that is zero, exact up to the first of them.
        let found = points.wrapping_sub(0x0101_0101_0101_0101) & !points & 0x8080_8080_8080_8080;
        if found == 0 {
            return Some((digits(self.word, len)?, 0));
        }
        let point = found.trailing_zeros() as usize / 8;
        let before = self.word & low(point);
        let without = before | (self.word >> 8) & !low(point);
        Some((digits(without, len - 1)?, len - 1 - point))
    }
}

/// The lowest `len` bytes of a word; all if `len` is larger.
#[inline]
fn low(len: usize) -> u64 {
    const LOW: [u64; WORD + 1] =
        [0, 0xff, 0xffff, 0xff_ffff, 0xffff_ffff, 0xff_ffff_ffff, 0xffff_ffff_ffff, !0 >> 8, !0];
    LOW[len.min(WORD)]
}

/// The number that the `len` lowest bytes of `word` spell, the lowest byte first; 1 to 8 digits.
#[inline]
fn digits(word: u64, len: usize) -> Option<u64> {
    // Adds zeros at the front.
    let missing = 8 * (WORD - len) as u32;
    let word = word.checked_shl(missing)? | ZEROS & low(WORD - len);
    let high = 0xf0f0_f0f0_f0f0_f0f0;
    // A byte is a digit if its upper half is 3, also after 6 is added.
    let all = word & high == ZEROS && word.wrapping_add(0x0606_0606_0606_0606) & high == ZEROS;
    if !all {
        return None;
    }
    // Pairs of digits, then fours, then eights: the lower part counts more.
    let pairs = (word - ZEROS).wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000 << 32 | 1) >> 32)
}

impl<'a> From<&'a [u8]> for Text<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Text<'a> {
        let word = match (bytes.first_chunk::<WORD>(), bytes.first_chunk(), bytes.last_chunk()) {
            (Some(word), _, _) => u64::from_le_bytes(*word),
            (None, Some(first), Some(last)) => {
                let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
                // In the overlap both are the same.
                u64::from(first) | u64::from(last) << (8 * (bytes.len() - 4))
            }
            _ => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        Text { bytes, word }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Text<'a> {
    fn from(bytes: &'a [u8; N]) -> Text<'a> {
        Text::from(&bytes[..])
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Text<'a> {
        Text::from(text.as_bytes())
    }
}

impl Deref for Text<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_is_the_first_eight_bytes(
            block in prop::collection::vec(any::<u8>(), 0..30), start in 0usize..30, len in 0usize..12,
        ) {
            let start = start.min(block.len());
            let end = (start + len).min(block.len());
            let text = Text::new(&block, start, end);
            let mut word = [0; WORD];
            let short = &block[start..end.min(start + WORD)];
            word[..short.len()].copy_from_slice(short);
            prop_assert_eq!(text.word(), u64::from_le_bytes(word));
            prop_assert_eq!(text, Text::from(&block[start..end]));
            prop_assert_eq!(&*text, &block[start..end]);
        }

        #[test]
        fn whole_numbers_are_those_of_the_standard_library(text in "[0-9]{0,20}[ -~]?") {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let expected = text.parse().ok().filter(|_| digits && text.len() <= 18);
            prop_assert_eq!(Text::from(text.as_str()).whole_number(), expected);
        }

        #[test]
        fn decimals_are_digits_and_a_place_for_the_point(text in "[0-9.]{0,9}[ -~]?") {
            let digits: String = text.replacen('.', "", 1);
            let places = text.find('.').map_or(0, |point| text.len() - 1 - point);
            let sound = digits.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= WORD;
            let expected = digits.parse().ok().filter(|_| sound).map(|number| (number, places));
            prop_assert_eq!(Text::from(text.as_str()).short_decimal(), expected);
        }

        #[test]
        fn no_byte_but_a_digit_is_one(byte: u8, at in 0usize..8) {
            let mut bytes = *b"12345678";
            bytes[at] = byte;
            let expected = byte.is_ascii_digit();
            prop_assert_eq!(Text::from(&bytes).whole_number().is_some(), expected);
        }
    }
}
