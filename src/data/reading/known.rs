//! Formats that are recognised by their first bytes and not read as rows of text, each with the way
//! to read it; and files of rows that have another delimiter than the settings say.

/// Beginnings of files, the format's name, and what to do.
const BINARY: &[(&[u8], &str, &str)] = &[
    (b"\x93NUMPY", "a NumPy array", "save it as CSV or Parquet (numpy.savetxt, pandas to_parquet)"),
    (b"\x89HDF\r\n", "HDF5", "write it as Parquet or CSV, e.g. with pandas"),
    (
        b"ARROW1\0\0",
        "Arrow or Feather",
        "write it as Parquet, e.g. with pyarrow.parquet.write_table",
    ),
    (b"Obj\x01", "Avro", "write it as Parquet or JSON lines"),
    (b"SQLite format 3\0", "an SQLite database", "export the table: sqlite3 -csv -header"),
    (b"\x80\x02", "a Python pickle", "write it as Parquet or CSV, e.g. with pandas"),
    (b"\x80\x03", "a Python pickle", "write it as Parquet or CSV, e.g. with pandas"),
    (b"\x80\x04", "a Python pickle", "write it as Parquet or CSV, e.g. with pandas"),
    (b"\x80\x05", "a Python pickle", "write it as Parquet or CSV, e.g. with pandas"),
    (b"\xfd7zXZ\0", "xz", "unpack it with unxz"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "unpack it"),
    (b"Rar!\x1a\x07", "RAR", "unpack it"),
    (b"\x04\x22\x4d\x18", "LZ4", "unpack it with unlz4"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "save it as CSV"),
    (b"\xff\xfe", "UTF-16", "convert it to UTF-8: iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16", "convert it to UTF-8: iconv -f UTF-16 -t UTF-8"),
];

/// The name of the format of a file that begins so, and what to do; `None` if it may be read.
pub(super) fn unread(start: &[u8]) -> Option<(&'static str, &'static str)> {
    if let Some((_, name, way)) = BINARY.iter().find(|(bytes, ..)| start.starts_with(bytes)) {
        return Some((name, way));
    }
    if let [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] = start
        && rest.starts_with(b"1AY&SY")
    {
        return Some(("bzip2", "unpack it with bunzip2"));
    }
    let text = start.trim_ascii_start();
    let begins =
        |with: &[u8]| text.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    if begins(b"<!doctype html") || begins(b"<html") {
        return Some((
            "a web page",
            "it is probably the page around the download: fetch the file itself",
        ));
    }
    if text.starts_with(b"[{") || text.starts_with(b"[\n") || text.starts_with(b"[\r\n") {
        return Some(("one JSON list", "write one object per line: jq -c '.[]'"));
    }
    if start.contains(&b'\r') && !start.contains(&b'\n') {
        return Some(("text whose lines end in CR alone", "convert it: tr '\\r' '\\n'"));
    }
    None
}

/// Whether a file that begins so has JSON lines.
pub(super) fn is_json_lines(start: &[u8]) -> bool {
    let inside = start.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inside.is_some_and(|inside| inside.starts_with(b"\"") || inside.starts_with(b"}"))
}

/// What the columns look like if the cells of a file were not separated: the format and the way.
pub(super) fn unseparated(columns: &[String]) -> Option<String> {
    let [only] = columns else { return None };
    if pairs(only, 2) {
        return Some("the file looks like libsvm: choose data.kind = \"libsvm\"".to_string());
    }
    if pairs(only, 3) {
        return Some("the file looks like libffm: choose data.kind = \"libffm\"".to_string());
    }
    let (delimiter, _) = ["::", "\t", ";", "|", ","]
        .iter()
        .map(|delimiter| (delimiter, only.matches(delimiter).count()))
        .max_by_key(|(_, count)| *count)
        .filter(|(_, count)| *count > 0)?;
    let way =
        format!("the cells seem to be separated by {delimiter:?}: set `delimiter = {delimiter:?}`");
    let numbers = only.split(*delimiter).all(|cell| cell.trim().parse::<f64>().is_ok());
    Some(match (numbers, *delimiter) {
        (true, "::") => {
            format!("{way}, and name the `columns`, since MovieLens 1M and 10M have no header")
        }
        (true, _) => format!("{way}, and name the `columns`, since there is no header"),
        (false, _) => way,
    })
}

/// Whether the text is a label and then numbers, `parts` of them between colons each time.
fn pairs(text: &str, parts: usize) -> bool {
    let mut words = text.split_ascii_whitespace();
    let label = words.next().is_some_and(|word| word.parse::<f64>().is_ok());
    let mut rest = words.peekable();
    let sound = |word: &str| {
        let numbers = word.split(':').map(|part| part.parse::<f64>().is_ok());
        numbers.clone().count() == parts && numbers.into_iter().all(|is| is)
    };
    label && rest.peek().is_some() && rest.all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_named_with_their_way() {
        for (start, name) in [
            (&b"\x93NUMPY\x01\x00"[..], "a NumPy array"),
            (b"  <!DOCTYPE html>", "a web page"),
            (b"[{\"a\": 1}]", "one JSON list"),
            (b"a,b\r1,2\r", "text whose lines end in CR alone"),
        ] {
            assert_eq!(unread(start).map(|found| found.0), Some(name));
        }
        for start in [&b"a,b\r\n1,2\r\n"[..], b"", b"[1,2],3\n", b"BZh9,ORCID\n", b"{\"a\": 1}"] {
            assert_eq!(unread(start), None);
        }
        assert!(is_json_lines(b" { \"a\": 1}") && is_json_lines(b"{}"));
        assert!(!is_json_lines(b"{a},b") && !is_json_lines(b"a"));
    }

    #[test]
    fn cells_that_were_not_separated_are_noticed() {
        let way = |column: &str| unseparated(&[column.to_string()]).unwrap_or_default();
        assert!(way("7::21::3::1501000300").contains("delimiter = \"::\""));
        assert!(way("user\titem").contains("delimiter = \"\\t\""));
        assert!(way("+1 3:1 11:0.5").contains("libsvm"));
        assert!(way("0 1:2:1 2:5:1").contains("libffm"));
        assert_eq!(way("user"), "");
        assert_eq!(way("1 2 3"), "");
    }
}
