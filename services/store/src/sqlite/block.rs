//! Rows of one block as bytes, and what is told of them without reading them.

use pco::{ChunkConfig, DeltaSpec};
use wattribute_domain::Series;

use super::connect::Fault;
use crate::StoreError;
use crate::held::{BLOCK_MS, Held, MINUTE_MS};

/// Fewer rows than this stand as they are: compressing them costs more than it saves.
const PLAIN: usize = 24;
const AS_IT_IS: u8 = 0;
const PCO: u8 = 1;

/// Cells of a head as bytes, exactly.
pub fn write_cells(cells: &[Held]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(cells.len() * 28);
    for cell in cells {
        for number in [cell.min, cell.max, cell.integral] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend((cell.covered_ms as u32).to_le_bytes());
    }
    bytes
}

/// What [`write_cells`] wrote.
pub fn read_cells(bytes: &[u8]) -> Vec<Held> {
    let number = |b: &[u8], k: usize| b.get(k..k + 8).and_then(|b| b.try_into().ok()).map_or(f64::NAN, f64::from_le_bytes);
    bytes
        .chunks_exact(28)
        .map(|b| Held {
            min: number(b, 0),
            max: number(b, 8),
            integral: number(b, 16),
            covered_ms: b.get(24..28).and_then(|b| b.try_into().ok()).map_or(0, |b| i64::from(u32::from_le_bytes(b))),
        })
        .collect()
}

/// Cells of minutes as bytes: to the precision of `f32`, which is a tenth of a milliwatt at a kilowatt.
pub fn write_minutes(cells: &[Held]) -> Result<Vec<u8>, Fault> {
    let column = |of: &dyn Fn(&Held) -> f32| compress(&cells.iter().map(of).collect::<Vec<_>>(), DeltaSpec::Auto);
    let mut bytes = Vec::new();
    for part in [
        column(&|c| c.min as f32)?,
        column(&|c| c.max as f32)?,
        column(&|c| c.mean() as f32)?,
        compress(&cells.iter().map(|c| c.covered_ms as u32).collect::<Vec<_>>(), DeltaSpec::Auto)?,
    ] {
        bytes.extend((part.len() as u32).to_le_bytes());
        bytes.extend(part);
    }
    Ok(bytes)
}

/// What [`write_minutes`] wrote.
pub fn read_minutes(mut bytes: &[u8]) -> Result<Vec<Held>, Fault> {
    let mut part = || -> Result<&[u8], Fault> {
        let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*size) as usize).ok_or_else(short)?;
        bytes = rest;
        Ok(part)
    };
    let [min, max, mean] = [part()?, part()?, part()?];
    let covered: Vec<u32> = decompress(part()?)?;
    let (min, max, mean): (Vec<f32>, Vec<f32>, Vec<f32>) = (decompress(min)?, decompress(max)?, decompress(mean)?);
    if covered.len() != (BLOCK_MS / MINUTE_MS) as usize || [min.len(), max.len(), mean.len()] != [covered.len(); 3] {
        return Err(short());
    }
    let cell = |k: usize| Held {
        min: f64::from(min[k]),
        max: f64::from(max[k]),
        integral: if covered[k] > 0 { f64::from(mean[k]) * f64::from(covered[k]) } else { 0.0 },
        covered_ms: i64::from(covered[k]),
    };
    Ok((0..covered.len()).map(cell).collect())
}

/// Rows as two columns of bytes: times (as ms since `start_ms`) and values.
pub fn write_rows(rows: &Series, start_ms: i64) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let times: Vec<u32> = rows.at_ms.iter().map(|&at| (at - start_ms) as u32).collect();
    if rows.len() < PLAIN {
        let plain = |bytes: &mut dyn Iterator<Item = u8>| std::iter::once(AS_IT_IS).chain(bytes).collect();
        let times = plain(&mut times.iter().flat_map(|t| t.to_le_bytes()));
        return Ok((times, plain(&mut rows.value.iter().flat_map(|v| v.to_le_bytes()))));
    }
    let packed = |mut bytes: Vec<u8>| {
        bytes.insert(0, PCO);
        bytes
    };
    Ok((packed(compress(&times, DeltaSpec::TryConsecutive(1))?), packed(compress(&rows.value, DeltaSpec::Auto)?)))
}

