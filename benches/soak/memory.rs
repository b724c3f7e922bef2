//! Does the memory of a process stay flat?
use std::fs;

/// Anonymous memory may grow by so much between the second quarter and the last, by their
/// medians. It is what an allocator keeps of the worst burst so far: after a fault the process
/// reads in seconds what has gathered, and holds more partitions or fewer. A leak grows with
/// every record: in half an hour, of which the process reads some 100,000 records between the two
/// quarters, one of 40 bytes a record is more than this.
pub const ALLOWANCE: f64 = 4e6;

/// Anonymous memory over time, in bytes.
#[derive(Default)]
pub struct Memory(Vec<f64>);

impl Memory {
    pub fn add(&mut self, bytes: f64) {
        self.0.push(bytes);
    }

    pub fn samples(&self) -> usize {
        self.0.len()
    }

    /// The medians of the four quarters.
    pub fn quarters(&self) -> [f64; 4] {
        let length = self.0.len() / 4;
        std::array::from_fn(|number| {
            let mut part = self.0[number * length..(number + 1) * length].to_vec();
            part.sort_by(f64::total_cmp);
            part.get(part.len() / 2).copied().unwrap_or(0.0)
        })
    }

    /// Not where it could not be read: then there is nothing to go by.
    pub fn is_flat(&self) -> bool {
        let [_, second, _, last] = self.quarters();
        second > 0.0 && last > 0.0 && last - second <= ALLOWANCE
    }
}

/// Memory of a process that is no file's, in bytes; 0 where it is gone.
pub fn anonymous_bytes(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1024.0
}
