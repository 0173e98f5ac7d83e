use std::collections::VecDeque;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

/// What is done to a spool, and what happens to it.
#[derive(Clone, Debug)]
enum Deed {
    Push(usize),
    Send,
    Refuse,
    /// Handed out, but the process ends before the sink has taken it.
    EndInTheMiddle,
    /// The process ended while it wrote: so many bytes of a record stand behind the last one.
    EndWhileWriting(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        5 => (0usize..120).prop_map(Deed::Push),
        4 => Just(Deed::Send),
        1 => Just(Deed::Refuse),
        1 => Just(Deed::EndInTheMiddle),
        1 => (1usize..60).prop_map(Deed::EndWhileWriting),
    ];
    proptest::collection::vec(deed, 1..80)
}

fn text(number: usize, size: usize) -> Vec<u8> {
    let mut text = number.to_string().into_bytes();
    text.resize(text.len() + size, b'x');
    text
}

fn newest(folder: &Path) -> Option<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "spool"));
    files.into_iter().max()
}

/// Does all of it; what was handed out, in order, and how many were pushed.
fn live(folder: &Path, limit_bytes: u64, deeds: &[Deed]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Fill) {
    let mut spool = Spool::open(folder, limit_bytes).unwrap();
    let (mut pushed, mut sent) = (Vec::new(), Vec::new());
    for deed in deeds {
        match deed {
            Deed::Push(size) => {
                pushed.push(text(pushed.len(), *size));
                spool.push(pushed.last().unwrap()).unwrap();
            }
            Deed::Send | Deed::Refuse => {
                if let Some(parcel) = spool.next().unwrap() {
                    sent.push(parcel.bytes.clone());
                    match deed {
                        Deed::Refuse => drop(spool.set_aside(&parcel, "no").unwrap()),
                        _ => spool.done(&parcel).unwrap(),
                    }
                }
            }
            Deed::EndInTheMiddle | Deed::EndWhileWriting(_) => {
                let _in_the_air = spool.next().unwrap();
                drop(spool);
                if let (Deed::EndWhileWriting(cut), Some(file)) = (deed, newest(folder)) {
                    let mut all = fs::read(&file).unwrap();
                    let mut half = vec![40, 0, 0, 0, 1, 2, 3, 4];
                    half.resize(*cut, 7);
                    all.extend(half);
                    fs::write(&file, all).unwrap();
                }
                spool = Spool::open(folder, limit_bytes).unwrap();
            }
        }
        assert!(spool.fill().bytes <= limit_bytes, "{:?}", spool.fill());
    }
    let waited = spool.fill().batches;
    for _ in 0..waited {
        let parcel = spool.next().unwrap().unwrap();
        sent.push(parcel.bytes.clone());
        spool.done(&parcel).unwrap();
    }
    assert_eq!(spool.next().unwrap(), None);
    (pushed, sent, spool.fill())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_batch_comes_out_once_and_in_order(deeds in deeds()) {
        let folder = tempfile::tempdir().unwrap();
        let (pushed, sent, fill) = live(folder.path(), 1 << 20, &deeds);
        prop_assert_eq!(pushed, sent);
        prop_assert_eq!(fill.dropped, 0);
    }

    #[test]
    fn what_does_not_fit_is_dropped_from_the_oldest_on_and_counted(deeds in deeds()) {
        let folder = tempfile::tempdir().unwrap();
        let (pushed, sent, fill) = live(folder.path(), 1000, &deeds);
        let mut all: VecDeque<_> = pushed.iter().collect();
        for batch in &sent {
            while all.pop_front().expect("what is sent was pushed, and is sent once, in order") != batch {}
        }
        prop_assert_eq!(fill.dropped as usize, pushed.len() - sent.len());
        if let Some(last) = pushed.last() {
            prop_assert_eq!(sent.last(), Some(last), "the newest is kept");
        }
    }
}

#[test]
fn an_end_at_any_byte_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), 1 << 20).unwrap();
    for text in ["one", "two", "three"] {
        spool.push(text.as_bytes()).unwrap();
    }
    drop(spool);
    let file = newest(folder.path()).unwrap();
    let whole = fs::read(&file).unwrap();
    let ends = [3 + 24, 3 + 3 + 40, 3 + 3 + 5 + 56];
    for cut in 0..=whole.len() {
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join(file.file_name().unwrap()), &whole[..cut]).unwrap();
        let spool = Spool::open(other.path(), 1 << 20).unwrap();
        let kept = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(spool.fill().batches as usize, kept, "cut at {cut}");
        // It goes on behind.
        spool.push(b"four").unwrap();
        let mut texts = Vec::new();
        while let Some(parcel) = spool.next().unwrap() {
            texts.push(String::from_utf8(parcel.bytes.clone()).unwrap());
            spool.done(&parcel).unwrap();
        }
        assert_eq!(texts, [&["one", "two", "three"][..kept], &["four"]].concat(), "cut at {cut}");
    }
}

