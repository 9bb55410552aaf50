//! Finds lines and their cells in a block of text.
//!
//! It takes 64 bytes at a time: first a bit per byte for delimiters, line breaks, quotes and bytes
//! that are no plain text; then the set bits one by one. Most cells of a click log have eight bytes
//! or none, which is too short for separate searches.

use std::ops::Range;

use super::lines::PADDING;
use super::text::Text;
#[cfg(target_arch = "x86_64")]
use crate::base::level::{Level, level};

/// Bytes that are processed together.
const CHUNK: usize = 64;

/// The position of a cell in its block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// The bytes from `start` up to `end`.
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    /// The cell without the blanks at both ends.
    #[inline]
    pub(crate) fn trimmed(self, block: &[u8]) -> Span {
        let (mut start, mut end) = (self.start, self.end);
        while start < end && is_blank(block[start as usize]) {
            start += 1;
        }
        while start < end && is_blank(block[end as usize - 1]) {
            end -= 1;
        }
        Span { start, end }
    }

    /// Whether the cell is empty.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The cell's text.
    #[inline(always)]
    pub(crate) fn of(self, block: &[u8]) -> Text<'_> {
        Text::new(block, self.start as usize, self.end as usize)
    }
}

/// Whether the byte is a space or a tab.
#[inline]
pub(crate) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Rows that were found together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FoundRows {
    /// Number of rows.
    pub(crate) rows: usize,
    /// Where the next line begins.
    pub(crate) end: usize,
    /// Whether a cell may begin or end with a blank.
    pub(crate) blanks: bool,
}

/// How many cells to find.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellCounts {
    /// Cells per row.
    pub(crate) width: usize,
    /// Cells in total; up to a chunk more may be found.
    pub(crate) most: usize,
}

/// A line that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    /// The position after its line break.
    pub(crate) end: usize,
    /// Number of quotes.
    pub(crate) quotes: u32,
    /// Whether there are zero bytes or bytes beyond ASCII.
    pub(crate) odd: bool,
}

impl Found {
    /// Whether there is only ASCII text without quotes.
    pub(crate) fn is_plain(self) -> bool {
        self.quotes == 0 && !self.odd
    }
}

/// Bits of the bytes of a chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    delimiters: u64,
    breaks: u64,
    quotes: u64,
    /// Zero bytes and bytes beyond ASCII.
    odd: u64,
    /// Spaces and all bytes below, among them tabs and line breaks.
    blanks: u64,
}

/// Finds one line after the other, and its cells between delimiters; quotes have no meaning here.
#[derive(Clone, Debug)]
pub(crate) struct Splitter {
    delimiter: u8,
    /// Where the chunk of `marks` begins.
    chunk: usize,
    /// Marks of the next lines.
    marks: Marks,
    /// Where the next line begins; `None` if `marks` do not belong to the block.
    next: Option<usize>,
}

impl Splitter {
    /// For cells separated by `delimiter`.
    pub(crate) fn new(delimiter: u8) -> Splitter {
        Splitter { delimiter, chunk: 0, marks: Marks::default(), next: None }
    }

    /// Must be called after every change of the block.
    pub(crate) fn forget(&mut self) {
        self.next = None;
    }

