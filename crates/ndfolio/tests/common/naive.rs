//! Expressions item by item, with ndarray's broadcasting and views: the oracle for lazy ones.

use ndarray::{ArrayD, Axis, IxDyn};
use ndfolio::{Array, CreateOptions, FileKind, Index, Lazy, Literal, Order, Run, Value, slice, where_};

/// The kinds of items, in the order in which they promote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Bool,
    I4,
    I8,
    F4,
    F8,
}

use Kind::{Bool, F4, F8, I4, I8};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Item {
    Int(i64),
    Float(f64),
}

impl Item {
    pub(crate) fn float(self) -> f64 {
        match self {
            Item::Int(n) => n as f64,
            Item::Float(x) => x,
        }
    }

    fn int(self) -> i64 {
        match self {
            Item::Int(n) => n,
            Item::Float(x) => x as i64,
        }
    }

    fn to(self, kind: Kind) -> Item {
        match (kind, self) {
            (Bool, item) => Item::Int((item.float() != 0.0).into()),
            (I4, item) => Item::Int(item.int() as i32 as i64),
            (I8, item) => Item::Int(item.int()),
            (F4, Item::Int(n)) => Item::Float((n as f32).into()),
            (F4, Item::Float(x)) => Item::Float((x as f32).into()),
            (F8, item) => Item::Float(item.float()),
        }
    }

    fn bytes(self, kind: Kind) -> Vec<u8> {
        match kind {
            Bool => vec![self.int() as u8],
            I4 => (self.int() as i32).to_ne_bytes().to_vec(),
            I8 => self.int().to_ne_bytes().to_vec(),
            F4 => (self.float() as f32).to_ne_bytes().to_vec(),
            F8 => self.float().to_ne_bytes().to_vec(),
        }
    }
}

impl Kind {
    pub(crate) fn dtype(self) -> &'static str {
        match self {
            Bool => "|b1",
            I4 => "<i4",
            I8 => "<i8",
            F4 => "<f4",
            F8 => "<f8",
        }
    }
}

/// Items in memory with the type that NumPy gives them.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) kind: Kind,
    weak: bool,
    pub(crate) items: ArrayD<Item>,
}

fn promoted(a: &Naive, b: &Naive) -> Kind {
    let (low, high) = if a.kind <= b.kind { (a, b) } else { (b, a) };
    match (low.kind, high.kind) {
        (I8, F8) if low.weak != high.weak && high.weak => F8,
        // A Python number takes the type of an array of its sort.
        (F4, F8) if high.weak && !low.weak => F4,
        (I4, I8) if high.weak && !low.weak => I4,
        (I8, F4) if low.weak => F4,
        (I4 | I8, F4) => F8,
        (_, kind) => kind,
    }
}

impl Naive {
    fn map(&self, kind: Kind, f: impl Fn(Item) -> Item) -> Naive {
        Naive { kind, weak: false, items: self.items.mapv(f) }
    }

    pub(crate) fn cast(&self, kind: Kind) -> Naive {
        self.map(kind, |item| item.to(kind))
    }

    pub(crate) fn broadcast(&self, shape: &[usize]) -> Naive {
        let items = self.items.broadcast(IxDyn(shape)).unwrap().to_owned();
        Naive { kind: self.kind, weak: false, items }
    }

    fn zip(&self, other: &Naive, kind: Kind, f: impl Fn(Item, Item) -> Item) -> Naive {
        let ndim = self.items.ndim().max(other.items.ndim());
        let extent = |items: &ArrayD<Item>, axis: usize| {
            (axis + items.ndim()).checked_sub(ndim).map_or(1, |axis| items.shape()[axis])
        };
        let shape: Vec<usize> = (0..ndim)
            .map(|axis| match (extent(&self.items, axis), extent(&other.items, axis)) {
                (1, n) | (n, _) => n,
            })
            .collect();
        let (a, b) = (self.items.broadcast(IxDyn(&shape)), other.items.broadcast(IxDyn(&shape)));
        let items = ndarray::Zip::from(a.unwrap()).and(b.unwrap()).map_collect(|&a, &b| f(a, b));
        Naive { kind, weak: false, items }
    }

