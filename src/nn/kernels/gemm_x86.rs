//! The tiles of the matrix product with AVX-512 and AVX2 registers.
#![expect(unsafe_code, reason = "vector loads and stores through pointers, within checked bounds")]

use std::arch::asm;

use super::gemm::{Product, ProductStart};

/// Steps of the common dimension per pass, so that the rows of `b` and `a` stay in the cache.
const DEPTH: usize = 256;

/// Steps of the common dimension per turn of the innermost loop.
const UNROLLED: usize = 4;

/// Rows of `a` that are reached from one address.
const NEAR: usize = 4;

/// One tile: where its operands begin, and its size.
#[derive(Clone, Copy)]
struct Tile {
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    /// The start values of the sums; null for zero.
    start: *const f32,
    /// Distance between two rows of `start`.
    start_stride: usize,
    depth: usize,
    /// Distance between two rows of `a`, or two columns where it is transposed.
    stride: usize,
    /// Numbers per row of `b` and `c`.
    columns: usize,
}

/// The position on the way along the common dimension.
struct DepthWalk {
    /// Row `NEAR * k` of the tile's `a` at entry `k`; where `a` is transposed, the first row alone.
    a: [*const f32; 3],
    b: *const f32,
    /// As in [`Tile`].
    stride: usize,
    columns: usize,
}

impl DepthWalk {
    fn new(tile: &Tile, transposed: bool) -> DepthWalk {
        let Tile { a, b, stride, columns, .. } = *tile;
        let apart = if transposed { 0 } else { NEAR * stride };
        let a = [a, a.wrapping_add(apart), a.wrapping_add(2 * apart)];
        DepthWalk { a, b, stride, columns }
    }

    /// Advances by `steps`.
    #[inline(always)]
    fn advance(&mut self, steps: usize, transposed: bool) {
        let along = if transposed { self.stride } else { 1 };
        self.a = self.a.map(|a| a.wrapping_add(steps * along));
        self.b = self.b.wrapping_add(steps * self.columns);
    }

    /// Hides from the compiler how the addresses of a tile of `rows` rows depend on each other.
    /// Otherwise it computes each address from the one before, and those additions use the same
    /// ports as the products. Hidden, they are computed by the load instructions.
    #[expect(clippy::pointers_in_nomem_asm_block, reason = "the address is not followed there")]
    #[inline(always)]
    fn hide(&mut self, rows: usize, transposed: bool) {
        for (k, a) in self.a.iter_mut().enumerate() {
            if k == 0 || (!transposed && rows > k * NEAR) {
                let mut same = *a;
                // SAFETY: the assembly has no instruction; the address stays the same.
                unsafe {
                    asm!("/* {0} */", inout(reg) same, options(pure, nomem, nostack));
                }
                *a = same;
            }
        }
    }
}

