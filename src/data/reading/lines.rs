//! Physical lines of a stream, numbered, with a bound on their length.
//!
//! Lines are not copied: a record of one or several lines is a part of the buffer into which the
//! stream is read.

use std::io::{self, BufRead};
use std::ops::Range;

use memchr::memchr;

/// The longest line that is kept. Amazon's metadata lines reach a few hundred kB.
pub(crate) const MAX_LINE_BYTES: usize = 4 << 20;

/// Zero bytes after the read ones, so that vector loops may read past the last line.
pub(crate) const PADDING: usize = 64;

/// Bytes requested from the stream at once.
const READ_BYTES: usize = 1 << 18;

/// What [`Lines::append`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Line {
    /// The end of the stream.
    End,
    /// A line, with its line break; the last line of the stream gets one if it has none.
    Whole,
    /// A line longer than [`MAX_LINE_BYTES`]; it was skipped together with the record.
    TooLong,
}

/// Lines ending in LF or CR LF, counted from 1. One or several lines at a time form a *record*.
pub(crate) struct Lines<'a> {
    reader: Box<dyn BufRead + 'a>,
    /// The bytes read and not yet used, then [`PADDING`], then unspecified bytes.
    block: Vec<u8>,
    /// The bytes of `block` that hold the record.
    record: Range<usize>,
    /// End of the bytes read.
    end: usize,
    /// Number of the last line read; 0 before the first.
    number: u64,
    state: State,
}

/// The state of a stream.
enum State {
    Open,
    Ended,
    /// It failed; the lines before the failure can still be read.
    Broken(io::Error),
}

impl<'a> Lines<'a> {
    /// The lines of `reader`.
    pub(crate) fn new(reader: Box<dyn BufRead + 'a>) -> Lines<'a> {
        let block = vec![0; PADDING];
        Lines { reader, block, record: 0..0, end: 0, number: 0, state: State::Open }
    }

    /// Number of the last line read; 0 before the first.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The bytes read, with [`PADDING`] and everything after it.
    pub(crate) fn block(&self) -> &[u8] {
        &self.block
    }

    /// The same, for writing within the record.
    pub(crate) fn block_mut(&mut self) -> &mut [u8] {
        &mut self.block
    }

    /// The range of the record in the block.
    pub(crate) fn record(&self) -> Range<usize> {
        self.record.clone()
    }

    /// The bytes of the block after the record, which have been read.
    pub(crate) fn ahead(&self) -> Range<usize> {
        self.record.end..self.end
    }

    /// Begins a record without lines after the current one.
    pub(crate) fn begin(&mut self) {
        self.record.start = self.record.end;
    }

    /// Makes the next line, which ends before `end`, the record.
    #[inline]
    pub(crate) fn begin_with_line(&mut self, end: usize) {
        self.begin_with_lines(end, 1);
    }

    /// Makes the next `lines` lines, the last of which ends before `end`, the record.
    pub(crate) fn begin_with_lines(&mut self, end: usize, lines: u64) {
        self.record = self.record.end..end;
        self.number += lines;
    }

    /// Adds the next line to the record, including its line break.
    pub(crate) fn append(&mut self) -> io::Result<Line> {
        let mut searched = self.record.end;
        loop {
            if let Some(at) = memchr(b'\n', &self.block[searched..self.end]) {
                let end = searched + at + 1;
                let long = end - self.record.end > MAX_LINE_BYTES + 1;
                self.record.end = end;
                self.number += 1;
                if long {
                    self.begin();
                    return Ok(Line::TooLong);
                }
                return Ok(Line::Whole);
            }
            if self.end - self.record.end > MAX_LINE_BYTES {
                return self.pass_over();
            }
            match self.fill()? {
                0 => return Ok(Line::End),
                bytes => searched = self.end - bytes,
            }
        }
    }

    /// Takes back `lines` lines of the record, after its first `keep` bytes: they are read again.
    pub(crate) fn take_back(&mut self, keep: usize, lines: u64) {
        self.record.end = self.record.start + keep;
        self.number -= lines;
    }

    /// Skips the rest of a line that is too long, together with the record.
    fn pass_over(&mut self) -> io::Result<Line> {
        self.number += 1;
        loop {
            let found = memchr(b'\n', &self.block[self.ahead()]);
            self.record.end = found.map_or(self.end, |at| self.record.end + at + 1);
            self.begin();
            if found.is_some() || self.fill()? == 0 {
                return Ok(Line::TooLong);
            }
        }
    }

    /// Reads more, keeps the record (it may move); returns the number of new bytes, 0 at the end.
    fn fill(&mut self) -> io::Result<usize> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Open => {}
            State::Ended => return Ok(0),
            State::Broken(error) => return Err(error),
        }
        self.block.copy_within(self.record.start..self.end, 0);
        self.end -= self.record.start;
        self.record = 0..self.record.len();
        let before = self.end;
        let room = before + READ_BYTES;
        if self.block.len() < room + PADDING {
            self.block.resize(room + PADDING, 0);
        }
        self.state = loop {
            if self.end == room {
                break State::Open;
            }
            match self.reader.read(&mut self.block[self.end..room]) {
                Ok(0) => break State::Ended,
                Ok(bytes) => self.end += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.end == before => return Err(error),
                Err(error) => break State::Broken(error),
            }
        };
        if matches!(self.state, State::Ended) && self.end > 0 && self.block[self.end - 1] != b'\n' {
            self.block[self.end] = b'\n';
            self.end += 1;
        }
        // Not everything after it: after a long line the block is larger than one read.
        self.block[self.end..self.end + PADDING].fill(0);
        Ok(self.end - before)
    }
}