    fn calculate(&self, op: Op, other: &Naive) -> Naive {
        let kind = promoted(self, other);
        let compared = matches!(op, Op::Less | Op::Equal);
        self.zip(other, if compared { Bool } else { kind }, |a, b| {
            let (a, b) = (a.to(kind), b.to(kind));
            let (Item::Int(m), Item::Int(n)) = (a, b) else {
                let (x, y) = (a.float(), b.float());
                return match op {
                    Op::Add => Item::Float(x + y).to(kind),
                    Op::Subtract => Item::Float(x - y).to(kind),
                    Op::Multiply => Item::Float(x * y).to(kind),
                    Op::Minimum => {
                        if y < x {
                            b
                        } else {
                            a
                        }
                    }
                    Op::Maximum => {
                        if y > x {
                            b
                        } else {
                            a
                        }
                    }
                    Op::Less => Item::Int((x < y).into()),
                    Op::Equal => Item::Int((x == y).into()),
                };
            };
            let found = match op {
                Op::Add if kind == Bool => m | n,
                Op::Add => m.wrapping_add(n),
                Op::Subtract => m.wrapping_sub(n),
                Op::Multiply => m.wrapping_mul(n),
                Op::Minimum => m.min(n),
                Op::Maximum => m.max(n),
                Op::Less => (m < n).into(),
                Op::Equal => (m == n).into(),
            };
            if compared || kind == Bool { Item::Int(found) } else { Item::Int(found).to(kind) }
        })
    }

    /// The items in C order, as they are in memory.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.items.iter().flat_map(|item| item.bytes(self.kind)).collect()
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Add,
    Subtract,
    Multiply,
    Minimum,
    Maximum,
    Less,
    Equal,
}

/// How an array lies in its file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) kind: Kind,
    pub(crate) foreign: bool,
    pub(crate) order: Order,
    pub(crate) offset: u64,
    /// Steps of the slices of all axes, which are turned so often.
    pub(crate) step: i64,
    pub(crate) turn: usize,
    pub(crate) in_memory: bool,
    pub(crate) seed: u64,
}

/// A random expression, which is built for a shape that is wanted of it.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// An array of which some axes have one item, and some in front are missing.
    Leaf {
        layout: Layout,
        single: u8,
        missing: usize,
    },
    Int(i64),
    Float(f64),
    Abs(Box<Tree>),
    Cast(Kind, Box<Tree>),
    Binary(Op, Box<Tree>, Box<Tree>),
    /// With itself.
    Twice(Op, Box<Tree>),
    Where(Box<Tree>, Box<Tree>, Box<Tree>),
    /// A slice with a start and a step of an axis.
    Slice {
        axis: usize,
        start: usize,
        step: i64,
        of: Box<Tree>,
    },
    Transpose(Box<Tree>),
    /// One item of a new axis.
    At {
        axis: usize,
        of: Box<Tree>,
    },
    /// An axis that is taken away, and put back by None.
    NewAxis(Box<Tree>),
}

/// Makes arrays.
pub(crate) struct Builder<'b> {
    pub(crate) folder: &'b super::Folder,
    pub(crate) made: usize,
}

fn selection(ndim: usize, axis: usize, index: Index) -> Vec<Index> {
    (0..ndim).map(|a| if a == axis { index } else { (..).into() }).collect()
}

