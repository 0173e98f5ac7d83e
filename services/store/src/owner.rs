//! The owner's words, kept by series: an entity that is renamed keeps what was said of it.

use std::collections::{BTreeMap, HashMap};

use wattribute_domain::{OwnerWord, OwnerWords, Quantity, SeriesId};

use crate::{Result, Store, StoreError};

/// Key of the document that the owner's words are kept in.
pub const OWNER_WORDS: &str = "owner_word";

/// Words as they are kept.
type Kept = BTreeMap<SeriesId, OwnerWord<SeriesId>>;

/// What the owner said, by the ids that entities have now; nothing where nothing was said. Words that were taken back are there, empty.
pub async fn owner_words(store: &dyn Store) -> Result<OwnerWords> {
    let Some(text) = store.document(OWNER_WORDS).await? else { return Ok(OwnerWords::new()) };
    let kept: Kept = serde_json::from_str(&text).unwrap_or_default();
    if kept.is_empty() {
        return Ok(OwnerWords::new());
    }
    let mut ids: HashMap<SeriesId, String> = HashMap::new();
    for (id, info) in store.series().await?.into_iter().filter(|(_, info)| info.quantity == Quantity::Level) {
        ids.insert(id, info.entity_id());
    }
    let word = |(id, word): (SeriesId, OwnerWord<SeriesId>)| Some((ids.get(&id)?.clone(), word.map(|id| ids.get(&id).cloned())));
    Ok(kept.into_iter().filter_map(word).collect())
}

/// Keeps these words and no others; those of entities that the store does not know are left out. Whoever changes some reads all before
/// and lets nobody else write in between.
pub async fn put_owner_words(store: &dyn Store, words: OwnerWords) -> Result<()> {
    let mut ids: HashMap<String, SeriesId> = HashMap::new();
    for (id, info) in store.series().await?.into_iter().filter(|(_, info)| info.quantity == Quantity::Level) {
        ids.entry(info.entity_id()).or_insert(id);
    }
    let word = |(id, word): (String, OwnerWord)| Some((*ids.get(&id)?, word.map(|id| ids.get(&id).copied())));
    let kept: Kept = words.into_iter().filter_map(word).collect();
    let text = serde_json::to_string(&kept).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    store.put_documents(vec![(OWNER_WORDS.to_owned(), text)]).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use crate::{Origin, open};
    use wattribute_domain::SeriesInfo;

    fn level(identity: &str, device: &str) -> SeriesInfo {
        SeriesInfo { identity: identity.to_owned(), ..SeriesInfo::new("home_assistant", device, Quantity::Level) }
    }

    #[tokio::test]
    async fn what_was_said_of_an_entity_follows_it_through_a_rename() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&format!("sqlite:{}", folder.path().join("a.db").display()), Origin::Home).unwrap();
        assert_eq!(owner_words(&*store).await.unwrap(), OwnerWords::new());
        store.describe(vec![level("a", "light.shelf"), level("b", "light.cupboard")]).await.unwrap();
        let word = |other: &str| OwnerWord {
            power_w: Some(9.0),
            grouped_with: Some(vec![other.to_owned(), "light.unknown".to_owned()]),
            said_at_ms: 7,
            ..OwnerWord::default()
        };
        let said =
            OwnerWords::from([("light.shelf".to_owned(), word("light.cupboard")), ("light.unknown".to_owned(), word("light.shelf"))]);
        put_owner_words(&*store, said).await.unwrap();
        store.describe(vec![level("a", "light.board"), level("b", "light.cabinet")]).await.unwrap();
        let grouped_with = Some(vec!["light.cabinet".to_owned()]);
        let kept = OwnerWords::from([("light.board".to_owned(), OwnerWord { grouped_with, ..word("") })]);
        assert_eq!(owner_words(&*store).await.unwrap(), kept);
    }
}
