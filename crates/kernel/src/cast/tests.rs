use proptest::prelude::*;

use super::*;

const DTYPES: [&str; 30] = [
    "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "g", "m8[s]",
    "m8[ms]", "m8[D]", "m8", "M8[s]", "M8[ms]", "M8[D]", "M8[Y]", "M8", "S3", "S5", "U3", "U5", "V3", "V5",
];

/// The least rule that allows each cast, row to column, as `numpy.can_cast` 2.4.6 says: No, Equiv, Safe,
/// same Kind, Unsafe; `.` between numbers and text or void, which are not turned into each other here.
const LEAST: [&str; 30] = [
    "NSSSSSSSSSSSSSSSSSSUUUUU......",
    "UNSSSUUUUSSSSSSSSSSUUUUU......",
    "UKNSSUUUUKSSSSSSSSSUUUUU......",
    "UKKNSUUUUKKSKSSSSSSUUUUU......",
    "UKKKNUUUUKKSKSSSSSSUUUUU......",
    "UKSSSNSSSSSSSSSSSSSUUUUU......",
    "UKKSSKNSSKSSSSSSSSSUUUUU......",
    "UKKKSKKNSKKSKSSSSSSUUUUU......",
    "UKKKKKKKNKKSKSSKKKKUUUUU......",
    "UUUUUUUUUNSSSSSUUUUUUUUU......",
    "UUUUUUUUUKNSSSSUUUUUUUUU......",
    "UUUUUUUUUKKNKSSUUUUUUUUU......",
    "UUUUUUUUUUUUNSUUUUUUUUUU......",
    "UUUUUUUUUUUUKNUUUUUUUUUU......",
    "UUUUUUUUUKKKKKNUUUUUUUUU......",
    "UUUUUUUUUUUUUUUNSKUUUUUUUUUUUU",
    "UUUUUUUUUUUUUUUKNKUUUUUUUUUUUU",
    "UUUUUUUUUUUUUUUSSNUUUUUUUUUUUU",
    "UUUUUUUUUUUUUUUSSSNUUUUUUUUUUU",
    "UUUUUUUUUUUUUUUUUUUNSKKUUUUUUU",
    "UUUUUUUUUUUUUUUUUUUKNKKUUUUUUU",
    "UUUUUUUUUUUUUUUUUUUSSNKUUUUUUU",
    "UUUUUUUUUUUUUUUUUUUSSSNUUUUUUU",
    "UUUUUUUUUUUUUUUUUUUSSSSNUUUUUU",
    "UUUUUUUUUUUUUUUUUUUUUUUUNSSS..",
    "UUUUUUUUUUUUUUUUUUUUUUUUKNKS..",
    "UUUUUUUUUUUUUUUUUUUUUUUUUUNSUU",
    "UUUUUUUUUUUUUUUUUUUUUUUUUUKNUU",
    "UUUUUUUUUUUUUUUUUUUUUUUUUUUUNS",
    "UUUUUUUUUUUUUUUUUUUUUUUUUUUUKN",
];

fn dtype(text: &str) -> DType {
    text.parse().unwrap()
}

#[test]
fn rules_are_numpys() {
    for (from, row) in DTYPES.iter().zip(LEAST) {
        for (to, least) in DTYPES.iter().zip(row.chars()) {
            let Some(level) = "NESKU".find(least) else { continue };
            let rules = [Casting::No, Casting::Equiv, Casting::Safe, Casting::SameKind, Casting::Unsafe];
            for (i, rule) in rules.into_iter().enumerate() {
                assert_eq!(can_cast(&dtype(from), &dtype(to), rule), i >= level, "{from} to {to}, {rule}");
            }
        }
    }
    assert!(can_cast(&dtype("<i4"), &dtype(">i4"), Casting::Equiv));
    assert!(!can_cast(&dtype("<i4"), &dtype(">i4"), Casting::No));
}

fn cast<const N: usize, const M: usize>(from: &str, items: [u8; N], to: &str) -> [u8; M] {
    let mut out = [0; M];
    Caster::new(&dtype(from), &dtype(to), Casting::Unsafe).unwrap().apply(&mut { items }, &mut out);
    out
}

