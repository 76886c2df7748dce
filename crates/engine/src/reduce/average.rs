//! Averages of items with weights, which are read beside them box by box.

use std::sync::{Mutex, PoisonError};

use ndfolio_kernel::{
    KernelError, Weigher, copy_strided,
    reduce::{Columns, Partial},
};
use ndfolio_layout::{DType, LayoutError, Order, Tile, Value, View};
use ndfolio_store::Bytes;

use super::{
    Axes, Found, Put, Reduction, Slots, columns,
    frame::{Frame, Way},
    narrow, rows, turned,
};
use crate::{EngineError, Report, Run, Source, fetch::Fetcher, parallel::Pass};

/// What items are weighted with.
#[derive(Clone, Debug)]
pub enum Weights {
    /// An array in a file.
    File(Source),
    /// A small array in memory, contiguous in C order.
    Memory {
        /// Its dtype and shape, at offset 0.
        view: View,
        /// Its items.
        bytes: Vec<u8>,
    },
}

/// Weighted averages, in C order of the axes that stay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Averages {
    /// The averages.
    pub averages: Vec<Value>,
    /// The sums of the weights.
    pub weights: Vec<Value>,
    /// NumPy's dtype of both.
    pub dtype: DType,
    /// What the pass did.
    pub report: Report,
}

/// Averages of an array's items with weights, over all items or along axes; NumPy's `average`.
///
/// The weights have the array's shape, or the shape of the axes that are named, in their order. Products are
/// added in double precision, in an order that follows from the array alone. Each byte of both files is read
/// once; weights that are few are held in memory.
///
/// # Errors
/// Weights of another shape or that sum to zero; an axis that the array does not have, or twice; a dtype that
/// is no number; what the files report.
pub fn average(
    source: &Source,
    weights: Weights,
    axes: Option<&[isize]>,
    run: &Run<'_>,
) -> Result<Averages, EngineError> {
    let weigher = Weigher::new(source.view.dtype(), weights.view().dtype())?;
    let mut fitted = fit(weights.view(), &source.view, axes)?;
    let weights = weights.held(&source.view, run)?;
    if matches!(weights, Weights::Memory { .. }) {
        fitted = fit(weights.view(), &source.view, axes)?;
    }
    let all: Vec<isize> = (0..source.view.ndim() as isize).collect();
    let axes = Axes::of_both(&source.view, &fitted, axes.unwrap_or(&all))?;
    let reducer = weigher.reducer()?;
    let finish = |partials: &[Partial]| match partials {
        [products, weights] => weigher.finish(products, weights),
        _ => Err(KernelError::ZeroWeights),
    };
    let mut pairs = Slots::new(axes.outputs());
    let mut put = |output: usize, found: Found<'_>| {
        found.each(output, |output, partials| pairs.put(output, finish(partials)));
    };
    let report = if axes.is_empty() {
        let none = [reducer.empty(), reducer.empty()];
        (0..axes.outputs()).for_each(|output| put(output, Found::One(&none)));
        Report::default()
    } else {
        // Items, weights, and both in double precision, all of them at once.
        let own = source.view.itemsize() + fitted.itemsize() + 2 * weigher.wide_itemsize();
        let both = [reducer.clone(), reducer];
        let frame = Frame::new(&axes, &both, own, run);
        let reduction = Reduction { items: source, axes: &axes, reducers: &both, frame: &frame };
        weigh_boxes(&reduction, &weigher, &weights, &mut put)?
    };
    let pairs: Vec<[Value; 2]> = pairs.finish().into_iter().collect::<Result<_, _>>()?;
    let (averages, weights) = pairs.into_iter().map(|[average, sum]| (average, sum)).unzip();
    Ok(Averages { averages, weights, dtype: weigher.result_dtype().clone(), report })
}

fn weigh_boxes(
    reduction: &Reduction<'_, Source>,
    weigher: &Weigher,
    weights: &Weights,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    let one = &reduction.reducers[..1];
    let failed = Mutex::new(None);
    let (axes, itemsize, spare) = (reduction.axes, weigher.wide_itemsize(), columns::Spare::new(one));
    // The passes get both one after the other.
    macro_rules! weighed {
        ($pass:expr) => {
            Weighed { pass: $pass, reduction, weigher, weights, failed: &failed }
        };
    }
    let result = match reduction.frame.way {
        Way::Rows => rows::run(reduction, &weighed!(rows::Rows::of(axes, itemsize, one)), put),
        Way::Narrow => rows::run(reduction, &weighed!(narrow::Narrow { reducers: one }), put),
        Way::Columns => {
            let pass = weighed!(columns::Groups { reducers: one, spare: &spare });
            columns::run(reduction, &pass, &spare, put)
        }
        Way::Turned => {
            let pass = weighed!(turned::Turned { axes, itemsize, reducers: one, spare: &spare });
            turned::run(reduction, &pass, &spare, put)
        }
    };
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => result,
    }
}

/// The view of weights that has the shape of the array.
fn fit(weights: &View, array: &View, axes: Option<&[isize]>) -> Result<View, EngineError> {
    if weights.shape() == array.shape() {
        return Ok(weights.clone());
    }
    let wrong = |problem| EngineError::Weights {
        problem,
        array: array.shape().to_vec(),
        weights: weights.shape().to_vec(),
    };
    let axes = axes.ok_or_else(|| wrong("Axis must be specified when shapes of a and weights differ"))?;
    let axes = axes.iter().map(|axis| array.axis(*axis)).collect::<Result<Vec<_>, _>>()?;
    if !weights.shape().iter().copied().eq(axes.iter().map(|&axis| array.shape()[axis])) {
        return Err(wrong("Shape of weights must be consistent with shape of a along specified axis"));
    }
    let (mut shape, mut strides) = (vec![1; array.ndim()], vec![0; array.ndim()]);
    for (i, &axis) in axes.iter().enumerate() {
        (shape[axis], strides[axis]) = (weights.shape()[i], weights.strides()[i]);
    }
    let turned = View::strided(weights.dtype(), &shape, &strides, weights.offset())?;
    Ok(turned.broadcast_to(array.shape())?)
}

