//! Ids that are no ids: texts such as `NA`, which many programs write for an empty cell.

use super::vocabulary::Vocabulary;
use crate::base::counted;
use crate::data::Remark;
use crate::data::reading::tidy::MISSING_TEXTS;

/// A text for an empty cell among the ids of the column `name`, whose codes are `codes`.
pub(in crate::data) fn missing_text<'a>(
    name: &str,
    vocabulary: &Vocabulary,
    codes: impl Iterator<Item = &'a u32> + Clone,
) -> Option<Remark> {
    // Hashed ids cannot be told apart.
    let Vocabulary::Listed(_) = vocabulary else { return None };
    let count = |text: &'static str| {
        let code = vocabulary.get(text.into())?;
        let cells = codes.clone().filter(|other| **other == code).count();
        (cells > 0).then_some((text, cells))
    };
    let (text, cells) =
        MISSING_TEXTS.iter().filter_map(|text| count(text)).max_by_key(|found| found.1)?;
    let cells = counted(cells, "cell", "cells");
    Some(Remark::new(
        "data.missing_texts",
        format!("{cells} of {name:?} have the text {text:?}, which counts as an id like any other"),
        format!("if it means that there is none, write `missing_texts = [{text:?}]`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_for_empty_cells_are_noticed_and_counted() {
        let mut vocabulary = Vocabulary::new(0);
        let codes = ["NA", "a", "None", "NA"].map(|text| vocabulary.code(text.into()));
        let remark = missing_text("brand", &vocabulary, codes.iter()).unwrap();
        assert!(
            remark.message.contains("2 cells of \"brand\"") && remark.help.contains("[\"NA\"]")
        );
        assert_eq!(missing_text("brand", &vocabulary, codes[1..2].iter()), None);
        assert_eq!(missing_text("brand", &Vocabulary::new(10), codes.iter()), None);
    }
}
