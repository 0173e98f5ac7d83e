//! Up to where the sink has taken what waited, in a file of two places that are written in turn: one of them is always whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::segment::crc32;

/// How far the two places are from each other, bytes.
const APART: u64 = 512;
/// Turn, acknowledged and dropped (8 each) and their checksum (4), bytes.
const LENGTH: usize = 28;

/// What is known of what is gone.
#[derive(Debug)]
pub struct Marks {
    /// All batches with lower numbers are done with.
    pub acknowledged: u64,
    /// Batches that were lost.
    pub dropped: u64,
    turn: u64,
    file: File,
}

impl Marks {
    /// Reads the file of a folder; where there is none, or none that can be read, all from `first` on waits.
    pub fn open(folder: &Path, first: u64) -> io::Result<Self> {
        let path = folder.join("acknowledged");
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let newest = [0, APART].into_iter().filter_map(|at| read(&file, at)).max();
        let (turn, acknowledged, dropped) = newest.unwrap_or((0, first, 0));
        Ok(Marks { acknowledged, dropped, turn, file })
    }

    /// Writes that all before `number` are done with. The system knows it when this returns; the disk after [`Marks::sync`].
    pub fn set(&mut self, number: u64) -> io::Result<()> {
        self.acknowledged = number;
        self.turn += 1;
        let mut place = Vec::with_capacity(LENGTH);
        for word in [self.turn, self.acknowledged, self.dropped] {
            place.extend(word.to_le_bytes());
        }
        place.extend(crc32(&place).to_le_bytes());
        self.file.write_all_at(&place, self.turn % 2 * APART)
    }

    /// Waits until it is on disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn read(file: &File, at: u64) -> Option<(u64, u64, u64)> {
    let mut place = [0; LENGTH];
    file.read_exact_at(&mut place, at).ok()?;
    let (words, sum) = place.split_at(LENGTH - 4);
    if crc32(words).to_le_bytes() != sum {
        return None;
    }
    let mut words = words.chunks_exact(8).map(|w| w.try_into().map(u64::from_le_bytes));
    Some((words.next()?.ok()?, words.next()?.ok()?, words.next()?.ok()?))
}
