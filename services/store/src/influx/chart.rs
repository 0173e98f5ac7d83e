//! Charts: from heads and cells where those suffice, from rows where not.

use std::collections::BTreeMap;

use wattribute_domain::{Series, SeriesId};

use super::client::Space;
use super::{Influx, heads, read};
use crate::drawing::Drawing;
use crate::held::{BLOCK_MS, TEN_MINUTES_MS, block_of};
use crate::{Bucket, Result};

impl Influx {
    pub(super) async fn draw(&self, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Vec<Bucket>> {
        let Some(mut drawing) = Drawing::begin(from_ms, to_ms, step_ms)? else { return Ok(Vec::new()) };
        let Some(known) = self.known(series).await? else { return Ok(drawing.finish()) };
        let client = self.client().await?;
        let first_block = read::within(block_of(drawing.from_ms));
        let end_ms = read::within(drawing.to_ms);
        let (before, heads) =
            tokio::try_join!(self.read(series, first_block - 1, first_block), heads::heads(client, series, first_block, end_ms, ""))?;
        drawing.carry(first_block, before.value.last().copied().unwrap_or(f64::NAN));

        let by_cells = |head: &heads::Head| drawing.takes_cells(head.start_ms) && head.has_cells;
        let (mut coarse, mut fine) = (None, None);
        let widen = |span: &mut Option<(i64, i64)>, start_ms: i64| {
            let (from, to) = span.unwrap_or((start_ms, start_ms));
            *span = Some((from.min(start_ms), to.max(start_ms + BLOCK_MS)));
        };
        // Stretches whose rows are needed.
        let mut bare: Vec<(i64, i64)> = Vec::new();
        let mut at = first_block;
        for head in &heads {
            if drawing.is_whole(head.start_ms) {
            } else if by_cells(head) {
                widen(&mut coarse, head.start_ms);
            } else if head.is_forgotten {
                widen(&mut fine, head.start_ms);
            } else {
                continue;
            }
            bare.push((at, head.start_ms));
            at = head.start_ms + BLOCK_MS;
        }
        bare.push((at, end_ms));
        bare.retain(|(from, to)| from < to);

        let coarse = match coarse {
            Some((from, to)) => heads::ten_minutes(client, series, from, to).await?,
            None => BTreeMap::new(),
        };
        let forgotten: Vec<heads::Head> = match fine {
            Some(_) => heads.iter().filter(|head| head.is_forgotten).cloned().collect(),
            None => Vec::new(),
        };
        let fine = match fine {
            Some((from, to)) => heads::rollups(client, series, from, to).await?,
            None => BTreeMap::new(),
        };
        let thinned: Vec<heads::Head> = forgotten.into_iter().filter(|head| head.is_thinned).collect();
        let counted = heads::rows_of(client, series, &thinned).await?;
        let mut rows = Series::default();
        let statements: Vec<String> = bare.iter().map(|(from, to)| read::select_range(&known.place, series, *from, *to)).collect();
        for some in statements.chunks(20) {
            let part = read::rows(&client.query(Space::Main, &some.join(";")).await?);
            rows.at_ms.extend(part.at_ms);
            rows.value.extend(part.value);
        }

        let slice = |rows: &Series, from_ms: i64, to_ms: i64| {
            let (a, b) = (rows.at_ms.partition_point(|at| *at < from_ms), rows.at_ms.partition_point(|at| *at < to_ms));
            Series { at_ms: rows.at_ms[a..b].to_vec(), value: rows.value[a..b].to_vec() }
        };
        let mut at = first_block;
        for head in &heads {
            let (start_ms, stop_ms) = (head.start_ms, head.start_ms + BLOCK_MS);
            let cells = if drawing.is_whole(start_ms) {
                Some((vec![head.held], BLOCK_MS))
            } else if drawing.takes_cells(start_ms) && head.has_cells {
                coarse.get(&start_ms).map(|cells| (cells.clone(), TEN_MINUTES_MS)).or(Some((Vec::new(), TEN_MINUTES_MS)))
            } else if head.is_forgotten && !head.is_thinned {
                fine.get(&start_ms).cloned().or(Some((Vec::new(), TEN_MINUTES_MS)))
            } else {
                None
            };
            if cells.is_none() && !head.is_forgotten {
                continue;
            }
            drawing.rows(&slice(&rows, at, start_ms));
            match cells {
                Some((cells, cell_ms)) => drawing.block(start_ms, head.first_ms, head.last, &cells, cell_ms),
                None => drawing.rows(&slice(&counted, start_ms, stop_ms)),
            }
            at = stop_ms;
        }
        drawing.rows(&slice(&rows, at, end_ms));
        Ok(drawing.finish())
    }
}
