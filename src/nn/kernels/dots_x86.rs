//! Products of sixteen rows at once with a vector, and transposed squares, in AVX-512 registers.
#![expect(unsafe_code, reason = "vector loads and stores through pointers, within checked bounds")]

use std::arch::x86_64::*;

/// The operands of [`dots`], whose lengths fit each other.
#[derive(Clone, Copy)]
pub(super) struct DotRows<'a> {
    x: &'a [f32],
    slope: Option<&'a [f32]>,
    weights: &'a [f32],
}

impl<'a> DotRows<'a> {
    /// Rows as long as `weights`; with a slope, numbers that are not positive are first multiplied
    /// by it.
    ///
    /// # Panics
    /// If `slope` has another length, or the rows do not fill `x`.
    pub(super) fn new(x: &'a [f32], slope: Option<&'a [f32]>, weights: &'a [f32]) -> DotRows<'a> {
        assert!(slope.is_none_or(|slope| slope.len() == weights.len()), "a slope per column");
        assert!(x.len().is_multiple_of(weights.len()), "whole rows");
        DotRows { x, slope, weights }
    }
}

/// The lanes below `count`, at most 16.
fn first(count: usize) -> __mmask16 {
    ((1u32 << count.min(16)) - 1) as __mmask16
}

/// Overwrites `out[r]` with `bias` plus the product of row `r`.
///
/// # Panics
/// If `out` is shorter than there are rows.
#[target_feature(enable = "avx512f")]
pub(super) fn dots(rows: DotRows<'_>, bias: f32, out: &mut [f32]) {
    let DotRows { x, slope, weights } = rows;
    let group = 16 * weights.len();
    for (x, out) in x.chunks(group).zip(out[..x.len() / weights.len()].chunks_mut(16)) {
        // SAFETY: `DotRows` holds whole rows, and a group has as many as `out`.
        unsafe {
            let sums = match slope {
                Some(slope) => running_sums::<true>(x, slope, weights),
                None => running_sums::<false>(x, weights, weights),
            };
            let result = _mm512_add_ps(_mm512_set1_ps(bias), totals(&sums));
            _mm512_mask_storeu_ps(out.as_mut_ptr(), first(out.len()), result);
        }
    }
}

/// The sixteen running sums of up to sixteen rows; absent rows repeat those of the last row.
///
/// # Safety
/// `slope` must be as long as `weights`, `x` a multiple of it and not empty.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn running_sums<const PRELU: bool>(
    x: &[f32],
    slope: &[f32],
    weights: &[f32],
) -> [__m512; 16] {
    let width = weights.len();
    let last = x.len() / width - 1;
    let rows: [*const f32; 16] =
        std::array::from_fn(|r| x.as_ptr().wrapping_add(r.min(last) * width));
    let one = _mm512_set1_ps(1.0);
    let mut sums = [_mm512_setzero_ps(); 16];
    for at in (0..width).step_by(16) {
        let mask = first(width - at);
        // SAFETY: the mask excludes everything beyond the row.
        unsafe {
            let of_slope = _mm512_maskz_loadu_ps(mask, slope.as_ptr().add(at));
            let of_weights = _mm512_maskz_loadu_ps(mask, weights.as_ptr().add(at));
            for (sum, row) in sums.iter_mut().zip(rows) {
                let mut a = _mm512_maskz_loadu_ps(mask, row.add(at));
                if PRELU {
                    let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, _mm512_setzero_ps());
                    a = _mm512_mul_ps(a, _mm512_mask_blend_ps(positive, of_slope, one));
                }
                *sum = _mm512_add_ps(*sum, _mm512_mul_ps(a, of_weights));
            }
        }
    }
    sums
}

/// The sums of the lanes of each of sixteen registers, upper halves added to lower ones four times.
#[target_feature(enable = "avx512f")]
#[inline]
fn totals(sums: &[__m512; 16]) -> __m512 {
    let quarters: [__m512; 4] = std::array::from_fn(|k| {
        let halves = |a: __m512, b: __m512| {
            let (lower, upper) =
                (_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0xEE>(a, b));
            _mm512_add_ps(lower, upper)
        };
        let (a, b) = (halves(sums[k], sums[4 + k]), halves(sums[8 + k], sums[12 + k]));
        _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xDD>(a, b))
    });
    let [a, b, c, d] = quarters;
    let pairs = |a: __m512, b: __m512| {
        _mm512_add_ps(_mm512_shuffle_ps::<0x44>(a, b), _mm512_shuffle_ps::<0xEE>(a, b))
    };
    let (a, b) = (pairs(a, b), pairs(c, d));
    _mm512_add_ps(_mm512_shuffle_ps::<0x88>(a, b), _mm512_shuffle_ps::<0xDD>(a, b))
}

/// Overwrites `to`, `[columns x rows]`, with the transpose of `from`, `[rows x columns]`.
///
/// # Panics
/// If `from` or `to` is shorter than that.
#[target_feature(enable = "avx512f")]
pub(super) fn transpose(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    assert!(from.len() >= rows * columns && to.len() >= rows * columns, "as long as the sizes say");
    for row in (0..rows).step_by(16) {
        for column in (0..columns).step_by(16) {
            let (high, wide) = ((rows - row).min(16), (columns - column).min(16));
            // SAFETY: the masks exclude everything beyond the square.
            unsafe {
                let square: [__m512; 16] = std::array::from_fn(|i| {
                    let mask = if i < high { first(wide) } else { 0 };
                    let line = from.as_ptr().wrapping_add((row + i) * columns + column);
                    _mm512_maskz_loadu_ps(mask, line)
                });
                for (j, line) in turned(&square).into_iter().enumerate().take(wide) {
                    let place = to.as_mut_ptr().add((column + j) * rows + row);
                    _mm512_mask_storeu_ps(place, first(high), line);
                }
            }
        }
    }
}

/// The transpose of sixteen registers.
#[target_feature(enable = "avx512f")]
#[inline]
fn turned(rows: &[__m512; 16]) -> [__m512; 16] {
    // Within each quarter of the registers: squares of four by four.
    let mut fours = [_mm512_setzero_ps(); 16];
    for i in (0..16).step_by(4) {
        let [a, b, c, d] = [rows[i], rows[i + 1], rows[i + 2], rows[i + 3]];
        let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
        let (upper_ab, upper_cd) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
        fours[i] = _mm512_shuffle_ps::<0x44>(ab, cd);
        fours[i + 1] = _mm512_shuffle_ps::<0xEE>(ab, cd);
        fours[i + 2] = _mm512_shuffle_ps::<0x44>(upper_ab, upper_cd);
        fours[i + 3] = _mm512_shuffle_ps::<0xEE>(upper_ab, upper_cd);
    }
    // Then exchange the quarters.
    let mut turned = [_mm512_setzero_ps(); 16];
    for j in 0..4 {
        let [a, b, c, d] = [fours[j], fours[4 + j], fours[8 + j], fours[12 + j]];
        let (even_ab, odd_ab) =
            (_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xDD>(a, b));
        let (even_cd, odd_cd) =
            (_mm512_shuffle_f32x4::<0x88>(c, d), _mm512_shuffle_f32x4::<0xDD>(c, d));
        turned[j] = _mm512_shuffle_f32x4::<0x88>(even_ab, even_cd);
        turned[8 + j] = _mm512_shuffle_f32x4::<0xDD>(even_ab, even_cd);
        turned[4 + j] = _mm512_shuffle_f32x4::<0x88>(odd_ab, odd_cd);
        turned[12 + j] = _mm512_shuffle_f32x4::<0xDD>(odd_ab, odd_cd);
    }
    turned
}
