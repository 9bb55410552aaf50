//! Blocks of a fixed number of neighbouring columns, which the compiler turns into registers.

/// An operation on the columns `at .. at + N` of every row.
pub(super) trait BlockKernel {
    /// Runs it.
    fn run<const N: usize>(&mut self, at: usize);
}

/// Runs `block` over all `columns`: blocks of 16, then at most one of 8, one of 4, and single ones.
#[inline(always)]
pub(super) fn each_block(columns: usize, block: &mut impl BlockKernel) {
    let mut at = 0;
    while columns - at >= 16 {
        block.run::<16>(at);
        at += 16;
    }
    if columns - at >= 8 {
        block.run::<8>(at);
        at += 8;
    }
    if columns - at >= 4 {
        block.run::<4>(at);
        at += 4;
    }
    while at < columns {
        block.run::<1>(at);
        at += 1;
    }
}

/// The block of a row.
#[inline(always)]
pub(super) fn of<F, const N: usize>(row: &[F], at: usize) -> &[F; N] {
    row[at..].first_chunk().expect("a block within the row")
}

/// The block of a row, for writing.
#[inline(always)]
pub(super) fn of_mut<F, const N: usize>(row: &mut [F], at: usize) -> &mut [F; N] {
    row[at..].first_chunk_mut().expect("a block within the row")
}