impl Builder<'_> {
    /// An array of this shape and what is in it.
    pub(crate) fn array(&mut self, layout: &Layout, shape: &[usize]) -> (Array, Naive) {
        let step = layout.step.unsigned_abs() as usize;
        let mut stored: Vec<usize> = shape.iter().map(|n| n * step).collect();
        let turn = if shape.is_empty() { 0 } else { layout.turn % shape.len() };
        stored.rotate_right(turn);
        let mut dtype = layout.kind.dtype().to_owned();
        if layout.foreign {
            dtype = dtype.replace('<', ">");
        }
        let options = CreateOptions::new(dtype.parse().unwrap(), &stored).order(layout.order);
        self.made += 1;
        let path = self.folder.path(&format!("{}.bin", self.made));
        let array = options.kind(FileKind::Raw).offset(layout.offset).create(path).unwrap();
        let number = |i: usize| {
            let hash = (i as u64).wrapping_add(layout.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let n = (hash % 101) as i64 - 50;
            match layout.kind {
                F4 | F8 => Item::Float(n as f64 / 4.0),
                kind => Item::Int(n).to(kind),
            }
        };
        let items: Vec<Item> = (0..array.size()).map(number).collect();
        let values: Vec<Value> = items
            .iter()
            .map(|item| match (layout.kind, *item) {
                (Bool, item) => Value::Bool(item.int() != 0),
                (_, Item::Int(n)) => Value::Int(n),
                (_, Item::Float(x)) => Value::Float64(x),
            })
            .collect();
        array.assign(&stored, &values, Run::default()).unwrap();
        let part: Vec<Index> = stored.iter().map(|_| slice(None, None, layout.step).into()).collect();
        let mut axes: Vec<isize> = (0..shape.len() as isize).collect();
        axes.rotate_left(turn);
        let array = array.slice(part).unwrap().transpose(Some(&axes)).unwrap();
        let mut items = ArrayD::from_shape_vec(IxDyn(&stored), items).unwrap();
        for axis in 0..shape.len() {
            items = sliced(&items, axis, 0, layout.step);
        }
        let axes: Vec<usize> = axes.iter().map(|&axis| axis as usize).collect();
        let items = items.permuted_axes(IxDyn(&axes));
        assert_eq!((array.shape(), items.shape()), (shape, shape));
        (array, Naive { kind: layout.kind, weak: false, items })
    }

    fn leaf(&mut self, layout: &Layout, shape: &[usize]) -> (Lazy, Naive) {
        let (array, naive) = self.array(layout, shape);
        if !layout.in_memory {
            return (array.into(), naive);
        }
        let lazy = match layout.kind {
            Bool => naive.items.mapv(|item| item.int() != 0).into(),
            I4 => naive.items.mapv(|item| item.int() as i32).into(),
            I8 => naive.items.mapv(Item::int).into(),
            F4 => naive.items.mapv(|item| item.float() as f32).into(),
            F8 => naive.items.mapv(Item::float).into(),
        };
        (lazy, naive)
    }

    /// The expression, and its items; the shape is one that broadcasts to the one that is wanted.
    pub(crate) fn build(&mut self, tree: &Tree, shape: &[usize]) -> (Lazy, Naive) {
        let number = |kind, item| Naive { kind, weak: true, items: ndarray::arr0(item).into_dyn() };
        match tree {
            Tree::Leaf { layout, single, missing } => {
                let own: Vec<usize> = shape
                    .iter()
                    .enumerate()
                    .skip(*missing)
                    .map(|(axis, &n)| if single >> axis & 1 == 1 { 1 } else { n })
                    .collect();
                self.leaf(layout, &own)
            }
            Tree::Int(n) => (Literal::Int((*n).into()).into(), number(I8, Item::Int(*n))),
            Tree::Float(x) => ((*x).into(), number(F8, Item::Float(*x))),
            Tree::Abs(of) => {
                let (lazy, naive) = self.build(of, shape);
                let absolute = naive.map(naive.kind, |item| match item {
                    Item::Int(n) => Item::Int(n.wrapping_abs()).to(naive.kind),
                    Item::Float(x) => Item::Float(x.abs()),
                });
                (lazy.abs(), absolute)
            }
            Tree::Cast(kind, of) => {
                let (lazy, naive) = self.build(of, shape);
                // What an int32 cannot hold becomes nothing in particular.
                let (low, high) = (Item::Float(-1e6), Item::Float(1e6));
                let bound = |item: Item| {
                    if item.float() < -1e6 {
                        low
                    } else if item.float() > 1e6 {
                        high
                    } else {
                        item
                    }
                };
                let (lazy, naive) = if naive.kind >= F4 {
                    (lazy.clip(-1e6, 1e6), naive.map(naive.kind, bound))
                } else {
                    (lazy, naive)
                };
                (lazy.astype(&kind.dtype().parse().unwrap(), ndfolio::Casting::Unsafe), naive.cast(*kind))
            }
            Tree::Binary(op, a, b) => {
                let (a, b) = (self.build(a, shape), self.build(b, shape));
                calculated(*op, a, b)
            }
            Tree::Twice(op, of) => {
                let of = self.build(of, shape);
                calculated(*op, of.clone(), of)
            }
            Tree::Where(c, a, b) => {
                let (c, a, b) = (self.build(c, shape), self.build(a, shape), self.build(b, shape));
                let kind = promoted(&a.1, &b.1);
                let (yes, no) = (a.1.cast(kind), b.1.cast(kind));
                // The condition first with one, then with the other.
                let pair =
                    c.1.zip(&yes, kind, |c, yes| if c.float() != 0.0 { yes } else { Item::Float(f64::NAN) });
                let naive = pair.zip(&no, kind, |yes, no| if yes.float().is_nan() { no } else { yes });
                (where_(c.0, a.0, b.0), naive)
            }
            Tree::Slice { axis, start, step, of } if !shape.is_empty() => {
                let axis = axis % shape.len();
                let mut wide = shape.to_vec();
                let forward = step.unsigned_abs() as usize;
                wide[axis] = start + shape[axis] * forward;
                let (lazy, naive) = self.whole(of, &wide);
                let cut = if *step > 0 {
                    slice(*start as i64, None, *step)
                } else {
                    // From the last on, down to the first that is not left out.
                    slice(None, (*start > 0).then_some(*start as i64 - 1), *step)
                };
                let lazy = lazy.slice(selection(shape.len(), axis, cut.into()));
                let items = sliced(&naive.items, axis, *start, *step);
                (lazy, Naive { items, ..naive })
            }
            Tree::Slice { of, .. } | Tree::NewAxis(of) if shape.is_empty() => self.build(of, shape),
            Tree::Slice { of, .. } => self.build(of, shape),
            Tree::Transpose(of) => {
                let turned: Vec<usize> = shape.iter().rev().copied().collect();
                let (lazy, naive) = self.whole(of, &turned);
                (lazy.transpose(None), Naive { items: naive.items.reversed_axes(), ..naive })
            }
            Tree::At { axis, of } => {
                let axis = axis % (shape.len() + 1);
                let mut wide = shape.to_vec();
                wide.insert(axis, 3);
                let (lazy, naive) = self.whole(of, &wide);
                let lazy = lazy.slice(selection(wide.len(), axis, Index::At(-2)));
                (lazy, Naive { items: naive.items.index_axis(Axis(axis), 1).to_owned(), ..naive })
            }
            Tree::NewAxis(of) => {
                let (lazy, naive) = self.whole(of, &shape[1..]);
                let lazy = lazy.slice(vec![Index::NewAxis]);
                (lazy, Naive { items: naive.items.insert_axis(Axis(0)), ..naive })
            }
        }
    }

    /// With exactly this shape.
    pub(crate) fn whole(&mut self, tree: &Tree, shape: &[usize]) -> (Lazy, Naive) {
        let (lazy, naive) = self.build(tree, shape);
        (lazy.broadcast_to(shape), naive.broadcast(shape))
    }
}

