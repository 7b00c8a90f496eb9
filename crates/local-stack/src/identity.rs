//! Identity of a process: numbers are used again; number, start and boot together are not.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use tokio::process::Command;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub pid: u32,
    /// Clock ticks between the boot and its start.
    started: u64,
    boot: String,
}

impl Identity {
    pub fn is_alive(&self) -> bool {
        of(self.pid).is_ok_and(|now| now == *self)
    }
}

/// An error if there is no such process, or only its remains.
pub fn of(pid: u32) -> Result<Identity> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let started = start_of(&stat).with_context(|| format!("process {pid} has ended"))?;
    Ok(Identity { pid, started, boot: fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned() })
}

/// Field 22 of `/proc/<pid>/stat`, see proc(5); `None` for a zombie.
fn start_of(stat: &str) -> Option<u64> {
    // Field 2 is the program's name in parentheses, in which anything may occur.
    let mut after_name = stat.rsplit_once(") ")?.1.split(' ');
    let state = after_name.next()?;
    if state == "Z" { None } else { after_name.nth(18)?.parse().ok() }
}

/// Sends a signal by name. The shell's own `kill`: a bare Debian has no other, and a system call would need unsafe
/// code.
pub async fn signal(pid: u32, name: &str) -> Result<()> {
    Command::new("/bin/sh")
        .args(["-c", "kill -s \"$0\" \"$1\" 2>/dev/null || true", name, &pid.to_string()])
        .status()
        .await
        .context("cannot run /bin/sh")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let stat = "42 (a) R b) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 9 9";
        assert_eq!(start_of(stat), Some(777));
        assert_eq!(start_of("42 (a) Z 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 9 9"), None);
    }

    #[test]
    fn another_process_with_our_number_is_not_us() {
        let own = of(std::process::id()).unwrap();
        assert!(own.is_alive());
        assert!(!Identity { started: own.started + 1, ..own.clone() }.is_alive());
        assert!(!Identity { boot: "another".into(), ..own }.is_alive());
    }
}