/// The line without its line break.
pub(crate) fn without_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor, Read};

    /// The next line as a separate record.
    fn next(lines: &mut Lines) -> Result<(Line, u64, String), io::ErrorKind> {
        lines.begin();
        let line = lines.append().map_err(|error| error.kind())?;
        let text = String::from_utf8_lossy(without_break(&lines.block()[lines.record()]));
        Ok((line, lines.number(), text.into_owned()))
    }

    fn whole(number: u64, text: &str) -> Result<(Line, u64, String), io::ErrorKind> {
        Ok((Line::Whole, number, text.to_string()))
    }

    #[test]
    fn lines_are_numbered_and_the_last_needs_no_break() {
        let mut lines = Lines::new(Box::new(Cursor::new("a\r\n\nb")));
        assert_eq!(next(&mut lines), whole(1, "a"));
        assert_eq!(next(&mut lines), whole(2, ""));
        assert_eq!(next(&mut lines), whole(3, "b"));
        assert_eq!(next(&mut lines), Ok((Line::End, 3, String::new())));
        assert_eq!(lines.append().unwrap(), Line::End);
    }

    #[test]
    fn lines_are_whole_wherever_reads_and_blocks_end() {
        let text: String = (0..200_000).map(|i| format!("{}\n", "x".repeat(i % 7))).collect();
        let slow = BufReader::with_capacity(1_000, Cursor::new(text.clone()));
        let mut lines = Lines::new(Box::new(slow));
        for (number, line) in text.lines().enumerate() {
            assert_eq!(next(&mut lines), whole(number as u64 + 1, line));
        }
        assert_eq!(next(&mut lines).unwrap().0, Line::End);
    }

    #[test]
    fn r29_an_endless_line_takes_bounded_memory() {
        let text = [vec![b'x'; 10_000_000], b"\nnext\n".to_vec()].concat();
        let mut lines = Lines::new(Box::new(Cursor::new(text)));
        assert_eq!(next(&mut lines), Ok((Line::TooLong, 1, String::new())));
        assert!(lines.block.capacity() < 3 * MAX_LINE_BYTES);
        assert_eq!(next(&mut lines), whole(2, "next"));
    }

    #[test]
    fn the_limit_is_the_same_with_and_without_a_break() {
        for (excess, end) in [(0, ""), (0, "\n"), (1, ""), (1, "\n"), (300_000, "\n")] {
            let text = "x".repeat(MAX_LINE_BYTES + excess) + end;
            let mut lines = Lines::new(Box::new(Cursor::new(text)));
            let expected = if excess == 0 { Line::Whole } else { Line::TooLong };
            assert_eq!(next(&mut lines).unwrap().0, expected, "{excess} {end:?}");
            assert_eq!(next(&mut lines).unwrap().0, Line::End);
        }
    }

    #[test]
    fn a_broken_stream_gives_its_whole_lines_first() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let stream = Cursor::new("a\nb\nhalf a l").chain(Broken);
        let mut lines = Lines::new(Box::new(BufReader::new(stream)));
        assert_eq!(next(&mut lines), whole(1, "a"));
        assert_eq!(next(&mut lines), whole(2, "b"));
        assert_eq!(next(&mut lines), Err(io::ErrorKind::ConnectionReset));
    }

    #[test]
    fn lines_taken_back_come_again_with_their_numbers() {
        let mut lines = Lines::new(Box::new(Cursor::new("a\nb\nc\n")));
        lines.begin();
        for _ in 0..3 {
            lines.append().unwrap();
        }
        assert_eq!(lines.record(), 0..6);
        lines.take_back(2, 2);
        assert_eq!(next(&mut lines), whole(2, "b"));
    }
}
