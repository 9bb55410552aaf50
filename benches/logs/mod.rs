//! Files as the loaders meet them, made up: the columns, lengths and numbers of ids of real logs.

use std::fmt::Write;

use straggler::base::{Purpose, Streams, stream::unit};

/// A file and the settings that read it (as the file `log`).
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) text: String,
}

/// One file per form.
pub(crate) fn files() -> Vec<File> {
    vec![
        File {
            name: "criteo",
            settings: "kind = \"criteo\"\nfiles = [\"log\"]",
            text: criteo(200_000),
        },
        File {
            name: "criteo, hashed",
            settings: "kind = \"criteo\"\nfiles = [\"log\"]\nhash_rows = 100_000",
            text: criteo(200_000),
        },
        File {
            name: "avazu",
            settings: "kind = \"avazu\"\nfiles = [\"log\"]",
            text: avazu(200_000),
        },
        File {
            name: "table",
            settings: r#"
                kind = "table"
                files = ["log"]
                label = "click"
                day = "day"
                categorical = ["user", "item"]
                numeric = ["price"]
            "#,
            text: table(500_000, ""),
        },
        File {
            name: "table, quoted",
            settings: r#"
                kind = "table"
                files = ["log"]
                label = "click"
                day = "day"
                categorical = ["user", "item"]
                numeric = ["price"]
            "#,
            text: table(500_000, "\""),
        },
        File {
            name: "interactions",
            settings: "kind = \"interactions\"\nfiles = [\"log\"]",
            text: interactions(500_000),
        },
        File {
            name: "amazon",
            settings: "kind = \"amazon\"\nreviews = [\"log\"]",
            text: reviews(50_000),
        },
    ]
}

/// Draws of one file.
struct Draws {
    streams: Streams,
    count: u64,
}

impl Draws {
    fn new() -> Draws {
        Draws { streams: Streams::new(5), count: 0 }
    }

    fn next(&mut self) -> f64 {
        self.count += 1;
        unit(self.streams.key(Purpose::Custom, 0, self.count))
    }

    /// An id below `ids`, with P(k) ~ 1 / (k + 1).
    fn id(&mut self, ids: u32) -> u64 {
        (f64::from(ids) + 1.0).powf(self.next()) as u64 - 1
    }

    /// The text of an id: eight hexadecimal digits, as published logs hash them.
    fn hashed(&mut self, column: usize, ids: u32) -> u32 {
        let id = self.id(ids);
        self.streams.key(Purpose::Custom, 1 + column as u64, id) as u32
    }
}

/// Numbers of ids of the Criteo log's columns C1 to C26, as published for the whole log.
const CRITEO_IDS: [u32; 26] = [
    1460, 583, 10_131_227, 2_202_608, 305, 24, 12_517, 633, 3, 93_145, 5_683, 8_351_593, 3_194, 27,
    14_992, 5_461_306, 10, 5_652, 2_173, 4, 7_046_547, 18, 15, 286_181, 105, 142_572,
];

fn criteo(rows: u32) -> String {
    let mut draws = Draws::new();
    let mut text = String::new();
    for _ in 0..rows {
        text.push(if draws.next() < 0.25 { '1' } else { '0' });
        for column in 0..13 {
            text.push('\t');
            if draws.next() > 0.2 {
                let largest = [60, 400, 2_000, 20, 60_000, 900, 60, 50, 400, 5, 60, 5, 40][column];
                let _ = write!(text, "{}", draws.id(largest));
            }
        }
        for (column, ids) in CRITEO_IDS.iter().enumerate() {
            text.push('\t');
            if draws.next() > 0.1 {
                let _ = write!(text, "{:08x}", draws.hashed(column, *ids));
            }
        }
        text.push('\n');
    }
    text
}

fn avazu(rows: u32) -> String {
    let mut draws = Draws::new();
    let names = "site_id,site_domain,site_category,app_id,app_domain,app_category,device_id,\
                 device_ip,device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21";
    let mut text = format!("id,click,hour,C1,banner_pos,{names}\n");
    let ids = [4_737, 7_745, 26, 8_552, 559, 36, 2_686_408, 6_729_486, 8_251];
    for row in 0..rows {
        let click = u32::from(draws.next() < 0.17);
        let hour = row * 24 / rows;
        let number = 1_000_009_418_151_094_273 + u64::from(row) * 7_919;
        let _ = write!(text, "{number},{click},141021{hour:02},1005,{}", draws.id(7));
        for (column, ids) in ids.iter().enumerate() {
            let _ = write!(text, ",{:08x}", draws.hashed(column, *ids));
        }
        for ids in [5, 4, 2_626, 8, 9, 435, 4, 68, 172, 60] {
            let _ = write!(text, ",{}", 1 + draws.id(ids));
        }
        text.push('\n');
    }
    text
}

/// A click log with two categorical columns and a number; `quote` stands around the ids.
fn table(rows: u32, quote: &str) -> String {
    let mut draws = Draws::new();
    let mut text = String::from("click,day,user,item,price\n");
    for row in 0..rows {
        let (user, item) = (draws.id(5_000), draws.id(900));
        let (day, click) = (1 + row / 10_000, u32::from(row % 9 == 0));
        let _ = write!(text, "{click},{day},{quote}u{user}{quote},{quote}i{item}{quote},");
        let _ = writeln!(text, "{}.5", row % 100);
    }
    text
}

fn interactions(rows: u32) -> String {
    let mut draws = Draws::new();
    let mut text = String::from("user,item,time\n");
    for row in 0..rows {
        let (user, item) = (draws.id(20_000), draws.id(10_000));
        let _ = writeln!(text, "{user},{item},{}", 964_982_703 + u64::from(row) * 97);
    }
    text
}

/// Reviews of 500 bytes on average.
fn reviews(rows: u32) -> String {
    const WORDS: &str = "Not much to write about here, but it does exactly what it is supposed to. \
        It filters out the pop sounds, and now my recordings are much more crisp. ";
    let mut draws = Draws::new();
    let mut text = String::new();
    for row in 0..rows {
        let (user, item) = (draws.id(5_000), draws.id(3_000));
        let words = WORDS.repeat(1 + (draws.next() * 3.0) as usize);
        let _ = writeln!(
            text,
            "{{\"reviewerID\": \"A2IBPI20UZIR{user}\", \"asin\": \"B{item:09}\", \"reviewerName\": \
             \"cassandra \\\"Yeah\\\"\", \"helpful\": [0, 0], \"reviewText\": \"{words}\", \"overall\": 5.0, \
             \"summary\": \"good\", \"unixReviewTime\": {}, \"reviewTime\": \"02 28, 2014\"}}",
            1_393_545_600 + row
        );
    }
    text
}
