//! What happens, as it happens: Server-Sent Events.
//!
//! All streams of a process share one poller of the store, which runs only while somebody listens: the store may be written by another
//! process, so there is nothing to be woken by.

mod frames;
mod poller;

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{Instant, Interval, interval_at};
use tokio_util::sync::CancellationToken;
use wattribute_domain::{SeriesId, SeriesInfo};
use wattribute_service::{Access, Problem};
use wattribute_store::Store;

use super::Api;
use super::asked::Asked;
use frames::{Item, LiveEvent, LiveLagged, News};

/// Streams at a time, at most.
const MOST_STREAMS: usize = 64;
/// News that wait for a slow listener, at most.
const WAITING: usize = 256;
/// Whoever listens is asked so often whether it still may: its token may have been revoked.
const ASK_AGAIN: Duration = Duration::from_secs(15);
/// A comment is sent so often, so that nobody takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A proxy that gathers an answer before it hands it on, as nginx does, would let each event wait for the next ones.
const UNBUFFERED: (&str, &str) = ("x-accel-buffering", "no");

/// The streams of this process and what feeds them; clones share it.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    is_demo: bool,
    shutdown: CancellationToken,
    ask_again: Duration,
    streams: Arc<Semaphore>,
    news: broadcast::Sender<Arc<News>>,
    /// Whether the poller runs.
    is_polling: Mutex<bool>,
}

impl Live {
    /// Streams of what is in `store`; they end at `shutdown`.
    pub fn new(store: Arc<dyn Store>, is_demo: bool, shutdown: CancellationToken) -> Self {
        let streams = Arc::new(Semaphore::new(MOST_STREAMS));
        let news = broadcast::Sender::new(WAITING);
        Live(Arc::new(Shared { store, is_demo, shutdown, ask_again: ASK_AGAIN, streams, news, is_polling: Mutex::new(false) }))
    }

    /// The same, whose listeners are asked more often whether they still may listen.
    #[cfg(test)]
    pub(super) fn asking_again_every(store: Arc<dyn Store>, ask_again: Duration) -> Self {
        let mut live = Live::new(store, false, CancellationToken::new());
        if let Some(shared) = Arc::get_mut(&mut live.0) {
            shared.ask_again = ask_again;
        }
        live
    }

    /// All news from now on; begins to poll where nobody listened before.
    async fn listen(&self) -> Result<broadcast::Receiver<Arc<News>>, Problem> {
        let mut is_polling = self.0.is_polling.lock().await;
        let news = self.0.news.subscribe();
        if !*is_polling {
            let poller = poller::Poller::begin(&*self.0.store).await?;
            *is_polling = true;
            tokio::spawn(self.clone().poll(poller));
        }
        Ok(news)
    }

    async fn poll(self, mut poller: poller::Poller) {
        let mut tick = tokio::time::interval(poller::EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.0.shutdown.cancelled() => return,
            }
            {
                let mut is_polling = self.0.is_polling.lock().await;
                if self.0.news.receiver_count() == 0 {
                    *is_polling = false;
                    return;
                }
            }
            match poller.look(&*self.0.store).await {
                Ok(news) => {
                    if std::mem::take(&mut is_failing) {
                        tracing::info!("live streams go on");
                    }
                    if !news.items.is_empty() {
                        // Where the last listener has just left, nobody needs it.
                        self.0.news.send(Arc::new(news)).ok();
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(%error, "live streams wait: the store cannot be read");
                    }
                }
            }
        }
    }
}

/// Which series somebody listens to.
struct Choice(Option<HashSet<SeriesId>>);

impl Choice {
    fn takes(&self, id: SeriesId, is_usual: bool) -> bool {
        self.0.as_ref().map_or(is_usual, |chosen| chosen.contains(&id))
    }
}

/// One stream.
struct Listening {
    waiting: VecDeque<Event>,
    news: broadcast::Receiver<Arc<News>>,
    choice: Choice,
    shutdown: CancellationToken,
    request: Parts,
    ask_again: Interval,
    _permit: OwnedSemaphorePermit,
}