/// What [`write_rows`] wrote.
pub fn read_rows(times: &[u8], values: &[u8], start_ms: i64) -> Result<Series, Fault> {
    let times: Vec<u32> = match times.split_first() {
        Some((&AS_IT_IS, plain)) => plain.chunks_exact(4).filter_map(|b| b.try_into().ok()).map(u32::from_le_bytes).collect(),
        Some((&PCO, packed)) => decompress(packed)?,
        _ => return Err(short()),
    };
    let value: Vec<f64> = match values.split_first() {
        Some((&AS_IT_IS, plain)) => plain.chunks_exact(8).filter_map(|b| b.try_into().ok()).map(f64::from_le_bytes).collect(),
        Some((&PCO, packed)) => decompress(packed)?,
        _ => return Err(short()),
    };
    if times.len() != value.len() {
        return Err(short());
    }
    Ok(Series { at_ms: times.into_iter().map(|t| start_ms + i64::from(t)).collect(), value })
}

fn compress<T: pco::data_types::Number>(numbers: &[T], delta: DeltaSpec) -> Result<Vec<u8>, Fault> {
    pco::standalone::simple_compress(numbers, &ChunkConfig::default().with_delta_spec(delta))
        .map_err(|e| StoreError::Refused(format!("readings could not be compressed: {e}")).into())
}

fn decompress<T: pco::data_types::Number>(bytes: &[u8]) -> Result<Vec<T>, Fault> {
    pco::standalone::simple_decompress(bytes)
        .map_err(|e| StoreError::Corrupt(format!("a block of readings is damaged ({e}): put back a backup")).into())
}

fn short() -> Fault {
    StoreError::Corrupt("a block of readings is damaged: put back a backup".to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::held::{cells, whole};

    fn rows(n: i64) -> Series {
        let value = |k: i64| if k % 50 == 7 { f64::NAN } else { 200.0 + 0.1 * ((k * 37) % 91) as f64 };
        Series { at_ms: (0..n).map(|k| 10_000 + k * 1000 + k % 3).collect(), value: (0..n).map(value).collect() }
    }

    #[test]
    fn rows_come_back_bit_by_bit() {
        for n in [1, PLAIN as i64 - 1, PLAIN as i64, 5000] {
            let rows = rows(n);
            let (times, values) = write_rows(&rows, 10_000).unwrap_or_else(|_| panic!("cannot be written"));
            let back = read_rows(&times, &values, 10_000).unwrap_or_else(|_| panic!("cannot be read"));
            assert_eq!(back.at_ms, rows.at_ms);
            assert!(back.value.iter().zip(&rows.value).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    #[test]
    fn damaged_blocks_are_errors() {
        let (mut times, values) = write_rows(&rows(3000), 10_000).unwrap_or_else(|_| panic!("cannot be written"));
        times.truncate(times.len() / 2);
        assert!(read_rows(&times, &values, 10_000).is_err());
        assert!(read_rows(&[], &values, 10_000).is_err());
        assert!(read_minutes(&[1, 2, 3]).is_err());
    }

    #[test]
    fn cells_count_what_is_held_and_not_silence() {
        let rows = Series { at_ms: vec![30_000, 90_000, 150_000], value: vec![10.0, f64::NAN, 4.0] };
        let minutes = cells(&rows, 0, MINUTE_MS);
        assert_eq!(minutes[0], Held { min: 10.0, max: 10.0, integral: 300_000.0, covered_ms: 30_000 });
        assert_eq!((minutes[1].mean(), minutes[1].covered_ms), (10.0, 30_000));
        assert_eq!((minutes[2].mean(), minutes[2].covered_ms), (4.0, 30_000));
        assert_eq!(minutes[239].mean(), 4.0);
        let back = read_minutes(&write_minutes(&minutes).unwrap_or_else(|_| panic!("cannot be written")))
            .unwrap_or_else(|_| panic!("cannot be read"));
        assert_eq!(back[..3], minutes[..3]);
        assert_eq!(read_cells(&write_cells(&minutes))[..3], minutes[..3]);
        assert_eq!(whole(&rows, BLOCK_MS).covered_ms, 60_000 + BLOCK_MS - 150_000);
    }
}
