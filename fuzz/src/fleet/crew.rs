//! Work on all hosts, several at a time.

use std::sync::Mutex;
use std::thread;

/// Maximum number of hosts that are worked on at a time.
const MAX_CONNECTIONS: usize = 16;

/// Does the work for each item, several at a time, and returns the results in their order.
pub fn for_all<Item: Send, Output: Send>(
    items: impl IntoIterator<Item = Item, IntoIter: Send>,
    work: impl Fn(Item) -> Output + Sync,
) -> Vec<Output> {
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(|poison| poison.into_inner()).next();
    let worker = || std::iter::from_fn(next).map(|(index, item)| (index, work(item))).collect::<Vec<_>>();
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..MAX_CONNECTIONS).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().flat_map(|worker| match worker.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect::<Vec<_>>()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let results = for_all(0..100, |number| number * 2);
        assert_eq!(results, (0..100).map(|number| number * 2).collect::<Vec<_>>());
    }
}
