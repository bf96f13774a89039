//! Removal of System V shared memory that killed instances of afl-fuzz have left behind.

use std::collections::BTreeSet;
use std::fs;
use std::ptr;

/// File in which the kernel lists the segments (proc_sysvipc(5)).
const SEGMENTS: &str = "/proc/sysvipc/shm";

/// Removes the segments that these processes have created and that no process has attached.
pub fn remove_left_behind(creators: &BTreeSet<i32>) {
    let list = fs::read_to_string(SEGMENTS).unwrap_or_default();
    for segment in left_behind(&list, creators) {
        // SAFETY: shmctl(2) ignores its buffer for IPC_RMID, so a null pointer is valid. Attached memory stays mapped.
        let _removed_by_somebody_else = unsafe { libc::shmctl(segment, libc::IPC_RMID, ptr::null_mut()) };
    }
}

/// Returns the ids of segments that these processes have created and no process has attached.
fn left_behind(list: &str, creators: &BTreeSet<i32>) -> Vec<i32> {
    let mut lines = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let names = lines.next().unwrap_or_default();
    let column = |name| names.iter().position(|found| *found == name);
    let (Some(number), Some(creator), Some(attached)) = (column("shmid"), column("cpid"), column("nattch"))
    else {
        return Vec::new();
    };
    let value = |line: &[&str], column: usize| line.get(column)?.parse::<i32>().ok();
    lines
        .filter(|line| value(line, attached) == Some(0))
        .filter(|line| value(line, creator).is_some_and(|creator| creators.contains(&creator)))
        .filter_map(|line| value(&line, number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unused_segments_of_these_creators_are_found() {
        let list = "       key      shmid perms       size  cpid  lpid nattch\n\
                    0 1 600 65536 100 101 0\n0 2 600 65536 100 101 1\n0 3 600 65536 200 101 0\n";
        assert_eq!(left_behind(list, &BTreeSet::from([100])), [1]);
        assert_eq!(left_behind("", &BTreeSet::from([100])), [0; 0]);
    }
}