fn sliced(items: &ArrayD<Item>, axis: usize, start: usize, step: i64) -> ArrayD<Item> {
    let cut = ndarray::Slice { start: start as isize, end: None, step: step as isize };
    items.slice_axis(Axis(axis), cut).to_owned()
}

fn calculated(op: Op, (a, x): (Lazy, Naive), (b, y): (Lazy, Naive)) -> (Lazy, Naive) {
    // NumPy has no difference of booleans.
    let (b, y) = if matches!(op, Op::Subtract) && x.kind == Bool && y.kind == Bool {
        (b.astype(&"<i4".parse().unwrap(), ndfolio::Casting::Safe), y.cast(I4))
    } else {
        (b, y)
    };
    let lazy = match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::Minimum => a.minimum(b),
        Op::Maximum => a.maximum(b),
        Op::Less => a.less(b),
        Op::Equal => a.equal(b),
    };
    (lazy, x.calculate(op, &y))
}

/// Random expressions.
pub(crate) mod strategy {
    use proptest::prelude::*;

    use super::{Kind, Layout, Op, Order, Tree};

    pub(crate) fn layout() -> impl Strategy<Value = Layout> {
        let kind = prop::sample::select(vec![Kind::Bool, Kind::I4, Kind::F4, Kind::F4, Kind::F8, Kind::F8]);
        let order = prop_oneof![2 => Just(Order::C), 1 => Just(Order::F)];
        let step = prop_oneof![4 => Just(1_i64), 1 => -2_i64..0, 1 => Just(2_i64)];
        let turn = prop_oneof![3 => Just(0_usize), 1 => 1_usize..3];
        let own = (0_u64..9, step, turn, prop::bool::weighted(0.2), any::<u64>());
        (kind, prop::bool::weighted(0.25), order, own).prop_map(
            |(kind, foreign, order, (offset, step, turn, in_memory, seed))| Layout {
                kind,
                foreign,
                order,
                offset,
                step,
                turn,
                in_memory,
                seed: seed % 1000,
            },
        )
    }

