//! The Kafka clients: their settings, what their callbacks tell, and what their errors mean.
mod committer;
mod error;
mod events;
mod heard;
mod properties;
mod resolver;
mod statistics;
mod token;
mod topics;
mod transactor;

pub use committer::Committer;
pub use error::{classify, is_no_member, missing_right};
pub use events::{
    Acknowledgement, ClientError, ConsumerEvents, Failure, GroupEvent, Mailbox, ProducerEvents,
};
pub use heard::Heard;
pub use properties::{
    PropertyFault, batch_bytes, common, consumer, max_batch_bytes, max_output_bytes, producer,
    properties_fault, reader,
};
pub use resolver::{OffsetLost, Resolved, Resolver, Round};
pub use statistics::{PartitionLag, Statistics};
pub use token::{
    Credential, NoToken, Refresher, Renewal, Token, TokenError, Tokens, current_token,
};
pub use topics::expand;
pub use transactor::{TransactionEvent, Transactor, make_transactional, remedy, transactional_id};
