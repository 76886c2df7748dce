use proptest::prelude::*;

use super::*;
use crate::{Kind, slice};

fn view(shape: &[usize], order: Order) -> View {
    View::contiguous(&DType::native(Kind::Int32), shape, order, 100).unwrap()
}

/// Every item's place, in C order: the oracle for everything else.
fn places(view: &View) -> Vec<u64> {
    let mut out = Vec::new();
    let mut at = vec![0_usize; view.ndim()];
    if view.shape().contains(&0) {
        return out;
    }
    loop {
        let indices: Vec<i64> = at.iter().map(|&i| i as i64).collect();
        out.push(view.position(&indices).unwrap());
        if !spans::advance(&mut at, |i| view.shape()[i]) {
            return out;
        }
    }
}

#[test]
fn strides_and_orders() {
    let c = view(&[2, 3, 4], Order::C);
    assert_eq!((c.strides(), c.order(), c.nbytes()), (&[48, 16, 4][..], Some(Order::C), 96));
    let f = view(&[2, 3, 4], Order::F);
    assert_eq!((f.strides(), f.order()), (&[4, 8, 24][..], Some(Order::F)));
    assert_eq!(view(&[5], Order::F).order(), Some(Order::C));
    assert_eq!(view(&[0, 3], Order::F).order(), Some(Order::C));
    assert_eq!(c.select(&slice(None, None, 2).into()).unwrap().order(), Some(Order::C));
    assert_eq!(c.select(&(.., slice(None, None, 2)).into()).unwrap().order(), None);
    assert_eq!(c.transpose(None).unwrap(), View::contiguous(c.dtype(), &[4, 3, 2], Order::F, 100).unwrap());
}

#[test]
fn sub_arrays_add_their_axes() {
    let dtype: DType = "(2,3)f4".parse().unwrap();
    let view = View::contiguous(&dtype, &[5], Order::C, 0).unwrap();
    assert_eq!((view.shape(), view.dtype().numpy_str()), (&[5, 2, 3][..], "<f4".to_owned()));
    let record: DType = "[('a', 'i1'), ('b', '<f4', (2,))]".parse().unwrap();
    let field = View::contiguous(&record, &[3], Order::C, 10).unwrap().field("b").unwrap();
    assert_eq!((field.shape(), field.strides(), field.offset()), (&[3, 2][..], &[9, 4][..], 11));
    assert!(!field.is_aligned());
}

#[test]
fn bad_shapes() {
    let dtype = DType::native(Kind::Float64);
    for shape in [&[1 << 62, 2][..], &[0, 1 << 62, 1 << 62], &[usize::MAX], &[usize::MAX, 0]] {
        assert!(matches!(View::contiguous(&dtype, shape, Order::C, 0), Err(LayoutError::TooBig { .. })));
    }
    assert!(View::contiguous(&dtype, &[1; 65], Order::C, 0).is_err());
    assert!(View::contiguous(&dtype, &[1 << 50], Order::C, u64::MAX).is_err());
    assert!(View::strided(&dtype, &[3], &[-8], 8).is_err());
    assert!(View::strided(&dtype, &[3], &[-8], 16).is_ok());
    assert!(View::infer_shape(&dtype, &[-1, -1], 64).is_err());
    assert!(View::infer_shape(&dtype, &[-2], 64).is_err());
    assert_eq!(View::infer_shape(&dtype, &[-1, 4], 64).unwrap(), [2, 4]);
    assert!(View::infer_shape(&dtype, &[-1, 3], 64).unwrap_err().to_string().contains("not a multiple"));
    assert!(View::infer_shape(&dtype, &[-1, 0], 64).is_err());
}

#[test]
fn index_errors_are_numpys() {
    let a = view(&[2, 3], Order::C);
    let error = |s: &str| a.select(&s.parse().unwrap()).unwrap_err().to_string();
    assert_eq!(error("2"), "index 2 is out of bounds for axis 0 with size 2");
    assert_eq!(error("0, -4"), "index -4 is out of bounds for axis 1 with size 3");
    assert_eq!(error("0,0,0"), "too many indices for array: array is 2-dimensional, but 3 were indexed");
    assert_eq!(error("..., ..."), "an index can only have a single ellipsis ('...')");
    assert_eq!(error("::0"), "slice step cannot be zero");
    assert_eq!(a.field("x").unwrap_err().to_string(), "no field of name x; the dtype has no fields");
}

