//! What is planned is what happens, and sessions change how, never what.

mod common;

use std::sync::{Arc, atomic::Ordering};

use common::{Folder, Log, cases};
use ndfolio::{
    Array, Casting, CreateOptions, EngineError, Error, Existing, Io, IoEngine, Op, Order, Plan, Report,
    Session, Tolerance, diff, plan_diff, slice,
};
use proptest::prelude::*;

/// A block of a device and a cache line for each buffer, at the most.
const ALIGNMENT: u64 = 9 << 12;

fn assert_as_planned(plan: &Plan, report: &Report, what: &str) {
    assert_eq!(report.passes, plan.passes, "{what}");
    assert_eq!(report.threads, plan.threads, "{what}");
    assert_eq!(report.budget, plan.budget, "{what}");
    assert_eq!(report.notes, plan.notes, "{what}");
    assert_eq!(report.bytes_written, plan.writes, "{what}");
    assert_eq!(report.io.bytes_asked, plan.bytes(), "{what}");
    let first = &plan.readings[0];
    assert_eq!(report.engine, first.engine, "{what}");
    let most = plan.buffers + plan.threads as u64 * (ALIGNMENT + plan.buffers / 2);
    assert!(report.io.buffer_bytes <= most, "{what}: {} of {}", report.io.buffer_bytes, plan.buffers);
    // Beside the boxes each thread has a window, however little memory there is.
    let most = plan.budget + ((plan.threads as u64) << 20);
    assert!(plan.buffers <= most, "{what}: {} of {}", plan.buffers, plan.budget);
}

fn big(folder: &Folder) -> Array {
    let options = CreateOptions::new("<f4".parse().unwrap(), &[1500, 4096]).fill(1.5_f64);
    options.create(folder.path("big.npy")).unwrap()
}

fn sessions() -> Vec<Session> {
    let plain = Session::new();
    let forced = IoEngine::ALL.map(|engine| Session::new().io(Io::Force(engine)).threads(3));
    let small = Session::new().memory("3MiB".parse().unwrap()).threads(2);
    forced.into_iter().chain([plain, small, Session::new().threads(1)]).collect()
}

#[test]
fn reductions_are_as_planned() {
    let folder = Folder::new();
    let array = big(&folder);
    let views =
        [array.clone(), array.slice((.., slice(None, None, 3))).unwrap(), array.transpose(None).unwrap()];
    for session in sessions() {
        let log = Log::new(u64::MAX);
        let session = session.observe(Arc::clone(&log) as _);
        for view in &views {
            for axes in [&[0][..], &[1], &[0, 1]] {
                let reduction = view.reduction().axes(axes).run(&session);
                let ops = [Op::Max, Op::Mean];
                let plan = reduction.plan(&ops).unwrap();
                let results = reduction.compute(&ops).unwrap();
                // Two singles for each.
                assert_eq!(plan.results as usize, results[0].values().len() * 8);
                assert_as_planned(&plan, &log.take(), &format!("{session:?} {:?} {axes:?}", view.strides()));

                let plan = view.plan_stats(Some(axes), &session).unwrap();
                view.stats_along(axes, &session, drop).unwrap();
                assert_as_planned(&plan, &log.take(), &format!("stats {session:?} {axes:?}"));
            }
        }
    }
}

#[test]
fn stats_in_parts_are_as_planned() {
    let folder = Folder::new();
    let options = CreateOptions::new("u1".parse().unwrap(), &[300_000, 3]).fill(7_u64);
    let array = options.create(folder.path("rows.npy")).unwrap();
    let log = Log::new(u64::MAX);
    let session = Session::new().observe(Arc::clone(&log) as _);
    let plan = array.plan_stats(Some(&[1]), &session).unwrap();
    array.stats_along(&[1], &session, drop).unwrap();
    assert_eq!((plan.passes, plan.bytes()), (3, 900_000));
    assert_as_planned(&plan, &log.take(), "parts");
}

