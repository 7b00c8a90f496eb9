//! The processes below this one, from /proc (proc(5)). As a subreaper it is the ancestor of whatever a command starts,
//! also of what has left its group and session.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use std::{fs, path::Path, thread::sleep, time::Duration};

/// Between two looks for who is left.
const PAUSE: Duration = Duration::from_millis(5);

/// Every process below the one with this id, parents first.
pub(super) fn below(pid: u32) -> Vec<u32> {
    let mut found = children(pid);
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(children(parent));
        next += 1;
    }
    found
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Bytes of memory that the processes have in use, without what they have mapped of files; what a fork has not written
/// to yet counts for parent and child.
pub(super) fn memory(pids: &[u32]) -> u64 {
    pids.iter().map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).map_or(0, |status| in_use(&status))).sum()
}

/// As `status` says it in kB.
fn in_use(status: &str) -> u64 {
    let fields = status.lines().filter_map(|line| line.split_once(':'));
    let own = fields.filter(|(name, _)| ["RssAnon", "RssShmem"].contains(name));
    own.filter_map(|(_, value)| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()).sum::<u64>() * 1024
}

/// Bytes and number of what lies in `folder`; counts no further than `most` entries.
pub(super) fn on_disk(folder: &Path, most: usize) -> (u64, usize) {
    let (mut bytes, mut entries, mut folders) = (0, 0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            entries += 1;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
            if entries > most {
                return (bytes, entries);
            }
        }
    }
    (bytes, entries)
}

/// Ends every process below this one. Stopped first, none can start another while the others are ended.
pub(super) fn kill_all() {
    let own = std::process::id();
    loop {
        let left = below(own);
        if left.is_empty() {
            return;
        }
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in left.iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
                // It may be gone already.
                let _ = kill_process(pid, signal);
            }
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_memory_counts_and_that_of_files_does_not() {
        let status =
            "Name:\tx\nVmRSS:\t   3000 kB\nRssAnon:\t     100 kB\nRssFile:\t    2800 kB\nRssShmem:\t     20 kB\n";
        assert_eq!(in_use(status), 120 * 1024);
        let before = memory(&[std::process::id()]);
        let block = vec![1_u8; 32 << 20];
        let after = memory(&[std::process::id()]);
        assert!(after >= before + (30 << 20), "{before} {after} {}", block.len());
    }
}