#[test]
fn a_damaged_record_takes_only_its_own_file_along() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), 800).unwrap();
    for k in 0..9 {
        spool.push(&text(k, 20)).unwrap();
    }
    let first = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some()).min().unwrap();
    let mut bytes = fs::read(&first).unwrap();
    bytes[30] ^= 1;
    fs::write(&first, bytes).unwrap();
    let parcel = spool.next().unwrap().unwrap();
    assert!(parcel.receipt.number > 0, "the first file is left out");
    assert_eq!(parcel.bytes, text(parcel.receipt.number as usize, 20));
    assert_eq!(spool.fill().dropped, parcel.receipt.number);
    drop(spool);
    assert_eq!(Spool::open(folder.path(), 800).unwrap().fill().dropped, parcel.receipt.number, "and that is remembered");
}

#[test]
fn what_was_sent_lately_is_sent_again_until_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), 1000).unwrap();
    for k in 0..9 {
        spool.push(&text(k, 20)).unwrap();
    }
    let walk = |mut at: Option<Parcel>| {
        let mut seen = Vec::new();
        while let Some(parcel) = at {
            seen.push(parcel.receipt);
            assert_eq!(parcel.bytes, text(parcel.receipt.number as usize, 20));
            at = spool.after(parcel.receipt).unwrap();
        }
        seen
    };
    let numbers = |seen: &[Receipt]| seen.iter().map(|r| r.number).collect::<Vec<_>>();
    let all = walk(spool.next().unwrap());
    assert_eq!(numbers(&all), (0..9).collect::<Vec<_>>(), "over several files");
    for last in [3, 4, 8] {
        spool.done_to(all[last]).unwrap();
        spool.done_to(all[1]).unwrap();
        assert_eq!(numbers(&walk(spool.next().unwrap())), (last as u64 + 1..9).collect::<Vec<_>>());
    }
    spool.push(&text(9, 20)).unwrap();
    assert_eq!(numbers(&walk(spool.after(all[8]).unwrap())), [9]);
    assert_eq!(numbers(&walk(spool.after(all[2]).unwrap())), [9], "what is done meanwhile is passed over");
}

#[test]
fn what_is_refused_for_good_lies_beside_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), 1 << 16).unwrap();
    spool.push(b"bad").unwrap();
    spool.push(b"good").unwrap();
    let file = spool.set_aside(&spool.next().unwrap().unwrap(), "partial write: no time").unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"bad");
    assert_eq!(fs::read_to_string(file.with_extension("why")).unwrap(), "partial write: no time\n");
    assert_eq!(spool.next().unwrap().unwrap().bytes, b"good");
    drop(spool);
    assert_eq!(Spool::open(folder.path(), 1 << 16).unwrap().fill().aside, [file]);
}

#[test]
fn a_spool_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let held = Spool::open(folder.path(), 1000).unwrap();
    let error = Spool::open(folder.path(), 1000).unwrap_err();
    assert!(matches!(error, SpoolError::InUse(_)), "{error}");
    drop(held);
    assert!(Spool::open(folder.path(), 1000).is_ok());
}

#[test]
fn a_batch_that_can_never_fit_is_refused_and_drops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), 500).unwrap();
    spool.push(b"small").unwrap();
    assert!(matches!(spool.push(&[0; 600]).unwrap_err(), SpoolError::TooLarge { .. }));
    assert_eq!((spool.fill().batches, spool.fill().dropped), (1, 0));
}

/// A sink that is away for some tries, refuses what says so, and keeps the rest.
struct Keeps {
    away: usize,
    kept: Arc<Mutex<Vec<String>>>,
    told: Arc<Mutex<Vec<Option<String>>>>,
}

#[async_trait::async_trait]
impl Sink for Keeps {
    async fn take(&mut self, batch: &[u8]) -> std::result::Result<(), Refusal> {
        if self.away > 0 {
            self.away -= 1;
            return Err(Refusal::Later("it is away".to_owned()));
        }
        let text = String::from_utf8(batch.to_vec()).unwrap();
        if text == "poison" {
            return Err(Refusal::Poison("not this one".to_owned()));
        }
        self.kept.lock().unwrap().push(text);
        Ok(())
    }

    fn told(&mut self, wrong: Option<&str>, _aside: Option<&Path>) {
        self.told.lock().unwrap().push(wrong.map(str::to_owned));
    }
}

#[tokio::test]
async fn a_sink_that_returns_gets_all_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Arc::new(Spool::open(folder.path(), 1 << 16).unwrap());
    for text in ["one", "poison", "two"] {
        spool.push(text.as_bytes()).unwrap();
    }
    let (kept, told) = (Arc::default(), Arc::default());
    let sink = Keeps { away: 1, kept: Arc::clone(&kept), told: Arc::clone(&told) };
    let delivering = tokio::spawn(deliver(spool.clone(), sink));
    spool.push(b"three").unwrap();
    while spool.fill().batches > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    delivering.abort();
    assert_eq!(*kept.lock().unwrap(), ["one", "two", "three"]);
    assert_eq!(told.lock().unwrap()[0].as_deref(), Some("it is away"));
    assert_eq!(told.lock().unwrap()[1], None);
    assert_eq!(spool.fill().aside.len(), 1);
}
