//! The vector instructions that the processor has, detected once.

use std::sync::OnceLock;

/// A set of instructions that kernels are compiled for. All of them give the same bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// What every processor of the target has.
    Portable,
    /// AVX2 and fused multiply-add: eight numbers at once.
    Avx2,
    /// AVX-512 (F, BW, DQ, VL): sixteen numbers at once.
    Avx512,
}

/// The best level of this processor.
#[inline]
pub fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = FORCED.get() {
        return level;
    }
    static BEST: OnceLock<Level> = OnceLock::new();
    *BEST.get_or_init(detected)
}

#[cfg(target_arch = "x86_64")]
fn detected() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detected() -> Level {
    Level::Portable
}

/// A function whose body is compiled for every level. The body must call `#[inline(always)]`
/// functions, otherwise nothing is gained.
#[macro_export]
macro_rules! versions {
    ($(#[$doc:meta])* $vis:vis fn $name:ident(
        $($argument:ident: $type:ty),* $(,)?
    ) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        $vis fn $name($($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($argument: $type),*) $(-> $result)? $body
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $result)? $body
                match $crate::base::level::level() {
                    #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
                    // SAFETY: `level` has detected these features.
                    $crate::base::level::Level::Avx512 => return unsafe { avx512($($argument),*) },
                    #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
                    // SAFETY: as above.
                    $crate::base::level::Level::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::base::level::Level::Portable => {}
                }
            }
            $body
        }
    };
}

#[cfg(test)]
thread_local! {
    static FORCED: std::cell::Cell<Option<Level>> = const { std::cell::Cell::new(None) };
}

/// Runs `job` at a level other than the best.
#[cfg(test)]
pub(crate) fn at_level<T>(level: Level, job: impl FnOnce() -> T) -> T {
    FORCED.set(Some(level));
    let result = job();
    FORCED.set(None);
    result
}

/// The levels that this processor has.
#[cfg(test)]
pub(crate) fn levels() -> impl Iterator<Item = Level> {
    let best = detected();
    [Level::Portable, Level::Avx2, Level::Avx512].into_iter().filter(move |&level| level <= best)
}
