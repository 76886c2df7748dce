//! Batches against what a loop over the items gives.

mod common;

use std::{collections::BTreeSet, sync::Arc};

use common::{Folder, Log};
use ndarray::{Array1, Array2};
use ndfolio::{
    Array, DType, EngineError, Error, Io, IoEngine, Session, Size,
    feed::{Batch, Blocks, Feed, Last, Loader, Shuffle, Starts, State, Target},
};
use proptest::prelude::*;

fn int64() -> DType {
    "<i8".parse().unwrap()
}

/// Rows of three numbers that say which row it is.
fn rows(folder: &Folder, name: &str, count: usize) -> Array {
    let path = folder.path(name);
    ndfolio::save(&path, &Array2::from_shape_fn((count, 3), |(i, j)| (10 * i + j) as f32)).unwrap();
    ndfolio::open(&path).unwrap()
}

fn tokens(folder: &Folder, count: usize) -> Array {
    let path = folder.path("tokens.npy");
    ndfolio::save(&path, &Array1::from_shape_fn(count, |i| (i * 7 % 65_521) as u16)).unwrap();
    ndfolio::open(&path).unwrap()
}

/// Which rows a batch has, by what is in them.
fn found(batch: &Batch) -> Vec<i64> {
    let items = batch.arrays()[0].read::<f32>().unwrap();
    let items = items.into_dimensionality::<ndarray::Ix2>().unwrap();
    for row in items.rows() {
        assert_eq!((row[1], row[2]), (row[0] + 1.0, row[0] + 2.0));
    }
    items.column(0).iter().map(|&first| first as i64 / 10).collect()
}

fn epoch(loader: &mut Loader) -> Vec<(u64, Vec<i64>)> {
    let mut batches = Vec::new();
    while let Some(batch) = loader.next_batch().unwrap() {
        let items = found(&batch);
        assert_eq!(items, loader.batch_items(batch.step()).unwrap());
        batches.push((batch.step(), items));
    }
    batches
}

fn shuffles() -> impl Strategy<Value = Shuffle> {
    prop_oneof![
        Just(Shuffle::None),
        Just(Shuffle::Full),
        Just(Shuffle::blocks()),
        (1_u64..40, 1_u64..6).prop_map(|(items, together)| Shuffle::Blocks(Blocks {
            items: Some(items),
            together: Some(together)
        })),
    ]
}

