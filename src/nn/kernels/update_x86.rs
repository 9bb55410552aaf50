//! Adam in full or half AVX-512 registers, with masks where a row does not fill them. The compiler
//! splits short rows into single numbers, which take six times as long.
#![expect(unsafe_code, reason = "vector loads and stores through pointers, within checked bounds")]

use std::arch::x86_64::*;

use super::update::{AdamStep, UpdatedRows, VANISHING, VANISHING_SQUARE};

/// Weights, both slots and gradient, all of the same length.
#[derive(Clone, Copy)]
struct RowPointers {
    w: *mut f32,
    m: *mut f32,
    v: *mut f32,
    g: *const f32,
    len: usize,
}

impl RowPointers {
    /// # Panics
    /// If the lengths do not fit each other.
    fn new(weights: &mut [f32], slots: &mut [f32], gradient: &[f32]) -> RowPointers {
        let len = weights.len();
        assert!(slots.len() >= 2 * len && gradient.len() == len, "two slots, and a gradient");
        let (m, v) = slots.split_at_mut(len);
        RowPointers {
            w: weights.as_mut_ptr(),
            m: m.as_mut_ptr(),
            v: v.as_mut_ptr(),
            g: gradient.as_ptr(),
            len,
        }
    }
}

/// The update of some numbers of a row in one register. Returns zero for every weight that is
/// finite afterwards, NaN for any other.
macro_rules! in_register {
    (
        $name:ident, $vector:ty, $mask:ty, $load:ident, $store:ident, $same:ident, $zero:ident,
        $abs:ident, $compare:ident, $keep:ident, $divide:ident,
        $root:ident, $times:ident, $plus:ident, $minus:ident
    ) => {
        /// # Safety
        /// The numbers under the mask, from number `at` on, must lie within the row.
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        #[inline]
        unsafe fn $name(step: AdamStep, row: RowPointers, at: usize, mask: $mask) -> $vector {
            // SAFETY: the caller guarantees it.
            unsafe {
                let g = $load(mask, row.g.add(at));
                let old = $times($same(step.first[0]), $load(mask, row.m.add(at)));
                let m = $plus(old, $times($same(step.first[1]), g));
                $store(row.m.add(at), mask, m);
                let noted = $keep($compare::<_CMP_NLT_UQ>($abs(g), $same(VANISHING)), g);
                let v = $load(mask, row.v.add(at));
                let before = $keep($compare::<_CMP_NLT_UQ>(v, $same(VANISHING_SQUARE)), v);
                let old = $times($same(step.second[0]), before);
                let v = $plus(old, $times($same(step.second[1]), $times(noted, noted)));
                $store(row.v.add(at), mask, v);
                let root = $plus($root(v), $same(step.epsilon));
                let ratio = $divide($compare::<_CMP_NEQ_UQ>(root, $zero()), m, root);
                let kept = $times($same(step.kept), $load(mask, row.w.add(at)));
                let w = $minus(kept, $times($same(step.factor), ratio));
                $store(row.w.add(at), mask, w);
                $keep(mask, $times(w, $zero()))
            }
        }
    };
}

in_register!(
    sixteen,
    __m512,
    __mmask16,
    _mm512_maskz_loadu_ps,
    _mm512_mask_storeu_ps,
    _mm512_set1_ps,
    _mm512_setzero_ps,
    _mm512_abs_ps,
    _mm512_cmp_ps_mask,
    _mm512_maskz_mov_ps,
    _mm512_maskz_div_ps,
    _mm512_sqrt_ps,
    _mm512_mul_ps,
    _mm512_add_ps,
    _mm512_sub_ps
);
in_register!(
    eight,
    __m256,
    __mmask8,
    _mm256_maskz_loadu_ps,
    _mm256_mask_storeu_ps,
    _mm256_set1_ps,
    _mm256_setzero_ps,
    abs,
    _mm256_cmp_ps_mask,
    _mm256_maskz_mov_ps,
    _mm256_maskz_div_ps,
    _mm256_sqrt_ps,
    _mm256_mul_ps,
    _mm256_add_ps,
    _mm256_sub_ps
);

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn abs(x: __m256) -> __m256 {
    _mm256_andnot_ps(_mm256_set1_ps(-0.0), x)
}

/// Updates one row; adds the results of [`sixteen`] and [`eight`] to `zeros`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn row(step: AdamStep, row: RowPointers, zeros: &mut __m512) {
    let mut at = 0;
    while row.len - at > 8 {
        let mask = ((1u32 << (row.len - at).min(16)) - 1) as __mmask16;
        // SAFETY: the mask excludes everything beyond the row.
        *zeros = _mm512_add_ps(*zeros, unsafe { sixteen(step, row, at, mask) });
        at += (row.len - at).min(16);
    }
    if at < row.len {
        let mask = ((1u32 << (row.len - at)) - 1) as __mmask8;
        // SAFETY: as above.
        let found = unsafe { eight(step, row, at, mask) };
        *zeros = _mm512_add_ps(*zeros, _mm512_zextps256_ps512(found));
    }
}

/// As [`AdamStep::update`].
///
/// # Panics
/// If the lengths of slots and gradient do not fit the weights.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn update(step: AdamStep, weights: &mut [f32], slots: &mut [f32], gradient: &[f32]) {
    row(step, RowPointers::new(weights, slots, gradient), &mut _mm512_setzero_ps());
}

/// As [`AdamStep::update_rows`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn update_rows(step: AdamStep, rows: &mut UpdatedRows<'_>) -> bool {
    let mut zeros = _mm512_setzero_ps();
    // Rows as long as a register need no mask and no loop.
    match rows.dim {
        8 => rows.each(|weights, slots, gradient, _| {
            // SAFETY: the row has eight numbers.
            let found =
                unsafe { eight(step, RowPointers::new(weights, slots, gradient), 0, u8::MAX) };
            zeros = _mm512_add_ps(zeros, _mm512_zextps256_ps512(found));
        }),
        16 => rows.each(|weights, slots, gradient, _| {
            // SAFETY: the row has sixteen numbers.
            let found =
                unsafe { sixteen(step, RowPointers::new(weights, slots, gradient), 0, u16::MAX) };
            zeros = _mm512_add_ps(zeros, found);
        }),
        _ => rows.each(|weights, slots, gradient, _| {
            row(step, RowPointers::new(weights, slots, gradient), &mut zeros);
        }),
    }
    _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(zeros, _mm512_setzero_ps()) == u16::MAX
}
