//! A bar on the terminal for work that takes longer than a second; nothing at all in a pipe.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use wattribute_meter::adapters::history::Progress;

use crate::text;

/// Work that is done sooner than this is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far the reading of files is.
pub struct Reading {
    since: Instant,
    bar: Option<ProgressBar>,
    terminal: bool,
}

impl Reading {
    /// Begins now; `terminal` says whether there is somebody to look at a bar.
    pub fn begin(terminal: bool) -> Self {
        Reading { since: Instant::now(), bar: None, terminal }
    }

    /// Shows how far it is.
    pub fn show(&mut self, progress: &Progress<'_>) {
        if !self.terminal || (self.bar.is_none() && self.since.elapsed() < PATIENCE) {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg} [{bar:24}] {percent:>3} %, {eta} left");
            ProgressBar::new(progress.total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
        });
        bar.set_length(progress.total);
        bar.set_position(progress.done.min(progress.total));
        let file = std::path::Path::new(progress.file).file_name().map_or(progress.file.into(), |name| name.to_string_lossy());
        bar.set_message(format!("Reading {}", text::cut(&text::clean(&file), 30)));
    }

    /// Takes the bar away.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A sign of life during work of unknown length; it goes when this is dropped.
pub struct Working {
    done: Option<mpsc::Sender<()>>,
    watch: Option<JoinHandle<()>>,
}

impl Working {
    /// Shows `what` once it has taken a second.
    pub fn begin(what: &'static str, terminal: bool) -> Self {
        if !terminal {
            return Working { done: None, watch: None };
        }
        let (done, waits) = mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            if waits.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            let style = ProgressStyle::with_template("{msg} {spinner}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::new_spinner().with_style(style).with_message(what);
            bar.enable_steady_tick(Duration::from_millis(120));
            let _ended = waits.recv();
            bar.finish_and_clear();
        });
        Working { done: Some(done), watch: Some(watch) }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(watch) = self.watch.take() {
            let _ended = watch.join();
        }
    }
}
