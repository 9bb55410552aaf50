//! Prefetching: rows of a large table are rarely in a cache.

/// The prefetched row is this many rows ahead of the current one.
pub(super) const AHEAD: usize = 12;

/// Prefetches the cache lines of `values[from..from + len]`; does nothing outside the slice.
#[inline(always)]
pub(super) fn prefetch<F>(values: &[F], from: usize, len: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(part) = values.get(from..from + len) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let step = (64 / size_of::<F>()).max(1);
        for line in part.chunks(step) {
            #[expect(unsafe_code, reason = "the hint takes a pointer")]
            // SAFETY: a hint reads nothing, and the address is inside the slice.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, from, len);
}
