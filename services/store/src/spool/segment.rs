//! A file of records: length, checksum and number of each before its bytes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::{Parcel, Receipt};

/// What every file begins with.
const MAGIC: &[u8; 8] = b"wspool1\n";
/// What stands before the first record, bytes.
pub const HEADER: u64 = MAGIC.len() as u64;
/// What stands before the bytes of a record: length (4), checksum (4), number (8).
const RECORD: u64 = 16;
/// How files end.
const EXTENSION: &str = "spool";

/// A file and what is in it.
#[derive(Debug)]
pub struct Segment {
    /// Where it is.
    pub path: PathBuf,
    /// The number of its first record.
    pub first: u64,
    /// How many records can be read.
    pub count: u64,
    /// How long it is up to the last of them, bytes.
    pub bytes: u64,
    file: File,
}

/// What a record of these bytes takes in a file, bytes.
pub fn size_of(bytes: &[u8]) -> u64 {
    RECORD + bytes.len() as u64
}

/// All files of a folder, in order. One with nothing in it is removed.
pub fn all(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        let (Some(first), true) = (number, path.extension().is_some_and(|e| e == EXTENSION)) else { continue };
        let segment = Segment::scan(path, first)?;
        if segment.count == 0 { segment.remove()? } else { found.push(segment) }
    }
    found.sort_by_key(|segment: &Segment| segment.first);
    Ok(found)
}

impl Segment {
    /// Begins a file whose first record will have this number.
    pub fn begin(folder: &Path, first: u64) -> io::Result<Self> {
        let path = folder.join(format!("{first:020}.{EXTENSION}"));
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&path)?;
        file.write_all_at(MAGIC, 0)?;
        file.sync_all()?;
        // The folder must know of it too.
        File::open(folder)?.sync_all()?;
        Ok(Segment { path, first, count: 0, bytes: HEADER, file })
    }

    /// Reads a file up to the first record that is not whole.
    fn scan(path: PathBuf, first: u64) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(&path)?;
        let mut segment = Segment { path, first, count: 0, bytes: HEADER, file };
        let mut magic = [0; HEADER as usize];
        if segment.file.read_exact_at(&mut magic, 0).is_err() || &magic != MAGIC {
            return Ok(segment);
        }
        let length = segment.file.metadata()?.len();
        while let Ok(bytes) = segment.read_within(segment.end(), segment.bytes, length) {
            segment.bytes += size_of(&bytes);
            segment.count += 1;
        }
        if segment.bytes < length {
            let (file, cut) = (segment.path.display(), length - segment.bytes);
            tracing::info!(%file, bytes = cut, "what was half written when the program ended is cut off");
        }
        Ok(segment)
    }

    /// The number after its last record.
    pub fn end(&self) -> u64 {
        self.first + self.count
    }

    /// Adds a record, which has the number [`Segment::end`]. It is on disk when this returns.
    pub fn append(&mut self, number: u64, bytes: &[u8]) -> io::Result<()> {
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a record has 4 GiB at most");
        let length = u32::try_from(bytes.len()).map_err(too_long)?;
        let mut record = Vec::with_capacity(size_of(bytes) as usize);
        record.extend(length.to_le_bytes());
        record.extend(checksum(number, bytes).to_le_bytes());
        record.extend(number.to_le_bytes());
        record.extend(bytes);
        self.file.write_all_at(&record, self.bytes)?;
        self.file.sync_data()?;
        self.bytes += record.len() as u64;
        self.count += 1;
        Ok(())
    }

    /// The record of this number, which begins at `offset`.
    pub fn read(&self, number: u64, offset: u64) -> io::Result<Vec<u8>> {
        self.read_within(number, offset, self.bytes)
    }

    /// The same, as it is handed out.
    pub fn parcel(&self, number: u64, offset: u64) -> io::Result<Parcel> {
        let bytes = self.read(number, offset)?;
        let end = offset + size_of(&bytes);
        Ok(Parcel { bytes, receipt: Receipt { number, file: self.first, end } })
    }

    fn read_within(&self, number: u64, offset: u64, end: u64) -> io::Result<Vec<u8>> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("record {number} {what}"));
        let mut head = [0; RECORD as usize];
        self.file.read_exact_at(&mut head, offset)?;
        let four = |k: usize| u32::from_le_bytes([head[k], head[k + 1], head[k + 2], head[k + 3]]);
        let (length, sum) = (four(0), four(4));
        if offset + RECORD + u64::from(length) > end {
            return Err(wrong("is not whole"));
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, offset + RECORD)?;
        if head[8..] != number.to_le_bytes() || checksum(number, &bytes) != sum {
            return Err(wrong("is damaged"));
        }
        Ok(bytes)
    }

    /// Where the record of this number begins; where the last one ends if it is not here.
    pub fn offset_of(&self, number: u64) -> u64 {
        let mut offset = HEADER;
        for at in self.first..number.min(self.end()) {
            match self.read(at, offset) {
                Ok(bytes) => offset += size_of(&bytes),
                Err(_) => break,
            }
        }
        offset
    }

    /// Removes the file.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// The checksum of a record (CRC-32 as in Ethernet and zip), over its number and its bytes.
fn checksum(number: u64, bytes: &[u8]) -> u32 {
    let all = number.to_le_bytes();
    crc32(all.iter().chain(bytes))
}

/// CRC-32 of bytes.
pub fn crc32<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u32 {
    !bytes.into_iter().fold(u32::MAX, |sum, byte| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8))
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut sum, mut bit) = (n as u32, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { 0xEDB8_8320 ^ (sum >> 1) } else { sum >> 1 };
            bit += 1;
        }
        table[n] = sum;
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
