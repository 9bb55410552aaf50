//! The files beside the cases: a small log for every loader, and a trace of step times.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Users and items come back again and again, and both labels occur on every day.
fn rows() -> impl Iterator<Item = (u64, u64, u64, u64)> {
    (0..96u64).map(|k| (k, k % 8, (k * 7 + k / 8) % 12, (k * 5 / 3 + k / 16) % 3 / 2))
}

/// The time of a row: eight rows a day.
fn seconds(row: u64) -> u64 {
    1_400_000_000 + row * 10_800
}

pub(super) fn write(folder: &Path) {
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    write(
        "reviews.json",
        lines(|k, user, item, _| {
            format!(
                "{{\"reviewerID\": \"u{user}\", \"asin\": \"i{item}\", \"unixReviewTime\": {}}}",
                seconds(k)
            )
        }),
    );
    let mut items = String::new();
    for item in 0..12 {
        let category = item % 3;
        writeln!(items, "{{\"asin\": \"i{item}\", \"categories\": [[\"all\", \"c{category}\"]]}}")
            .unwrap();
    }
    write("meta.json", items);
    write(
        "u.data",
        lines(|k, user, item, label| {
            format!("{}\t{}\t{}\t{}", user + 1, item + 1, 1 + 4 * label, seconds(k))
        }),
    );
    let table = lines(|k, user, item, label| {
        format!("{label},u{user},i{item},{},c{},{}.5,i{}|i1", seconds(k), item % 3, k % 7, k % 12)
    });
    write("log.csv", format!("label,user,item,time,category,price,seen\n{table}"));
    write(
        "log.svm",
        lines(|k, user, item, label| {
            format!("{label} {}:1 {}:0.5 25:{}", user + 1, item + 9, k % 5)
        }),
    );
    write("log.ffm", lines(|_, user, item, label| format!("{label} 0:{user}:1 1:{item}:1")));
    write(
        "criteo.txt",
        lines(|k, user, item, label| {
            let numbers: Vec<String> = (0..13).map(|n| ((k + n) % 9).to_string()).collect();
            let ids: Vec<String> = (0..26).map(|n| format!("{:08x}", user * n + item)).collect();
            format!("{label}\t{}\t{}", numbers.join("\t"), ids.join("\t"))
        }),
    );
    let columns = "id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,\
                   app_category,device_id,device_ip,device_model,device_type,device_conn_type,C14,\
                   C15,C16,C17,C18,C19,C20,C21";
    let clicks = lines(|k, user, item, label| {
        let ids: Vec<String> = (0..21).map(|n| format!("{:x}", user * n + item)).collect();
        format!("{k},{label},1410{:02}{:02},{}", 21 + k / 24, k % 24, ids.join(","))
    });
    write("avazu.csv", format!("{columns}\n{clicks}"));
    write("steps.csv", lines(|k, _, _, _| format!("0.0{}", 1 + k % 9)));
}

fn lines(line: impl Fn(u64, u64, u64, u64) -> String) -> String {
    rows().map(|(k, user, item, label)| line(k, user, item, label) + "\n").collect()
}
