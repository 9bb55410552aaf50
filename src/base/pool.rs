//! Host threads that compute jobs ahead. They decide nothing: a job is a pure function of its
//! inputs, so results are the same for any number of threads.
//!
//! Jobs are taken in order of need (`due`). A thread that waits for an unstarted job runs it
//! itself. If another thread runs that job, the waiting thread works on the next one instead of
//! sleeping. So a pool of one thread is the sequential program and needs no lock. A job whose
//! [`Pending`] is dropped before it started is never computed.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::time::SimTime;

type JobFn<T, W> = Box<dyn FnOnce(&mut W) -> T + Send>;

/// A fixed set of threads, each with its own workspace `W` that its jobs may reuse.
pub struct Pool<W> {
    shared: Arc<Shared<W>>,
    helpers: Vec<JoinHandle<()>>,
    workspace: W,
    submitted: u64,
}

/// A job's result, available now or later. Dropping it cancels the job if it has not started.
pub struct Pending<T, W> {
    offer: Offer<T, W>,
}

enum Offer<T, W> {
    /// To the thread that waits for it; the pool has no other.
    Alone(JobFn<T, W>),
    /// To all threads.
    Shared(Claim<T, W>),
}

/// A task that is cancelled with the claim to its result.
struct Claim<T, W>(Arc<Task<T, W>>);

struct Shared<W> {
    queue: Mutex<Queue<W>>,
    wake: Condvar,
}

struct Queue<W> {
    jobs: BinaryHeap<QueuedTask<W>>,
    /// Number of sleeping helpers: no system call is needed if there are none to wake.
    asleep: usize,
    closed: bool,
}

struct QueuedTask<W> {
    due: SimTime,
    order: u64,
    task: Arc<dyn Runnable<W>>,
}

struct Task<T, W> {
    state: Mutex<State<T, W>>,
    done: Condvar,
}

enum State<T, W> {
    Waiting(JobFn<T, W>),
    /// And whether a thread sleeps until it is done.
    Running(bool),
    Done(thread::Result<T>),
    /// Cancelled before it started, or its result was taken.
    Gone,
}

trait Runnable<W>: Send + Sync {
    /// Runs the job unless another thread has started or cancelled it.
    fn run(&self, workspace: &mut W) -> bool;
}

/// Locks. The panic of a job is carried by its result, so a poisoned lock holds good data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send, W> Runnable<W> for Task<T, W> {
    fn run(&self, workspace: &mut W) -> bool {
        let job = {
            let mut state = lock(&self.state);
            match std::mem::replace(&mut *state, State::Running(false)) {
                State::Waiting(job) => job,
                other => {
                    *state = other;
                    return false;
                }
            }
        };
        let result = catch_unwind(AssertUnwindSafe(|| job(workspace)));
        let before = std::mem::replace(&mut *lock(&self.state), State::Done(result));
        if let State::Running(true) = before {
            self.done.notify_all();
        }
        true
    }
}

impl<T, W> Task<T, W> {
    /// Takes the result, if the job is done.
    fn result(&self) -> Option<thread::Result<T>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Gone) {
            State::Done(result) => Some(result),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Sleeps while the job runs.
    fn sleep(&self) {
        let running = |state: &mut State<T, W>| match state {
            State::Running(awaited) => {
                *awaited = true;
                true
            }
            _ => false,
        };
        drop(self.done.wait_while(lock(&self.state), running));
    }
}

