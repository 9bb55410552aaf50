//! The same job with another number of workers.
//!
//! Machines of which there is one, such as a straggler among equal workers, stay one. The classes of
//! several workers grow and shrink in proportion. If every machine is of its own kind, new ones lie
//! evenly between them, and of too many those remain that are spread evenly.

use super::rounded;
use crate::cluster::MachineClass;
use crate::scenario::spec::Cluster;

/// Up to so many workers, each is named in its class. Beyond, shares say where new ones belong.
const NAMED: u32 = 1_000;

/// Gives the cluster this number of workers.
pub(super) fn resize(cluster: &mut Cluster, workers: u32) {
    let old: Vec<u32> = cluster.class.iter().map(|class| class.workers.len() as u32).collect();
    cluster.workers = workers;
    if old.iter().all(|&size| size == 0) {
        return;
    }
    if old.len() > 1 && old.iter().all(|&size| size == 1) && workers <= NAMED {
        return all_different(&mut cluster.class, workers);
    }
    let sizes = sizes(&old, workers);
    let grown: u32 =
        old.iter().zip(&sizes).filter(|(old, new)| new > old).map(|(_, new)| *new).sum();
    let named = workers <= NAMED;
    let mut taken = vec![false; workers as usize];
    for (class, &size) in cluster.class.iter_mut().zip(&sizes) {
        class.workers.truncate(size as usize);
        class.own.truncate(size as usize);
        for &worker in class.workers.iter().filter(|&&worker| worker < workers) {
            taken[worker as usize] = true;
        }
    }
    let mut free = (0..workers).filter(|&worker| !taken[worker as usize]);
    for ((class, &size), &old) in cluster.class.iter_mut().zip(&sizes).zip(&old) {
        // Workers whose numbers are no more get others.
        for worker in class.workers.iter_mut().filter(|worker| **worker >= workers) {
            *worker = free.next().unwrap_or(0);
        }
        let share = match grown {
            0 => f64::from(size) / f64::from(workers),
            _ if size > old => f64::from(size) / f64::from(grown),
            _ => 0.0,
        };
        class.share = Some(share);
    }
    if named {
        for (class, &size) in cluster.class.iter_mut().zip(&sizes) {
            let new = (class.workers.len() as u32..size).filter_map(|_| free.next());
            class.workers.extend(new);
        }
    }
    cluster.class.retain(|class: &MachineClass| !class.workers.is_empty());
}

/// Gives classes of one worker each, which are sorted by speed, another number of workers.
fn all_different(classes: &mut Vec<MachineClass>, workers: u32) {
    let last = (classes.len() - 1) as f64;
    let had = classes.len() as u32;
    if workers < had {
        let step = last / f64::from(workers.max(2) - 1);
        let kept: Vec<usize> =
            (0..workers).map(|k| (f64::from(k) * step).round() as usize).collect();
        let mut place = 0;
        classes.retain(|_| {
            place += 1;
            kept.contains(&(place - 1))
        });
        // Workers whose numbers are no more get others.
        let taken: Vec<u32> = classes.iter().flat_map(|class| class.workers.clone()).collect();
        let mut free = (0..workers).filter(|worker| !taken.contains(worker));
        for worker in classes.iter_mut().flat_map(|class| &mut class.workers) {
            if *worker >= workers {
                *worker = free.next().unwrap_or(0);
            }
        }
        return;
    }
    let slowdowns: Vec<f64> = classes.iter().map(|class| class.slowdown).collect();
    let new = f64::from(workers - had);
    for k in 0..workers - had {
        let at = (f64::from(k) + 0.5) / new * last;
        let below = at as usize;
        let above = (below + 1).min(classes.len() - 1);
        let part = at - below as f64;
        let slowdown = slowdowns[below] * (1.0 - part) + slowdowns[above] * part;
        let class = &mut classes[at.round() as usize];
        class.own.resize(class.workers.len(), 1.0);
        class.own.push(rounded(slowdown / class.slowdown));
        class.workers.push(had + k);
    }
    for class in classes {
        class.share = Some(class.workers.len() as f64 / f64::from(workers));
    }
}