#[test]
fn reshape_says_why_not() {
    let a = view(&[4, 6], Order::C);
    assert_eq!(a.reshape(&[2, -1], Order::C).unwrap().strides(), [48, 4]);
    assert_eq!(a.reshape(&[24, 1], Order::C).unwrap().shape(), [24, 1]);
    assert!(a.reshape(&[5, -1], Order::C).is_err());
    let error = a.transpose(None).unwrap().reshape(&[24], Order::C).unwrap_err().to_string();
    assert!(error.contains("without copying") && error.contains("convert"), "{error}");
    assert_eq!(a.transpose(None).unwrap().reshape(&[24], Order::F).unwrap().strides(), [4]);
    assert_eq!(a.select(&(.., 0).into()).unwrap().reshape(&[2, 2], Order::C).unwrap().strides(), [48, 24]);
    assert_eq!(view(&[0, 5], Order::C).reshape(&[5, 0, 2], Order::C).unwrap().shape(), [5, 0, 2]);
}

#[test]
fn broadcasting() {
    let a = view(&[3, 1], Order::C);
    assert_eq!(a.broadcast_to(&[2, 3, 4]).unwrap().strides(), [0, 4, 0]);
    assert!(a.broadcast_to(&[2, 4, 4]).is_err());
    assert!(a.broadcast_to(&[3]).is_err());
    let spans: Vec<_> = a.broadcast_to(&[1000, 3, 4]).unwrap().spans().collect();
    assert_eq!(spans, [Span { offset: 100, len: 12 }]);
}

fn any_view() -> impl Strategy<Value = View> {
    let axis = (0_usize..6, -7_i64..7, -7_i64..7, prop_oneof![-3_i64..0, 1_i64..4]);
    (prop::collection::vec(axis, 0..4), any::<bool>(), any::<u64>()).prop_map(|(axes, f, seed)| {
        let shape: Vec<_> = axes.iter().map(|a| a.0).collect();
        let base = view(&shape, if f { Order::F } else { Order::C });
        let parts: Vec<Index> = axes.iter().map(|a| slice(a.1, a.2, a.3).into()).collect();
        let part = base.select(&parts.into()).unwrap();
        let mut axes: Vec<isize> = (0..part.ndim() as isize).collect();
        if !axes.is_empty() {
            axes.rotate_left(seed as usize % part.ndim());
        }
        part.transpose(Some(&axes)).unwrap()
    })
}

fn bytes_of(places: &[u64]) -> Vec<u64> {
    let mut bytes: Vec<_> = places.iter().flat_map(|p| *p..*p + 4).collect();
    bytes.sort_unstable();
    bytes
}

