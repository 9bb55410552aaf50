//! The memory that trials may take together when they run side by side.

use std::sync::{Condvar, Mutex, PoisonError};

/// Memory that is given out and given back.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    taken: Mutex<u64>,
    freed: Condvar,
}

/// A part of a budget; given back when dropped.
#[derive(Debug)]
pub struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit: u64) -> Budget {
        Budget { limit, taken: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until `bytes` fit beside the shares of the others. More than the whole budget fits
    /// once there are no other shares.
    pub fn take(&self, bytes: u64) -> Share<'_> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0 && taken.saturating_add(bytes) > self.limit {
            taken = self.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        // At least one byte, so that other threads see the share.
        let bytes = bytes.clamp(1, u64::MAX / 2 - *taken / 2);
        *taken += bytes;
        Share { budget: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self.budget.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken -= self.bytes;
        self.budget.freed.notify_all();
    }
}

/// The memory that is free for new programs, if the system tells it.
pub fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn together_they_never_have_more_than_there_is_unless_alone() {
        let budget = Budget::new(10);
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [4, 6, 3, 25, 7, 1, 5, 0] {
                let (budget, now, most) = (&budget, &now, &most);
                scope.spawn(move || {
                    let _share = budget.take(bytes);
                    let taken = now.fetch_add(bytes, Ordering::SeqCst) + bytes;
                    if bytes <= 10 {
                        most.fetch_max(taken, Ordering::SeqCst);
                    } else {
                        assert_eq!(taken, bytes, "it has the budget for itself");
                    }
                    now.fetch_sub(bytes, Ordering::SeqCst);
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 10);
        assert_eq!(*budget.taken.lock().unwrap(), 0);
    }
}
