//! The classes of mistakes that only sweeps have.

use crate::scenario::document::Code;

/// A list of values that cannot be read.
pub static BAD_AXIS: Code = Code {
    id: "E0301",
    title: "the values of a sweep cannot be read",
    text: "A key that is swept has a list of values, as in \"cluster.workers\" = [1, 10, 30], or a range \
           in quotes: \"1..10\" and \"0..100 step 20\" (whole numbers, both ends included), \"lin:0..1 x5\" \
           (five values at equal distances) or \"log:1e-4..1e-2 x5\" (at equal ratios).",
};

/// Axes that do not fit together.
pub static BAD_DESIGN: Code = Code {
    id: "E0302",
    title: "the axes of a sweep do not fit together",
    text: "The keys of one [[sweep.zip]] advance together, so their lists have the same length; no key \
           is swept twice; [[sweep.skip]] names keys that are swept, with values that occur.",
};

/// Too many trials.
pub static TOO_MANY: Code = Code {
    id: "E0303",
    title: "the sweep has too many trials",
    text: "A sweep has at most 100 000 trials. Divide it, or leave points out with [[sweep.skip]].",
};

/// A point whose scenario has errors.
pub static BAD_POINT: Code = Code {
    id: "E0304",
    title: "a point of the sweep is not a valid scenario",
    text: "Every point is checked as `straggler check` does before anything runs. The errors follow, with \
           the place in the sweep file that set the value. [[sweep.skip]] leaves a combination out.",
};

/// Every code of this module, in order.
pub const CODES: &[&Code] = &[&BAD_AXIS, &BAD_DESIGN, &TOO_MANY, &BAD_POINT];