#[test]
fn copies_digests_and_comparisons_are_as_planned() {
    let folder = Folder::new();
    let array = big(&folder);
    let views =
        [array.clone(), array.slice((.., slice(None, None, 3))).unwrap(), array.transpose(None).unwrap()];
    for session in sessions() {
        let log = Log::new(u64::MAX);
        let session = session.observe(Arc::clone(&log) as _);
        for view in &views {
            let what = format!("{session:?} {:?}", view.strides());
            let plan = view.plan_digest(&session).unwrap();
            view.digest(&session).unwrap();
            assert_as_planned(&plan, &log.take(), &format!("digest {what}"));
            let plan = plan_diff(view, view, Tolerance::default(), &session).unwrap();
            diff(view, view, Tolerance::default(), &session).unwrap();
            assert_as_planned(&plan, &log.take(), &format!("diff {what}"));
            for (dtype, order) in [("<f4", Order::C), ("<f8", Order::F)] {
                let options = CreateOptions::like(view).dtype(dtype.parse().unwrap()).order(order);
                let options = options.existing(Existing::Replace);
                let target = folder.path("copy.npy");
                let plan = options.plan_copy_of(view, &target, Casting::Safe, &session).unwrap();
                options.copy_of(view, &target, Casting::Safe, &session).unwrap();
                assert_as_planned(&plan, &log.take(), &format!("copy {dtype} {order} {what}"));
            }
        }
    }
}

#[test]
fn a_new_file_is_settled_and_can_be_given_up() {
    let folder = Folder::new();
    let array = big(&folder);
    let target = folder.path("copy.npy");
    let log = Log::new(u64::MAX);
    let session = Session::new().observe(Arc::clone(&log) as _);
    CreateOptions::like(&array).copy_of(&array, &target, Casting::No, &session).unwrap();
    assert_eq!(log.bytes.load(Ordering::Relaxed), array.nbytes() as u64);
    assert_eq!(log.settled.load(Ordering::Relaxed), array.nbytes() as u64 + 128);
    std::fs::remove_file(&target).unwrap();
    for part in 0..4 {
        let log = Log::new(part * array.nbytes() as u64 / 3);
        let session = Session::new().observe(Arc::clone(&log) as _);
        let result = CreateOptions::like(&array).copy_of(&array, &target, Casting::No, &session);
        assert!(matches!(result, Err(Error::Engine { source: EngineError::Cancelled, .. })), "{part}");
        assert_eq!(folder.names(), ["big.npy"]);
        assert!(log.reports.lock().unwrap().len() <= usize::from(part == 3));
    }
}

#[test]
fn the_page_cache_is_moved_in_parts() {
    let folder = Folder::new();
    let array = big(&folder);
    array.flush().unwrap();
    let log = Log::new(u64::MAX);
    let session = Session::new().observe(Arc::clone(&log) as _);
    assert!(array.prefetch_run(&session).unwrap() >= array.nbytes() as u64);
    assert!(log.bytes.load(Ordering::Relaxed) >= array.nbytes() as u64);
    assert_eq!(array.residency().unwrap().share(), Some(1.0));
    array.evict_run(&session).unwrap();
    let impatient = Session::new().observe(Log::new(0) as _);
    assert!(array.prefetch_run(&impatient).is_err() && array.evict_run(&impatient).is_err());
    assert!(array.lock_run(&impatient).is_err() && array.flush_run(&impatient).is_err());
    array.flush_run(&session).unwrap();
}

#[test]
fn reports_say_what_was_used() {
    let folder = Folder::new();
    let array = big(&folder);
    let log = Log::new(u64::MAX);
    let session = Session::new().threads(2).observe(Arc::clone(&log) as _);
    array.reduction().run(&session).sum().unwrap();
    let report = log.take();
    assert!(report.elapsed > report.io.wait / 4 && report.bytes_per_second() > 0.0);
    if cfg!(target_os = "linux") {
        let peak = report.private_peak.unwrap();
        assert!(peak > 1 << 16 && peak < 1 << 30, "{peak}");
        assert!(report.faults.is_some() && report.device_bytes.is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Plans are made for every geometry, and promise the bytes that are then read.
    #[test]
    fn every_geometry_can_be_planned(case in cases(&["<f4", ">i2", "|u1", "<c16"]), axis in -4_isize..4) {
        let folder = Folder::new();
        let array = case.part(&case.make(&folder.path("a.bin")));
        let log = Log::new(u64::MAX);
        let session = Session::new().memory("64KiB".parse().unwrap()).observe(Arc::clone(&log) as _);
        let reduction = array.reduction().axis(axis).run(&session);
        let plan = reduction.plan(&[Op::Sum]);
        let done = reduction.compute(&[Op::Sum]);
        prop_assert_eq!(plan.is_ok(), done.is_ok());
        if let Ok(plan) = plan {
            let report = log.take();
            prop_assert_eq!((plan.passes, plan.bytes()), (report.passes, report.io.bytes_asked));
        }
        let (plan, _) = (array.plan_digest(&session).unwrap(), array.digest(&session).unwrap());
        prop_assert_eq!(plan.bytes(), log.take().io.bytes_asked);
    }
}
