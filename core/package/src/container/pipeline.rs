//! Work on several threads, results in order, memory bounded.

use std::collections::VecDeque;
use std::thread::{self, ScopedJoinHandle};

/// Takes items, works on up to `threads` of them at once, and hands the results to `sink` in the items' order.
///
/// Items are taken and results handed on by the calling thread; at most `threads` items are in flight. A thread is
/// started for each item: items are megabytes, a thread costs microseconds.
///
/// # Errors
/// The first error of `items` or `sink`; work in flight is then waited for and dropped.
pub(super) fn in_order<T, R, E>(
    items: impl Iterator<Item = Result<T, E>>,
    threads: usize,
    work: impl Fn(T) -> R + Sync,
    mut sink: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E>
where
    T: Send,
    R: Send,
{
    let work = &work;
    thread::scope(|scope| {
        let mut running: VecDeque<ScopedJoinHandle<'_, R>> = VecDeque::new();
        for item in items {
            let item = item?;
            running.push_back(scope.spawn(move || work(item)));
            if running.len() >= threads.max(1)
                && let Some(oldest) = running.pop_front()
            {
                sink(join(oldest))?;
            }
        }
        running.into_iter().try_for_each(|thread| sink(join(thread)))
    })
}

fn join<R>(thread: ScopedJoinHandle<'_, R>) -> R {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// One more than there are cores, because one of them waits while the caller reads or writes; at most three, which
/// keeps the memory of chunks in flight below 64 MB.
pub(crate) fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| (cores.get() + 1).min(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_takes_longest() {
        let items = (0..50_u64).map(Ok::<_, ()>);
        let mut seen = Vec::new();
        let work = |item: u64| {
            thread::sleep(std::time::Duration::from_micros((item * 7919) % 500));
            item
        };
        in_order(items, 4, work, |result| {
            seen.push(result);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_ends_it() {
        let items = [Ok(1), Ok(2), Err("broken"), Ok(3)];
        let mut seen = Vec::new();
        let result = in_order(
            items.into_iter(),
            1,
            |item| item,
            |result| {
                seen.push(result);
                Ok(())
            },
        );
        assert_eq!((result, seen), (Err("broken"), vec![1, 2]));
    }
}