    /// The line that begins at `from` of a block with text up to `until` (followed by [`PADDING`]
    /// zeros); adds its cells without the line break. `None` if the line ends later; then some of
    /// its cells have been added.
    #[inline]
    pub(crate) fn line(
        &mut self,
        block: &[u8],
        from: usize,
        until: usize,
        cells: &mut Vec<Span>,
    ) -> Option<Found> {
        assert!(block.len() >= until + PADDING, "a block without its padding");
        let (mut chunk, mut marks) = (self.chunk, self.marks);
        if self.next != Some(from) {
            chunk = from / CHUNK * CHUNK;
            marks = look(block, chunk, self.delimiter);
            marks.pass(!(!0 << (from % CHUNK)));
        }
        let (mut start, mut quotes, mut odd) = (from, 0, 0);
        loop {
            // Up to the first line break, or all bits if there is none.
            let line = marks.breaks ^ marks.breaks.wrapping_sub(1);
            if marks.quotes & line != 0 {
                quotes += (marks.quotes & line).count_ones();
            }
            odd |= marks.odd & line;
            let mut delimiters = marks.delimiters & line;
            while delimiters != 0 {
                let at = chunk + delimiters.trailing_zeros() as usize;
                cells.push(Span::new(start, at));
                start = at + 1;
                delimiters &= delimiters - 1;
            }
            if marks.breaks != 0 {
                let at = chunk + marks.breaks.trailing_zeros() as usize;
                let carriage = at > start && block[at - 1] == b'\r';
                cells.push(Span::new(start, at - usize::from(carriage)));
                marks.pass(line);
                (self.chunk, self.marks, self.next) = (chunk, marks, Some(at + 1));
                return Some(Found { end: at + 1, quotes, odd: odd != 0 });
            }
            chunk += CHUNK;
            if chunk >= until {
                self.next = None;
                return None;
            }
            marks = look(block, chunk, self.delimiter);
        }
    }

    /// The first rows in a part of such a block, as long as each has the right number of cells and
    /// is plain text; their cells replace `cells`.
    pub(crate) fn rows(
        &mut self,
        block: &[u8],
        part: Range<usize>,
        CellCounts { width, most }: CellCounts,
        cells: &mut Vec<Span>,
    ) -> FoundRows {
        let Range { start: from, end: until } = part;
        assert!(block.len() >= until + PADDING, "a block without its padding");
        self.forget();
        if width == 0 {
            return FoundRows { rows: 0, end: from, blanks: false };
        }
        let (mut found, mut breaks, mut start) = (0, 0, from);
        let (mut chunk, mut ahead) = (from / CHUNK * CHUNK, !0 << (from % CHUNK));
        let mut blanks = 0;
        while found < most && chunk < until {
            let marks = look(block, chunk, self.delimiter);
            if (marks.quotes | marks.odd) & ahead != 0 {
                break;
            }
            // No more than that is filled: where many rows have quotes, few others are found.
            if cells.len() < found + CHUNK {
                cells.resize(found + CHUNK, Span::default());
            }
            let mut ends = (marks.delimiters | marks.breaks) & ahead;
            breaks += (marks.breaks & ahead).count_ones() as usize;
            // Blanks before line breaks are looked for below, since most are carriage returns.
            let blank = marks.blanks & !(ends | marks.breaks >> 1) & ahead;
            if blank != 0 {
                let all = marks.delimiters | marks.breaks;
                let is_end = |at: usize| block[at] == self.delimiter || block[at] == b'\n';
                let before = all << 1 | u64::from(chunk == 0 || is_end(chunk - 1));
                let last = block[chunk + CHUNK] == self.delimiter;
                let behind = all >> 1 | u64::from(last) << (CHUNK - 1);
                blanks |= blank & (before | behind);
            }
            while ends != 0 {
                let at = chunk + ends.trailing_zeros() as usize;
                cells[found] = Span::new(start, at);
                (found, start) = (found + 1, at + 1);
                ends &= ends - 1;
            }
            (chunk, ahead) = (chunk + CHUNK, !0);
        }
        // A sound row ends at a line break and has no other. If all rows end at one and there are
        // no more breaks than rows, all are sound; otherwise each row is checked.
        let at_break = |cell: &Span| block[cell.end as usize] == b'\n';
        let whole = cells[..found / width * width].chunks_exact(width);
        let mut rows = whole.clone().take_while(|row| at_break(&row[width - 1])).count();
        if rows < found / width || breaks > rows {
            let inner = |row: &[Span]| row[..width - 1].iter().any(at_break);
            rows = whole.take(rows).take_while(|row| !inner(row)).count();
        }
        let (mut end, mut blanks) = (from, blanks != 0);
        for row in 0..rows {
            let last = &mut cells[(row + 1) * width - 1];
            if width == 1 && last.is_empty() {
                rows = row;
                break;
            }
            end = last.end as usize + 1;
            let before = |cell: &Span| block[cell.end as usize - 1];
            if !last.is_empty() && before(last) <= b' ' {
                last.end -= u32::from(before(last) == b'\r');
                blanks |= !last.is_empty() && is_blank(before(last));
            }
        }
        cells.truncate(rows * width);
        FoundRows { rows, end, blanks }
    }
}

