//! Answers that cost something, kept for some seconds: many look at the same.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// The most answers that are kept; with more, those that are too old go.
const MOST: usize = 256;

/// Answers by what was asked, with when they were worked out, ms.
pub struct Memo<Key, Answer>(Mutex<HashMap<Key, (i64, Answer)>>);

impl<Key, Answer> Default for Memo<Key, Answer> {
    fn default() -> Self {
        Memo(Mutex::default())
    }
}

impl<Key: Eq + Hash, Answer: Clone> Memo<Key, Answer> {
    /// What was worked out at most `keep_ms` before `now_ms`, else what `work_out` does now; a failure is not kept.
    pub async fn get<Error>(
        &self,
        key: Key,
        keep_ms: i64,
        now_ms: i64,
        work_out: impl Future<Output = Result<Answer, Error>>,
    ) -> Result<Answer, Error> {
        let is_fresh = |at_ms: i64| (0..keep_ms).contains(&(now_ms - at_ms));
        if let Some((_, answer)) = self.lock().get(&key).filter(|(at_ms, _)| is_fresh(*at_ms)) {
            return Ok(answer.clone());
        }
        let answer = work_out.await?;
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.retain(|_, (at_ms, _)| is_fresh(*at_ms));
        }
        if kept.len() < MOST {
            kept.insert(key, (now_ms, answer.clone()));
        }
        Ok(answer)
    }

    /// Forgets all answers: what they rest on was changed.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, (i64, Answer)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_kept_for_its_time_and_a_failure_is_not() {
        let memo: Memo<&str, u32> = Memo::default();
        let get = async |key, now_ms, answer: Result<u32, &'static str>| memo.get(key, 100, now_ms, async move { answer }).await;
        assert_eq!(get("a", 0, Err("no")).await, Err("no"));
        assert_eq!(get("a", 0, Ok(1)).await, Ok(1));
        assert_eq!(get("a", 99, Ok(2)).await, Ok(1));
        assert_eq!(get("b", 99, Ok(3)).await, Ok(3));
        assert_eq!(get("a", 100, Ok(2)).await, Ok(2));
        assert_eq!(get("a", 50, Ok(4)).await, Ok(4), "the clock was set back");
    }

    #[tokio::test]
    async fn not_more_is_kept_than_has_room() {
        let memo: Memo<usize, usize> = Memo::default();
        for key in 0..2 * MOST {
            let _: Result<usize, ()> = memo.get(key, 1_000, 0, async move { Ok(key) }).await;
        }
        assert!(memo.lock().len() <= MOST);
    }
}