fn sessions() -> impl Strategy<Value = Session> {
    let ways =
        vec![Io::Auto, Io::Force(IoEngine::Mmap), Io::Force(IoEngine::Pread), Io::Force(IoEngine::Direct)];
    (prop::sample::select(ways), prop::option::of(60_000_usize..400_000), 1_usize..4).prop_map(
        |(io, memory, threads)| {
            let session = Session::new().io(io).threads(threads);
            memory.map_or(session.clone(), |bytes| session.memory(Size::from(bytes)))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Every rank and worker together give each row once, in steps; workers give the rank's batches in its order.
    #[test]
    fn all_rows_come_once_whoever_shares_them(
        count in 1_usize..300, batch in 1_usize..40, world in 1_usize..4, workers in 1_usize..4,
        shuffle in shuffles(), seed in any::<u64>(), session in sessions(), drop in any::<bool>(),
    ) {
        let folder = Folder::new();
        let array = rows(&folder, "x.npy", count);
        let last = if drop { Last::Drop } else { Last::Keep };
        let feed = Feed::rows([array]).batch_size(batch).shuffle(shuffle).seed(seed).last(last).session(&session);
        if world > count || workers > count || (drop && count < batch * world) {
            prop_assert!(feed.rank(0, world).worker(0, workers).loader().is_err());
            return Ok(());
        }
        // One after the other, in one piece: what all others have to agree with.
        let mut whole = Vec::new();
        for rank in 0..world {
            let feed = feed.clone().rank(rank, world);
            let mut loader = feed.clone().loader().unwrap();
            let alone = epoch(&mut loader);
            prop_assert_eq!(alone.len() as u64, loader.steps());
            let mut shared: Vec<_> = (0..workers)
                .flat_map(|worker| {
                    let mut loader = feed.clone().worker(worker, workers).loader().unwrap();
                    let left = loader.steps_left();
                    let own = epoch(&mut loader);
                    assert_eq!(own.len() as u64, left);
                    assert!(own.iter().all(|(step, _)| *step as usize % workers == worker));
                    own
                })
                .collect();
            shared.sort();
            prop_assert_eq!(&alone, &shared);
            whole.extend(alone);
        }
        let all: Vec<i64> = whole.iter().flat_map(|(_, items)| items.clone()).collect();
        let different: BTreeSet<i64> = all.iter().copied().collect();
        prop_assert_eq!(different.len(), all.len());
        prop_assert!(different.iter().all(|&row| row >= 0 && row < count as i64));
        let step = batch * world;
        let given = if drop { count / step * step } else { count };
        prop_assert_eq!(all.len(), given);
        if shuffle == Shuffle::None && world == 1 {
            prop_assert!(all.into_iter().eq(0..given as i64));
        }
    }

    /// From every place of two epochs, with any number of workers, the batches that come are those that would have.
    #[test]
    fn loaders_go_on_where_others_stopped(
        count in 5_usize..80, batch in 1_usize..9, shuffle in shuffles(), seed in any::<u64>(), workers in 1_usize..4,
    ) {
        let folder = Folder::new();
        let array = rows(&folder, "x.npy", count);
        let feed = Feed::rows([array]).batch_size(batch).shuffle(shuffle).seed(seed);
        let mut loader = feed.clone().loader().unwrap();
        let wanted: Vec<_> = [epoch(&mut loader), epoch(&mut loader)].concat();
        let steps = loader.steps() as usize;
        loader.set_epoch(0);
        for done in 0..=2 * steps {
            let state: State = loader.state().unwrap().to_string().parse().unwrap();
            let mut rest = Vec::new();
            for worker in 0..workers {
                let mut other = feed.clone().worker(worker, workers).loader().unwrap();
                other.load_state(&state).unwrap();
                let (at, own) = (other.epoch(), epoch(&mut other));
                rest.extend(own.into_iter().map(|(step, items)| (at, step, items)));
            }
            rest.sort();
            let end = (done / steps + 1).min(2) * steps;
            let expected: Vec<_> = wanted[done.min(2 * steps)..end.max(done)]
                .iter()
                .map(|(step, items)| ((done / steps) as u64, *step, items.clone()))
                .collect();
            // Behind the last batch of an epoch the loader is still in it.
            let ended = done > 0 && done % steps == 0;
            prop_assert_eq!(rest, if ended { Vec::new() } else { expected });
            if ended {
                prop_assert!(loader.next_batch().unwrap().is_none());
            }
            if done < 2 * steps {
                let batch = loader.next_batch().unwrap().unwrap();
                prop_assert_eq!(&found(&batch), &wanted[done].1);
                prop_assert_eq!(loader.state().unwrap(), loader.state_after(&batch).unwrap());
            }
        }
    }

    /// Windows and targets are those of the tokens, cast.
    #[test]
    fn windows_are_those_of_the_file(
        count in 20_usize..2000, length in 1_usize..20, step in 1_u64..30, first in 0_u64..20,
        random in any::<bool>(), target in any::<bool>(), batch in 1_usize..20, session in sessions(), swap in any::<bool>(),
    ) {
        let folder = Folder::new();
        let array = tokens(&folder, count);
        let all = array.read::<u16>(..).unwrap();
        let array = if swap {
            let swapped = ndfolio::create(folder.path("swapped.npy"), ">u2".parse().unwrap(), &[count]).unwrap();
            swapped.write(.., &all).unwrap();
            swapped
        } else {
            array
        };
        let starts = if random { Starts::Random { windows: 50 } } else { Starts::Every { step, first } };
        let shifted = usize::from(target);
        let target = if target { Target::Next } else { Target::None };
        let shuffle = if random { Shuffle::None } else { Shuffle::Full };
        let feed = Feed::windows(array, length, starts, target).batch_size(batch).seed(3).shuffle(shuffle);
        let feed = feed.dtype(0, int64()).session(&session);
        let places = count - length - shifted + 1;
        if !random && first as usize >= places {
            prop_assert!(feed.loader().is_err());
            return Ok(());
        }
        let mut loader = feed.loader().unwrap();
        let mut seen = Vec::new();
        let mut firsts = Vec::new();
        for _ in 0..2 {
            while let Some(batch) = loader.next_batch().unwrap() {
                let numbers = loader.batch_items(batch.step()).unwrap();
                let again = loader.fetch(&numbers).unwrap();
                for (array, other) in batch.arrays().iter().zip(&again) {
                    assert_eq!((array.shape(), array.bytes()), (other.shape(), other.bytes()));
                }
                let x = batch.arrays()[0].read::<i64>().unwrap();
                prop_assert_eq!(x.shape(), [batch.len(), length]);
                prop_assert_eq!(batch.arrays().len(), 1 + shifted);
                for (i, row) in x.outer_iter().enumerate() {
                    // Seven times a place, below 65,521: that says the place.
                    let start = (0..places).find(|&at| i64::from(all[at]) == row[[0]]).unwrap();
                    for (j, &token) in row.iter().enumerate() {
                        prop_assert_eq!(token, i64::from(all[start + j]));
                    }
                    if shifted == 1 {
                        let y = batch.arrays()[1].read::<i64>().unwrap();
                        for (j, &token) in y.index_axis(ndarray::Axis(0), i).iter().enumerate() {
                            prop_assert_eq!(token, i64::from(all[start + j + 1]));
                        }
                    }
                    seen.push(start);
                }
            }
            firsts.push(std::mem::take(&mut seen));
        }
        if random {
            prop_assert_eq!(firsts[0].len(), 50);
            prop_assert!(places < 10 || firsts[0] != firsts[1]);
        } else {
            firsts[0].sort_unstable();
            prop_assert!(firsts[0].iter().copied().eq((first as usize..places).step_by(step as usize)));
        }
    }
}

#[test]
fn arrays_of_several_dtypes_and_views_come_together() {
    let folder = Folder::new();
    let x = rows(&folder, "x.npy", 100);
    let path = folder.path("y.npy");
    ndfolio::save(&path, &Array1::from_shape_fn(200, |i| i as u16)).unwrap();
    // Every second label from the end, and the columns turned around.
    let y = ndfolio::open(&path).unwrap().slice(ndfolio::slice(None, None, -2)).unwrap();
    let x = x.slice((.., ndfolio::slice(None, None, -1))).unwrap();
    let feed =
        Feed::rows([x, y]).batch_size(7).shuffle(Shuffle::Full).seed(1).dtype(1, "<f8".parse().unwrap());
    let mut loader = feed.casting(ndfolio::Casting::Safe).loader().unwrap();
    let mut count = 0;
    while let Some(batch) = loader.next_batch().unwrap() {
        let (x, y) = (batch.arrays()[0].read::<f32>().unwrap(), batch.arrays()[1].read::<f64>().unwrap());
        for i in 0..batch.len() {
            let row = f64::from(x[[i, 2]] / 10.0);
            assert_eq!(y[[i]], 199.0 - 2.0 * row);
            count += 1;
        }
    }
    assert_eq!(count, 100);
}

/// Long blocks are read to where they stay, and their rows go from there to the batches.
#[test]
fn long_blocks_give_the_same_batches_whichever_way_they_are_read() {
    let folder = Folder::new();
    let (count, columns) = (1111, 400);
    let item = |i: usize, j: usize| (i * 1000 + j) as f32;
    let path = folder.path("x.npy");
    let options = ndfolio::CreateOptions::new(">f4".parse().unwrap(), &[count, columns]);
    let x = options.create(&path).unwrap();
    let all = Array2::from_shape_fn((count, columns), |(i, j)| item(i, j));
    x.write(.., &all.view().into_dyn()).unwrap();
    x.close().unwrap();
    let labels = folder.path("y.npy");
    ndfolio::save(&labels, &Array1::from_shape_fn(count, |i| i as i32)).unwrap();
    let arrays = || [ndfolio::open(&path).unwrap(), ndfolio::open(&labels).unwrap()];
    let blocks = |items, together| Shuffle::Blocks(Blocks { items, together });
    for shuffle in [Shuffle::None, Shuffle::blocks(), blocks(Some(70), Some(3)), blocks(Some(1000), None)] {
        let mut wanted: Option<Vec<Vec<i64>>> = None;
        for (io, memory, workers) in [
            (Io::Auto, None, 1),
            (Io::Force(IoEngine::Direct), None, 1),
            (Io::Force(IoEngine::Pread), None, 1),
            (Io::Force(IoEngine::Mmap), None, 1),
            (Io::Force(IoEngine::Direct), Some(4_600_000), 1),
            (Io::Force(IoEngine::Direct), None, 3),
        ] {
            let session = Session::new().io(io);
            let session = memory.map_or(session.clone(), |bytes: usize| session.memory(Size::from(bytes)));
            let feed = Feed::rows(arrays()).batch_size(50).shuffle(shuffle).seed(5).session(&session);
            let mut loaders: Vec<Loader> =
                (0..workers).map(|worker| feed.clone().worker(worker, workers).loader().unwrap()).collect();
            // The memory of an epoch is that of the next, which is in another order.
            for epoch in 0..2 {
                let mut found = Vec::new();
                for step in 0..loaders[0].steps() as usize {
                    let batch = loaders[step % workers].next_batch().unwrap().unwrap();
                    let x = batch.arrays()[0].read::<f32>().unwrap();
                    let rows = batch.arrays()[1].read::<i32>().unwrap();
                    for (at, &row) in rows.iter().enumerate() {
                        assert!((0..columns).all(|j| x[[at, j]] == item(row as usize, j)), "{io:?} {row}");
                    }
                    found.push(rows.iter().map(|&row| i64::from(row)).collect::<Vec<_>>());
                }
                assert!(loaders.iter_mut().all(|loader| loader.next_batch().unwrap().is_none()));
                if epoch == 0 {
                    assert_eq!(&found, wanted.get_or_insert_with(|| found.clone()), "{io:?} {memory:?}");
                }
            }
        }
    }
}

fn message<T>(result: Result<T, Error>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn what_cannot_be_says_why() {
    let folder = Folder::new();
    let (x, short, empty) =
        (rows(&folder, "x.npy", 100), rows(&folder, "s.npy", 99), rows(&folder, "e.npy", 0));
    let of = |array: &Array| Feed::rows([array.clone()]);
    let text = message(Feed::rows([x.clone(), short]).loader());
    assert!(text.contains("99 rows") && text.contains("has 100"), "{text}");
    assert!(message(of(&empty).loader()).contains("no rows"));
    assert!(message(Feed::rows([]).loader()).contains("no array"));
    assert!(message(of(&x).batch_size(0).loader()).contains("0 items"));
    assert!(message(of(&x).rank(0, 101).loader()).contains("101 ranks share 100 items"));
    assert!(message(of(&x).worker(0, 101).loader()).contains("101 workers share 100 items"));
    assert!(message(of(&x).worker(3, 3).loader()).contains("worker 3 of 3"));
    assert!(message(of(&x).batch_size(101).last(Last::Drop).loader()).contains("make no batch of 101"));
    assert!(message(of(&x).dtype(1, int64()).loader()).contains("array 1"));
    assert!(message(of(&x).dtype(0, int64()).loader()).contains("same_kind"));
    let text =
        message(Feed::windows(x.clone(), 100, Starts::Every { step: 1, first: 0 }, Target::Next).loader());
    assert!(text.contains("there are 100 rows"), "{text}");
    assert!(
        Feed::windows(x.clone(), 100, Starts::Every { step: 1, first: 0 }, Target::None).loader().is_ok()
    );
    let random = Feed::windows(x.clone(), 5, Starts::Random { windows: 9 }, Target::None);
    assert!(message(random.shuffle(Shuffle::Full).loader()).contains("leave the shuffle out"));
    let loader = of(&x).loader().unwrap();
    assert!(message(loader.fetch(&[0, 100])).contains("100"));
    assert_eq!(loader.fetch(&[-1]).unwrap()[0].read::<f32>().unwrap()[[0, 0]], 990.0);
    assert!(message(loader.batch_items(100)).contains("an epoch has 100"));
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let folder = Folder::new();
    let x = rows(&folder, "x.npy", 20_000);
    let session = Session::new().memory(Size::from(100_000));
    let feed = Feed::rows([x]).session(&session);
    match feed.clone().batch_size(10_000).loader() {
        Err(Error::Engine { source: EngineError::Budget { needed, budget, .. }, .. }) => {
            assert!(needed >= 120_000 && budget == 100_000, "{needed}");
        }
        other => panic!("{other:?}"),
    }
    let blocks = |items| Shuffle::Blocks(Blocks { items: Some(items), together: Some(10) });
    let text = message(feed.clone().batch_size(10).shuffle(blocks(2000)).loader());
    assert!(text.contains("shuffled together") && text.contains("100000"), "{text}");
    assert!(feed.clone().batch_size(10).shuffle(blocks(200)).loader().is_ok());
    assert!(matches!(
        feed.batch_size(10).loader().unwrap().fetch(&vec![0; 10_000]),
        Err(Error::Engine { .. })
    ));
}

#[test]
fn states_of_others_are_refused_with_what_differs() {
    let folder = Folder::new();
    let feed = |array: Array| Feed::rows([array]).batch_size(10).shuffle(Shuffle::Full).seed(7);
    let x = rows(&folder, "x.npy", 100);
    let mut loader = feed(x.clone()).loader().unwrap();
    loader.next_batch().unwrap();
    let state = loader.state().unwrap();
    assert!(message(feed(x.clone()).seed(8).loader().unwrap().load_state(&state)).contains("seed 7, not 8"));
    let other = feed(x.clone()).shuffle(Shuffle::None).loader().unwrap().load_state(&state);
    assert!(message(other).contains("order \"full\", not \"none\""));
    assert!(
        message(feed(x).batch_size(9).loader().unwrap().load_state(&state)).contains("batch_size 10, not 9")
    );
    let longer = rows(&folder, "longer.npy", 101);
    assert!(message(feed(longer).loader().unwrap().load_state(&state)).contains("[100,3]"));
    // A copy is as good as the file, one with another last item is not.
    std::fs::copy(folder.path("x.npy"), folder.path("copy.npy")).unwrap();
    feed(ndfolio::open(folder.path("copy.npy")).unwrap()).loader().unwrap().load_state(&state).unwrap();
    let mut bytes = std::fs::read(folder.path("x.npy")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(folder.path("other.npy"), bytes).unwrap();
    let other = feed(ndfolio::open(folder.path("other.npy")).unwrap()).loader().unwrap().load_state(&state);
    assert!(message(other).contains("sum "));
}

#[test]
fn files_that_change_are_errors() {
    let folder = Folder::new();
    let change = |name: &str, change: &dyn Fn(&std::path::Path)| {
        let array = rows(&folder, name, 50_000);
        let session = Session::new().memory(Size::from(200_000));
        let mut loader = Feed::rows([array]).batch_size(100).session(&session).loader().unwrap();
        loader.next_batch().unwrap().unwrap();
        change(&folder.path(name));
        let mut last = loader.next_batch();
        for _ in 0..600 {
            if last.is_err() {
                break;
            }
            last = loader.next_batch();
        }
        // It stays an error.
        assert!(loader.next_batch().is_err());
        assert!(loader.fetch(&[1]).is_err());
        message(last)
    };
    let open = |path: &std::path::Path| std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let text = change("cut.npy", &|path| open(path).set_len(1000).unwrap());
    assert!(text.contains("has 1000 now") || text.contains("cut while"), "{text}");
    let text = change("longer.npy", &|path| open(path).set_len(1_000_000).unwrap());
    assert!(text.contains("has 1000000 now"), "{text}");
    let text = change("replaced.npy", &|path| {
        std::fs::copy(path, folder.path("new.npy")).unwrap();
        std::fs::rename(folder.path("new.npy"), path).unwrap();
    });
    assert!(text.contains("replaced"), "{text}");
    let text = change("written.npy", &|path| {
        std::thread::sleep(std::time::Duration::from_millis(30));
        std::os::unix::fs::FileExt::write_at(&open(path), b"xxxx", 5000).map(drop).unwrap();
    });
    assert!(text.contains("something was written"), "{text}");
}

#[test]
fn loaders_stop_when_they_are_told_or_dropped() {
    fn is_send<T: Send>() {}
    is_send::<Loader>();
    let folder = Folder::new();
    let x = rows(&folder, "x.npy", 50_000);
    let log = Log::new(100_000);
    let session = Session::new().memory(Size::from(200_000)).observe(Arc::clone(&log) as _);
    let mut loader = Feed::rows([x]).batch_size(100).session(&session).loader().unwrap();
    let error = (0..500).find_map(|_| loader.next_batch().err()).expect("it was cancelled");
    assert!(matches!(error, Error::Engine { source: EngineError::Cancelled, .. }), "{error}");
    // Threads that outlived the loader would still have the session.
    drop((loader, session));
    assert_eq!(Arc::strong_count(&log), 1);
}