impl Marks {
    /// Clears the bits in `passed`.
    #[inline]
    fn pass(&mut self, passed: u64) {
        self.delimiters &= !passed;
        self.breaks &= !passed;
        self.quotes &= !passed;
        self.odd &= !passed;
    }
}

#[inline]
fn look(block: &[u8], at: usize, delimiter: u8) -> Marks {
    match block.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(chunk) => marks(chunk, delimiter),
        None => Marks::default(),
    }
}

/// The marks of a chunk.
#[inline]
fn marks(chunk: &[u8; CHUNK], delimiter: u8) -> Marks {
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx2 {
        #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
        // SAFETY: `level` has detected AVX2.
        return unsafe { avx2(chunk, delimiter) };
    }
    Marks {
        delimiters: bits(chunk, |byte| byte == delimiter),
        breaks: bits(chunk, |byte| byte == b'\n'),
        quotes: bits(chunk, |byte| byte == b'"'),
        odd: bits(chunk, |byte| matches!(byte, 0 | 0x80..)),
        blanks: bits(chunk, |byte| byte <= b' '),
    }
}

/// Bit `i` is the result of `is` for byte `i`.
fn bits(chunk: &[u8; CHUNK], is: impl Fn(u8) -> bool) -> u64 {
    let flags = chunk.map(|byte| u8::from(is(byte)));
    let (words, _) = flags.as_chunks::<8>();
    words.iter().enumerate().fold(0, |bits, (index, word)| {
        // Collects the lowest bits of eight bytes in the highest byte.
        let gathered = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits | gathered << (index * 8)
    })
}

