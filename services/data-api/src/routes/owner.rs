//! The owner's word of a device.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::Mutex;
use utoipa::ToSchema;
use wattribute_domain::{OwnerWord, OwnerWords, Quantity};
use wattribute_service::Problem;
use wattribute_store::{OURS, owner_words, put_owner_words};

use super::{Api, instant, now};

/// Words are read, changed and written by one request at a time.
static WRITING: Mutex<()> = Mutex::const_new(());

/// What is to change of the owner's word, as RFC 7396 has it: what is not there stays as it is, null takes it back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordPatch {
    /// A better name, on one line.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Reading lamp")]
    name: Option<Option<String>>,
    /// Whether it switches a load at all. False: it draws nothing, and its changes are not looked at.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<bool>)]
    has_load: Option<Option<bool>>,
    /// Power at full level, above what it draws when off, W.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100000, example = 9)]
    power_w: Option<Option<f64>>,
    /// Entities that are one device with it: they are always learned as one.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Vec<String>>)]
    grouped_with: Option<Option<Vec<String>>>,
    /// Entities that are not one device with it, though they are usually switched together.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Vec<String>>)]
    apart_from: Option<Option<Vec<String>>>,
}

/// Tells null from what is not there.
pub(super) fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// What is said as an object: serde would take an array of the fields' values as well.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields))
            }
        }
        from.deserialize_map(Fields(PhantomData)).map(Object)
    }
}

/// What the owner says of a device; null where nothing is said.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Word {
    /// The name that is shown for it.
    name: Option<String>,
    /// Whether it switches a load at all.
    has_load: Option<bool>,
    /// Power at full level, above what it draws when off, W.
    power_w: Option<f64>,
    /// Entities that are one device with it.
    grouped_with: Option<Vec<String>>,
    /// Entities that are not one device with it, though they are usually switched together.
    apart_from: Option<Vec<String>>,
    /// When anything but the name was said or taken back last, RFC 3339 UTC; null where nothing was.
    said_at: Option<String>,
}

impl From<&OwnerWord> for Word {
    fn from(word: &OwnerWord) -> Self {
        let OwnerWord { name, has_load, power_w, grouped_with, apart_from, said_at_ms } = word.clone();
        Word { name, has_load, power_w, grouped_with, apart_from, said_at: (said_at_ms > 0).then(|| instant(said_at_ms)) }
    }
}

/// A device and the owner's word of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Said {
    /// Its id.
    entity_id: String,
    /// What is said of it now.
    word: Word,
    /// Whether what is learned rests on it already; it is learned anew at once, which takes some seconds to a minute. A name is shown at once.
    in_force: bool,
}

/// What the owner said, by entity.
pub async fn words(api: &Api) -> Result<OwnerWords, Problem> {
    Ok(owner_words(&*api.store).await?)
}

type Id = Result<Path<String>, PathRejection>;

/// Says something of a device that learning cannot know, or takes it back. It is kept through every learning until then.
#[utoipa::path(
    patch, path = "/devices/{entity_id}", operation_id = "say_of_device", tag = "energy",
    params(("entity_id" = String, Path, description = "The entity, as `GET /api/v1/devices` lists it", example = "light.hall")),
    request_body = WordPatch,
    responses(
        (status = 200, body = Said),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such device", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not said to be JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn say(State(api): State<Api>, id: Id, body: Result<Json<Object<WordPatch>>, JsonRejection>) -> Result<Json<Said>, Problem> {
    let (entity_id, known) = known(&api, id).await?;
    let Json(Object(patch)) = body.map_err(|rejected| refused(&rejected))?;
    change(&api, entity_id, |before, words, entity_id| {
        let list = |new: Option<Option<Vec<String>>>, old: &Option<Vec<String>>| match new {
            Some(ids) => ids.map(sorted).filter(|ids| !ids.is_empty()),
            None => old.clone(),
        };
        let word = OwnerWord {
            name: patch.name.unwrap_or_else(|| before.name.clone()),
            has_load: patch.has_load.unwrap_or(before.has_load),
            power_w: patch.power_w.unwrap_or(before.power_w),
            grouped_with: list(patch.grouped_with, &before.grouped_with),
            apart_from: list(patch.apart_from, &before.apart_from),
            said_at_ms: before.said_at_ms,
        };
        word.check(entity_id, words, |id| known.contains(id)).map_err(|wrong| Problem::bad_parameter(wrong.to_string()))?;
        Ok(word)
    })
    .await
}

/// Takes back all that was said of a device.
#[utoipa::path(
    delete, path = "/devices/{entity_id}/word", operation_id = "unsay_of_device", tag = "energy",
    params(("entity_id" = String, Path, description = "The entity, as `GET /api/v1/devices` lists it", example = "light.hall")),
    responses(
        (status = 200, body = Said),
        (status = 404, description = "There is no such device", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn unsay(State(api): State<Api>, id: Id) -> Result<Json<Said>, Problem> {
    let (entity_id, _) = known(&api, id).await?;
    change(&api, entity_id, |before, _, _| Ok(OwnerWord { said_at_ms: before.said_at_ms, ..OwnerWord::default() })).await
}

/// The entity that is asked for, which is one of those that could switch a load, and all of those.
async fn known(api: &Api, id: Id) -> Result<(String, BTreeSet<String>), Problem> {
    let nobody = |id: &str| Problem::not_found(format!("there is no device {id:?}; GET /api/v1/devices lists them"));
    let Path(entity_id) = id.map_err(|_| nobody("of that name"))?;
    let series = api.store.series().await?;
    let levels = series.iter().filter(|(_, info)| info.quantity == Quantity::Level && info.source != OURS);
    let known: BTreeSet<String> = levels.map(|(_, info)| info.entity_id()).collect();
    if known.contains(&entity_id) { Ok((entity_id, known)) } else { Err(nobody(&entity_id)) }
}

/// Puts a word in the place of the one before, while nobody else writes.
async fn change(
    api: &Api,
    entity_id: String,
    make: impl FnOnce(&OwnerWord, &OwnerWords, &str) -> Result<OwnerWord, Problem>,
) -> Result<Json<Said>, Problem> {
    let _alone = WRITING.lock().await;
    let mut words = words(api).await?;
    let before = words.get(&entity_id).cloned().unwrap_or_default();
    let mut word = make(&before, &words, &entity_id)?;
    let unnamed = |word: &OwnerWord| OwnerWord { name: None, ..word.clone() };
    if unnamed(&word) != unnamed(&before) {
        word.said_at_ms = now().timestamp_millis().max(before.said_at_ms + 1);
    }
    if word != before {
        words.insert(entity_id.clone(), word.clone());
        put_owner_words(&*api.store, words).await?;
        api.kept.forget();
    }
    let profiles = api.store.profiles().await?;
    let learned_at_ms = profiles.iter().find(|record| record.profile.entity_id == entity_id).map(|record| record.learned_at_ms);
    Ok(Json(Said { word: Word::from(&word), in_force: word.is_in_force(learned_at_ms), entity_id }))
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What is wrong with a body, and where.
fn refused(rejected: &JsonRejection) -> Problem {
    let said = rejected.body_text();
    let why = said.split_once("target type: ").map_or(said.as_str(), |(_, why)| why);
    Problem::new(rejected.status(), why)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests;
