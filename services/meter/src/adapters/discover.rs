//! What is found on the network, and how it is set up.

/// A device that answered when it was looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The source it would be of, such as `kasa`.
    pub kind: &'static str,
    /// What it is called; empty where it does not say.
    pub name: String,
    /// What it is, such as `HS110(EU)`; empty where it does not say.
    pub model: String,
    /// Where it is: a host or an address, with the port where that is unusual; a topic of what speaks MQTT.
    pub address: String,
    /// What stays when it is renamed: its MAC, id or serial number.
    pub identity: String,
    /// What to put into the configuration, as TOML, without secrets that are not known: a place is left for them.
    pub config: String,
    /// What else the owner should know, such as that a key is needed; a sentence.
    pub note: Option<String>,
}
