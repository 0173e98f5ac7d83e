//! Frames that tinytuya 1.20 wrote, held as hex.

use serde_json::Value;

use crate::adapters::tuya::codec::{Codec, Unreadable, Version};
use crate::adapters::tuya::crypto::{Key, crc32};
use crate::adapters::tuya::frame::{Frame, command};

pub fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/frames_tinytuya_1_20.json")).unwrap()
}

pub fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn sixteen(text: &Value) -> [u8; 16] {
    hex(text.as_str().unwrap()).try_into().unwrap()
}

/// A codec with the device's key, or with that of the session of the vectors.
fn codec(version: Version, key: &str, all: &Value) -> Codec {
    let mut codec = Codec::new(version, Key::of("0123456789abcdef").unwrap());
    if key == "session" {
        codec.begin_session(&sixteen(&all["session"]["ours"]), &sixteen(&all["session"]["theirs"]));
    }
    codec
}

#[test]
fn every_frame_of_tinytuya_is_read_and_its_questions_are_written_alike() {
    let all = vectors();
    for one in all["frames"].as_array().unwrap() {
        let text = |key: &str| one[key].as_str().unwrap();
        let what = format!("{} {}", text("version"), text("what"));
        let version = Version::of(text("version")).unwrap();
        let bytes = hex(text("hex"));
        let mut unread = bytes.clone();
        let frame = Frame::take(&mut unread).unwrap().unwrap();
        assert!(unread.is_empty() && u64::from(frame.command) == one["command"], "{what}");
        let is_of_device = one["from_device"].as_bool().unwrap();
        let codec_of = || codec(version, text("key"), &all);
        let message = codec_of().read(&frame, is_of_device).unwrap_or_else(|why| panic!("{what}: {why:?}"));
        let negotiates = frame.command < 6;
        let payload = if negotiates { hex(text("payload")) } else { text("payload").as_bytes().to_vec() };
        assert_eq!(message.payload, payload, "{what}");
        if !is_of_device && version != Version::V35 {
            let mut codec = codec_of();
            let count = u32::from_be_bytes(bytes[4..8].try_into().unwrap());
            for _ in 1..count {
                codec.seal(command::HEART_BEAT, None, b"{}").unwrap();
            }
            assert_eq!(codec.seal(frame.command, None, &payload).unwrap(), bytes, "{what}");
        }
        let wrong = Codec::new(version, Key::of("fedcba9876543210").unwrap()).read(&frame, is_of_device);
        let is_encrypted = version > Version::V31 && !payload.is_empty() && !payload.starts_with(b"json obj");
        if is_encrypted || text("what") == "push" {
            assert_eq!(wrong, Err(Unreadable::Key), "{what}");
        }
    }
}

#[test]
fn the_key_of_a_session_is_the_one_of_tinytuya() {
    let session = &vectors()["session"];
    let key = Key::of("0123456789abcdef").unwrap();
    let (ours, theirs) = (sixteen(&session["ours"]), sixteen(&session["theirs"]));
    for (is_sealed, version) in [(false, "3.4"), (true, "3.5")] {
        let made = key.of_session(&ours, &theirs, is_sealed);
        let wanted: String = sixteen(&session[version]).iter().map(|byte| char::from(*byte)).collect();
        assert!(made == Key::of(&wanted).unwrap(), "{version}");
    }
    assert_eq!(key.sign(&ours).to_vec(), hex(session["signature_of_ours"].as_str().unwrap()));
}

#[test]
fn a_check_is_the_one_of_zip_files() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn frames_are_found_in_pieces_and_behind_garbage() {
    let all = vectors();
    let frames: Vec<Vec<u8>> = all["frames"].as_array().unwrap().iter().map(|one| hex(one["hex"].as_str().unwrap())).collect();
    let stream: Vec<u8> = frames.iter().flat_map(|frame| [b"junk\0\0", frame.as_slice()].concat()).collect();
    let (mut unread, mut found) = (Vec::new(), 0);
    for byte in stream {
        unread.push(byte);
        if let Some(frame) = Frame::take(&mut unread).unwrap() {
            assert_eq!(frame.bytes, frames[found]);
            found += 1;
        }
    }
    assert_eq!(found, frames.len());
}

#[test]
fn no_bytes_make_it_panic() {
    let all = vectors();
    for one in all["frames"].as_array().unwrap() {
        let bytes = hex(one["hex"].as_str().unwrap());
        for version in [Version::V31, Version::V33, Version::V34, Version::V35] {
            let codec = codec(version, "", &all);
            for cut in 0..bytes.len() {
                let (mut shorter, mut changed) = (bytes[..cut].to_vec(), bytes.clone());
                changed[cut] ^= 0x55;
                for text in [&mut shorter, &mut changed] {
                    if let Ok(Some(frame)) = Frame::take(text) {
                        let _ = codec.read(&frame, true);
                    }
                }
            }
        }
    }
    let absurd = [&[0, 0, 0x55, 0xaa, 0, 0, 0, 1, 0, 0, 0, 8][..], &[0xff; 4], &[0; 40]].concat();
    assert!(Frame::take(&mut absurd.clone()).unwrap_err().contains("4294967295 bytes long"));
    assert!(Frame::take(&mut vec![7; 20_000]).is_err());
}
