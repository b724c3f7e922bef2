//! What an error code of the client means for the worker.
use rdkafka::types::RDKafkaErrorCode;

use crate::telemetry::BrokerFault;

/// Only [`BrokerFault::Fatal`] ends the worker and only [`BrokerFault::TooLarge`] is about a
/// record; everything else passes or is mended outside, and is tried again.
pub fn classify(code: RDKafkaErrorCode) -> BrokerFault {
    use RDKafkaErrorCode as Code;
    match code {
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::SSL
        | Code::IllegalSASLState
        | Code::UnsupportedSASLMechanism => BrokerFault::Authentication,
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => BrokerFault::Authorization,
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            BrokerFault::TopicMissing
        }
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => BrokerFault::TooLarge,
        Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve => {
            BrokerFault::Unreachable
        }
        Code::OperationTimedOut | Code::MessageTimedOut | Code::RequestTimedOut => {
            BrokerFault::TimedOut
        }
        // Event Hubs answers so when throttling takes longer than the request may.
        Code::PolicyViolation | Code::ThrottlingQuotaExceeded => BrokerFault::Throttled,
        Code::Fatal | Code::Fenced | Code::FencedInstanceId | Code::InconsistentGroupProtocol => {
            BrokerFault::Fatal
        }
        _ => BrokerFault::Other,
    }
}

/// Which right an operator must grant, for a code that means [`BrokerFault::Authorization`].
pub fn missing_right(code: RDKafkaErrorCode, client: &str) -> &'static str {
    use RDKafkaErrorCode as Code;
    match (code, client) {
        (Code::GroupAuthorizationFailed, _) => {
            "READ on the consumer group input.group_id; at Event Hubs the role Azure Event Hubs \
             Data Receiver, or Listen in the connection string"
        }
        (Code::TopicAuthorizationFailed, "consumer") => {
            "READ on the topics of input.topics; at Event Hubs the role Azure Event Hubs Data \
             Receiver, or Listen in the connection string"
        }
        (Code::TopicAuthorizationFailed, _) => {
            "WRITE on output.topic and dead_letter.topic; at Event Hubs the role Azure Event Hubs \
             Data Sender, or Send in the connection string"
        }
        (Code::ClusterAuthorizationFailed, _) => {
            "IDEMPOTENT_WRITE on the cluster, or WRITE on any topic"
        }
        (Code::TransactionalIdAuthorizationFailed, _) => {
            "WRITE and DESCRIBE on the transactional id, which begins with input.group_id"
        }
        _ => "the one that the code names",
    }
}

/// Whether a commit was refused because the group no longer knows this member as it was:
/// its partitions belong to others, and trying again does not help. (A commit of the generation
/// before a cooperative rebalance is refused, too, and succeeds in the next one.)
pub fn is_no_member(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::UnknownMemberId | Code::FencedInstanceId | Code::Fenced
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_leads_to_what_an_operator_can_mend() {
        use RDKafkaErrorCode as Code;
        for (code, fault) in [
            (Code::SaslAuthenticationFailed, BrokerFault::Authentication),
            (Code::TopicAuthorizationFailed, BrokerFault::Authorization),
            (Code::UnknownTopicOrPartition, BrokerFault::TopicMissing),
            (Code::MessageSizeTooLarge, BrokerFault::TooLarge),
            (Code::AllBrokersDown, BrokerFault::Unreachable),
            (Code::PolicyViolation, BrokerFault::Throttled),
            (Code::FencedInstanceId, BrokerFault::Fatal),
            (Code::NotLeaderForPartition, BrokerFault::Other),
        ] {
            assert_eq!(classify(code), fault, "{code:?}");
        }
    }
}
