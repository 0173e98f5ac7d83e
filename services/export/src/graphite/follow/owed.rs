//! What is to be told of the past once more: metrics that there are only now, such as the house as soon as its meter is known, and what the correlator
//! works out of readings that came late.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use wattribute_store::JOINED_CURSOR;

use super::super::energy::Reader;
use super::super::line::Lines;
use super::super::plan::{Account, Drain, Gauge, Plan, Voice};
use super::{FULL, Follow, Progress};

/// How long the correlator may take to join the past, ms: what it has not joined by then is not waited for.
const JOINED_WITHIN_MS: i64 = 10 * 60_000;

/// A stretch of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// From when on, ms since the epoch; it ends where what is told begins.
    from_ms: i64,
    /// It is told when the correlator has joined what arrived up to here.
    cursor: i64,
    /// Since when it is owed, ms since the epoch.
    since_ms: i64,
}

impl Owed {
    /// What is owed already, and a stretch more.
    pub fn since(owed: Option<Owed>, from_ms: i64, cursor: i64, now_ms: i64) -> Owed {
        let known_ms = owed.map_or(from_ms, |owed| owed.from_ms);
        Owed { from_ms: from_ms.min(known_ms), cursor, since_ms: owed.map_or(now_ms, |owed| owed.since_ms) }
    }
}

/// The metrics that were seen, by path and by what they are read from.
#[derive(Debug, Default)]
pub struct Known {
    seen: Option<HashSet<String>>,
    /// Those of which the past is not told yet.
    new: HashSet<String>,
}

fn gauge_key(gauge: &Gauge) -> String {
    format!("{} {:?}", gauge.path, gauge.voices)
}

fn account_key(account: &Account) -> String {
    format!("{} {:?}", account.path, account.drains)
}

impl Known {
    /// Whether there are metrics that were not seen before; those of the first look are known.
    pub fn sees_new(&mut self, plan: &Plan) -> bool {
        let all: HashSet<String> = plan.gauges.iter().map(gauge_key).chain(plan.accounts.iter().map(account_key)).collect();
        let Some(seen) = &mut self.seen else {
            self.seen = Some(all);
            return false;
        };
        let new: Vec<String> = all.difference(seen).cloned().collect();
        seen.extend(new.iter().cloned());
        self.new.extend(new.iter().cloned());
        !new.is_empty()
    }

    fn is_owed(&self, key: &str) -> bool {
        self.new.contains(key)
    }
}

impl Follow {
    /// Tells what is owed, as far as it can be told now; `false` where it waits until the spool has room.
    pub(super) async fn pay(&mut self, plan: &Plan, owed: Owed, now_ms: i64) -> anyhow::Result<bool> {
        let joined = self.store.document(JOINED_CURSOR).await?.and_then(|text| text.parse::<i64>().ok());
        if joined.is_none_or(|cursor| cursor < owed.cursor) && now_ms - owed.since_ms < JOINED_WITHIN_MS {
            return Ok(true);
        }
        let Some(Progress { cursor, until_ms, .. }) = self.progress else { return Ok(true) };
        let derived = |voice: &Voice| match voice {
            Voice::Said(id) => plan.ours.contains(id),
            Voice::Attributed(_) => true,
        };
        let of_drain = |(_, drain): &(f64, Drain)| match drain {
            Drain::Counter(_) => false,
            Drain::Drawn(voice) | Drain::Given(voice) => derived(voice),
        };
        let gauges: Vec<&Gauge> =
            plan.gauges.iter().filter(|gauge| gauge.voices.iter().any(derived) || self.known.is_owed(&gauge_key(gauge))).collect();
        let accounts: Vec<&Account> = plan
            .accounts
            .iter()
            .filter(|account| account.drains.iter().any(of_drain) || self.known.is_owed(&account_key(account)))
            .collect();
        self.book.forget(owed.from_ms);
        let store = self.store.clone();
        let reader = Reader { store: &store, plan, now_ms };
        let mut at_ms = self.floor(owed.from_ms);
        while at_ms < until_ms {
            if self.share_taken().await? > FULL {
                return Ok(false);
            }
            let next_ms = self.chunk_end(plan, at_ms).min(until_ms);
            let mut lines = Lines::default();
            self.gauges(&reader, &gauges, (at_ms, next_ms), &mut lines).await?;
            self.energies(&reader, &accounts, (at_ms, next_ms), &mut lines).await?;
            self.push(lines.batches()).await?;
            self.remember(Progress { cursor, until_ms, owed: Some(Owed { from_ms: next_ms, ..owed }) }).await?;
            at_ms = next_ms;
        }
        self.known.new.clear();
        self.remember(Progress { cursor, until_ms, owed: None }).await?;
        Ok(true)
    }
}