/// The kernels for one register type. `$load` and `$store` skip the lanes that the mask excludes.
macro_rules! kernels {
    (
        $features:literal, $vector:ty, $lanes:literal, $mask:ty, $mask_of:ident, $load:ident,
        $store:ident, $zero:ident, $same:ident, $multiply_add:ident,
        panels $most:literal: $($panel:literal => [$tall:literal, $($rows:literal),+]),+
    ) => {
        /// The whole product, panel of columns by panel of columns.
        ///
        /// # Safety
        /// The operands must be as long as `product` and `start` say.
        #[target_feature(enable = $features)]
        pub(in super::super) unsafe fn product(
            product: Product,
            start: ProductStart<'_, f32>,
            a: &[f32],
            b: &[f32],
            c: &mut [f32],
        ) {
            let Product { rows, columns, depth, transposed } = product;
            let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
            let (mut start, mut start_stride) = match start {
                ProductStart::Zero => (null(), 0),
                ProductStart::Row(row) => (row.as_ptr(), 0),
                ProductStart::Itself => (c.cast_const(), columns),
            };
            let mut from = 0;
            // At least once, so that a product without depth still clears `c`.
            loop {
                let steps = DEPTH.min(depth - from);
                let mut at = 0;
                while at < columns {
                    let vectors = (columns - at).div_ceil($lanes);
                    // Two panels of two registers rather than one of three and one of one.
                    let wide = if vectors == $most + 1 { $most - 1 } else { vectors.min($most) };
                    let lanes = (columns - at - (wide - 1) * $lanes).min($lanes);
                    // SAFETY: `from <= depth` and `at < columns` lie within the operands.
                    unsafe {
                        let tile = Tile {
                            a: a.add(if transposed { from * rows } else { from }),
                            b: b.add(from * columns + at),
                            c: c.add(at),
                            start: if start.is_null() { start } else { start.add(at) },
                            start_stride,
                            depth: steps,
                            stride: if transposed { rows } else { depth },
                            columns,
                        };
                        let mask = $mask_of(lanes);
                        match (transposed, lanes == $lanes) {
                            (true, true) => panel::<true, true>(tile, rows, wide, mask),
                            (true, false) => panel::<true, false>(tile, rows, wide, mask),
                            (false, true) => panel::<false, true>(tile, rows, wide, mask),
                            (false, false) => panel::<false, false>(tile, rows, wide, mask),
                        }
                    }
                    at += wide * $lanes;
                }
                from += steps;
                if from >= depth {
                    return;
                }
                (start, start_stride) = (c.cast_const(), columns);
            }
        }

        /// All rows of a panel of `vectors` registers, in tiles as tall as the registers allow. `T`
        /// says whether `a` is transposed, `W` whether the last register is full: a masked load
        /// takes the time of a product.
        ///
        /// # Safety
        /// The tile, for all `rows`, must lie within the operands.
        #[target_feature(enable = $features)]
        unsafe fn panel<const T: bool, const W: bool>(
            mut tile: Tile,
            rows: usize,
            vectors: usize,
            mask: $mask,
        ) {
            let mut left = rows;
            while left > 0 {
                // SAFETY: the tile is not taller than the rows left.
                let done = unsafe {
                    match vectors {
                        $($panel => {
                            if left >= $tall {
                                tile_of::<T, W, $tall, $panel>(tile, mask);
                                $tall
                            }
                            $(else if left >= $rows {
                                tile_of::<T, W, $rows, $panel>(tile, mask);
                                $rows
                            })+
                            else {
                                tile_of::<T, W, 1, $panel>(tile, mask);
                                1
                            }
                        })+
                        _ => unreachable!("panels are at most that wide"),
                    }
                };
                tile.a = tile.a.wrapping_add(if T { done } else { done * tile.stride });
                tile.c = tile.c.wrapping_add(done * tile.columns);
                tile.start = match tile.start.is_null() {
                    true => tile.start,
                    false => tile.start.wrapping_add(done * tile.start_stride),
                };
                left -= done;
            }
        }

        /// One step of a tile, `q` steps on: the outer product of a column of `a` and a row of `b`.
        ///
        /// # Safety
        /// The tile must lie within the operands, and be that deep.
        #[target_feature(enable = $features)]
        #[inline]
        unsafe fn step<const T: bool, const W: bool, const R: usize, const V: usize>(
            walk: &DepthWalk,
            q: usize,
            mask: $mask,
            sums: &mut [[$vector; V]; R],
        ) {
            let full = $mask_of($lanes);
            // SAFETY: every address is that of an element of the tile, or masked out.
            unsafe {
                let mut row = [$zero(); V];
                for v in 0..V {
                    let mask = if v + 1 == V && !W { mask } else { full };
                    row[v] = $load(mask, walk.b.add(q * walk.columns + v * $lanes));
                }
                for r in 0..R {
                    let factor = $same(*match T {
                        true => walk.a[0].add(q * walk.stride + r),
                        false => walk.a[r / NEAR].add(r % NEAR * walk.stride + q),
                    });
                    for v in 0..V {
                        sums[r][v] = $multiply_add(factor, row[v], sums[r][v]);
                    }
                }
            }
        }

        /// One tile of `R` rows and `V` registers; the last one is masked unless it is full.
        ///
        /// # Safety
        /// The tile must lie within the operands.
        #[target_feature(enable = $features)]
        #[inline]
        unsafe fn tile_of<const T: bool, const W: bool, const R: usize, const V: usize>(
            tile: Tile,
            mask: $mask,
        ) {
            const { assert!(R <= 3 * NEAR) };
            let Tile { c, start, start_stride, depth, columns, .. } = tile;
            let full = $mask_of($lanes);
            let mask_of = |v: usize| if v + 1 == V && !W { mask } else { full };
            let mut sums = [[$zero(); V]; R];
            let mut walk = DepthWalk::new(&tile, T);
            // SAFETY: every address is that of an element of the tile, or masked out.
            unsafe {
                if !start.is_null() {
                    for r in 0..R {
                        for v in 0..V {
                            let from = start.add(r * start_stride + v * $lanes);
                            sums[r][v] = $load(mask_of(v), from);
                        }
                    }
                }
                for _ in 0..depth / UNROLLED {
                    walk.hide(R, T);
                    for q in 0..UNROLLED {
                        step::<T, W, R, V>(&walk, q, mask, &mut sums);
                    }
                    walk.advance(UNROLLED, T);
                }
                for _ in 0..depth % UNROLLED {
                    step::<T, W, R, V>(&walk, 0, mask, &mut sums);
                    walk.advance(1, T);
                }
                for r in 0..R {
                    for v in 0..V {
                        $store(c.add(r * columns + v * $lanes), mask_of(v), sums[r][v]);
                    }
                }
            }
        }
    };
}

/// Registers of sixteen numbers.
pub(super) mod avx512 {
    use std::arch::x86_64::*;
    use std::ptr::null;

    use super::{DEPTH, DepthWalk, NEAR, Product, ProductStart, Tile, UNROLLED};

    /// The first `lanes` lanes.
    fn first(lanes: usize) -> __mmask16 {
        (u32::MAX >> (32 - lanes)) as __mmask16
    }

    kernels!(
        "avx512f", __m512, 16, __mmask16, first, _mm512_maskz_loadu_ps, _mm512_mask_storeu_ps,
        _mm512_setzero_ps, _mm512_set1_ps, _mm512_fmadd_ps,
        panels 4: 4 => [6, 4, 2], 3 => [8, 4, 2], 2 => [12, 8, 4, 2], 1 => [12, 8, 4, 2]
    );
}

/// Registers of eight numbers.
pub(super) mod avx2 {
    use std::arch::x86_64::*;
    use std::ptr::null;

    use super::{DEPTH, DepthWalk, NEAR, Product, ProductStart, Tile, UNROLLED};

    /// The first `lanes` lanes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn first(lanes: usize) -> __m256i {
        let order = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes as i32), order)
    }

    /// The numbers under the mask; zero elsewhere.
    ///
    /// # Safety
    /// The numbers under the mask must be readable.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn load(mask: __m256i, from: *const f32) -> __m256 {
        // SAFETY: the caller guarantees it.
        unsafe { _mm256_maskload_ps(from, mask) }
    }

    kernels!(
        "avx2,fma", __m256, 8, __m256i, first, load, _mm256_maskstore_ps,
        _mm256_setzero_ps, _mm256_set1_ps, _mm256_fmadd_ps,
        panels 3: 3 => [4, 2], 2 => [6, 4, 2], 1 => [8, 4, 2]
    );
}
