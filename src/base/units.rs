//! Quantities with units, as a user writes them: `"4ms"`, `"10Gbit/s"`, `"2GiB"`.
//!
//! Each type reads and writes itself as text with a unit. A bare number is refused, and the message
//! says how to write it. The JSON Schema of each carries a `format` (`duration`, `bandwidth`,
//! `bytes`), by which the scenario checker points at a wrong quantity.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::time::SimSpan;

/// A rate of data: bits per second, `"10Gbit/s"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Bandwidth(pub u64);

/// An amount of data: bytes, `"2GiB"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ByteSize(pub u64);

impl Bandwidth {
    /// The time needed to send `bytes`.
    pub fn time(self, bytes: u64) -> SimSpan {
        let ns = (u128::from(bytes) * 8_000_000_000).div_ceil(u128::from(self.0.max(1)));
        SimSpan(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

const TIMES: &[(&str, f64)] = &[
    ("ns", 1.0),
    ("us", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("min", 60e9),
    ("h", 3600e9),
    ("d", 86_400e9),
];
const RATES: &[(&str, f64)] = &[
    ("bit/s", 1.0),
    ("kbit/s", 1e3),
    ("Mbit/s", 1e6),
    ("Gbit/s", 1e9),
    ("Tbit/s", 1e12),
    ("B/s", 8.0),
    ("kB/s", 8e3),
    ("MB/s", 8e6),
    ("GB/s", 8e9),
];
const SIZES: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

/// Reads `"<number><unit>"`; the error lists the units.
fn parse(text: &str, units: &[(&str, f64)], example: &str) -> Result<u64, String> {
    let text = text.trim();
    let split =
        text.find(|c: char| !(c.is_ascii_digit() || "._".contains(c))).unwrap_or(text.len());
    let (digits, unit) = (text[..split].replace('_', ""), text[split..].trim());
    let number: f64 = digits
        .parse()
        .map_err(|_| format!("a quantity starts with a number, e.g. \"{example}\""))?;
    if unit.is_empty() {
        return Err(format!("needs a unit, e.g. \"{example}\""));
    }
    let scale = units.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale);
    let scale = scale.ok_or_else(|| {
        let known: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        format!("unknown unit \"{unit}\": use one of {}", known.join(", "))
    })?;
    let value = (number * scale).round();
    if !(0.0..1.8e19).contains(&value) {
        return Err("is too large".to_string());
    }
    if number > 0.0 && value == 0.0 {
        // Zero often means something else than a small number, such as "at once" or "never".
        let least = units[0].0;
        return Err(format!("is less than half of 1{least}: use 0{least}, or 1{least} and more"));
    }
    Ok(value as u64)
}

/// Writes `value` with the largest unit that keeps it exact.
fn write(value: u64, units: &[(&str, f64)]) -> String {
    let fits = |scale: f64| value as f64 >= scale && value.is_multiple_of(scale as u64);
    let mut best = units[0];
    for unit in units {
        if unit.1 > best.1 && fits(unit.1) {
            best = *unit;
        }
    }
    format!("{}{}", value / best.1 as u64, best.0)
}

macro_rules! quantity {
    ($type:ident, $units:expr, $format:literal, $example:literal) => {
        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                parse(text, $units, $example).map($type)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&write(self.0, $units))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                $format.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "examples": [$example] })
            }
        }
    };
}

quantity!(SimSpan, TIMES, "duration", "4ms");
quantity!(Bandwidth, RATES, "bandwidth", "10Gbit/s");
quantity!(ByteSize, SIZES, "bytes", "2GiB");

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write(self.0, RATES))
    }
}

impl fmt::Display for ByteSize {
    /// For people: three digits and a binary unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..1024 => write!(f, "{} B", self.0),
            1024..1_048_576 => write!(f, "{:.1} KiB", bytes / 1024.0),
            1_048_576..1_073_741_824 => write!(f, "{:.1} MiB", bytes / 1_048_576.0),
            _ => write!(f, "{:.2} GiB", bytes / 1_073_741_824.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_with_their_unit() {
        assert_eq!("4ms".parse(), Ok(SimSpan(4_000_000)));
        assert_eq!("1.5 s".parse(), Ok(SimSpan(1_500_000_000)));
        assert_eq!("10Gbit/s".parse(), Ok(Bandwidth(10_000_000_000)));
        assert_eq!("2GiB".parse(), Ok(ByteSize(2 << 30)));
    }

    #[test]
    fn a_bare_number_and_an_unknown_unit_are_refused_with_the_remedy() {
        assert_eq!("80".parse::<SimSpan>(), Err("needs a unit, e.g. \"4ms\"".to_string()));
        assert!("80 parsecs".parse::<SimSpan>().unwrap_err().contains("use one of ns, us, ms"));
        assert!("fast".parse::<Bandwidth>().unwrap_err().contains("starts with a number"));
        assert!("99999999999999d".parse::<SimSpan>().unwrap_err().contains("too large"));
    }

    #[test]
    fn what_would_be_rounded_to_nothing_is_refused() {
        let remedy = "is less than half of 1ns: use 0ns, or 1ns and more";
        assert_eq!("0.4ns".parse::<SimSpan>(), Err(remedy.to_string()));
        assert_eq!("0.0000000001 s".parse::<SimSpan>(), Err(remedy.to_string()));
        assert!("0.1B".parse::<ByteSize>().unwrap_err().contains("use 0B, or 1B and more"));
        assert!("0.2bit/s".parse::<Bandwidth>().unwrap_err().contains("1bit/s"));
        assert_eq!("0.5ns".parse(), Ok(SimSpan(1)));
        assert_eq!(("0ns".parse(), "0.000d".parse()), (Ok(SimSpan::ZERO), Ok(SimSpan::ZERO)));
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for ns in [0, 1, 999, 1_000, 4_000_000, 90_000_000_000, 7_200_000_000_000, 123_456_789] {
            let span = SimSpan(ns);
            let text = serde_json::to_string(&span).unwrap();
            assert_eq!(serde_json::from_str::<SimSpan>(&text).unwrap(), span, "{text}");
        }
        for text in ["10Gbit/s", "100Mbit/s", "1bit/s"] {
            assert_eq!(text.parse::<Bandwidth>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn transfer_time_is_bytes_over_bandwidth() {
        assert_eq!(Bandwidth(8_000_000_000).time(1_000), SimSpan(1_000));
    }
}
