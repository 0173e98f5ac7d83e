//! Bytes against tinytuya's own, dps against files, the reader against an emulator that tinytuya has read.

mod bytes;
mod config;
mod discovery;
mod emulator;
mod faults;
mod peers;
mod values;
