//! The downhill simplex of Nelder and Mead (1965): the minimum of a function without derivatives.

/// Looks for the minimum of `f` from `start`, with steps of the given sizes at first; `rounds`
/// values at most. Returns the place and its value.
///
/// # Errors
/// The first error of `f`.
pub(super) fn minimise<const N: usize, E>(
    mut f: impl FnMut(&[f64; N]) -> Result<f64, E>,
    start: &[f64; N],
    sizes: &[f64; N],
    rounds: usize,
) -> Result<([f64; N], f64), E> {
    let mut corners = vec![(*start, f(start)?)];
    for (k, size) in sizes.iter().enumerate() {
        let mut corner = *start;
        corner[k] += size;
        let value = f(&corner)?;
        corners.push((corner, value));
    }
    let mut used = corners.len();
    loop {
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        if used >= rounds {
            return Ok(corners.swap_remove(0));
        }
        let mean = |k: usize| corners[..N].iter().map(|(at, _)| at[k]).sum::<f64>() / N as f64;
        let centre: [f64; N] = std::array::from_fn(mean);
        let worst = corners[N];
        let mut along = |times: f64| -> Result<([f64; N], f64), E> {
            let at = std::array::from_fn(|k| centre[k] + times * (centre[k] - worst.0[k]));
            let value = f(&at)?;
            used += 1;
            Ok((at, value))
        };
        let reflected = along(1.0)?;
        if reflected.1 < corners[0].1 {
            let further = along(2.0)?;
            corners[N] = if further.1 < reflected.1 { further } else { reflected };
            continue;
        }
        if reflected.1 < corners[N - 1].1 {
            corners[N] = reflected;
            continue;
        }
        let nearer = if reflected.1 < worst.1 { along(0.5)? } else { along(-0.5)? };
        if nearer.1 < worst.1.min(reflected.1) {
            corners[N] = nearer;
            continue;
        }
        let best = corners[0].0;
        for (at, value) in &mut corners[1..] {
            at.iter_mut().zip(best).for_each(|(x, b)| *x = 0.5 * (*x + b));
            *value = f(at)?;
            used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_the_end_of_a_curved_valley() {
        let rosenbrock = |at: &[f64; 2]| -> Result<f64, ()> {
            let (a, b) = (1.0 - at[0], at[1] - at[0] * at[0]);
            Ok(a * a + 100.0 * b * b)
        };
        let (at, value) = minimise(rosenbrock, &[-1.2, 1.0], &[0.5, 0.5], 300).unwrap();
        assert!((at[0] - 1.0).abs() < 1e-3 && (at[1] - 1.0).abs() < 1e-3, "{at:?} {value}");
    }

    #[test]
    fn an_error_ends_the_search() {
        let mut calls = 0;
        let failing = |_: &[f64; 2]| {
            calls += 1;
            if calls > 5 { Err("no") } else { Ok(f64::from(calls)) }
        };
        assert_eq!(minimise(failing, &[0.0, 0.0], &[1.0, 1.0], 100), Err("no"));
    }
}
