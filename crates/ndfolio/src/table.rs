//! An array as rows: along the axis along which it can grow without moving an item.

use std::ops::Range;

use ndfolio_format::{Format, npy, npy::CountField};
use ndfolio_layout::{DType, Order, View};
use ndfolio_store::{ALL_BYTES, File};

use crate::{Array, Error, Result, error::At};

/// What the rows of an array are, however many there are.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) dtype: DType,
    /// The shape of which the extent along `axis` counts the rows.
    shape: Vec<usize>,
    pub(crate) order: Order,
    axis: usize,
    /// Bytes before the first row.
    head: u64,
    row_bytes: u64,
    place: std::path::PathBuf,
}

impl Table {
    /// The rows of an array that can have more: a whole `.npy` file.
    pub(crate) fn of(array: &Array) -> Result<Table> {
        let wrong =
            |reason: &str| Error::NoRows { path: array.place().to_owned(), reason: reason.to_owned() };
        if array.format() != Format::NPY || array.member().is_some() {
            let format = array.format().name();
            return Err(wrong(&format!(
                "a file of format {format} does not count rows in a place of its own; convert it to a .npy file"
            )));
        }
        if !array.is_whole {
            return Err(wrong("it is a selection of the file's array; open the file without one"));
        }
        Table::of_any(array)
    }

    /// The rows of any array that lies in the file without gaps.
    pub(crate) fn of_any(array: &Array) -> Result<Table> {
        let wrong =
            |reason: &str| Error::NoRows { path: array.place().to_owned(), reason: reason.to_owned() };
        let last = array
            .ndim()
            .checked_sub(1)
            .ok_or_else(|| wrong("it has no axes; make one of shape (0,) or more"))?;
        let order = array.order().ok_or_else(|| wrong("its items do not follow each other in the file"))?;
        let mut table = Table {
            dtype: array.dtype().clone(),
            shape: array.shape().to_vec(),
            order,
            axis: if order == Order::C { 0 } else { last },
            head: array.offset(),
            row_bytes: 0,
            place: array.place().to_owned(),
        };
        if array.is_whole
            && array.format() == Format::NPY
            && array.member().is_none()
            && let Some(field) = count_field(array.file(), array.offset())?
        {
            // What is contiguous in both orders grows along the axis that the header has room for.
            table.axis = field.axis;
            table.order = if field.axis == 0 { Order::C } else { Order::F };
        }
        let beside = table.shape.iter().enumerate().filter(|&(axis, _)| axis != table.axis);
        table.row_bytes = beside.map(|(_, &n)| n as u64).product::<u64>() * table.dtype.itemsize() as u64;
        Ok(table)
    }

    /// How many rows the shape has.
    pub(crate) fn rows(&self) -> usize {
        self.shape[self.axis]
    }

    pub(crate) fn row_bytes(&self) -> u64 {
        self.row_bytes
    }

    /// Where the rows end in the file if there are so many.
    pub(crate) fn end(&self, rows: usize) -> u64 {
        self.head.saturating_add((rows as u64).saturating_mul(self.row_bytes))
    }

    /// The bytes of some of its rows; none if it does not have them.
    pub(crate) fn bytes_of(&self, rows: Range<usize>) -> Option<Range<u64>> {
        (rows.start <= rows.end && rows.end <= self.rows()).then(|| self.end(rows.start)..self.end(rows.end))
    }

    /// All bytes from a row on, and whatever follows.
    pub(crate) fn bytes_from(&self, row: usize) -> Range<u64> {
        self.end(row)..ALL_BYTES.end
    }

    /// Its shape with so many rows.
    pub(crate) fn shape(&self, rows: usize) -> Vec<usize> {
        let mut shape = self.shape.clone();
        shape[self.axis] = rows;
        shape
    }

    /// So many of its rows, as they lie in the file.
    pub(crate) fn view(&self, rows: usize) -> Result<View> {
        View::contiguous(&self.dtype, &self.shape(rows), self.order, self.head).at(&self.place)
    }

    /// The rows of a range, of a view or anything else that has them.
    pub(crate) fn select(&self, rows: Range<usize>) -> Vec<ndfolio_layout::Index> {
        let mut parts = vec![crate::slice(None, None, 1).into(); self.axis];
        parts.push(crate::slice(rows.start as i64, rows.end as i64, 1).into());
        parts
    }

    /// How many rows an array of this shape is.
    pub(crate) fn count(&self, shape: &[usize]) -> Result<usize> {
        let is_beside = |(axis, n): (usize, &usize)| axis == self.axis || self.shape[axis] == *n;
        if shape.len() == self.shape.len() && shape.iter().enumerate().all(is_beside) {
            return Ok(shape[self.axis]);
        }
        let mut row = self.shape.clone();
        row.remove(self.axis);
        if shape == row {
            return Ok(1);
        }
        let extents: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let mut expected = extents;
        expected[self.axis] = "n".to_owned();
        let comma = if expected.len() == 1 { "," } else { "" };
        Err(Error::RowShape {
            path: self.place.clone(),
            expected: format!("({}{comma})", expected.join(", ")),
            found: format!("{shape:?}").replace('[', "(").replace(']', ")"),
        })
    }

    /// Whether two arrays have the same rows, in number perhaps not.
    pub(crate) fn is_like(&self, other: &Table) -> bool {
        (&self.dtype, self.axis, self.order) == (&other.dtype, other.axis, other.order)
            && self.shape(0) == other.shape(0)
    }
}

/// Where a `.npy` file counts its rows, and how many there are now; none if its header has no room for that.
pub(crate) fn count_field(file: &File, head: u64) -> Result<Option<CountField>> {
    let read = || {
        let mut header = vec![0; usize::try_from(head).unwrap_or(0)];
        file.read_at(0, &mut header).map(|()| header)
    };
    // The field is changed by one write of one aligned word, which is not seen half done. Where a file system sees it
    // otherwise, two readings differ.
    let mut header = read()?;
    loop {
        let again = read()?;
        if again == header {
            return Ok(npy::count_field(&header));
        }
        header = again;
    }
}
