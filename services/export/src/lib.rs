//! How readings, and what was learned of them, leave by themselves: the export to Graphite. It only reads the store, and keeps in it how far it
//! has come.

pub mod graphite;