/// How many workers each class gets.
fn sizes(old: &[u32], workers: u32) -> Vec<u32> {
    let several = old.iter().filter(|&&size| size > 1).count() as u32;
    let single = old.iter().filter(|&&size| size == 1).count() as u32;
    // With too few workers for one of each kind, chance decides: all shrink alike.
    let keep = several > 0 && workers >= single + several;
    let scales = |size: u32| if keep { size > 1 } else { size > 0 };
    let total: u64 = old.iter().filter(|&&size| scales(size)).map(|&size| u64::from(size)).sum();
    let left = u64::from(if keep { workers - single } else { workers });
    // Rounded sums, so that the sizes add up.
    let (mut sum, mut given) = (0, 0);
    let size = |&size: &u32| {
        if !scales(size) {
            return size;
        }
        sum += u64::from(size);
        let until = (2 * left * sum + total) / (2 * total);
        let own = until - given;
        given = until;
        own as u32
    };
    old.iter().map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_machine_stays_single_and_equal_ones_grow() {
        assert_eq!(sizes(&[3, 1], 8), [7, 1]);
        assert_eq!(sizes(&[7, 1], 4), [3, 1]);
        assert_eq!(sizes(&[4], 16), [16]);
        assert_eq!(sizes(&[2, 4, 1], 13), [4, 8, 1]);
        // No class has several: all grow.
        assert_eq!(sizes(&[1, 1, 1, 1], 8), [2, 2, 2, 2]);
        assert_eq!(sizes(&[1; 8], 4).iter().sum::<u32>(), 4);
        // One worker cannot be of both kinds.
        assert_eq!(sizes(&[3, 1], 1).iter().sum::<u32>(), 1);
        for workers in 1..60 {
            for old in [&[5, 3, 2, 1, 1][..], &[1, 1, 1], &[2, 2], &[1]] {
                assert_eq!(sizes(old, workers).iter().sum::<u32>(), workers, "{old:?}");
            }
        }
    }

    fn cluster(classes: &[&[u32]]) -> Cluster {
        let class = |workers: &&[u32]| MachineClass {
            name: String::new(),
            share: None,
            slowdown: 1.0,
            spread: 0.0,
            law: None,
            workers: workers.to_vec(),
            own: workers.iter().map(|&worker| 1.0 + f64::from(worker)).collect(),
        };
        let workers = classes.iter().map(|class| class.len() as u32).sum();
        Cluster { workers, class: classes.iter().map(class).collect(), ..Cluster::default() }
    }

    #[test]
    fn workers_keep_their_numbers_as_far_as_there_are_any() {
        let mut grown = cluster(&[&[0, 2, 3], &[1]]);
        resize(&mut grown, 6);
        assert_eq!(grown.class[0].workers, [0, 2, 3, 4, 5]);
        assert_eq!(grown.class[1].workers, [1]);
        assert_eq!(grown.class[0].own, [1.0, 3.0, 4.0]);
        let mut shrunk = cluster(&[&[0, 1, 2], &[3]]);
        resize(&mut shrunk, 2);
        assert_eq!(shrunk.class[0].workers, [0]);
        // The slow machine was worker 3, and is worker 1 now.
        assert_eq!(
            (&shrunk.class[1].workers[..], &shrunk.class[1].own[..]),
            (&[1][..], &[4.0][..])
        );
    }

    /// Times of 1, 4, 7 and 10: four more lie in the middle of each quarter of the way.
    #[test]
    fn new_machines_lie_between_those_that_all_differ() {
        let machines = || {
            let mut machines = cluster(&[&[3], &[2], &[1], &[0]]);
            for (class, slowdown) in machines.class.iter_mut().zip([1.0, 4.0, 7.0, 10.0]) {
                (class.slowdown, class.own) = (slowdown, Vec::new());
            }
            machines
        };
        let times = |cluster: &Cluster| {
            let mut all: Vec<(u32, f64)> = Vec::new();
            for class in &cluster.class {
                for (place, &worker) in class.workers.iter().enumerate() {
                    let own = class.own.get(place).copied().unwrap_or(1.0);
                    all.push((worker, class.slowdown * own));
                }
            }
            all.sort_by_key(|(worker, _)| *worker);
            assert!(all.iter().zip(0..).all(|((worker, _), k)| *worker == k), "{all:?}");
            all.into_iter().map(|(_, time)| time).collect::<Vec<_>>()
        };
        let mut grown = machines();
        resize(&mut grown, 8);
        let wanted = [10.0, 7.0, 4.0, 1.0, 2.125, 4.375, 6.625, 8.875];
        assert!(times(&grown).iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-5));
        let mut shrunk = machines();
        resize(&mut shrunk, 2);
        assert_eq!(times(&shrunk), [10.0, 1.0]);
    }

    #[test]
    fn thousands_of_new_workers_are_not_named() {
        let mut large = cluster(&[&[0, 1, 2], &[3]]);
        resize(&mut large, 5_000);
        assert_eq!(large.class[0].workers, [0, 1, 2]);
        assert_eq!((large.class[0].share, large.class[1].share), (Some(1.0), Some(0.0)));
    }
}