/// The same with vector compares, which compilers do not make from loops: 3.9 instead of 13 ns.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(chunk: &[u8; CHUNK], delimiter: u8) -> Marks {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_set_epi64x,
        _mm256_set1_epi8,
    };
    let (words, _) = chunk.as_chunks::<8>();
    let word = |index: usize| i64::from_le_bytes(words[index]);
    let low = _mm256_set_epi64x(word(3), word(2), word(1), word(0));
    let high = _mm256_set_epi64x(word(7), word(6), word(5), word(4));
    let bits = |low: __m256i, high: __m256i| {
        let [low, high] = [low, high].map(|half| _mm256_movemask_epi8(half) as u32);
        u64::from(low) | u64::from(high) << 32
    };
    let equal = |byte: u8| {
        let pattern = _mm256_set1_epi8(byte as i8);
        bits(_mm256_cmpeq_epi8(low, pattern), _mm256_cmpeq_epi8(high, pattern))
    };
    let space = _mm256_set1_epi8(b' ' as i8);
    let at_most_space = |half| _mm256_cmpeq_epi8(_mm256_min_epu8(half, space), half);
    Marks {
        delimiters: equal(delimiter),
        breaks: equal(b'\n'),
        quotes: equal(b'"'),
        // The highest bits are those of bytes beyond ASCII.
        odd: equal(0) | bits(low, high),
        blanks: bits(at_most_space(low), at_most_space(high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::level::{at_level, levels};
    use proptest::prelude::*;

    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![3 => Just(b','), 1 => Just(b'"'), 1 => Just(b'\n'), 1 => Just(b'\r'), 4 => any::<u8>()]
    }

    #[test]
    fn a_short_row_with_a_blank_line_is_no_row() {
        for (text, sound) in
            [("a,b\n\nx,y,z,w,v,u\n", 0), ("1,2,3\na,b\n\nx,y,z,w,v,u\n4,5,6\n", 1)]
        {
            let block = [text.as_bytes(), &[b' '; CHUNK], &[0; PADDING]].concat();
            let part = 0..text.len() + CHUNK;
            let cell_counts = CellCounts { width: 3, most: 100 };
            let found = Splitter::new(b',').rows(&block, part, cell_counts, &mut Vec::new());
            assert_eq!((found.rows, found.end), (sound, 6 * sound));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Rows found together are the lines one by one, up to the first line of another kind.
        #[test]
        fn rows_are_the_lines_of_one_width(
            rows in prop::collection::vec(
                "(a,bc,d|a,,|a,b|a,b,c,d|)\r?|a,bc,d|x\u{e9},1,2|\"a\",b,c|a, b,c|a,b,c \r?|\ta,b,c", 0..60),
            from in 0usize..100, width in 1usize..4, most in 1usize..200,
        ) {
            let text = rows.iter().map(|row| format!("{row}\n")).collect::<String>() + "rest";
            let from = text.get(from..).and_then(|rest| rest.find('\n').map(|at| from + at + 1));
            let from = from.unwrap_or(0);
            let block = [text.as_bytes(), &[0; PADDING]].concat();
            for level in levels() {
                let (mut splitter, mut cells) = (Splitter::new(b','), vec![Span::new(3, 4); 7]);
                let FoundRows { rows, end, blanks } = at_level(level, || {
                    splitter.rows(&block, from..text.len(), CellCounts { width, most }, &mut cells)
                });
                prop_assert_eq!(cells.len(), rows * width);
                let outer = cells.iter().any(|cell| cell.trimmed(&block) != *cell);
                prop_assert!(blanks || !outer);
                let (mut one, mut at, mut line) = (Splitter::new(b','), from, Vec::new());
                for row in cells.chunks_exact(width) {
                    line.clear();
                    let found = one.line(&block, at, text.len(), &mut line);
                    prop_assert!(found.is_some_and(|found| found.is_plain()));
                    prop_assert_eq!(&line[..], row);
                    at = found.unwrap().end;
                }
                prop_assert_eq!(at, end);
                line.clear();
                let next = one.line(&block, at, text.len(), &mut line);
                let plain = next.is_some_and(|next| next.is_plain()) && line.len() == width;
                let blank = line.len() == 1 && line[0].is_empty();
                // An odd byte ends the rows up to a chunk before it; so do zeros after the text.
                let mut near = block[at..].iter().take(2 * CHUNK);
                let near = near.any(|byte| matches!(byte, 0 | b'"' | 0x80..));
                prop_assert!(!plain || blank || near || cells.len() + width > most);
            }
        }

        #[test]
        fn lines_and_cells_are_those_of_the_plain_split(
            text in prop::collection::vec(byte(), 0..400), from in 0usize..100,
        ) {
            let from = from.min(text.len());
            let block = [&text[..], &[0; PADDING]].concat();
            for level in levels() {
                let (mut splitter, mut at, mut cells) = (Splitter::new(b','), from, Vec::new());
                for line in text[from..].split_inclusive(|byte| *byte == b'\n') {
                    cells.clear();
                    let found = at_level(level, || {
                        splitter.line(&block, at, text.len(), &mut cells)
                    });
                    let Some(content) = line.strip_suffix(b"\n") else {
                        prop_assert_eq!(found, None);
                        break;
                    };
                    let quotes = line.iter().filter(|byte| **byte == b'"').count() as u32;
                    let odd = line.iter().any(|byte| matches!(byte, 0 | 0x80..));
                    at += line.len();
                    let expected = Found { end: at, quotes, odd };
                    prop_assert_eq!(found, Some(expected));
                    let content = content.strip_suffix(b"\r").unwrap_or(content);
                    let plain: Vec<&[u8]> = content.split(|byte| *byte == b',').collect();
                    let cells: Vec<&[u8]> = cells.iter().map(|cell| cell.of(&block).bytes()).collect();
                    prop_assert_eq!(cells, plain);
                }
            }
        }
    }
}
