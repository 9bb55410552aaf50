//! The codes of the problems that rules find.

use crate::scenario::document::Code;

/// Two settings that contradict each other.
pub const CONFLICT: Code = Code {
    id: "E0201",
    title: "settings that contradict each other",
    text: "Each of the marked settings is fine by itself; together they cannot be run. The help \
           says which of them to change.",
};

/// A setting that has no effect.
pub const NO_EFFECT: Code = Code {
    id: "W0202",
    title: "a setting without effect",
    text: "The marked setting is legal, but another setting makes it irrelevant. The run would be the \
           same without it.",
};

/// A setting that is legal and rarely intended.
pub const SUSPICIOUS: Code = Code {
    id: "W0203",
    title: "a suspicious setting",
    text: "The marked setting is legal, but lies where runs usually fail. The message says why.",
};

/// A value of the right type that cannot be used.
pub const UNUSABLE: Code = Code {
    id: "E0204",
    title: "a value that cannot be used",
    text: "The marked value has the right type and lies in its range, but it cannot be used: a \
           name that is no safe name of a folder, a link without any bandwidth, a period \
           without any length. The help says what is possible.",
};

/// A log that may be meant in another way than its settings say.
pub const LOG_REMARK: Code = Code {
    id: "W0205",
    title: "a log that may be meant in another way",
    text: "The log was read as its settings say, and it looks as if something else were meant: a column \
           whose cells end in the same id over and over, texts such as `NA` among the ids, a label that \
           never holds. The message names what was seen, and the help names the key that changes it. If \
           the log is meant so, nothing needs to be done.",
};

/// A run that measures no quality.
pub const UNMEASURED: Code = Code {
    id: "W0206",
    title: "nothing measures quality",
    text: "Without a `[holdout]` there are no evaluations: no AUC, no log-loss on examples that were not \
           trained on, no best step, and no way to compare with other runs. Only the training loss is \
           recorded. Name some days behind those that are trained on as `holdout.days`.",
};

/// A log that does not give what the scenario asks of it.
pub const BAD_DATA: Code = Code {
    id: "E0401",
    title: "the data do not have what is asked for",
    text: "A file of the log is missing or cannot be read, a window names days that the log does not \
           have, a holdout is empty, or days would be both trained on and evaluated on. The mark is at \
           the setting that asks for it; the message names the file and its line, if one is at fault.",
};

/// A start that cannot be made.
pub const BAD_START: Code = Code {
    id: "E0402",
    title: "the run cannot start from this checkpoint",
    text: "`start.from` names a file that is missing or does not fit the model, or a checkpoint that an \
           earlier stage will not have written: `@best` needs a holdout by which one step can be better \
           than another.",
};

/// A run above its limits.
pub const ABOVE_LIMIT: Code = Code {
    id: "E0501",
    title: "more than the limit",
    text: "The estimate of memory or disk is above `limits`, so that nothing was started. Raise the limit \
           if the machine has more, or ask for less; `--force` starts a run all the same.",
};

/// All codes of this module, for `explain`.
pub const CODES: &[&Code] = &[
    &CONFLICT,
    &NO_EFFECT,
    &SUSPICIOUS,
    &UNUSABLE,
    &LOG_REMARK,
    &UNMEASURED,
    &BAD_DATA,
    &BAD_START,
    &ABOVE_LIMIT,
];
