//! NumPy's functions of single items: found by their operands' dtypes, run over tiles.
//!
//! [`Ufunc::resolve`] says to which dtypes the operands are cast and what comes out; [`Loop::run`] computes. A
//! loop is compiled for each instruction set where it has vector instructions. What NumPy warns of is counted
//! item by item ([`Conditions`]).

mod boolean;
mod complex;
mod conditions;
mod float;
mod half;
mod integer;
mod items;
mod literal;
mod loops;
mod promote;
mod resolve;
mod run;
mod select;
mod text;
mod times;
mod types;
mod ufunc;

pub use conditions::Conditions;
pub(crate) use conditions::count_overflow;
pub(crate) use half::narrow;
pub(crate) use items::Item;
pub use literal::{Literal, Operand};
pub use promote::result_type;
pub use ufunc::{Replacements, Ufunc};

use ndfolio_layout::{DType, Kind};
use times::Other;

pub use crate::simd::Level;

/// A function for operands of certain dtypes.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    body: Body,
    /// The operands that the body looks at, in its order.
    uses: [usize; 3],
    inputs: Vec<DType>,
    output: DType,
    level: Level,
}

/// What is done to the items.
#[derive(Clone, Debug, PartialEq)]
enum Body {
    /// A function of numbers of one kind.
    Number(Ufunc, Kind),
    /// A comparison of an int64 and a uint64, in the order of the inputs.
    Mixed(Ufunc),
    /// A number of a kind, times a power of two.
    Ldexp(Kind, Kind),
    /// A function of a time and something else.
    Time(Ufunc, Other),
    /// A comparison of text.
    Text(Ufunc),
    /// The second or the third operand.
    Select,
    /// The same answer for all.
    Always(bool),
    /// The items themselves.
    Copy,
    /// Zeros.
    Zero,
}

impl Loop {
    fn new(body: Body, inputs: Vec<DType>, output: DType) -> Self {
        Loop { body, uses: [0, 1, 2], inputs, output, level: Level::best() }
    }

    fn using(self, uses: [usize; 3]) -> Self {
        Loop { uses, ..self }
    }

    /// The native dtypes that the operands are cast to.
    #[must_use]
    pub fn inputs(&self) -> &[DType] {
        &self.inputs
    }

    /// The native dtype of the results.
    #[must_use]
    pub fn output(&self) -> &DType {
        &self.output
    }

    /// With an instruction set that may be less than the best. It changes no bit of a result.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Loop { level, ..self }
    }
}

#[cfg(test)]
mod tests;
