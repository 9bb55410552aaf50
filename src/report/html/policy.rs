//! The style sheets and scripts that a page contains, and the content policy that allows only
//! these.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The style sheets, in order.
pub(super) const STYLES: [&str; 2] =
    [include_str!("assets/uplot.min.css"), include_str!("assets/report.css")];

/// The scripts, in order. `theme.js` comes first, so that the chosen theme is set before anything
/// is drawn.
pub(super) const SCRIPTS: [&str; 7] = [
    include_str!("assets/theme.js"),
    include_str!("assets/uplot.iife.min.js"),
    include_str!("assets/numbers.js"),
    include_str!("assets/plot.js"),
    include_str!("assets/charts.js"),
    include_str!("assets/timeline.js"),
    include_str!("assets/tables.js"),
];

/// The licence of the charting library, which every copy must contain.
pub(super) const LICENCE: &str = include_str!("assets/uplot.LICENSE");

/// The content policy of a page: no network, no frames, no forms, and only the scripts and styles
/// above, named by their hashes.
pub(super) fn content_policy() -> String {
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; \
         form-action 'none'",
        sources(&SCRIPTS),
        sources(&STYLES)
    )
}

fn sources(texts: &[&str]) -> String {
    let source = |text: &&str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    texts.iter().map(source).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_cannot_end_their_own_element() {
        for text in SCRIPTS.iter().chain(&STYLES) {
            let lower = text.to_ascii_lowercase();
            assert!(!lower.contains("</script") && !lower.contains("</style"));
            assert!(!lower.contains("<!--"), "a script would be read differently behind it");
            // Parsers turn carriage returns into line feeds before they hash.
            assert!(!text.contains('\r') && !text.contains('\0'));
        }
    }

    #[test]
    fn hashes_are_those_of_browsers() {
        // From `printf '' | openssl dgst -sha256 -binary | base64`.
        assert_eq!(sources(&[""]), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
        assert!(content_policy().starts_with("default-src 'none'; script-src 'sha256-"));
        assert!(!content_policy().contains("unsafe"));
    }
}
