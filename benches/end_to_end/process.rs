//! What a process has taken, as Linux tells it.
use std::fs;

#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub user_seconds: f64,
    pub system_seconds: f64,
    /// The most memory it was resident with.
    pub peak_megabytes: f64,
}

impl Usage {
    pub fn of(pid: u32) -> Usage {
        let stat = read(pid, "stat");
        // proc(5): fields 14 and 15, in ticks of 10 ms; the name is in brackets.
        let after_name = stat.rsplit(") ").next().expect("a name in brackets");
        let mut ticks = after_name
            .split(' ')
            .skip(11)
            .map(|ticks| ticks.parse::<u32>().expect("a number of ticks"));
        let mut seconds = || f64::from(ticks.next().expect("user and system time")) / 100.0;
        Usage {
            user_seconds: seconds(),
            system_seconds: seconds(),
            peak_megabytes: peak_kib(&read(pid, "status")) / 1_024.0,
        }
    }

    /// Of several processes: their time together, and the highest of their peaks.
    pub fn of_all(pids: impl IntoIterator<Item = u32>) -> Usage {
        let all = pids.into_iter().map(Usage::of);
        all.reduce(|one, other| Usage {
            user_seconds: one.user_seconds + other.user_seconds,
            system_seconds: one.system_seconds + other.system_seconds,
            peak_megabytes: one.peak_megabytes.max(other.peak_megabytes),
        })
        .expect("a process")
    }

    pub fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }
}

fn read(pid: u32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{file}")).expect("the process is still there")
}

fn peak_kib(status: &str) -> f64 {
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok())
        .expect("the peak of the resident memory")
}