#[test]
fn values() {
    assert_eq!(cast("<f8", (-1.9_f64).to_le_bytes(), ">i2"), (-1_i16).to_be_bytes());
    assert_eq!(cast("<f8", 300.0_f64.to_le_bytes(), "u1"), [44]);
    assert_eq!(cast(">i8", i64::MIN.to_be_bytes(), "<f4"), (i64::MIN as f32).to_le_bytes());
    assert_eq!(cast("<f8", 1.8e19_f64.to_le_bytes(), "<u8"), 18_000_000_000_000_000_000_u64.to_le_bytes());
    // Just above the middle of two: rounded twice it would go down.
    let above = 1.0 + 2_f64.powi(-11) + 2_f64.powi(-40);
    assert_eq!(cast("<f8", above.to_le_bytes(), "<f2"), half::f16::from_f32(1.000_976_6).to_le_bytes());
    assert_eq!(cast("b1", [7], "<f4"), 1.0_f32.to_le_bytes());
    assert_eq!(cast("<f4", f32::NAN.to_le_bytes(), "b1"), [1]);
    assert_eq!(cast("S2", *b"ab", ">U3"), [0, 0, 0, b'a', 0, 0, 0, b'b', 0, 0, 0, 0]);
    assert_eq!(cast("S3", *b"abc", "S2"), *b"ab");
    assert_eq!(cast("M8[ms]", (-1_i64).to_le_bytes(), "M8[s]"), (-1_i64).to_le_bytes());
    assert_eq!(cast("M8[s]", i64::MIN.to_le_bytes(), ">M8[ns]"), i64::MIN.to_be_bytes());
    assert_eq!(cast("M8[D]", 2_i64.to_le_bytes(), "<i4"), 2_i32.to_le_bytes());
    assert!(Caster::new(&dtype("M8[Y]"), &dtype("M8[s]"), Casting::Unsafe).is_err());
    assert!(Caster::new(&dtype("f4"), &dtype("S3"), Casting::Unsafe).is_err());
    assert!(Caster::new(&dtype("f8"), &dtype("i8"), Casting::SameKind).is_err());
}

#[test]
fn records_field_by_field() {
    let from = dtype("[('a', '>i2'), ('', 'V1'), ('b', '<f4', (2,))]");
    let to = dtype("[('x', '<f8'), ('y', '>f8', (2,)), ('', 'V3')]");
    let mut items = Vec::new();
    for i in 0..3000_i16 {
        items.extend(i.to_be_bytes());
        items.push(9);
        items.extend((f32::from(i) / 2.0).to_le_bytes());
        items.extend((-f32::from(i)).to_le_bytes());
    }
    let mut out = vec![1; 3000 * 27];
    Caster::new(&from, &to, Casting::Safe).unwrap().apply(&mut items, &mut out);
    for (i, item) in out.chunks_exact(27).enumerate() {
        let x = i as f64;
        let want = [&x.to_le_bytes()[..], &(x / 2.0).to_be_bytes(), &(-x).to_be_bytes(), &[0; 3]].concat();
        assert_eq!(item, want);
    }
}

#[test]
fn counts_what_numpy_warns_of() {
    let counted = |from: &str, items: Vec<u8>, to: &str| {
        let caster = Caster::new(&dtype(from), &dtype(to), Casting::Unsafe).unwrap();
        let count = items.len() / dtype(from).itemsize();
        let (mut out, mut want) =
            (vec![0; count * dtype(to).itemsize()], vec![0; count * dtype(to).itemsize()]);
        let mut found = Conditions::default();
        caster.apply_counted(&items, &mut out, &mut found);
        caster.apply(&mut items.clone(), &mut want);
        assert_eq!(out, want);
        (found.overflow, found.invalid)
    };
    let doubles = |items: &[f64]| items.iter().flat_map(|x| x.to_ne_bytes()).collect::<Vec<u8>>();
    let some =
        doubles(&[1.0, f64::NAN, f64::INFINITY, 300.0, -1.5, 1e300, 2_147_483_647.5, -2_147_483_648.5]);
    assert_eq!(counted("f8", some.clone(), "f4"), (1, 0));
    assert_eq!(counted("f8", some.clone(), "f2"), (3, 0));
    assert_eq!(counted("f8", some.clone(), "u1"), (0, 3));
    assert_eq!(counted("f8", some.clone(), "i4"), (0, 3));
    assert_eq!(counted("f8", some, "i8"), (0, 3));
    assert_eq!(counted("f4", 1e30_f32.to_ne_bytes().to_vec(), "c16"), (0, 0));
    assert_eq!(counted("i8", i64::MIN.to_ne_bytes().to_vec(), "u1"), (0, 0));
}

proptest! {
    #[test]
    fn floats_become_integers_one_by_one(values in prop::collection::vec(-1e5..1e5_f32, 0..3000), large: bool) {
        let mut values = values;
        values.extend(large.then_some(3e9));
        let items: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        for (to, width) in [("u1", 1), ("i2", 2), ("i4", 4), ("u8", 8)] {
            let mut out = vec![0; values.len() * width];
            Caster::new(&dtype("f4"), &dtype(to), Casting::Unsafe).unwrap().apply(&mut items.clone(), &mut out);
            let want: Vec<u8> = values.iter().flat_map(|v| (*v as i64).to_ne_bytes()[..width].to_vec()).collect();
            prop_assert_eq!(&out, &want);
        }
    }

    #[test]
    fn integers_wrap_and_floats_round(values in prop::collection::vec(any::<i64>(), 0..3000)) {
        let items: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let run = |to: &str, width: usize| {
            let mut out = vec![0; values.len() * width];
            Caster::new(&dtype("<i8"), &dtype(to), Casting::Unsafe).unwrap().apply(&mut items.clone(), &mut out);
            out
        };
        prop_assert_eq!(run(">i2", 2), values.iter().flat_map(|v| (*v as i16).to_be_bytes()).collect::<Vec<_>>());
        prop_assert_eq!(run("<f4", 4), values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect::<Vec<_>>());
        prop_assert_eq!(run("<c16", 16), values.iter().flat_map(|v| [(*v as f64).to_le_bytes(), [0; 8]].concat()).collect::<Vec<_>>());
    }
}
