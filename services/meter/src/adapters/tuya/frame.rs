//! Frames: how one message ends and the next begins.
//!
//! `000055aa seq command length [return code] payload check 0000aa55` up to 3.4, where the check is a CRC-32, in 3.4 an HMAC-SHA256;
//! `00006699 0000 seq command length nonce sealed tag 00009966` in 3.5. All numbers are big-endian; the length counts what follows it, of 3.5 without
//! the end.

/// Commands, by the names that Tuya's SDK and tinytuya give them.
pub(super) mod command {
    pub const SESS_KEY_NEG_START: u32 = 0x03;
    pub const SESS_KEY_NEG_RESP: u32 = 0x04;
    pub const SESS_KEY_NEG_FINISH: u32 = 0x05;
    #[cfg(test)]
    pub const STATUS: u32 = 0x08;
    pub const HEART_BEAT: u32 = 0x09;
    pub const DP_QUERY: u32 = 0x0a;
    pub const CONTROL_NEW: u32 = 0x0d;
    pub const DP_QUERY_NEW: u32 = 0x10;
    pub const UPDATEDPS: u32 = 0x12;
    pub const REQ_DEVINFO: u32 = 0x25;
    pub const LAN_EXT_STREAM: u32 = 0x40;
}

/// What a frame begins with, up to 3.4.
pub(super) const PLAIN: [u8; 4] = [0, 0, 0x55, 0xaa];
/// What it ends with.
pub(super) const PLAIN_END: [u8; 4] = [0, 0, 0xaa, 0x55];
/// What a frame of 3.5 begins with.
pub(super) const SEALED: [u8; 4] = [0, 0, 0x66, 0x99];
/// What it ends with.
pub(super) const SEALED_END: [u8; 4] = [0, 0, 0x99, 0x66];
/// The longest that is taken for a frame, bytes: devices have little memory, and send much less.
const LONGEST: usize = 16 << 10;

/// One whole frame, not yet looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Whether it is one of 3.5.
    pub is_sealed: bool,
    /// What it is about.
    pub command: u32,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// Length of what stands before payload or nonce, bytes.
    pub fn header(&self) -> usize {
        header(self.is_sealed)
    }

    /// What stands between the header and the end.
    pub fn body(&self) -> &[u8] {
        let end = self.bytes.len().saturating_sub(4);
        self.bytes.get(self.header()..end).unwrap_or_default()
    }

    /// The first frame of `bytes`; `None` where there is none yet. What was read is taken out, with what stands before it and is none. The error says
    /// that this is no frame.
    pub fn take(bytes: &mut Vec<u8>) -> Result<Option<Frame>, String> {
        let is_start = |four: &[u8]| four == PLAIN || four == SEALED;
        let Some(start) = bytes.windows(4).position(is_start) else {
            if bytes.len() > LONGEST {
                return Err(format!("{} bytes hold no frame of Tuya's protocol", bytes.len()));
            }
            return Ok(None);
        };
        bytes.drain(..start);
        let is_sealed = bytes[..4] == SEALED;
        let header = header(is_sealed);
        let (Some(command), Some(length)) = (number(bytes, header - 8), number(bytes, header - 4)) else { return Ok(None) };
        let length = length as usize;
        if !(8..=LONGEST).contains(&length) {
            return Err(format!("a frame says that it is {length} bytes long"));
        }
        let whole = header + length + if is_sealed { 4 } else { 0 };
        if bytes.len() < whole {
            return Ok(None);
        }
        let rest = bytes.split_off(whole);
        let frame = Frame { is_sealed, command, bytes: std::mem::replace(bytes, rest) };
        let end = if is_sealed { SEALED_END } else { PLAIN_END };
        if frame.bytes.ends_with(&end) { Ok(Some(frame)) } else { Err("a frame does not end where it says".to_owned()) }
    }
}

fn header(is_sealed: bool) -> usize {
    if is_sealed { 18 } else { 16 }
}

/// The number that stands at `at`.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
