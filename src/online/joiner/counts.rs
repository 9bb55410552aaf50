//! What became of the messages that a joiner got.

/// What became of the messages that a joiner got. Each is counted once in the first group of its
/// kind; the rest say more of the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JoinerCounts {
    /// Requests whose features have come.
    pub features: u64,
    /// Features that came again, and had no effect.
    pub features_again: u64,

    /// Requests whose features wait in memory.
    pub in_memory: u64,
    /// Requests whose features wait on disk.
    pub on_disk: u64,
    /// Requests emitted as positive within their window.
    pub positives: u64,
    /// Requests emitted as negative.
    pub negatives: u64,
    /// Requests that were negative and not kept.
    pub negatives_unkept: u64,

    /// Actions that came, copies included.
    pub actions: u64,
    /// Actions that found their features in memory.
    pub from_memory: u64,
    /// Actions that found their features on disk.
    pub from_disk: u64,
    /// Actions whose features came later, but in time.
    pub after_action: u64,
    /// Actions that wait for their features.
    pub actions_waiting: u64,
    /// Actions that have waited for their features in vain.
    pub actions_alone: u64,
    /// Actions that came after the window of their request.
    pub actions_late: u64,
    /// Actions on a request that has had one, without effect.
    pub actions_again: u64,

    /// Positive examples emitted for late actions.
    pub second: u64,
    /// Negative examples taken back for late actions.
    pub taken_back: u64,
    /// Requests whose features were moved to disk.
    pub spilled: u64,
}

impl JoinerCounts {
    /// Requests whose features wait.
    pub fn waiting(&self) -> u64 {
        self.in_memory + self.on_disk
    }

    /// Examples emitted so far.
    pub fn emitted(&self) -> u64 {
        self.positives + self.negatives + self.second + self.taken_back
    }

    /// Checks that every message is accounted for.
    ///
    /// # Panics
    /// If one is not: a bug of the program.
    pub fn check(&self) {
        let ended = self.positives + self.negatives + self.negatives_unkept;
        assert_eq!(self.features, self.waiting() + ended, "{self:?}");
        let joined = self.from_memory + self.from_disk + self.after_action;
        let in_vain = self.actions_alone + self.actions_late + self.actions_again;
        assert_eq!(self.actions, joined + self.actions_waiting + in_vain, "{self:?}");
        assert_eq!(joined, self.positives, "{self:?}");
        assert!(self.taken_back <= self.second && self.second <= self.actions_late, "{self:?}");
    }
}

crate::persist!(JoinerCounts {
    features: state,
    features_again: state,
    in_memory: state,
    on_disk: state,
    positives: state,
    negatives: state,
    negatives_unkept: state,
    actions: state,
    from_memory: state,
    from_disk: state,
    after_action: state,
    actions_waiting: state,
    actions_alone: state,
    actions_late: state,
    actions_again: state,
    second: state,
    taken_back: state,
    spilled: state
});
