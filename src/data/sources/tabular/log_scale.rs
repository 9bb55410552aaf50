//! `sign(x) ln(1 + |x|)`, fast for small whole numbers; most counts are small.

/// The values of counts below this come from a table.
const KNOWN: u32 = 4096;

/// The scale with its table.
#[derive(Clone, Debug)]
pub(crate) struct LogScale {
    known: Vec<f64>,
}

impl LogScale {
    /// Computes the table.
    pub(crate) fn new() -> LogScale {
        LogScale { known: (0..KNOWN).map(|count| libm::log1p(f64::from(count))).collect() }
    }

    /// `sign(x) ln(1 + |x|)`.
    #[inline]
    pub(crate) fn of(&self, x: f64) -> f64 {
        let size = x.abs();
        let count = size as u32;
        let scaled = match self.known.get(count as usize) {
            Some(known) if f64::from(count) == size => *known,
            _ => libm::log1p(size),
        };
        scaled.copysign(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_changes_no_bit() {
        let scale = LogScale::new();
        for x in [0.0, -0.0, 1.0, -1.0, 2.5, 4095.0, 4096.0, -60_000.0, 1e30, 4294967297.0] {
            let exact = libm::log1p(f64::abs(x)).copysign(x);
            assert_eq!(scale.of(x).to_bits(), exact.to_bits(), "{x}");
        }
    }
}
