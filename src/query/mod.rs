//! Readers of the diagnoses, wherever they lie. Knows the record, and nothing of the pipeline
//! that writes it.
pub mod record;