    pub(crate) fn shape() -> impl Strategy<Value = Vec<usize>> {
        prop_oneof![
            4 => prop::collection::vec(prop_oneof![6 => 2_usize..15, 1 => Just(1_usize), 1 => Just(0_usize)], 0..4),
            2 => (20_usize..70, 20_usize..70).prop_map(|(n, m)| vec![n, m]),
            1 => (1000_usize..6000).prop_map(|n| vec![n]),
        ]
    }

    pub(crate) fn tree() -> impl Strategy<Value = Tree> {
        let op = || {
            prop::sample::select(vec![
                Op::Add,
                Op::Subtract,
                Op::Multiply,
                Op::Minimum,
                Op::Maximum,
                Op::Less,
                Op::Equal,
            ])
        };
        let kind = prop::sample::select(vec![Kind::I4, Kind::F4, Kind::F8, Kind::Bool]);
        let missing = prop_oneof![3 => Just(0_usize), 1 => 1_usize..3];
        let single = prop_oneof![2 => Just(0_u8), 1 => 1_u8..8];
        let leaf = prop_oneof![
            8 => (layout(), single, missing)
                .prop_map(|(layout, single, missing)| Tree::Leaf { layout, single, missing }),
            1 => (-20_i64..20).prop_map(Tree::Int),
            1 => (-20_i64..20).prop_map(|n| Tree::Float(n as f64 / 8.0)),
        ];
        leaf.prop_recursive(5, 10, 3, move |inner| {
            let one = || inner.clone().prop_map(Box::new);
            prop_oneof![
                6 => (op(), one(), one()).prop_map(|(op, a, b)| Tree::Binary(op, a, b)),
                1 => (op(), one()).prop_map(|(op, of)| Tree::Twice(op, of)),
                1 => one().prop_map(Tree::Abs),
                2 => (kind.clone(), one()).prop_map(|(kind, of)| Tree::Cast(kind, of)),
                2 => (one(), one(), one()).prop_map(|(c, a, b)| Tree::Where(c, a, b)),
                2 => (0_usize..3, 0_usize..3, prop_oneof![-2_i64..0, 1_i64..3], one())
                    .prop_map(|(axis, start, step, of)| Tree::Slice { axis, start, step, of }),
                2 => one().prop_map(Tree::Transpose),
                1 => (0_usize..3, one()).prop_map(|(axis, of)| Tree::At { axis, of }),
                1 => one().prop_map(Tree::NewAxis),
            ]
        })
    }
}
