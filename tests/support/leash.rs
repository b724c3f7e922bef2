//! Signals for child processes; and the end of one when the test process ends, be it by
//! SIGKILL.
//!
//! A static is never dropped and a killed process runs no destructor, so a small shell holds
//! the other end of a pipe: when the test process is gone, the pipe closes, and the shell kills
//! the child.
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub struct Leash {
    shell: Child,
}

impl Leash {
    /// Removes the folder when the test process ends.
    #[allow(dead_code)] // not every test binary needs it
    pub fn attach_folder(leftover: &Path) -> Leash {
        let shell = Command::new("sh")
            .arg("-c")
            .arg("read -r _; rm -rf \"$1\"")
            .arg("leash")
            .arg(leftover)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        Leash { shell }
    }

    /// Kills the process `pid` when the test process ends, then removes the folder `leftover`.
    pub fn attach(pid: u32, leftover: Option<&Path>) -> Leash {
        let shell = Command::new("sh")
            .arg("-c")
            .arg(
                // A killed process writes nothing more, but its last system call may still end.
                "read -r _; kill -9 \"$1\"; sleep 0.2; test -z \"$2\" || rm -rf \"$2\"",
            )
            .arg("leash")
            .arg(pid.to_string())
            .arg(leftover.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C reaches the whole foreground group; the shell must survive it.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        Leash { shell }
    }
}

impl Drop for Leash {
    /// The child is reaped by whoever holds it, so its pid may soon belong to another process.
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Sends SIG`name` to a child that has not been waited for.
///
/// # Panics
///
/// When it cannot be sent.
pub fn send_signal(process: &Child, name: &str) {
    // The shell's own kill: the program of that name is not on every machine.
    let sent = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {}", process.id()))
        .status()
        .expect("sh starts");
    assert!(sent.success(), "SIG{name} could not be sent");
}
