//! Where the producer puts a key.
use flate2::Crc;

/// The partition of a record with that key: librdkafka's `consistent` and `consistent_random`,
/// the CRC-32 of the key modulo the number of partitions.
pub fn of_key(key: &[u8], partitions: i32) -> i32 {
    let mut crc = Crc::new();
    crc.update(key);
    let partitions = u32::try_from(partitions).unwrap_or(1).max(1);
    i32::try_from(crc.sum() % partitions).unwrap_or(0)
}

/// Whether a producer with that `partitioner` puts keys where [`of_key`] says.
pub fn is_known(partitioner: Option<&str>) -> bool {
    matches!(partitioner, None | Some("consistent" | "consistent_random"))
}
