//! Blocks in and out, against items one by one.

mod common;

use common::{Case, Folder, cases, one_by_one};
use ndarray::{ArrayD, IxDyn};
use ndfolio::{Casting, Element, Mode, Run, Value};
use proptest::prelude::*;

fn check_read<T: Element>(case: &Case) -> Result<(), TestCaseError>
where
    Value: From<T>,
{
    let folder = Folder::new();
    let part = case.part(&case.make(&folder.path("a.bin")));
    let block = part.read::<T>(..).unwrap();
    prop_assert_eq!(block.shape(), part.shape());
    let values: Vec<Value> = block.iter().map(|x| Value::from(*x)).collect();
    prop_assert_eq!(values, one_by_one(&part));
    prop_assert_eq!(part.read_values(..).unwrap().1, one_by_one(&part));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn reading_a_block_is_reading_its_items(case in cases(&["<i2", ">i2"])) {
        check_read::<i16>(&case)?;
    }

    #[test]
    fn reading_big_items(case in cases(&[">c16", "<c16"])) {
        check_read::<num_complex::Complex<f64>>(&case)?;
    }

    #[test]
    fn writing_a_block_changes_its_items_and_no_other_byte(case in cases(&["<f4", ">f4", "<f8"]), wide in any::<bool>()) {
        let folder = Folder::new();
        let path = folder.path("a.bin");
        let array = case.make(&path);
        let before = std::fs::read(&path).unwrap();
        let part = case.part(&array);
        let old = one_by_one(&part);
        let shape = if wide { part.shape().to_vec() } else { vec![1; part.ndim()] };
        let count: usize = shape.iter().product();
        let numbers: Vec<f64> = (0..count).map(|i| i as f64 + 1000.0).collect();
        if case.dtype.ends_with('8') {
            part.write(.., &ArrayD::from_shape_vec(IxDyn(&shape), numbers).unwrap()).unwrap();
        } else {
            let numbers = numbers.into_iter().map(|x| x as f32).collect();
            part.write(.., &ArrayD::from_shape_vec(IxDyn(&shape), numbers).unwrap()).unwrap();
        }
        let want: Vec<f64> = (0..part.size()).map(|i| 1000.0 + if wide { i as f64 } else { 0.0 }).collect();
        let got: Vec<f64> = one_by_one(&part).iter().map(|v| v.as_f64().unwrap()).collect();
        prop_assert_eq!(got, want);
        // What is put back makes the file what it was.
        part.assign(part.shape(), &old, Run::default()).unwrap();
        prop_assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn filling_is_setting_each(case in cases(&["|u1", ">i8", "<f2"])) {
        let folder = Folder::new();
        let path = folder.path("a.bin");
        let array = case.make(&path);
        let part = case.part(&array);
        let twin = folder.path("b.bin");
        std::fs::copy(&path, &twin).unwrap();
        part.fill(7_u8).unwrap();
        let other = ndfolio::OpenOptions::new()
            .mode(Mode::ReadWrite)
            .dtype(case.dtype.parse().unwrap())
            .shape(&case.shape().iter().map(|&n| n as i64).collect::<Vec<_>>())
            .offset(case.offset)
            .order(case.order);
        if array.file_size() > 0 && array.size() > 0 {
            let other = case.part(&other.open(&twin).unwrap());
            for place in 0..other.size() {
                let (mut rest, mut index) = (place, vec![0; other.ndim()]);
                for axis in (0..other.ndim()).rev() {
                    index[axis] = (rest % other.shape()[axis]) as i64;
                    rest /= other.shape()[axis];
                }
                other.set(&index, 7_u8).unwrap();
            }
            prop_assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&twin).unwrap());
        }
    }
}

#[test]
fn a_cast_on_the_way_and_types_that_do_not_match() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &ndarray::arr2(&[[1_i16, -2], [3, 4]])).unwrap();
    let array = ndfolio::open(&path).unwrap();
    assert_eq!(array.read_as::<f64>((.., 1), Casting::Safe).unwrap().as_slice().unwrap(), [-2.0, 4.0]);
    let error = array.read::<f32>(..).unwrap_err().to_string();
    assert!(error.contains("a.npy") && error.contains("'<i2'") && error.contains("read_as"), "{error}");
    assert!(array.read_as::<u8>(.., Casting::SameKind).unwrap_err().to_string().contains("Cannot cast"));
}

#[test]
fn records_and_their_fields() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    let dtype = "[('id', '<u4'), ('pos', '>f4', (2,)), ('', 'V3'), ('name', 'S4')]".parse().unwrap();
    let array = ndfolio::create(&path, dtype, &[5]).unwrap();
    array.field("id").unwrap().write(.., &ndarray::arr1(&[1_u32, 2, 3, 4, 5])).unwrap();
    let pos = array.field("pos").unwrap();
    assert_eq!((pos.shape(), pos.is_aligned()), (&[5, 2][..], false));
    pos.write((.., 1), &ndarray::arr0(2.5_f32)).unwrap();
    let name = Value::parse("(9, [1, 2], abcd)", array.dtype()).unwrap();
    array.set(&[-1], name).unwrap();
    assert_eq!(array.get(&[0]).unwrap().to_string(), "(1, [0.0, 2.5], b'')");
    assert_eq!(array.get(&[4]).unwrap().to_string(), "(9, [1.0, 2.0], b'abcd')");
    assert_eq!(array.field("id").unwrap().read::<u32>(..).unwrap().sum(), 19);
    let error = array.field("x").unwrap_err().to_string();
    assert!(error.contains("no field of name x; there are id, pos, name"), "{error}");
}
