//! Physical lines of a stream, numbered, with a bound on their length.

use std::io::{self, BufRead, Read};

use memchr::memchr;

/// The longest line that is kept. Amazon's metadata lines reach a few hundred kB.
pub(crate) const MAX_LINE_BYTES: usize = 4 << 20;

/// What [`Lines::append`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Line {
    /// The end of the stream.
    End,
    /// A line, with its line break if it has one.
    Whole,
    /// A line longer than [`MAX_LINE_BYTES`]; it was passed over and nothing was appended.
    TooLong,
}

/// Lines ending in LF or CR LF, counted from 1.
pub(crate) struct Lines<'a> {
    reader: Box<dyn BufRead + 'a>,
    number: u64,
    /// Lines that were taken back, from `replay_at` on; read again before the stream goes on.
    replay: Vec<u8>,
    replay_at: usize,
}

impl<'a> Lines<'a> {
    /// The lines of `reader`.
    pub(crate) fn new(reader: Box<dyn BufRead + 'a>) -> Lines<'a> {
        Lines { reader, number: 0, replay: Vec::new(), replay_at: 0 }
    }

    /// Number of the line read last; 0 before the first.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Appends the next line to `buffer`, its line break included.
    pub(crate) fn append(&mut self, buffer: &mut Vec<u8>) -> io::Result<Line> {
        if self.replay_at < self.replay.len() {
            let rest = &self.replay[self.replay_at..];
            let len = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            buffer.extend_from_slice(&rest[..len]);
            self.replay_at += len;
            self.number += 1;
            return Ok(Line::Whole);
        }
        if self.append_buffered(buffer)? {
            self.number += 1;
            return Ok(Line::Whole);
        }
        let before = buffer.len();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', buffer)?;
        if read == 0 {
            return Ok(Line::End);
        }
        self.number += 1;
        if read > MAX_LINE_BYTES && buffer.last() != Some(&b'\n') {
            buffer.truncate(before);
            self.reader.skip_until(b'\n')?;
            return Ok(Line::TooLong);
        }
        Ok(Line::Whole)
    }

    /// Appends the next line if the reader holds all of it, as it almost always does.
    fn append_buffered(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let bytes = match self.reader.fill_buf() {
            Ok(bytes) => &bytes[..bytes.len().min(MAX_LINE_BYTES + 1)],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(error),
        };
        let Some(at) = memchr(b'\n', bytes) else { return Ok(false) };
        buffer.extend_from_slice(&bytes[..=at]);
        self.reader.consume(at + 1);
        Ok(true)
    }

    /// Takes back the lines in `bytes`, the last `lines` ones that were read: they come again.
    pub(crate) fn take_back(&mut self, bytes: &[u8], lines: u64) {
        let rest = self.replay.split_off(self.replay_at);
        self.replay = [bytes, &rest].concat();
        self.replay_at = 0;
        self.number -= lines;
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
    use std::io::Cursor;

    #[test]
    fn lines_are_numbered_and_the_last_needs_no_break() {
        let mut lines = Lines::new(Box::new(Cursor::new("a\r\n\nb")));
        let mut seen = Vec::new();
        let mut buffer = Vec::new();
        while lines.append(&mut buffer).unwrap() == Line::Whole {
            seen.push((
                lines.number(),
                String::from_utf8_lossy(without_break(&buffer)).into_owned(),
            ));
            buffer.clear();
        }
        assert_eq!(seen, [(1, "a".into()), (2, "".into()), (3, "b".into())]);
    }

    #[test]
    fn r29_an_endless_line_takes_bounded_memory() {
        let text = [vec![b'x'; 10_000_000], b"\nnext\n".to_vec()].concat();
        let mut lines = Lines::new(Box::new(Cursor::new(text)));
        let mut buffer = Vec::new();
        assert_eq!(lines.append(&mut buffer).unwrap(), Line::TooLong);
        assert!(buffer.is_empty() && buffer.capacity() < 3 * MAX_LINE_BYTES);
        assert_eq!(lines.append(&mut buffer).unwrap(), Line::Whole);
        assert_eq!((lines.number(), buffer.as_slice()), (2, b"next\n".as_slice()));
    }

    #[test]
    fn lines_taken_back_come_again_with_their_numbers() {
        let mut lines = Lines::new(Box::new(Cursor::new("a\nb\nc\n")));
        let mut buffer = Vec::new();
        for _ in 0..3 {
            lines.append(&mut buffer).unwrap();
        }
        lines.take_back(b"b\nc\n", 2);
        buffer.clear();
        lines.append(&mut buffer).unwrap();
        assert_eq!((lines.number(), buffer.as_slice()), (2, b"b\n".as_slice()));
    }
}