proptest! {
    #[test]
    fn selecting_is_walking_by_python_rules(n in 0_usize..9, start in prop::option::of(-12_i64..12), stop in prop::option::of(-12_i64..12), step in prop_oneof![-4_i64..0, 1_i64..5]) {
        let a = view(&[n], Order::C);
        let got = places(&a.select(&crate::Slice { start, stop, step: Some(step) }.into()).unwrap());
        let n = n as i64;
        let clip = |i: i64, low, high| (if i < 0 { i + n } else { i }).clamp(low, high);
        let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
        let mut at = start.map_or(if step > 0 { low } else { high }, |i| clip(i, low, high));
        let stop = stop.map_or(if step > 0 { high } else { low }, |i| clip(i, low, high));
        let mut want = Vec::new();
        while if step > 0 { at < stop } else { at > stop } {
            want.push(100 + 4 * at as u64);
            at += step;
        }
        prop_assert_eq!(got, want);
    }

    #[test]
    fn spans_are_the_items_in_file_order(v in any_view()) {
        let spans: Vec<_> = v.spans().collect();
        for pair in spans.windows(2) {
            prop_assert!(pair[0].offset + pair[0].len <= pair[1].offset);
        }
        let bytes: Vec<_> = spans.iter().flat_map(|s| s.offset..s.offset + s.len).collect();
        prop_assert_eq!(bytes, bytes_of(&places(&v)));
        let extent = v.extent();
        prop_assert!(spans.iter().all(|s| extent.start <= s.offset && s.offset + s.len <= extent.end));
    }

    #[test]
    fn storage_order_is_the_order_of_the_file(v in any_view()) {
        let mut want = places(&v);
        want.sort_unstable();
        prop_assert_eq!(places(&v.in_storage_order()), want);
    }

    #[test]
    fn tiles_cover_each_item_once_and_go_forward(v in any_view(), max in 1_u64..200) {
        let tiles: Vec<_> = v.tiles(max).collect();
        prop_assert_eq!(tiles.len(), v.tiles(max).count_tiles());
        let by_number: Vec<_> = (0..).map_while(|i| v.tiles(max).get(i)).collect();
        prop_assert_eq!(&by_number, &tiles);
        let all: Vec<_> = tiles.iter().flat_map(|t| places(&t.view)).collect();
        prop_assert_eq!(bytes_of(&all), bytes_of(&places(&v)));
        for pair in tiles.windows(2) {
            prop_assert!(pair[0].view.extent().start < pair[1].view.extent().start);
        }
        for tile in &tiles {
            let extent = tile.view.extent();
            prop_assert!(extent.end - extent.start <= max.max(4));
            let start: Vec<_> = tile.start.iter().map(|&i| i as i64).collect();
            prop_assert_eq!(v.position(&start).unwrap(), tile.view.offset());
        }
    }

    #[test]
    fn panels_in_a_row_are_the_array_in_c_order(v in any_view(), max in 1_usize..200) {
        let all: Vec<_> = v.panels(max).flat_map(|t| places(&t.view)).collect();
        prop_assert_eq!(all, places(&v));
        prop_assert!(v.panels(max).all(|t| t.view.nbytes() <= max.max(4)));
        if v.panels(max).follow_each_other() {
            let extents: Vec<_> = v.panels(max).map(|t| t.view.extent()).collect();
            prop_assert!(extents.windows(2).all(|pair| pair[0].end == pair[1].start));
        } else {
            prop_assert!(!v.is_contiguous(Order::C));
        }
    }

    #[test]
    fn a_reshape_keeps_the_items_in_order(v in any_view(), cut in 1_usize..5, f in any::<bool>()) {
        let order = if f { Order::F } else { Order::C };
        if v.size() > 0 && v.size() % cut == 0
            && let Ok(r) = v.reshape(&[cut as i64, -1], order) {
            let in_order = |v: &View| if f { places(&v.transpose(None).unwrap()) } else { places(v) };
            prop_assert_eq!(in_order(&r), in_order(&v));
        }
        if v.order() == Some(Order::C) {
            prop_assert!(v.reshape(&[v.size() as i64], Order::C).is_ok());
        }
    }

    #[test]
    fn overlap_is_a_common_byte(a in any_view(), b in any_view()) {
        let (x, y) = (bytes_of(&places(&a)), bytes_of(&places(&b)));
        prop_assert_eq!(a.overlaps(&b), x.iter().any(|p| y.binary_search(p).is_ok()));
    }
}

#[test]
fn boxes_that_begin_with_a_shorter_one() {
    let view = View::contiguous(&"<f4".parse().unwrap(), &[10, 3], Order::C, 0).unwrap();
    let tiles = view.blocks(&[4, 3], &[0, 1]).beginning_with(1);
    let found: Vec<_> = tiles.clone().map(|tile| (tile.start[0], tile.view.shape()[0])).collect();
    assert_eq!(found, [(0, 1), (1, 4), (5, 4), (9, 1)]);
    assert_eq!(tiles.count_tiles(), 4);
    assert!(found.iter().enumerate().all(|(i, one)| {
        let tile = tiles.get(i).unwrap();
        (tile.start[0], tile.view.shape()[0]) == *one && tile.view.offset() == one.0 as u64 * 12
    }));
    // One box that is shorter than its part.
    let tiles = view.blocks(&[100, 3], &[0, 1]).beginning_with(10);
    assert_eq!(tiles.count_tiles(), 1);
}