impl Weights {
    /// Weights in memory, contiguous in C order.
    ///
    /// # Errors
    /// More bytes than an array can have.
    pub fn in_memory(dtype: &DType, shape: &[usize], bytes: Vec<u8>) -> Result<Self, LayoutError> {
        Ok(Weights::Memory { view: View::contiguous(dtype, shape, Order::C, 0)?, bytes })
    }

    /// Their dtype, and where they lie.
    #[must_use]
    pub fn view(&self) -> &View {
        match self {
            Weights::File(source) => &source.view,
            Weights::Memory { view, .. } => view,
        }
    }

    /// Weights that are used again and again are brought into memory, if they are few.
    fn held(self, array: &View, run: &Run<'_>) -> Result<Self, EngineError> {
        match self {
            Weights::File(Source { file, view })
                if view.shape() != array.shape() && view.nbytes() <= run.budget() / 4 =>
            {
                let mut bytes = vec![0; view.nbytes()];
                Fetcher::default().read(&file, &view, &mut bytes, run)?;
                Ok(Weights::in_memory(view.dtype(), view.shape(), bytes)?)
            }
            other => Ok(other),
        }
    }

    fn read(
        &self,
        view: &View,
        fetcher: &mut Fetcher,
        out: &mut [u8],
        run: &Run<'_>,
    ) -> Result<(), EngineError> {
        match self {
            Weights::File(source) => fetcher.read(&source.file, view, out, run),
            Weights::Memory { bytes, .. } => {
                let target = View::contiguous(view.dtype(), view.shape(), Order::C, 0)?;
                let from = (&bytes[..], view.offset() as usize, view.strides());
                copy_strided(from, (out, 0, target.strides()), view.shape(), view.itemsize());
                Ok(())
            }
        }
    }
}

/// A pass that gets the products of items and weights, and then the weights.
struct Weighed<'a, P> {
    pass: P,
    reduction: &'a Reduction<'a, Source>,
    weigher: &'a Weigher,
    weights: &'a Weights,
    /// Why weights could not be read.
    failed: &'a Mutex<Option<EngineError>>,
}

/// What a thread keeps.
struct Worker<W> {
    own: [W; 2],
    fetcher: Fetcher,
    read: Vec<u8>,
    products: Vec<u8>,
    weights: Vec<u8>,
    room: Vec<u8>,
}

impl<P> Weighed<'_, P> {
    /// Reads the weights of a box.
    fn read<W>(&self, worker: &mut Worker<W>, tile: &Tile) -> Result<(), EngineError> {
        let Some(all) = &self.reduction.axes.beside else { return Ok(()) };
        let steps = tile.start.iter().zip(all.strides()).map(|(i, stride)| *i as i64 * *stride as i64);
        let offset = all.offset().wrapping_add_signed(steps.sum());
        let view = View::strided(all.dtype(), tile.view.shape(), all.strides(), offset)?;
        worker.read.resize(view.nbytes(), 0);
        self.weights.read(&view, &mut worker.fetcher, &mut worker.read, &self.reduction.frame.run)
    }
}

/// States of products and states of weights become pairs.
trait Pair {
    fn pair(self, weights: Self) -> Self;
}

impl Pair for rows::States {
    fn pair(self, weights: Self) -> Self {
        rows::States { first: self.first, states: in_turn(self.states, weights.states) }
    }
}

impl Pair for Vec<Columns> {
    fn pair(self, weights: Self) -> Self {
        in_turn(self, weights)
    }
}

fn in_turn<S>(products: Vec<S>, weights: Vec<S>) -> Vec<S> {
    products.into_iter().zip(weights).flat_map(|(product, weight)| [product, weight]).collect()
}

impl<G: Pair + Send, P: Pass<Given = G>> Pass for Weighed<'_, P> {
    type Worker = Worker<P::Worker>;
    /// What the pass gives of products and of weights, in pairs.
    type Given = G;

    fn worker(&self) -> Self::Worker {
        let own = [self.pass.worker(), self.pass.worker()];
        let (read, products, weights, room) = Default::default();
        Worker { own, fetcher: Fetcher::default(), read, products, weights, room }
    }

    fn work(&self, worker: &mut Self::Worker, tile: &Tile, items: Bytes<'_>, give: &mut dyn FnMut(G)) {
        let failed = || self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed().is_some() {
            return;
        }
        if let Err(error) = self.read(worker, tile) {
            failed().get_or_insert(error);
            return;
        }
        let Worker { own, read, products, weights, room, .. } = worker;
        room.resize(items.len(), 0);
        items.copy_to(room);
        let bytes = items.len() / self.reduction.axes.view.itemsize() * self.weigher.wide_itemsize();
        products.resize(bytes, 0);
        weights.resize(bytes, 0);
        self.weigher.weigh(room, read, products, weights);
        let [first, second] = own;
        let mut given = Vec::new();
        self.pass.work(first, tile, Bytes::Private(products), &mut |product| given.push(product));
        let mut products = given.into_iter();
        self.pass.work(second, tile, Bytes::Private(weights), &mut |weight| {
            if let Some(product) = products.next() {
                give(product.pair(weight));
            }
        });
    }
}
