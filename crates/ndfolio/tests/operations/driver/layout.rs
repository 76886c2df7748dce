//! Which arrays there are: of three dtypes, flat, or of rows, in both orders.

use ndfolio::{
    Array, CreateOptions, Error, Existing, Index, Order, Selection, Value,
    ndarray::{ArrayD, IxDyn},
    slice,
};

use super::npy::Found;

/// The dtype and the rows of all files of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    dtype: &'static str,
    /// Items of a row; none for an array of one axis.
    width: Option<usize>,
    order: Order,
}

impl Layout {
    pub(crate) fn new(byte: u8) -> Layout {
        let dtype = ["<f8", ">i2", "<i4"][usize::from(byte % 3)];
        let (width, order) = match byte / 3 % 4 {
            0 => (None, Order::C),
            1 => (Some(3), Order::C),
            2 => (Some(1), Order::C),
            _ => (Some(3), Order::F),
        };
        Layout { dtype, width, order }
    }

    /// Items of a row.
    pub(crate) fn width(&self) -> usize {
        self.width.unwrap_or(1)
    }

    fn shape(&self, rows: usize) -> Vec<usize> {
        match (self.width, self.order) {
            (None, _) => vec![rows],
            (Some(width), Order::C) => vec![rows, width],
            (Some(width), Order::F) => vec![width, rows],
        }
    }

    /// How a file is made: as NumPy writes it, or with room for more rows. NumPy's header does not tell the order of few
    /// columns.
    pub(crate) fn create(&self, rows: usize, is_growable: bool) -> CreateOptions {
        let dtype = self.dtype.parse().expect("a dtype");
        let options = CreateOptions::new(dtype, &self.shape(rows)).order(self.order);
        let options = options.existing(Existing::Replace);
        if is_growable || self.order == Order::F { options.growable() } else { options }
    }

    /// Items that lie in the file as `items` do, row after row.
    pub(crate) fn array<T: Clone>(&self, items: &[i64], of: impl Fn(i64) -> T) -> ArrayD<T> {
        let rows = items.len() / self.width();
        let place = |at: &IxDyn| match (self.width, self.order) {
            (None, _) => at[0],
            (Some(width), Order::C) => at[0] * width + at[1],
            (Some(width), Order::F) => at[1] * width + at[0],
        };
        ArrayD::from_shape_fn(IxDyn(&self.shape(rows)), |at| of(items[place(&at)]))
    }

    /// The items of such an array, row after row.
    pub(crate) fn items(&self, array: &ArrayD<f64>) -> Vec<i64> {
        let in_order = if self.order == Order::F { array.t() } else { array.view() };
        in_order.iter().map(|&x| x as i64).collect()
    }

    pub(crate) fn rows(&self, from: usize, to: usize) -> Selection {
        let rows: Index = slice(from as i64, to as i64, 1).into();
        let all: Index = slice(None, None, 1).into();
        Selection::from(match (self.width, self.order) {
            (Some(_), Order::F) => vec![all, rows],
            _ => vec![rows],
        })
    }

    /// Writes items to some of the rows, as items of the array's own type.
    pub(crate) fn write(&self, array: &Array, rows: (usize, usize), items: &[i64]) -> Result<(), Error> {
        let place = self.rows(rows.0, rows.1);
        match self.dtype {
            "<f8" => array.write(place, &self.array(items, |x| x as f64)),
            ">i2" => array.write(place, &self.array(items, |x| x as i16)),
            _ => array.write(place, &self.array(items, |x| x as i32)),
        }
    }

    /// The same with values of any type.
    pub(crate) fn assign(&self, array: &Array, rows: (usize, usize), items: &[i64]) -> Result<(), Error> {
        let part = array.slice(self.rows(rows.0, rows.1))?;
        let values: Vec<Value> = self.array(items, Value::from).iter().cloned().collect();
        part.assign(part.shape(), &values, ndfolio::Run::default())
    }

    /// Whether a file has such rows.
    pub(crate) fn expect(&self, found: &Found) {
        let rows = found.items.len() / self.width();
        assert_eq!(found.descr, self.dtype);
        assert_eq!(found.shape, self.shape(rows));
        assert_eq!(found.is_fortran, self.order == Order::F && self.width.is_some());
    }
}
