//! The seeds of a sweep: its trials at each point.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Most seeds of one sweep.
const MOST: u64 = 100_000;

/// Seeds as users write them: `10` for 1 to 10, `"5..14"` for a range with both ends, or a list,
/// `[3, 7, 11]` in a file and `3,7,11` in an argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seeds {
    list: Vec<u64>,
}

/// What is wrong with seeds.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}: write a number of seeds, as 10, a range, as 5..14, or a list, as 3,7,11")]
pub struct SeedsError {
    message: String,
}

impl Seeds {
    /// Seeds 1 to `count`.
    ///
    /// # Errors
    /// If there are none or more than 100 000.
    pub fn first(count: u64) -> Result<Seeds, SeedsError> {
        match count {
            1..=MOST => Ok(Seeds { list: (1..=count).collect() }),
            _ => Err(wrong(format!("{count} is no number of seeds between 1 and {MOST}"))),
        }
    }

    /// Exactly these seeds, in this order.
    ///
    /// # Errors If there are none, or one occurs twice.
    pub fn these(list: Vec<u64>) -> Result<Seeds, SeedsError> {
        let mut sorted = list.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(wrong(format!("seed {} is given twice", twice[0])));
        }
        // TOML has no larger whole numbers.
        if let Some(large) = sorted.last().filter(|seed| **seed > i64::MAX as u64) {
            return Err(wrong(format!("seed {large} is larger than {}", i64::MAX)));
        }
        match list.len() as u64 {
            1..=MOST => Ok(Seeds { list }),
            n => Err(wrong(format!("{n} is no number of seeds between 1 and {MOST}"))),
        }
    }

    /// The seeds.
    pub fn list(&self) -> &[u64] {
        &self.list
    }
}

fn wrong(message: String) -> SeedsError {
    SeedsError { message }
}

impl FromStr for Seeds {
    type Err = SeedsError;

    fn from_str(text: &str) -> Result<Seeds, SeedsError> {
        let number = |text: &str| {
            let parsed = text.trim().parse::<u64>();
            parsed.map_err(|_| wrong(format!("\"{}\" is no seed", text.trim())))
        };
        if let Some((first, last)) = text.split_once("..") {
            let (first, last) = (number(first)?, number(last)?);
            if last < first || last - first >= MOST {
                return Err(wrong(format!("{first}..{last} has no seeds between 1 and {MOST}")));
            }
            return Seeds::these((first..=last).collect());
        }
        if text.contains(',') {
            return Seeds::these(text.split(',').map(number).collect::<Result<_, _>>()?);
        }
        Seeds::first(number(text)?)
    }
}

impl Serialize for Seeds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeedsVisitor;
        impl<'de> Visitor<'de> for SeedsVisitor {
            type Value = Seeds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seeds, a range or a list of seeds")
            }

            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Seeds, E> {
                Seeds::first(count).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<Seeds, E> {
                Seeds::first(u64::try_from(count).unwrap_or(0)).map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Seeds, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seeds, A::Error> {
                let mut list = Vec::new();
                while let Some(seed) = items.next_element()? {
                    list.push(seed);
                }
                Seeds::these(list).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(SeedsVisitor)
    }
}

impl JsonSchema for Seeds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "seeds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let count = json_schema!({ "type": "integer", "minimum": 1, "maximum": MOST });
        let range = json_schema!({ "type": "string", "format": "seeds", "examples": ["5..14"] });
        let list = json_schema!({
            "type": "array",
            "items": { "type": "integer", "minimum": 0 },
            "minItems": 1
        });
        json_schema!({ "anyOf": [count, range, list] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_ranges_and_lists() {
        let list = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.list);
        assert_eq!(list("3").unwrap(), [1, 2, 3]);
        assert_eq!(list("5..7").unwrap(), [5, 6, 7]);
        assert_eq!(list("7, 3,11").unwrap(), [7, 3, 11]);
        for bad in ["0", "x", "7..5", "3,3", "", "1..99999999", "1,,2", "-1"] {
            let message = list(bad).unwrap_err().to_string();
            assert!(message.contains("write a number of seeds"), "{bad}: {message}");
        }
    }

    #[test]
    fn json_says_the_same() {
        let read = |json: &str| serde_json::from_str::<Seeds>(json).map(|seeds| seeds.list);
        assert_eq!(read("2").unwrap(), [1, 2]);
        assert_eq!(read("\"4..5\"").unwrap(), [4, 5]);
        assert_eq!(read("[9, 4]").unwrap(), [9, 4]);
        assert!(read("0").is_err() && read("-3").is_err() && read("[1, 1]").is_err());
        let seeds = Seeds::these(vec![9, 4]).unwrap();
        assert_eq!(read(&serde_json::to_string(&seeds).unwrap()).unwrap(), [9, 4]);
    }
}
