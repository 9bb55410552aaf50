//! Property R37: whatever stands in titles, names, labels, settings and data, the page has the same
//! elements and attributes as with harmless texts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use scraper::Html;

use straggler::report::html;

/// Pieces that have broken pages before, to be combined.
const PIECES: &[&str] = &[
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onfocus='alert(1)",
    "--><svg onload=alert(1)>",
    "<!--",
    "<![CDATA[",
    "]]>",
    "</title><base href=//evil>",
    "</textarea></template></noscript>",
    "javascript:alert(1)",
    "&lt;script&gt;",
    "&#x3c;b&#x3e;",
    "${alert(1)}{{7*7}}<%= 1 %>",
    "\u{2028}\u{2029}\u{feff}\u{202e}",
    "<iframe srcdoc='<b>'>",
    "</table></figure></main>",
    "<math><mtext><table><mglyph><style>",
    "`;alert(1)//\\u003c",
];

/// Hostile texts: each piece, and mixtures of two.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = PIECES.iter().map(|piece| (*piece).to_string()).collect();
    for one in PIECES {
        for other in PIECES {
            texts.push(format!("{one}x{other}"));
        }
    }
    // Pieces cut short: the page itself goes on behind them.
    texts.extend(PIECES.iter().map(|piece| piece.chars().take(5).collect()));
    texts.extend(PIECES.iter().map(|piece| piece.to_uppercase()));
    texts.extend(PIECES.iter().map(|piece| format!("\"'>{piece}")));
    texts
}

fn csv_cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A run folder that says `text` wherever a user's text may stand.
fn write_run(folder: &Path, text: &str) {
    fs::create_dir_all(folder).unwrap();
    let write = |file: &str, content: String| fs::write(folder.join(file), content).unwrap();
    let summary = serde_json::json!({
        "name": text, "title": text, "question": text, "seed": 1, "version": text, "model": text,
        "reconstructed": [text], "ended": "finished", "updates": 3, "examples": 30, "sim_s": 1.0,
        "data": [[format!("skipped {text}"), text]],
    });
    write("summary.json", summary.to_string());
    let quoted = serde_json::to_string(text).unwrap();
    write("resolved.toml", format!("[scenario]\ntitle = {quoted}\n[other]\n{quoted} = {quoted}\n"));
    let cell = csv_cell(text);
    write(
        "evaluations.csv",
        "update,examples,passes,sim_s,view,auc,session_auc,log_loss,normalised_entropy,calibration\n\
         0,0,0,0,server,0.5,,,,\n1,10,,0.5,server,0.6,,,,\n"
            .to_string(),
    );
    write("staleness.csv", format!("class,measure,low,high,count\n{cell},version,0,1,5\n"));
    write(
        "workers.csv",
        format!(
            "worker,class,slowdown,steps,examples,busy_s,network_s,waiting_s,staleness_mean,\
             staleness_max\n0,{cell},1,2,3,0.5,0.25,0.25,1,2\n1,b,1,2,3,0.5,0.25,0.25,1,2\n"
        ),
    );
    write(
        "divergence.csv",
        format!(
            "update,sim_s,group,layer,measure,mean,max\n1,0.5,{cell},{cell},from_server,0.1,0.2\n"
        ),
    );
    write(
        "rows.csv",
        format!(
            "table,popularity_low,popularity_high,touches,staleness_mean,staleness_max\n\
             {cell},0,1,5,0.5,2\n"
        ),
    );
    write(
        "timeline.csv",
        format!("worker,class,activity,start_s,end_s,step\n0,{cell},compute,0,1,0\n"),
    );
}

/// A sweep folder of two such runs, with such labels and settings.
fn write_sweep(folder: &Path, text: &str) {
    let mut plan = String::new();
    for point in 0..2 {
        let line = serde_json::json!({
            "trial": format!("000{point}"), "point": point, "label": format!("{text}{point}"),
            "seed": 1, "settings": {text: format!("{text}{point}"), "n": point}, "sha256": text,
        });
        plan.push_str(&format!("{line}\n"));
        write_run(&folder.join(format!("trials/000{point}")), text);
    }
    let failed = folder.join("trials/0001");
    fs::remove_file(failed.join("summary.json")).unwrap();
    let diagnosis = serde_json::json!({"ended": format!("blow-up {text}")});
    fs::write(failed.join("diagnosis.json"), diagnosis.to_string()).unwrap();
    fs::write(folder.join("plan.jsonl"), plan).unwrap();
}

/// Every element with its attributes' names, and how often it is there.
fn skeleton(page: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for node in Html::parse_document(page).tree.nodes() {
        let Some(element) = node.value().as_element() else {
            assert!(!node.value().is_comment(), "a comment in the page");
            continue;
        };
        let mut names: Vec<&str> = element.attrs().map(|(name, _)| name).collect();
        names.sort_unstable();
        *found.entry(format!("{} {names:?}", element.name())).or_default() += 1;
    }
    found
}

/// The page, without a process of its own for each of the thousands.
fn page(folders: &[&Path]) -> String {
    let folders: Vec<PathBuf> = folders.iter().map(|folder| folder.to_path_buf()).collect();
    html::render(&folders, &|_| None).unwrap()
}

#[test]
fn r37_no_text_becomes_an_element_or_attribute() {
    let place = tempfile::tempdir().unwrap();
    let (run, sweep) = (place.path().join("run"), place.path().join("sweep"));
    let pages = |text: &str| {
        write_run(&run, text);
        write_sweep(&sweep, text);
        [&[&*run][..], &[&*sweep], &[&*run, &*sweep]].map(page)
    };
    let harmless = pages("harmless").map(|page| skeleton(&page));
    let texts = hostile();
    assert!(texts.len() >= 480, "{}", texts.len());
    for text in &texts {
        let found = pages(text);
        for (page, harmless) in found.iter().zip(&harmless) {
            let skeleton = skeleton(page);
            assert!(skeleton == *harmless, "{text:?}\n{skeleton:#?}\n{harmless:#?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn r37_names_of_folders_are_texts_too() {
    let place = tempfile::tempdir().unwrap();
    let plain = place.path().join("plain");
    write_run(&plain, "harmless");
    let harmless = skeleton(&page(&[&plain]));
    for text in hostile().iter().filter(|text| !text.contains('/') && text.len() < 200).take(60) {
        let folder = place.path().join(format!("x{text}"));
        write_run(&folder, "harmless");
        assert!(skeleton(&page(&[&folder])) == harmless, "{text:?}");
    }
}
