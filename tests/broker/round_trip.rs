//! What goes into a topic comes out of it: the ground the other broker tests stand on.
use std::collections::BTreeSet;

use crate::support::{produce, read_all, topic};

#[test]
fn a_thousand_messages_come_back_from_the_partitions_they_were_sent_to() {
    let topic = topic("round-trip", 4);
    let bodies: Vec<String> = (0..1_000).map(|n| format!("message {n}")).collect();

    produce(&topic, &bodies, |n| i32::try_from(n % 4).expect("below 4"));
    let messages = read_all(&topic);

    let sent: BTreeSet<&[u8]> = bodies.iter().map(String::as_bytes).collect();
    let read: BTreeSet<&[u8]> = messages.iter().map(|m| m.payload.as_slice()).collect();
    assert_eq!(messages.len(), 1_000);
    assert_eq!(read, sent);
    for message in &messages {
        let offset = usize::try_from(message.offset).expect("from 0");
        let partition = usize::try_from(message.partition).expect("from 0");
        assert_eq!(message.payload, bodies[offset * 4 + partition].as_bytes());
    }
}