impl Listening {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let heard = tokio::select! {
                heard = self.news.recv() => heard,
                _ = self.ask_again.tick() => {
                    if !still_may(&self.request).await {
                        return None;
                    }
                    continue;
                }
                () = self.shutdown.cancelled() => return None,
            };
            match heard {
                Ok(news) => self.waiting = events(&news.items, news.cursor, &self.choice),
                Err(RecvError::Lagged(missed)) => self.waiting.extend(event("lagged", &LiveLagged { missed })),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Whether the one who listens would be let in now as well.
async fn still_may(request: &Parts) -> bool {
    match request.extensions.get::<Access>() {
        Some(access) => access.still_admits(request).await,
        None => true,
    }
}

/// What of `items` is listened to. The last carries the cursor: whoever is cut off before it is told all of them again.
fn events(items: &[Item], cursor: i64, choice: &Choice) -> VecDeque<Event> {
    let mut taken = items.iter().filter(|item| item.series.is_none_or(|(id, is_usual)| choice.takes(id, is_usual))).peekable();
    let mut events = VecDeque::new();
    while let Some(item) = taken.next() {
        let event = Event::default().event(item.event).data(&item.data);
        events.push_back(if taken.peek().is_none() { event.id(cursor.to_string()) } else { event });
    }
    events
}

fn event(name: &'static str, data: &impl serde::Serialize) -> Option<Event> {
    Some(Event::default().event(name).data(frames::text(data)?))
}

/// What happens, as it happens, as Server-Sent Events.
///
/// The first event is `hello`, with how things are now. Then `reading` (at most one of a series a second), `correlation` (new, replaced or
/// retracted; by its `id`), `alert`, `profiles` when devices were learned anew, and `lagged` to a listener that was too slow for some of it. The data
/// of each is one of the schemas below. The id of an event is a place in what arrived: with it as `Last-Event-ID`, readings that arrived since are
/// told, as far as they are of the last 15 minutes; correlations of that time are in `hello`. A stream ends within seconds of the end of its token or login.
#[utoipa::path(
    get, path = "/live", tag = "readings",
    params(
        ("series" = Option<String>, Query, description = "Readings of these series only: numbers, separated by commas or said several times; else the house and all powers", example = "1,2"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was heard: goes on from there"),
    ),
    responses(
        (status = 200, description = "A stream of events", body = LiveEvent, content_type = "text/event-stream"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams, or the store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn live(State(api): State<Api>, asked: Asked, request: Parts) -> Result<Response, Problem> {
    let shared = &api.live.0;
    let Ok(permit) = shared.streams.clone().try_acquire_owned() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{MOST_STREAMS} streams are open already; close one, or try again later"),
        ));
    };
    let all = api.store.series().await?;
    let choice = Choice(asked.series(&all)?.map(|chosen| chosen.into_iter().map(|(id, _)| id).collect()));
    let since = request.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
    // In this order, so that nothing is missed in between; what is told twice says the same.
    let news = api.live.listen().await?;
    let takes = |id: SeriesId, info: &SeriesInfo| choice.takes(id, frames::is_usual(info));
    let (hello, cursor) = frames::hello(&*shared.store, shared.is_demo, takes).await?;
    let mut waiting = VecDeque::from_iter(event("hello", &hello).map(|event| event.id(cursor.to_string())));
    if let Some(since) = since {
        let missed = frames::missed(&*shared.store, since, takes).await?;
        waiting.extend(events(&missed, cursor, &choice));
    }
    let ask_again = interval_at(Instant::now() + shared.ask_again, shared.ask_again);
    let shutdown = shared.shutdown.clone();
    let listening = Listening { waiting, news, choice, shutdown, request, ask_again, _permit: permit };
    let stream = stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((Ok::<_, Infallible>(event), listening))
    });
    let stream = Sse::new(stream.fuse()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("still here"));
    Ok(([UNBUFFERED], stream).into_response())
}