impl<W: Default + Send + 'static> Pool<W> {
    /// A pool of `threads` host threads, including the caller's; zero counts as one. If the system
    /// refuses a thread, those that there are do all the work.
    pub fn new(threads: usize) -> Pool<W> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { jobs: BinaryHeap::new(), asleep: 0, closed: false }),
            wake: Condvar::new(),
        });
        let helper = |_| {
            let shared = Arc::clone(&shared);
            thread::Builder::new().spawn(move || help(&shared)).ok()
        };
        let helpers = (1..threads.max(1)).map_while(helper).collect();
        Pool { shared, helpers, workspace: W::default(), submitted: 0 }
    }

    /// Number of host threads, including the caller's.
    pub fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Offers a job that will be needed at `due`.
    pub fn submit<T: Send + 'static>(
        &mut self,
        due: SimTime,
        job: impl FnOnce(&mut W) -> T + Send + 'static,
    ) -> Pending<T, W> {
        let job = Box::new(job);
        if self.helpers.is_empty() {
            return Pending { offer: Offer::Alone(job) };
        }
        let task = Arc::new(Task { state: Mutex::new(State::Waiting(job)), done: Condvar::new() });
        let order = self.submitted;
        self.submitted += 1;
        let entry = QueuedTask { due, order, task: Arc::clone(&task) as Arc<dyn Runnable<W>> };
        let mut queue = lock(&self.shared.queue);
        queue.jobs.push(entry);
        let asleep = queue.asleep > 0;
        drop(queue);
        if asleep {
            self.shared.wake.notify_one();
        }
        Pending { offer: Offer::Shared(Claim(task)) }
    }

    /// The job's result, computed here if no thread has started it.
    ///
    /// # Panics
    /// If the job panicked: its panic continues in the caller.
    pub fn wait<T: Send>(&mut self, pending: Pending<T, W>) -> T {
        let claim = match pending.offer {
            Offer::Alone(job) => return job(&mut self.workspace),
            Offer::Shared(claim) => claim,
        };
        let task = claim.0.as_ref();
        task.run(&mut self.workspace);
        loop {
            if let Some(result) = task.result() {
                return result.unwrap_or_else(|panic| resume_unwind(panic));
            }
            // Another thread runs it: do something useful meanwhile.
            let other = lock(&self.shared.queue).jobs.pop();
            match other {
                Some(entry) => _ = entry.task.run(&mut self.workspace),
                None => task.sleep(),
            }
        }
    }

    /// Runs `job` in the calling thread, with its workspace.
    pub fn run_here<T>(&mut self, job: impl FnOnce(&mut W) -> T) -> T {
        job(&mut self.workspace)
    }
}

fn help<W: Default>(shared: &Shared<W>) {
    let mut workspace = W::default();
    let mut queue = lock(&shared.queue);
    loop {
        if let Some(entry) = queue.jobs.pop() {
            drop(queue);
            entry.task.run(&mut workspace);
            queue = lock(&shared.queue);
        } else if queue.closed {
            return;
        } else {
            queue.asleep += 1;
            queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.asleep -= 1;
        }
    }
}

impl<W> Drop for Pool<W> {
    fn drop(&mut self) {
        {
            let mut queue = lock(&self.shared.queue);
            queue.closed = true;
            queue.jobs.clear();
        }
        self.shared.wake.notify_all();
        for helper in self.helpers.drain(..) {
            // A helper cannot panic: jobs are caught.
            drop(helper.join());
        }
    }
}

impl<T, W> Drop for Claim<T, W> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        if let State::Waiting(_) = *state {
            *state = State::Gone;
        }
    }
}

impl<T, W> fmt::Debug for Pending<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

impl<W> fmt::Debug for Pool<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool of {} threads", self.helpers.len() + 1)
    }
}

impl<W> PartialEq for QueuedTask<W> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<W> Eq for QueuedTask<W> {}
impl<W> PartialOrd for QueuedTask<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<W> Ord for QueuedTask<W> {
    /// The greatest of the heap is the job needed first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering as Atomic};

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let run = |threads| {
            let mut pool = Pool::<Vec<u64>>::new(threads);
            let pending: Vec<_> = (0..200u64)
                .map(|i| {
                    pool.submit(SimTime(i), move |scratch: &mut Vec<u64>| {
                        scratch.clear();
                        scratch.extend((0..100).map(|k| k * i));
                        scratch.iter().sum::<u64>()
                    })
                })
                .collect();
            pending.into_iter().map(|p| pool.wait(p)).collect::<Vec<_>>()
        };
        let one = run(1);
        assert_eq!(one[3], 4950 * 3);
        assert_eq!(one, run(2));
        assert_eq!(one, run(8));
    }

    #[test]
    fn what_is_dropped_before_it_started_is_never_computed() {
        let runs = Arc::new(AtomicUsize::new(0));
        let mut pool = Pool::<()>::new(1);
        for i in 0..10 {
            let runs = Arc::clone(&runs);
            drop(pool.submit(SimTime(i), move |()| runs.fetch_add(1, Atomic::SeqCst)));
        }
        drop(pool);
        assert_eq!(runs.load(Atomic::SeqCst), 0);
    }

    #[test]
    fn a_panic_reaches_whoever_waits() {
        for threads in [1, 3] {
            let mut pool = Pool::<()>::new(threads);
            let pending = pool.submit(SimTime(0), |()| panic!("boom"));
            let caught = catch_unwind(AssertUnwindSafe(|| pool.wait::<()>(pending)));
            assert!(caught.is_err());
        }
    }
}
